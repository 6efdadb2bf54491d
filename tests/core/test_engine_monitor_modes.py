"""CheckMonitorVar in state and condition mode."""

from tests.core.monitor_bench import polled, watched


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


def test_state_compares_by_its_type() -> None:
    still = {"EnableStateCheck": True, "AlarmTimeout": 2, "FaultTimeout": 99}
    for kind, seen in (("int", True), ("double", False), ("string", False)):
        bench = polled(Type=kind, **still)
        for tick in range(1, 12):
            bench.set("/status/bms_1/Cell", 10 + tick / 100)
            bench.run(tick * 0.5)
        assert watched(bench)["seenAlarm"] is seen


def test_every_condition_variable_must_hold() -> None:
    params = {"EnableConditionCheck": True, "numExpectedVals": 2, "expectedVal1": 1, "expectedVal2": 2}
    params |= {"numConditionVars": 2, "conditionVar1": "Ready", "numConditions1": 1, "conditionVal1_1": 1}
    params |= {
        "conditionVar2": "/t:mode@now",
        "conditionType2": "string",
        "numConditions2": 1,
        "conditionVal1_2": "on",
    }
    bench = polled(**params)
    bench.set("/status/bms_1/Ready", 1)
    bench.set("/t", {"mode": {"value": 0, "now": "off"}})
    bench.run(2)
    assert watched(bench)["seenAlarm"] is False
    bench.set("/t/mode@now", "on")
    bench.run(3)
    assert watched(bench)["seenAlarm"] is True
    bench.set("/status/bms_1/Ready", 0)
    bench.set("/status/bms_1/Cell", 2)
    bench.run(4)
    assert watched(bench)["seenAlarm"] is True, "nothing moves, also no recovery"
    bench.set("/status/bms_1/Ready", 1)
    bench.run(5)
    assert watched(bench)["seenAlarm"] is False
