"""The request plan: what is read together, what never is, and when."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.codec import Codec
from ess_actors.core.points import Component, Point, Register, Table
from ess_actors.core.polling import next_slot, plan
from tests.core.modbus_examples import component, holding


def requests(found: Component, **more: object) -> list[tuple[int, int]]:
    return [(block.address, block.count) for cycle in plan(found, **more) for block in cycle.blocks]


def test_holes_of_sixteen_are_bridged_and_of_seventeen_not() -> None:
    found = holding(
        {"id": "a", "offset": 100, "size": 2}, *({"id": f"p{n}", "offset": n} for n in (110, 127, 145))
    )
    assert requests(found) == [(100, 28), (145, 1)]


def test_a_value_is_never_split() -> None:
    points = [{"id": f"p{n}", "offset": n} for n in range(124)]
    points.append({"id": "wide", "offset": 124, "size": 2})
    points += [{"id": f"p{n}", "offset": n} for n in range(126, 201)]
    assert requests(holding(*points)) == [(0, 124), (124, 77)]


def test_off_by_one_moves_addresses() -> None:
    found = holding({"id": "first", "offset": 0}, {"id": "second", "offset": 1}, off_by_one=True)
    assert [point.id for point in found.points] == ["second"]
    assert requests(found) == [(0, 1)]


def test_units_tables_and_periods_are_read_apart() -> None:
    found = component(
        [
            {
                "type": "Input",
                "device_id": 3,
                "map": [{"id": "a", "offset": 1}, {"id": "b", "offset": 2, "frequency": 100}],
            },
            {"type": "coil", "map": [{"id": "c", "offset": 1}, {"id": "d", "offset": 250}]},
        ],
        offset_time=1030,
    )
    cycles = plan(found)
    assert [(c.period_ms, c.offset_ms) for c in cycles] == [(100, 30), (1000, 30)]
    assert [(b.unit, b.function, b.address, b.count) for c in cycles for b in c.blocks] == [
        (3, 4, 2, 1),
        (3, 4, 1, 1),
        (255, 1, 1, 250),
    ]


def test_an_excluded_point_leaves_a_hole() -> None:
    found = holding({"id": "a", "offset": 1}, {"id": "b", "offset": 2}, {"id": "c", "offset": 40})
    assert requests(found, excluded=frozenset({"c"})) == [(1, 2)]
    assert requests(found, excluded=frozenset({"a", "b"})) == [(40, 1)]
    assert requests(found, barriers=frozenset({(255, 3, 2)})) == [(1, 1), (2, 1), (40, 1)]


@st.composite
def components(draw: st.DrawFn) -> Component:
    points = []
    for n in range(draw(st.integers(1, 60))):
        size = draw(st.sampled_from([1, 2, 4]))
        register = Register(
            id=f"p{n}",
            unit=draw(st.sampled_from([1, 2])),
            table=draw(st.sampled_from([Table.INPUT, Table.HOLDING])),
            address=draw(st.integers(0, 600)),
            size=size,
            period_ms=draw(st.sampled_from([100, 1000])),
        )
        codec = Codec(size=size, order=tuple(range(size)), bits=16 * size)
        points.append(Point(id=f"p{n}", register=register, codec=codec))
    return Component(
        id="c",
        uri="/components/c",
        unit=1,
        points=tuple(points),
        max_gap_words=draw(st.integers(0, 124)),
        max_words=draw(st.sampled_from([4, 17, 125])),
    )


@settings(max_examples=120, deadline=None)
@given(components())
def test_every_point_is_read_whole_once_within_the_limit(found: Component) -> None:
    seen: list[str] = []
    for cycle in plan(found):
        for block in cycle.blocks:
            assert block.count <= found.max_words
            for point in block.points:
                seen.append(point.id)
                assert block.address <= point.address
                assert point.address + point.size <= block.address + block.count
                assert (block.unit, block.function) == (point.unit, point.table.read_function)
                assert cycle.period_ms == point.period_ms
    assert sorted(seen) == sorted(point.id for point in found.points)


def test_components_with_one_period_share_their_slots() -> None:
    assert next_slot(100.0, 0.5, 0.03, 107.2) == pytest.approx((107.53, 0))
    assert next_slot(100.0, 0.5, 0.53 % 0.5, 107.2) == pytest.approx((107.53, 0))


def test_a_cycle_that_takes_too_long_skips_a_slot_and_never_queues() -> None:
    slot, missed = next_slot(100.0, 0.1, 0.0, 100.0)
    assert (slot, missed) == (100.0, 0)
    starts = []
    for _ in range(5):
        slot, missed = next_slot(100.0, 0.1, 0.0, slot + 0.13, slot)
        starts.append(slot)
        assert missed == 1
    assert starts == pytest.approx([100.2, 100.4, 100.6, 100.8, 101.0])


@settings(max_examples=100, deadline=None)
@given(st.floats(0.01, 10), st.integers(0, 100_000), st.floats(0.0, 0.999))
def test_slots_never_drift(period: float, served: int, took: float) -> None:
    last = 50.0 + served * period
    slot, missed = next_slot(50.0, period, 0.0, last + took * period, last)
    assert missed == 0
    assert slot == pytest.approx(50.0 + (served + 1) * period)
