"""CheckMonitorVar: limits, timers, effects, and what all modes share."""

from tests.core.engine_bench import Bench
from tests.core.monitor_bench import entries, monitored, polled, watched


def test_21_limits_monitor() -> None:
    params = {
        "EnableMaxValCheck": True,
        "MaxAlarmThreshold": 50,
        "MaxAlarmTimeout": 2,
        "MaxResetValue": 45,
    }
    bench = Bench(monitored(**params))
    cell = bench.ess.engine.map.find("/status/bms_1", "Cell")
    assert cell is not None
    bench.run(1.0)
    bench.set("/status/bms_1/Cell", 52)
    bench.run(2.4)
    assert cell.params.get("seenMaxAlarm") is not True
    bench.run(3.5)
    assert cell.params["seenMaxAlarm"] is True
    assert cell.params.get("seenMaxFault") is not True
    assert bench.value("/status/bms_1:AlarmCnt") == 1
    bench.set("/status/bms_1/Cell", 47)
    bench.run(10)
    assert cell.params["seenMaxAlarm"] is True
    bench.set("/status/bms_1/Cell", 44)
    bench.run(11)
    assert cell.params["seenMaxAlarm"] is False
    assert bench.value("/status/bms_1:AlarmCnt") == 0


def test_the_flags_are_there_from_the_first_poll_and_nothing_is_raised_twice() -> None:
    params = {
        "EnableMaxValCheck": True,
        "EnableFaultCheck": True,
        "MaxAlarmThreshold": 5,
        "MaxFaultThreshold": 8,
    }
    bench = polled(MaxResetValue=4, MaxFaultTimeout=2, **params)
    bench.set("/status/bms_1/Cell", 8)
    bench.run(3)
    flags = {name: value for name, value in watched(bench).items() if name.startswith("seen")}
    assert flags == {
        "seenMaxAlarm": True,
        "seenMaxFault": False,
        "seenMinAlarm": False,
        "seenMinFault": False,
    }
    bench.set("/status/bms_1/Cell", 9)
    bench.run(4.9)
    assert watched(bench)["seenMaxFault"] is False
    bench.run(10)
    assert watched(bench)["seenMaxFault"] is True
    assert bench.value("/faults/bms_1:MonitorVarFault") == "Cell_limit_max"
    assert (bench.value("/status/bms_1:AlarmCnt"), bench.value("/status/bms_1:FaultCnt")) == (1, 1)
    assert bench.value("/status/bms_1:FaultShutdown") is True
    bench.set("/status/bms_1/Cell", 3)
    bench.run(11)
    assert (bench.value("/status/bms_1:AlarmCnt"), bench.value("/status/bms_1:FaultCnt")) == (0, 0)
    assert bench.value("/status/bms_1:FaultShutdown") is False


def test_the_low_side_mirrors_the_high_side() -> None:
    bench = polled(
        EnableMinValCheck=True, MinAlarmThreshold=20, MinAlarmTimeout=1, MinResetValue=25, MinRecoverTimeout=2
    )
    bench.set("/status/bms_1/Cell", 20)
    bench.run(5)
    assert watched(bench)["seenMinAlarm"] is False, "equal to the threshold is not below it"
    bench.set("/status/bms_1/Cell", 19)
    bench.run(6.4)
    assert watched(bench)["seenMinAlarm"] is True
    assert bench.value("/alarms/bms_1:MonitorVarAlarm") == "Cell_limit_min"
    bench.set("/status/bms_1/Cell", 26)
    bench.run(7.9)
    assert watched(bench)["seenMinAlarm"] is True
    bench.run(9)
    assert watched(bench)["seenMinAlarm"] is False


def test_the_texts_of_the_entries() -> None:
    bench = polled(EnableMaxValCheck=True, MaxAlarmThreshold=9.5, MaxAlarmTimeout=2, MaxResetValue=1)
    bench.run(5)
    assert entries(bench, "alarms") == ["[Cell] value [10] > max alarm threshold [9.5] for 2 seconds"]
    bench = polled(EnableStateCheck=True, AlarmTimeout=99, FaultTimeout=1.5)
    bench.run(5)
    assert entries(bench, "faults") == ["[Cell] value [10] is not changing for 1.5 seconds"]
    bench = polled(
        EnableConditionCheck=True, numExpectedVals=1, expectedVal1=4, AlarmTimeout=1, FaultTimeout=99
    )
    bench.run(5)
    assert entries(bench, "alarms") == ["[Cell] value [10] != expected value(s) for 1 seconds"]


