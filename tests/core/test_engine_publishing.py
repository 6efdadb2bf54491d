"""Publication: phase, listeners, lists, prefixes, quality marks; and the scheduler's functions."""

from typing import Any

import orjson

from tests.core.engine_bench import Bench, on_set, remap


def publishing(**params: Any) -> dict[str, Any]:
    return {
        "/status/bms": {"Soc": 50},
        "/sched/ess": {
            "pub": {
                "value": 0,
                "table": "/status/bms",
                **params,
                "actions": {"onSet": [{"func": [{"func": "RunPub", "enable": "/sched/ess:go"}]}]},
            },
            "go": False,
        },
        "/system/commands": {
            "run": {
                "value": 0,
                "uri": "/sched/ess:pub",
                "every": 1,
                "offset": 0.25,
                "actions": {"onSet": [{"func": [{"func": "RunSched"}]}]},
            }
        },
    }


def test_25_publication_is_phase_true() -> None:
    bench = Bench(publishing(mode="naked"))
    bench.set("/sched/ess/go", True)
    out = bench.run(3)
    assert [(at, m.uri, orjson.loads(m.body)) for at, m in out] == [
        (k + 0.25, "/status/bms", {"Soc": 50}) for k in range(3)
    ]


def test_25_ui_publication_rests_without_listeners() -> None:
    bench = Bench(publishing())
    bench.set("/sched/ess/go", True)
    bench.set("/control/ui_listeners", {"web": 0})
    assert bench.run(3) == []
    assert bench.count("pubs_suppressed") == 3
    (pub,) = bench.set("/control/ui_listeners", {"web": 2})
    assert orjson.loads(pub.body) == {"Soc": {"value": 50, "enabled": True}}
    assert bench.value("/status/ess_1:UiListeners") == 2
    assert len(bench.run(5)) == 2


def sends(bench: Bench, **params: Any) -> list[tuple[str, Any, Any]]:
    """What RunPub publishes with these params: (uri, body, quality marks)."""
    bench.set(
        "/p", {"pub": {"value": "$$", **params, "actions": {"onSet": [{"func": [{"func": "RunPub"}]}]}}}
    )
    return [(m.uri, orjson.loads(m.body), m.quality) for m in bench.set("/p/pub", 1) if m.method == "pub"]


def test_what_the_table_param_may_name() -> None:
    bench = Bench({"/a/b": {"x": 1.0, "y": "s", "list": "/a/c,/a/b:x"}, "/a/c": {"z": True}})
    assert sends(bench, table="/a/c", mode="naked", sendas="/elsewhere") == [
        ("/elsewhere", {"z": True}, None)
    ]
    both = [("/a/c", {"z": {"value": True}}, None), ("/a/b", {"x": {"value": 1}}, None)]
    assert sends(bench, table="/a/b:list", mode="clothed", sendas="") == both
    assert [uri for uri, _, _ in sends(bench, table="/a/##", mode="naked")] == ["/a/b", "/a/c"]
    assert sends(bench, table="/a/b:x") == [], "a number is no list"
    assert sends(bench, table="/gone/x")[0][1] == {"/gone/x": {"value": "uri /gone/x nonexistent"}}
    assert bench.count("pub_nonexistent") == 1


def test_ui_bodies_and_order() -> None:
    bench = Bench(
        {"/u": {"name": "Battery", "b": 1, "a": {"value": 2, "options": [{"name": "On"}], "enabled": False}}}
    )
    ((_, body, _),) = sends(bench, table="/u")
    assert list(body.items()) == [
        ("name", "Battery"),
        ("b", {"value": 1, "enabled": True}),
        ("a", {"value": 2, "options": [{"name": "On"}], "enabled": False}),
    ]


def test_quality_travels_in_the_marks() -> None:
    bench = Bench(
        {
            "/components/x": {"soc": {"value": 1, "actions": {"onSet": [remap(uri="/a/b:soc")]}}},
            "/a/b": {"ok": 1},
        }
    )
    bench.send("pub", "/components/x", {"other": 1}, quality={"soc": 2}, sender="ess_1/bms_1")
    assert sends(bench, table="/a/b", mode="naked") == [("/a/b", {"ok": 1, "soc": 1}, {"soc": 2})]
    assert sends(bench, table="/a/b", mode="clothed")[0][1]["soc"] == {"value": 1, "quality": "BAD"}


