"""A 10 ms item in a real actor: judged by its counters alone, whatever else the actor has to do."""

import json
import math
from pathlib import Path

import pytest

from tests.system.running_site import RunningSite
from tests.waiting import wait_for

PERIOD = 0.01
FAST = "/sched/ess_1/fast"


def _start(name: str) -> dict:
    return {"/sysconfig/default": {"Subs": "", "Config": "main", "EssName": name}}


def _scheduled(*names: str) -> dict:
    """The usual pattern: each item every 10 ms from time 0 on."""
    return {
        "run": {"value": 0, "actions": {"onSet": [{"func": [{"func": "RunSched"}]}]}},
        "runOpts": {
            "value": True,
            "targav": "/system/commands:run",
            "options": [{"uri": name, "value": 0, "every": PERIOD, "offset": 0} for name in names],
            "actions": {"onSet": [{"func": [{"func": "SchedItemOpts"}]}]},
        },
    }


def _remaps(target: str, count: int, **gate: object) -> dict:
    return {"value": 0, **gate, "actions": {"onSet": [{"remap": [{"uri": target}] * count}]}}


SLOW = {
    "/t": {
        "work": False,
        "a": _remaps("/t:b", 400, enable="/t:work"),
        "b": _remaps("/t:c", 400),
        "c": 0,
        "heard": 0,
    },
    "/sched/ess_1": {"fast": 0, "heavy": _remaps("/t:a", 1)},
    "/system/commands": _scheduled("/sched/ess_1:fast", "/sched/ess_1:heavy"),
}
"""The heavy item takes longer than its period, once `work` is true."""
FLOOD = {
    "/t": {"talk": False},
    "/sched/ess_2": {
        "flood": {
            "value": 0,
            "enable": "/t:talk",
            "actions": {"onSet": [{"remap": [{"fims": "set", "uri": "/ess_1/t:heard"}] * 20}]},
        }
    },
    "/system/commands": _scheduled("/sched/ess_2:flood"),
}


@pytest.fixture(scope="module")
def timed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("periods")
    for name, document in (("ess_1", SLOW), ("ess_2", FLOOD)):
        (folder / name).mkdir()
        (folder / f"{name}.json").write_text(json.dumps(_start(name)))
        (folder / name / "main.json").write_text(json.dumps(document))
    instances = [{"start": f"{name}.json", "documents": name} for name in ("ess_1", "ess_2")]
    # The heavy item is long on a machine with other work, and is not what hangs.
    tree = {"name": "periods", "instances": instances, "access": {"loopback": "engineer"}, "hung_after_s": 30}
    (folder / "site.json").write_text(json.dumps(tree))
    site = RunningSite(Path(folder) / "state", folder, server="")
    yield site
    site.end()


def _item(site: RunningSite, uri: str = FAST) -> dict:
    table, _, name = uri.rpartition("/")
    item = wait_for(uri, lambda: site.get(f"/ess_1/full{table}/{name}"))[name]
    periods = math.floor(item["runTime"] / PERIOD + 1e-9) + 1
    assert item["runCnt"] + item["skipped"] == periods, item
    return item


def _count(site: RunningSite, counter: str) -> int:
    return wait_for(counter, lambda: site.get("/ess_1/perf/engine"))[counter]["value"]


def test_every_period_is_run_or_counted_as_skipped(timed):
    first = _item(timed)
    wait_for("a hundred more runs", lambda: _item(timed)["runCnt"] >= first["runCnt"] + 100, 30)
    assert _count(timed, "sched_runs") + _count(timed, "sched_skipped") >= 2 * first["runCnt"]


def test_messages_do_not_starve_the_items(timed):
    first, heard = _item(timed), _count(timed, "msgs_in{set}")
    timed.set("/ess_2/t/talk", True)
    wait_for("many messages", lambda: _count(timed, "msgs_in{set}") >= heard + 2000, 60)
    wait_for("runs beside them", lambda: _item(timed)["runCnt"] >= first["runCnt"] + 50, 30)
    timed.set("/ess_2/t/talk", False)
    assert timed.get("/ess_1/t/heard") > 0


def test_items_do_not_starve_the_messages(timed):
    timed.set("/ess_1/t/work", True)
    before = _item(timed)
    wait_for("periods to be skipped", lambda: _item(timed)["skipped"] >= before["skipped"] + 50, 60)
    for value in range(20):
        assert timed.set("/ess_1/t/heard", value) == {"heard": value}
        assert timed.get("/ess_1/t/heard") == value
    _item(timed, "/sched/ess_1/heavy")
    timed.set("/ess_1/t/work", False)
    after = _item(timed)
    assert after["runCnt"] > before["runCnt"]
    wait_for("the rate to be kept again", lambda: _item(timed)["runCnt"] >= after["runCnt"] + 50, 30)
