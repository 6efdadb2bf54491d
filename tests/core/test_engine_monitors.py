"""CheckMonitorVar in its three modes, polled by the scheduler."""

from typing import Any

from tests.core.engine_bench import Bench, on_set


def monitored(**params: Any) -> dict[str, Any]:
    return {
        "amname": "bms_1",
        "/status/bms_1": {"Cell": {"value": 10, **params}},
        "/schedule/wake_monitor/bms_1": {"/status/bms_1:Cell": {"func": "CheckMonitorVar", "amap": "bms_1"}},
        "/sched/ess": {"poll": on_set({"func": [{"func": "RunMonitorList"}]})},
        "/system/commands": {
            "run": {
                "value": 0,
                "uri": "/sched/ess:poll",
                "every": 0.5,
                "actions": {"onSet": [{"func": [{"func": "RunSched"}]}]},
            }
        },
    }


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


def polled(step: float = 0.5, **params: Any) -> Bench:
    tables = monitored(**params)
    tables["/system/commands"]["run"]["every"] = step
    return Bench(tables)


def watched(bench: Bench) -> dict[str, Any]:
    var = bench.ess.engine.map.find("/status/bms_1", "Cell")
    assert var is not None
    return var.params


def test_a_heartbeat_that_stands_still() -> None:
    state = {"AlarmTimeout": 5, "FaultTimeout": 10, "RecoverTimeout": 1}
    bench = polled(EnableStateCheck=True, EnableCommsCheck=True, **state)
    for second in range(1, 4):
        bench.set("/status/bms_1/Cell", second)
        bench.run(second)
    assert bench.value("/status/bms_1:CommsOK") is True
    bench.run(7.0)
    assert watched(bench)["seenAlarm"] is False
    bench.run(8.0)
    assert (watched(bench)["seenAlarm"], watched(bench).get("seenFault", False)) == (True, False)
    assert bench.value("/alarms/bms_1:MonitorVarAlarm") == "Cell_state"
    bench.run(13.5)
    assert bench.value("/status/bms_1:CommsOK") is False
    assert (bench.value("/status/bms_1:FaultCnt"), bench.value("/status/bms_1:FaultShutdown")) == (1, True)
    for second in range(14, 17):
        bench.set("/status/bms_1/Cell", second * 10)
        bench.run(second)
    assert bench.value("/status/bms_1:CommsOK") is True
    assert (bench.value("/status/bms_1:FaultCnt"), bench.value("/status/bms_1:AlarmCnt")) == (0, 0)
    assert bench.value("/assets/bms_1/summary:faults") == 1, "the entry stays until it is cleared"


def test_an_unexpected_value_counts_only_while_the_conditions_hold() -> None:
    params = {
        "EnableConditionCheck": True,
        "Type": "string",
        "numExpectedVals": 1,
        "expectedVal1": "10",
        "AlarmTimeout": 1,
        "FaultTimeout": 99,
        "numConditionVars": 1,
        "conditionVar1": "/t:mode",
        "conditionType1": "string",
        "numConditions1": 2,
        "conditionVal1_1": "Run",
        "conditionVal2_1": "Ready",
    }
    bench = polled(**params)
    bench.set("/t", {"mode": "Off"})
    bench.set("/status/bms_1/Cell", 11)
    bench.run(3)
    assert watched(bench).get("seenAlarm") is not True
    bench.set("/t/mode", "Ready")
    bench.run(5)
    assert watched(bench)["seenAlarm"] is True
    bench.set("/status/bms_1/Cell", 10)
    bench.run(6)
    assert watched(bench)["seenAlarm"] is False


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
