"""Every line of vectors/*.jsonl: keys as in a file, words on the wire, and what they mean in both directions.

The expectations were worked out by hand, or by exact fractions and struct; never by the code they judge.
A decode vector goes back to its words too, unless it says `"back": false`.
"""

import json
import math
from pathlib import Path

import pytest

from ess_actors.core.bits import BadValueError
from ess_actors.core.codec import Shape
from ess_actors.core.component import ComponentState
from ess_actors.core.points import Component, Point
from ess_actors.core.polling import plan
from ess_actors.core.registers import decode, encode
from ess_actors.core.registers_block import BlockDecoder
from tests.core.modbus_examples import component, payload

VECTORS = Path(__file__).parent / "vectors"


def lines(name: str) -> list:
    text = (VECTORS / f"{name}.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    return [pytest.param(row, id=row["id"]) for row in rows]


def of_file(row: dict, *more: dict) -> Component:
    entries = [{"id": "p", "offset": 7, **row["keys"]}, *more]
    return component([{"type": row.get("table", "Holding"), "map": entries}])


def words(text: str) -> tuple[int, ...]:
    return tuple(int(word, 16) for word in text.split())


def on_the_wire(found: Component, numbers: tuple[int, ...]) -> bytes:
    return bytes(numbers) if found.points[0].table.is_bits else payload(*numbers)


def expected(row: dict) -> dict[str, object]:
    """Point id -> value; a point that is no number is not in it."""
    if "values" in row:
        return row["values"]
    return {} if "bad" in row else {"p": row["value"]}


def same(found: object, wanted: object) -> bool:
    if type(found) is not type(wanted):
        return False
    if isinstance(wanted, float) and isinstance(found, float):
        turned = math.copysign(1, found) != math.copysign(1, wanted)
        return math.isclose(found, wanted, rel_tol=1e-12) and not (turned and wanted == 0)
    return found == wanted


def shown(found: Component, decoded: dict[str, object]) -> dict[str, object]:
    return {point.id: decoded[point.id] for point in found.points if point.published and point.id in decoded}


def all_same(found: dict[str, object], wanted: dict[str, object]) -> bool:
    return list(found) == list(wanted) and all(same(found[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("row", lines("decode"))
def test_words_become_the_value(row: dict) -> None:
    found, wire = of_file(row), words(row["words"])
    by_reference = {point.id: decode(point.codec, wire) for point in found.points}
    by_reference = {name: value for name, value in by_reference.items() if value is not None}
    assert all_same(shown(found, by_reference), expected(row))
    (cycle,) = plan(found)
    (block,) = cycle.blocks
    decoder = BlockDecoder(block.address, block.count, block.is_bits, block.points)
    assert all_same(shown(found, decoder(on_the_wire(found, wire))), expected(row))


@pytest.mark.parametrize("row", lines("decode"))
def test_words_become_the_value_among_others(row: dict) -> None:
    """Neighbours on both sides, and one that lies over the first word."""
    wire = words(row["words"])
    neighbours = ({"id": n, "offset": at} for n, at in (("before", 5), ("over", 7), ("after", 7 + len(wire))))
    found = of_file(row, *neighbours)
    (cycle,) = plan(found)
    (block,) = cycle.blocks
    decoder = BlockDecoder(block.address, block.count, block.is_bits, block.points)
    decoded = decoder(on_the_wire(found, (1, 0, *wire, 0)))
    others = {name: decoded.pop(name) for name in ("before", "over", "after")}
    assert others == {"before": 1, "over": wire[0], "after": 0}
    assert all_same(shown(found, decoded), expected(row))


@pytest.mark.parametrize("row", lines("decode"))
def test_the_value_becomes_the_words_again(row: dict) -> None:
    wire = words(row["words"])
    for point in of_file(row).points:
        if not point.published or point.id not in expected(row) or row.get("back") is False:
            continue
        value = expected(row)[point.id]
        current = wire if point.codec.partial else None
        assert encode(point.codec, value, current) == (wire, False, ())


def target(row: dict, found: Component) -> Point:
    name = row.get("point", "p")
    return next(point for point in found.points if point.id == name)


@pytest.mark.parametrize("row", lines("encode"))
def test_a_value_becomes_words(row: dict) -> None:
    found = of_file(row)
    point = target(row, found)
    current = words(row["reads"]) if "reads" in row else None
    if row["status"] == "bad_value":
        with pytest.raises(BadValueError):
            encode(point.codec, row["value"], current)
        return
    encoded = encode(point.codec, row["value"], current)
    assert encoded.words == words(row["words"])
    assert ("clamped" if encoded.clamped else "ok", list(encoded.lost)) == (
        row["status"],
        row.get("lost", []),
    )


@pytest.mark.parametrize("row", lines("encode"))
def test_a_set_sends_these_words_and_says_what_is_in_the_device(row: dict) -> None:
    found = of_file(row)
    point = target(row, found)
    jobs, refused = ComponentState(found, now=0.0).jobs(point.id, {"value": row["value"]})
    if row["status"] == "bad_value":
        assert refused[point.id]["status"] == "bad_value"
        return
    (job,) = jobs
    assert job.needs_read is ("reads" in row)
    request = job.request(words(row["reads"]) if job.needs_read else None)
    assert request.words == words(row["words"])
    reply = job.written(request)[point.id]
    assert reply["status"] == row["status"]
    assert reply.get("lost_bits", []) == row.get("lost", [])
    if row["status"] == "ok" and point.codec.shape is Shape.NUMBER and not point.codec.is_float:
        # Truncated by less than one step of the register.
        step = 1 / abs(point.codec.scale or 1)
        assert abs(float(reply["value"]) - float(row["value"])) < step * 1.001  # type: ignore[arg-type]


def test_there_are_enough_of_them_and_each_has_its_own_name() -> None:
    ids = [row.values[0]["id"] for name in ("decode", "encode") for row in lines(name)]
    assert len(ids) >= 300
    assert {f"D{n:02d}" for n in range(1, 26)} <= {one[:3] for one in ids}
    assert {f"E{n:02d}" for n in range(1, 20)} <= {one[:3] for one in ids}
    for name in ("decode", "encode"):
        own = [row.values[0]["id"] for row in lines(name)]
        assert len(own) == len(set(own))
