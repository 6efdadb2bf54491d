"""One monitored variable, /status/bms_1:Cell, polled by the scheduler."""

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


def polled(step: float = 0.5, **params: Any) -> Bench:
    tables = monitored(**params)
    tables["/system/commands"]["run"]["every"] = step
    return Bench(tables)


def watched(bench: Bench) -> dict[str, Any]:
    var = bench.ess.engine.map.find("/status/bms_1", "Cell")
    assert var is not None
    return var.params


def entries(bench: Bench, kind: str) -> list[str]:
    var = bench.ess.engine.map.find("/assets/bms_1/summary", kind)
    return [entry.message.rpartition(" at ")[0] for entry in (var.alarms if var and var.alarms else ())]