def test_without_alerts_only_flags_and_effects_remain() -> None:
    bench = polled(EnableStateCheck=True, EnableAlert=False)
    bench.run(2)
    assert watched(bench)["seenFault"] is True
    assert bench.value("/faults/bms_1:MonitorVarFault") == "Cell_state"
    assert (bench.value("/status/bms_1:FaultCnt"), entries(bench, "faults")) == (0, [])
    assert bench.value("/status/bms_1:FaultShutdown") is True


def test_switched_off_it_forgets_what_it_saw() -> None:
    bench = polled(EnableMaxValCheck=True, MaxAlarmThreshold=5, MaxAlarmTimeout=2)
    bench.run(1.5)
    bench.set("/status/bms_1/Cell@EnableMaxValCheck", False)
    bench.run(2)
    bench.set("/status/bms_1/Cell@EnableMaxValCheck", True)
    bench.run(3.4)
    assert watched(bench)["seenMaxAlarm"] is False
    bench.run(4.5)
    assert watched(bench)["seenMaxAlarm"] is True
    bench.set("/status/bms_1/Cell@EnableMaxValCheck", False)
    bench.run(5)
    assert watched(bench)["seenMaxAlarm"] is False


def test_new_params_do_not_stop_the_timers_and_a_reload_does() -> None:
    bench = polled(EnableMaxValCheck=True, MaxAlarmThreshold=5, MaxAlarmTimeout=4)
    for second in range(1, 4):
        bench.set("/status/bms_1", {"Cell": {"value": 10 + second, "unit": "V"}})
        bench.run(second)
    bench.set("/reload/bms_1/CheckMonitorVar_Cell", 1)
    bench.run(4.5)
    assert watched(bench)["seenMaxAlarm"] is True
    bench = polled(EnableMaxValCheck=True, MaxAlarmThreshold=5, MaxAlarmTimeout=4)
    bench.run(3)
    bench.set("/reload/bms_1/CheckMonitorVar_Cell", 0)
    bench.run(6)
    assert watched(bench)["seenMaxAlarm"] is False
    bench.run(8)
    assert watched(bench)["seenMaxAlarm"] is True


def test_trouble_that_comes_and_goes_counts_up_and_down() -> None:
    bench = polled(
        EnableMaxValCheck=True,
        MaxAlarmThreshold=50,
        MaxAlarmTimeout=2,
        MaxResetValue=45,
        MaxRecoverTimeout=99,
    )
    at = 0.0
    for value, seconds in ((60, 1.5), (40, 0.5), (47, 30), (60, 0.5)):
        bench.set("/status/bms_1/Cell", value)
        at += seconds
        bench.run(at)
    assert watched(bench)["seenMaxAlarm"] is False, "1.5 - 0.5 + 0 + 0.5 of 2 seconds"
    bench.run(at + 1)
    assert watched(bench)["seenMaxAlarm"] is True


def test_a_fault_check_that_is_off_takes_the_shutdown_back_once() -> None:
    tables = monitored(EnableMaxValCheck=True, MaxAlarmThreshold=50, EnableFaultCheck=False)
    tables["/status/bms_1"]["FaultShutdown"] = True
    bench = Bench(tables)
    bench.run(1)
    assert bench.value("/status/bms_1:FaultShutdown") is False
    bench.set("/status/bms_1/FaultShutdown", True)
    bench.set("/status/bms_1/Cell@unit", "V")
    bench.run(3)
    assert bench.value("/status/bms_1:FaultShutdown") is True


def test_an_alarm_that_was_cleared_is_reported_again() -> None:
    bench = polled(EnableMinValCheck=True, MinAlarmThreshold=5, MinResetValue=8)
    bench.set(
        "/alarms/bms_1",
        {
            "clear_alarms": {
                "value": "default",
                "type": "alarm",
                "actions": {"onSet": [{"func": [{"func": "process_sys_alarm", "amap": "bms_1"}]}]},
            }
        },
    )
    bench.set(
        "/alarms/bms_1", {"clear_alarms": {"value": "$$", "numVars": 1, "variable1": "/status/bms_1:Cell"}}
    )
    bench.set("/status/bms_1/Cell", 1)
    bench.run(1)
    assert watched(bench)["seenMinAlarm"] is True
    bench.set("/alarms/bms_1/clear_alarms", "Clear")
    assert (watched(bench)["seenMinAlarm"], bench.value("/assets/bms_1/summary:alarms")) == (False, 0)
    bench.run(2)
    assert bench.value("/assets/bms_1/summary:alarms") == 1
