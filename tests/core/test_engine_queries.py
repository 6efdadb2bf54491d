"""What a get finds in all its forms, and which names are near one that is not there."""

from typing import Any

import orjson
import pytest

from ess_actors.core import near, query
from ess_actors.core.tables import DataMap
from tests.core.engine_bench import Bench

TABLES = {"/t/b": {"x": {"value": 1.0, "unit": "A"}, "y": "s"}, "/t/b2": {"z": True}}


@pytest.mark.parametrize(
    ("uri", "body"),
    [
        ("/t/b", {"x": {"value": 1}, "y": {"value": "s"}}),
        ("/t/b/x", 1),
        ("/t/b/x@unit", "A"),
        ("/t", {"/t/b": {"x": {"value": 1}, "y": {"value": "s"}}, "/t/b2": {"z": {"value": True}}}),
        ("/t/b/nope", None),
        ("/t/b/x@nope", None),
        ("/nope", None),
    ],
)
def test_queries(uri: str, body: Any) -> None:
    assert Bench(TABLES).get(uri) == body


def test_queries_with_options() -> None:
    bench = Bench(TABLES)
    assert bench.get("/t/b/x", "/ess_1/naked") == 1
    assert bench.get("/t/b", "/ess_1/naked") == {"/t/b": {"x": 1, "y": "s"}, "/t/b2": {"z": True}}
    assert bench.get("/t/b/x", "/ess_1/full") == {"x": {"value": 1, "unit": "A"}}
    assert bench.get("/t/b", "/noid/ui") == {
        "x": {"value": 1, "enabled": True},
        "y": {"value": "s", "enabled": True},
    }


def test_the_asset_family_is_nested_by_segment() -> None:
    bench = Bench(
        {"/assets/bms_1/rack_01": {"v": 1}, "/assets/bms_1/summary": {"s": 2}, "/assets/bms_10/x": {"y": 3}}
    )
    assert bench.get("/assets/bms_1") == {"rack_01": {"v": {"value": 1}}, "summary": {"s": {"value": 2}}}


def test_the_whole_map_is_keyed_by_table() -> None:
    bench = Bench(TABLES)
    whole = bench.get("")
    assert list(whole) == sorted(whole)
    assert whole["/t/b"] == {"x": {"value": 1}, "y": {"value": "s"}}
    assert whole["/sysconfig/default"]["EssName"] == {"value": "ess_1"}
    assert whole["/perf/engine"]["msgs_in{get}"] == {"value": 1}
    assert bench.get("/", "/ess_1/naked")["/t/b2"] == {"z": True}


def test_near_names_are_looked_for_only_when_somebody_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    plain = near.near

    def counted(map_: DataMap, path: str) -> list[str]:
        asked.append(path)
        return plain(map_, path)

    monkeypatch.setattr(near, "near", counted)
    bench = Bench(TABLES)
    assert (bench.get("/t/b/xx"), asked) == (None, [])
    (answer,) = bench.send("get", "/ess_1/t/b/xx", replyto="/me", explain=True, sender="web")
    assert (orjson.loads(answer.body)["near"][0], asked) == ("/t/b:x", ["/t/b/xx"])


@pytest.mark.parametrize(
    ("one", "two", "count"),
    [
        ("sco", "soc", 2),
        ("soc", "soc", 0),
        ("", "ab", 2),
        ("abc", "xyz", 3),
        ("soc", "socks", 2),
        ("a", "abcd", 3),
    ],
)
def test_edits(one: str, two: str, count: int) -> None:
    assert near.edits(one, two) == near.edits(two, one) == count


def test_names_that_are_near_stay_few_and_cheap_in_a_large_map() -> None:
    map_ = DataMap()
    for number in range(3000):
        map_.ensure(f"/status/rack_{number:04d}", "Voltage", 0, 0.0)
    found = near.near(map_, "/status/rack_0007/Voltge")
    assert (found[0], len(found) <= near.NEAR_LIMIT) == ("/status/rack_0007:Voltage", True)
    assert near.near(map_, "/" + "x" * 200) == []


def test_a_body_that_surely_is_too_large_is_not_even_made(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {f"a_variable_with_a_long_name_{number:06d}": 1 for number in range(30_000)}
    bench = Bench({"/big/one": names, "/assets/a": names, "/small": {"x": 1}})
    made: list[object] = []
    monkeypatch.setattr(query, "of_table", lambda *_: made.append(1))
    for path in ("/big", "/big/one", "/naked/big", "/assets"):
        assert bench.get(path) == "Fims Error :: Message size too large [more than 924200]"
    assert made == [] and bench.count("reply_oversize") == 4


def test_a_body_that_grows_too_large_is_abandoned_on_the_way() -> None:
    text = "x" * 10_000
    bench = Bench({f"/big/t{number}": {"x": text} for number in range(200)})
    assert bench.get("/big") == "Fims Error :: Message size too large [more than 924200]"


def test_a_context_shows_links_status_variables_and_what_functions_found() -> None:
    bench = Bench(
        {
            "/links/ess_1": {"Soc": {"value": "/t:soc"}},
            "/status/ess_1": {"Volt": 1},
            "/t": {
                "sum": {
                    "value": 0,
                    "operation": "+",
                    "numVars": 1,
                    "variable1": "Amps",
                    "actions": {"onSet": [{"func": [{"func": "CalculateVar"}]}]},
                }
            },
        }
    )
    bench.set("/t/sum", 1)
    shown = bench.get("/amap/ess_1")
    assert {
        "Amps": "/status/ess_1:Amps",
        "Soc": "/t:soc",
        "Volt": "/status/ess_1:Volt",
    }.items() <= shown.items()
    assert list(shown) == sorted(shown)


def test_near_names_of_a_large_table_are_found_among_a_bounded_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[str] = []
    edits = near.edits
    monkeypatch.setattr(near, "edits", lambda one, two: (compared.append(two), edits(one, two))[1])
    names = [f"Value_{number:05d}" for number in range(10_000)]
    assert near._alike("Valeu_00500", names)[0] == "Value_00500"
    assert len(compared) <= near.MOST_NAMES
    assert near.correction("inValeu", ("inValue", "inVar")) == "write `inValue`, or remove it"