def test_a_publication_that_rests_twice_comes_once_and_another_uri_is_another_one() -> None:
    run = {"actions": {"onSet": [{"func": [{"func": "RunPub"}]}]}}
    pubs = {
        "a": {"table": "/u", **run},
        "b": {"table": "/u", **run},
        "c": {"table": "/u", "sendas": "/v", **run},
    }
    bench = Bench({"/u": {"x": 1}, "/p": pubs, "/control/ui_listeners": {"web": 0}})
    for name in "abca":
        bench.set(f"/p/{name}", True)
    assert bench.count("pubs_suppressed") == 4
    bench.set("/u/x", 2)
    out = bench.set("/control/ui_listeners", {"web": 1})
    assert [(m.uri, orjson.loads(m.body)["x"]["value"]) for m in out] == [("/u", 2), ("/v", 2)]
    assert bench.set("/control/ui_listeners", {"web": 3}) == []
    bench.set("/control/ui_listeners", {"web": -5, "other": "none"})
    assert bench.value("/status/ess_1:UiListeners") == 0


def test_the_relatives_of_run_pub_have_tables_of_their_own() -> None:
    tables = {
        "/site/ess_1/ess_hs": {"a": 1},
        "/site/ess_1/ess_ls": {"b": 2},
        "/assets/bms_1/summary": {"c": 3},
    }
    names = {"FastPub": "ess_1", "SlowPub": "ess_1", "SlowPubOne": "bms_1"}
    pubs = {
        name: {"mode": "naked", "actions": {"onSet": [{"func": [{"func": name, "amap": asset}]}]}}
        for name, asset in names.items()
    }
    bench = Bench({"amname": "bms_1", **tables, "/p": pubs})
    out = [(m.uri, orjson.loads(m.body)) for name in names for m in bench.set(f"/p/{name}", True)]
    assert out == list(tables.items())
    assert (
        bench.set("/p/FastPub", {"value": True, "dest": "/d", "table": "/assets/bms_1/summary"})[0].uri
        == "/d"
    )


def test_what_run_pub_prepared_is_renewed_when_its_params_change() -> None:
    bench = Bench({"/a": {"x": 1}, "/b": {"y": 2}})
    assert sends(bench, table="/a", mode="naked")[0][:2] == ("/a", {"x": 1})
    assert bench.value("/reload/ess_1:RunPub_pub") == 2
    bench.set("/p", {"pub@table": "/b##"})
    bench.set("/p", {"pub@sendas": "/elsewhere"})
    assert [(m.uri, orjson.loads(m.body)) for m in bench.set("/p/pub", 1)] == [("/elsewhere", {"y": 2})]
    assert sends(bench, table="", sendas="") == []
    assert bench.count("function_errors") == 0


def scheduled(**times: Any) -> Bench:
    run = {"value": 0, "actions": {"onSet": [{"func": [{"func": "RunSched"}]}]}}
    stop = {"value": 0, "actions": {"onSet": [{"func": [{"func": "StopSched"}]}]}}
    bench = Bench({"/s": {"tick": on_set(remap(fims="set", uri="/other/t:x")), "run": run, "stop": stop}})
    bench.set("/s", {"run": {"value": 1, "uri": "/s:tick", **times}})
    return bench


def times(bench: Bench, until: float) -> list[float]:
    return [at for at, _ in bench.run(until)]


def test_the_times_do_what_their_names_say() -> None:
    assert times(scheduled(), 5) == [0]
    assert times(scheduled(**{"in": 2}), 5) == [2]
    assert times(scheduled(every=1, after=1.5), 4) == [1.5, 2.5, 3.5]
    assert times(scheduled(every=1, offset=0.25), 3) == [0.25, 1.25, 2.25]
    assert times(scheduled(every=1, **{"for": 2}), 9) == [0, 1], "a run exactly at the end is not made"


def test_a_late_pick_up_skips_and_counts() -> None:
    bench = scheduled(every=0.1)
    bench.run(1.0)
    bench.now = 101.35
    assert len(bench.ess.tick(bench.now, 0.0)) == 1
    assert bench.count("sched_skipped") == 2
    due = bench.ess.next_due()
    assert due is not None and round(due - 100.0, 6) == 1.4
    assert bench.get("/schlist")["/s:tick"]["skipped"] == 2


def test_stop_ends_an_item() -> None:
    bench = scheduled(every=1)
    assert times(bench, 2.5) == [0, 1, 2]
    bench.set("/s", {"stop": {"value": 1, "uri": "/s:tick", "in": 1}})
    assert times(bench, 9) == [3]


def test_options_arm_several_items() -> None:
    entries = [
        {"uri": "/s:a", "value": 0, "every": 1},
        {"uri": "/s:b", "value": 0, "every": 2, "offset": 0.5},
    ]
    bench = scheduled()
    opts = {
        "value": 0,
        "targav": "/s:run",
        "options": entries,
        "actions": {"onSet": [{"func": [{"func": "SchedItemOpts"}]}]},
    }
    bench.set("/s", {"opts": opts})
    assert set(bench.get("/schlist")) == {"/s:tick", "/s:a", "/s:b"}
    assert bench.get("/schlist")["/s:b"]["next"] == 0.5
