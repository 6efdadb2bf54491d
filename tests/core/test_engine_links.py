"""Links, value links and monitor lists where they are changed, wrong or built late."""

from typing import Any

from tests.core.engine_bench import Bench, on_set, remap

LINK = {"value": "/components/c:soc", "linkvar": "/status/bms_1:Soc", "default": 3}


def rebuilding(name: str) -> dict[str, Any]:
    return {"actions": on_set({"func": [{"func": name}]})["actions"]}


def test_a_linked_variable_is_one_object_with_one_set_of_params() -> None:
    bench = Bench(
        {
            "amname": "bms_1",
            "/t": {"gate": False},
            "/status/bms_1": {
                "Soc": {"value": 9, "unit": "%", "enable": "/t:gate", **on_set(remap(uri="/t:o"))}
            },
            "/links/bms_1": {"Soc": LINK},
        }
    )
    map_ = bench.ess.engine.map
    linked = map_.find("/status/bms_1", "Soc")
    assert linked is map_.find("/components/c", "soc")
    assert bench.get("/amap/bms_1") == {"Soc": "/components/c:soc"}
    assert bench.get("/full/status/bms_1/Soc")["Soc"]["unit"] == "%"
    bench.send("pub", "/components/c", {"soc": 44})
    assert (bench.value("/status/bms_1:Soc"), bench.value("/t:o")) == (44, None), "its gate is closed"
    bench.set("/t/gate", True)
    bench.send("pub", "/components/c", {"soc": 45})
    assert bench.value("/t:o") == 45


def test_a_link_that_is_set_later_is_built_by_its_function_and_reaches_every_context() -> None:
    total = {"value": 0, "operation": "+", "numVars": 1, "variable1": "Soc"}
    go = {
        "actions": on_set({"func": [{"func": "CalculateVar", "var": "/status/bms_1:Sum", "amap": "bms_1"}]})[
            "actions"
        ]
    }
    bench = Bench(
        {
            "amname": "bms_1",
            "/status/bms_1": {"Sum": total, "Soc": 1},
            "/t": {"go": go, "links": rebuilding("RunLinks")},
        }
    )
    bench.set("/t/go", True)
    assert bench.value("/status/bms_1:Sum") == 1
    bench.set("/links/bms_1", {"Soc": LINK})
    bench.set("/t/links", True)
    assert bench.value("/status/bms_1:Soc") == 3
    bench.set("/components/c/soc", 7)
    bench.set("/reload/bms_1/CalculateVar_Sum", 0)
    bench.set("/t/go", True)
    assert bench.value("/status/bms_1:Sum") == 7


def test_a_bare_name_means_its_link_even_before_the_links_are_built() -> None:
    total = on_set({"func": [{"func": "CalculateVar", "amap": "bms_1"}]}, operation="+", numVars=2)
    bench = Bench(
        {
            "amname": "bms_1",
            "/links/bms_1": {
                "Soc": {"value": "/components/c:soc"},
                "Max": {"value": "/components/c:max", "default": 9},
            },
            "/status/bms_1": {"Sum": {**total, "variable1": "Soc", "variable2": "bms_1:Max"}},
            "/status/ess_1": {"Sum": {**total, "variable1": "Soc", "variable2": "ess_1:Max"}},
        }
    )
    bench.send("pub", "/components/c", {"soc": 5})
    bench.set("/status/bms_1/Sum", 0)
    bench.set("/status/ess_1/Sum", 0)
    assert bench.value("/status/bms_1:Soc") is None
    assert bench.value("/status/ess_1:Sum") == 5 + 9, "ess_1:Max is the Max of its child bms_1"


def test_links_that_name_nothing_are_told_once() -> None:
    wrong = {
        "a": {"value": 5},
        "b": {"value": "no colon"},
        "c": {"value": "/t:ok", "linkvar": "alone"},
        "d": {"value": "/t:x[77]"},
    }
    bench = Bench(
        {"/links/ess_1": wrong, "/vlinks/v": {"a": {"value": 1, "vlink": 2}, "b": {"value": "/t:v"}}}
    )
    assert bench.count("function_errors") == 0
    assert bench.get("/amap/ess_1") == {"c": "/t:ok"}
    assert sum("no /table:name" in line.text for line in bench.ess.engine.lines) == 6
    assert bench.value(":alone") is None


