"""The request plan: what is read together, what never is, and when."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.points import Component
from ess_actors.core.polling import next_slot, plan
from tests.core.modbus_examples import component, holding
from tests.core.modbus_strategies import components


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


def bridged(found: Component, is_bits: bool) -> int:
    return found.max_gap_words * (16 if is_bits else 1)


@settings(max_examples=120, deadline=None)
@given(components())
def test_every_register_is_read_whole_and_once(found: Component) -> None:
    seen: list[str] = []
    for cycle in plan(found):
        for block in cycle.blocks:
            for point in block.points:
                seen.append(point.id)
                assert block.address <= point.address
                assert point.address + point.size <= block.address + block.count
                assert (block.unit, block.function) == (point.unit, point.table.read_function)
                assert cycle.period_ms == point.period_ms
    assert sorted(seen) == sorted(point.id for point in found.points)
    registers = {point.register for point in found.points}
    carried = [r for c in plan(found) for b in c.blocks for r in {point.register for point in b.points}]
    assert len(carried) == len(set(carried)) == len(registers)


@settings(max_examples=120, deadline=None)
@given(components())
def test_a_request_is_never_too_long_and_bridges_no_wide_hole(found: Component) -> None:
    for cycle in plan(found):
        for block in cycle.blocks:
            assert block.count <= (found.max_bits if block.is_bits else found.max_words) <= 2000
            assert block.is_bits or block.count <= 125
            taken = sorted((point.address, point.address + point.size) for point in block.points)
            assert (taken[0][0], max(end for _, end in taken)) == (block.address, block.address + block.count)
            reached = block.address
            for start, end in taken:
                assert start - reached <= bridged(found, block.is_bits)
                reached = max(reached, end)


@settings(max_examples=100, deadline=None)
@given(components())
def test_there_are_as_few_requests_as_the_limits_allow(found: Component) -> None:
    """Two neighbouring blocks could never have been one."""
    for cycle in plan(found):
        for before, after in pairwise(sorted(cycle.blocks, key=lambda b: (b.unit, b.function, b.address))):
            if (before.unit, before.function) != (after.unit, after.function):
                continue
            first = min((p.address, p.address + p.size) for p in after.points)
            longer = max(before.address + before.count, first[1]) - before.address
            hole = first[0] - (before.address + before.count)
            limit = found.max_bits if before.is_bits else found.max_words
            assert longer > limit or hole > bridged(found, before.is_bits)


@settings(max_examples=100, deadline=None)
@given(components(), st.data())
def test_what_is_excluded_is_not_asked_and_no_request_crosses_a_barrier(
    found: Component, data: st.DataObject
) -> None:
    names = [point.id for point in found.points]
    excluded = frozenset(data.draw(st.sets(st.sampled_from(names), max_size=len(names))))
    starts = frozenset(
        (point.unit, point.table.read_function, point.address)
        for point in data.draw(st.lists(st.sampled_from(found.points), max_size=5))
    )
    cycles = plan(found, excluded, starts)
    blocks = [block for cycle in cycles for block in cycle.blocks]
    assert sorted(p.id for b in blocks for p in b.points) == sorted(set(names) - excluded)
    assert [block.index for block in sorted(blocks, key=lambda b: b.index)] == list(range(len(blocks)))
    for unit, function, address in starts:
        for block in blocks:
            if (block.unit, block.function) == (unit, function):
                begun = [p for p in block.points if p.address == address]
                assert not begun or block.address == address
    again = plan(found, excluded, starts)
    assert [(c.period_ms, c.offset_ms) for c in again] == [(c.period_ms, c.offset_ms) for c in cycles]
    assert [
        (b.unit, b.function, b.address, b.count, b.index, [p.id for p in b.points])
        for c in again
        for b in c.blocks
    ] == [
        (b.unit, b.function, b.address, b.count, b.index, [p.id for p in b.points])
        for c in cycles
        for b in c.blocks
    ]


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
