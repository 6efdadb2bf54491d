"""HandleCmd: hold, pre-condition, send, check, tries; and that nothing from outside ends it half way."""

from typing import Any

import orjson

from tests.core.engine_bench import Bench, on_set

DEVICE = "/components/ess_1/pcs:start"


def commanded(value: Any = 5, **params: Any) -> Bench:
    """A command variable polled every 0.5 s; its register is the device's."""
    tables = {
        "amname": "pcs",
        "/controls/pcs": {"Start": {"value": value, "cmdVar": DEVICE, **params}},
        "/components/ess_1/pcs": {"start": on_set({"remap": [{"uri": "/t:written"}]})},
        "/sched/ess": {"poll": on_set({"func": [{"func": "RunMonitorList"}]})},
        "/schedule/wake_monitor/pcs": {"/controls/pcs:Start": {"func": "HandleCmd"}},
        "/system/commands": {
            "run": on_set({"func": [{"func": "RunSched"}]}, uri="/sched/ess:poll", every=0.5, **{"in": 0.5})
        },
    }
    return Bench(tables)


def params(bench: Bench) -> dict[str, Any]:
    var = bench.ess.engine.map.find("/controls/pcs", "Start")
    assert var is not None
    return var.params


def told(out: list[tuple[float, Any]]) -> list[tuple[float, str, int]]:
    bodies = [(at, orjson.loads(m.body)) for at, m in out if m.uri == "/events"]
    return [(at, body["message"], body["severity"]) for at, body in bodies]


def sets(out: list[tuple[float, Any]]) -> list[tuple[float, str, Any]]:
    return [(at, m.uri, orjson.loads(m.body)) for at, m in out if m.method == "set"]


SENT = ("/components/ess_1/pcs", {"start": {"value": 5}})


def test_a_command_is_sent_once_and_confirmed() -> None:
    bench = commanded(checkCmdHoldTimeout=2)
    assert sets(bench.run(2)) == []
    assert bench.value("/status/pcs:StartSuccess") is False
    bench.set("/controls/pcs/Start@triggerCmd", True)
    out = bench.run(4)
    assert sets(out) == [(2.5, *SENT)]
    assert told(out) == [(2.5, f"[Start] sent [5] to {DEVICE}", 1)]
    assert (params(bench)["cmdSent"], params(bench)["triggerCmd"], params(bench)["lastCmdVal"]) == (
        True,
        False,
        5,
    )
    assert (bench.value(DEVICE), bench.value("/t:written")) == (5, 0), (
        "the register is written without actions"
    )
    assert bench.value("/status/pcs:StartSuccess") is False
    assert sets(bench.run(5)) == []
    assert (bench.value("/status/pcs:StartSuccess"), params(bench)["cmdSent"]) == (True, False)


def test_the_hold_time_passes_before_it_is_sent() -> None:
    bench = commanded(triggerCmd=True, sendCmdHoldTimeout=3)
    assert [at for at, *_ in sets(bench.run(9))] == [3.5]


def test_a_command_withdrawn_in_time_is_not_sent() -> None:
    bench = commanded(triggerCmd=True, sendCmdHoldTimeout=3)
    bench.run(2)
    bench.set("/controls/pcs/Start@triggerCmd", False)
    bench.run(3)
    bench.set("/controls/pcs/Start@triggerCmd", True)
    assert [at for at, *_ in sets(bench.run(9))] == [6.5], "the hold time begins again"


CONDITION = {"useExpr": True, "expression": "{1} > 5", "numVars": 1, "variable1": "Racks"}


def test_the_condition_must_be_true_in_time() -> None:
    bench = commanded(triggerCmd=True, sendCmdTimeout=2, **CONDITION)
    bench.run(1)
    bench.set("/status/pcs/Racks", 6)
    assert [at for at, *_ in sets(bench.run(5))] == [1.5]
    bench = commanded(triggerCmd=True, sendCmdTimeout=2, **CONDITION)
    out = bench.run(9)
    assert sets(out) == []
    assert told(out) == [(2.5, "[Start] cannot send [5]: its condition was not met for 2 seconds", 3)]
    assert (params(bench)["triggerCmd"], bench.value("/status/pcs:StartSuccess")) == (False, False)


def test_a_condition_that_is_a_number_or_has_no_result_is_not_met() -> None:
    for expression in ("1 + 1", "{1} / 0", "{1} >", "'true'"):
        bench = commanded(triggerCmd=True, **{**CONDITION, "expression": expression})
        assert sets(bench.run(3)) == []


def test_tries_until_the_device_takes_it() -> None:
    for taken, sent_at, success in ((99, [0.5, 3.5, 6.5], False), (2, [0.5, 3.5], True)):
        bench = commanded(triggerCmd=True, checkCmdHoldTimeout=1, checkCmdTimeout=2, maxCmdTries=3)
        sent: list[float] = []
        for tick in range(1, 30):
            sent += [at for at, *_ in sets(bench.run(tick * 0.5))]
            bench.set("/components/ess_1/pcs/start", 5 if len(sent) == taken else 0)  # what the device holds
        assert (sent, bench.value("/status/pcs:StartSuccess")) == (sent_at, success)


def test_a_failed_check_is_told_once() -> None:
    bench = commanded(triggerCmd=True, checkCmdHoldTimeout=1, checkCmdTimeout=2)
    out = bench.run(0.6)
    bench.set("/components/ess_1/pcs/start", 3)
    out += bench.run(20)
    assert told(out)[1:] == [(3.5, "[Start] [5] was not taken, the value is [3] after 2 seconds", 3)]
    assert (bench.value("/status/pcs:StartSuccess"), params(bench)["cmdSent"]) == (False, False)


def test_without_alerts_nothing_is_said() -> None:
    bench = commanded(triggerCmd=True, enableAlert=False)
    assert told(bench.run(5)) == []
    assert bench.value("/status/pcs:StartSuccess") is True


def test_the_variable_itself_is_the_register_by_default() -> None:
    bench = commanded(triggerCmd=True, cmdVar="")
    assert sets(bench.run(5)) == [(0.5, "/controls/pcs", {"Start": {"value": 5}})]


def test_new_params_do_not_end_what_is_under_way_and_a_reload_does() -> None:
    bench = commanded(triggerCmd=True, checkCmdHoldTimeout=4)
    bench.run(1)
    bench.set("/controls/pcs", {"Start": {"value": "$$", "unit": "-"}})
    bench.set("/reload/pcs/HandleCmd_Start", 1)
    bench.run(5)
    assert bench.value("/status/pcs:StartSuccess") is True
    bench.set("/controls/pcs/Start@triggerCmd", True)
    bench.run(6)
    bench.set("/reload/pcs/HandleCmd_Start", 0)
    bench.set("/components/ess_1/pcs/start", 0)
    bench.run(40)
    assert bench.value("/status/pcs:StartSuccess") is True, "nothing was checked any more"
    assert params(bench)["cmdSent"] is False