def test_a_param_vlink_links_at_load_and_by_its_function() -> None:
    bench = Bench({"/t": {"a": {"value": 1, "vlink": "/t:b"}, "b": 5, "go": rebuilding("RunAllVLinks")}})
    assert bench.value("/t:a") == 5
    bench.set("/t/c", 0)
    bench.set("/t", {"c@vlink": "/t:a", "b": 6})
    assert bench.value("/t:c") == 0
    bench.set("/t/go", True)
    assert bench.value("/t:c") == 6, "the end of the chain"
    bench.set("/t/c", 8)
    assert (bench.value("/t:a"), bench.value("/t:b")) == (8, 8)


def test_a_vlink_shares_previous_value_and_changed_flag_and_runs_own_actions() -> None:
    bench = Bench(
        {
            "/vlinks/v": {"one": {"value": "/t:a", "vlink": "/t:b"}},
            "/t": {"a": on_set(remap(uri="/t:ran_a")), "b": on_set(remap(uri="/t:ran_b"), resetChange=False)},
        }
    )
    bench.set("/t/b", 4)
    a, b = (bench.ess.engine.map.find("/t", name) for name in "ab")
    assert a is not None and b is not None
    assert (a.cell.value, a.cell.previous, a.cell.changed) == (4, 0, True)
    bench.set("/t/a", 5)
    assert (b.cell.value, b.cell.previous, b.cell.changed) == (5, 4, False)
    assert (bench.value("/t:ran_a"), bench.value("/t:ran_b")) == (5, 4)


def test_circles_are_refused_one_by_one_and_the_rest_stays() -> None:
    circle = {
        "a": ("/t:a", "/t:b"),
        "b": ("/t:b", "/t:c"),
        "c": ("/t:c", "/t:a"),
        "d": ("/t:d", "/t:d"),
        "e": ("/t:e", "/t:a"),
    }
    bench = Bench(
        {"/vlinks/v": {name: {"value": left, "vlink": right} for name, (left, right) in circle.items()}}
    )
    assert [f.code for f in bench.ess.findings] == ["vlink-circle", "vlink-circle"]
    bench.set("/t/c", 3)
    assert [bench.value(f"/t:{name}") for name in "abcde"] == [3, 3, 3, 0, 3]


def test_a_monitor_list_follows_its_table() -> None:
    bench = Bench(
        {
            "/schedule/wake_monitor/unknown": {"/t:a": {"func": "SendTrue"}},
            "/t": {"a": False, "b": False, "go": {"aname": "unknown", **rebuilding("RunMonitor")}},
        }
    )
    bench.set("/t/go", True)
    assert (bench.value("/t:a"), bench.value("/t:b")) == (True, False)
    bench.set(
        "/schedule/wake_monitor/unknown",
        {"/t:b": {"func": "SendTrue"}, "/t:a": {"func": "Nobody"}, "/t:c": 5},
    )
    bench.set("/t/go", True)
    assert bench.value("/t:b") is True
    assert bench.count("unknown_function{Nobody}") == 1


def test_the_context_of_a_list_is_its_asset_whatever_amap_says() -> None:
    total = {"value": 0, "operation": "+", "numVars": 1, "variable1": "Soc"}
    bench = Bench(
        {
            "amname": "bms_1",
            "/status/bms_1": {"Soc": 7},
            "/status/ess_1": {"Soc": 1, "Sum": total},
            "/schedule/wake_monitor/bms_1": {"/status/ess_1:Sum": {"func": "CalculateVar", "amap": "ess_1"}},
            "/t": {"go": {"aname": "bms_1", **rebuilding("RunMonitor")}},
        }
    )
    bench.set("/t/go", True)
    assert bench.value("/status/ess_1:Sum") == 7


def test_a_circle_is_told_where_its_link_stands() -> None:
    link = {"value": "/a:x", "vlink": "/b:x", "options": [{"value": "/b:x", "vlink": "/a:x"}]}
    (remark,) = Bench({"/vlinks/v": {"one": link}}).ess.findings
    assert (remark.document, remark.path) == ("first", "$./vlinks/v.one.options[0]")
