"""What a get finds in all its forms, and which names are near one that is not there."""

from typing import Any

import orjson
import pytest

from ess_actors.core import near
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
