"""Histories, moving averages, ramps, tables and process figures at their edges."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.functions.lookup import read_grid
from ess_actors.core.history import DEEPEST
from tests.core.engine_bench import Bench, on_set, remap


def kept(bench: Bench, uri: str = "/t:x") -> list[float] | None:
    table, _, name = uri.partition(":")
    var = bench.ess.engine.map.find(table, name)
    assert var is not None
    return None if var.history is None else list(var.history.values)


def test_depth_keeps_the_last_numbers_and_repeated_ones_too() -> None:
    bench = Bench({"/t": {"x": {"value": 0, "depth": 3}, "plain": 0, "from": on_set(remap(uri="/t:x"))}})
    for value in (1, 1.5, 1.5):
        bench.set("/t/x", value)
    assert kept(bench) == [1, 1.5, 1.5]
    bench.send("pub", "/ess_1/t", {"x": 4, "plain": 4})
    bench.set("/t/from", 5)
    bench.set("/t/x", "text")
    bench.set("/t/x", {"value": "$$", "unit": "A"})
    assert kept(bench) == [1.5, 4, 5]
    assert kept(bench, "/t:plain") is None
    var = bench.ess.engine.map.find("/t", "x")
    assert var is not None and var.history is not None
    history = var.history
    assert (history.average, history.smallest, history.largest, history.spread, history.total) == (
        3.5,
        1.5,
        5,
        3.5,
        10.5,
    )


def test_depth_changes_and_hold_freezes() -> None:
    bench = Bench({"/t": {"x": {"value": 0, "depth": 5}}})
    for value in range(1, 7):
        bench.set("/t/x", value)
    bench.set("/t", {"x@depth": 2})
    assert kept(bench) == [5, 6]
    bench.set("/t/x", {"value": 7, "hold": True})
    assert kept(bench) == [5, 6]
    bench.set("/t/x", {"value": 8, "hold": False})
    assert kept(bench) == [6, 8]
    bench.set("/t", {"x@depth": 10_000})
    for value in range(300):
        bench.set("/t/x", value)
    assert len(kept(bench) or []) == DEEPEST == 255
    bench.set("/t", {"x@depth": 0})
    assert kept(bench) is None


def averaging(**params: Any) -> Bench:
    return Bench({"/t": {"x": on_set({"func": [{"func": "MathMovAvg"}]}, outSum="/t:sum", **params)}})


@pytest.mark.parametrize(("params", "depth"), [({}, 16), ({"depth": 0}, 1), ({"depth": 999}, 255)])
def test_a_buffer_has_sixteen_places_and_never_more_than_255(params: dict[str, Any], depth: int) -> None:
    bench = averaging(**params)
    for _ in range(400):
        bench.set("/t/x", 2)
    assert bench.value("/t:sum") == 2 * depth


def test_an_average_carries_quality_and_takes_no_text() -> None:
    bench = Bench(
        {
            "/components/c": {"p": on_set(remap(uri="/t:x"))},
            "/t": {"x": on_set({"func": [{"func": "MathMovAvg"}]}, outAvg="/t:avg")},
            "/text": {
                "x": {"value": "a", "outAvg": "/text:avg", **on_set({"func": [{"func": "MathMovAvg"}]})}
            },
        }
    )
    bench.send("pub", "/components/c", {"p": 4}, quality={"p": 2})
    var = bench.ess.engine.map.find("/t", "avg")
    assert var is not None and var.cell.quality.name == "BAD"
    bench.set("/text/x", "b")
    assert bench.value("/text:avg") == 0
    assert bench.count("function_errors") == 0


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.floats(0.01, 0.9))
@settings(max_examples=50, deadline=None)
def test_no_step_is_larger_than_the_window(values: list[float], window: float) -> None:
    bench = averaging(window=window, vecAv="/t:vec")
    last = 0.0
    for value in values:
        bench.set("/t/x", value)
        now = bench.value("/t:vec")
        if last:
            assert abs(now - last) <= abs(last) * window * (1 + 1e-9) + 1e-8
        else:
            assert now == pytest.approx(value, abs=2e-8)
        last = now if abs(now) > 1e-6 else 0.0
        if not last:
            return  # next to 0 the deadband of the buffer variable hides steps


@given(
    st.lists(st.tuples(st.floats(-500, 500), st.floats(0.01, 3)), min_size=1, max_size=30),
    st.floats(0.1, 100),
)
@settings(max_examples=60, deadline=None)
def test_a_ramp_never_exceeds_its_rate_and_never_overshoots(
    moves: list[tuple[float, float]], rate: float
) -> None:
    params = {"value": 0, "SlewedVal": "/t:out", "RatedValue": 200, "SlewRate": rate}
    bench = Bench(
        {
            "/t": {
                "x": params,
                "go": {"actions": on_set({"func": [{"func": "SlewVal", "var": "/t:x"}]})["actions"]},
            }
        }
    )
    bench.set("/t/go", True)
    before = 0.0
    for wanted, pause in moves:
        bench.set("/t/x", wanted)
        bench.now += pause
        bench.set("/t/go", True)
        after = bench.value("/t:out")
        assert abs(after - before) <= 2 * rate * pause + 1e-6
        low, high = sorted((before, bench.value("/t:x")))
        assert low - 1e-7 <= after <= high + 1e-7
        before = after
    bench.set("/t/x@enabled", False)
    bench.set("/t/go", True)
    assert bench.value("/t:out") == pytest.approx(bench.value("/t:x"), abs=2e-8)


def test_params_change_without_loss_of_what_was_seen() -> None:
    ramp = on_set({"func": [{"func": "SlewVal"}]}, SlewedVal="/t:out", RatedValue=100, SlewRate=1)
    bench = Bench({"/t": {"wanted": ramp, "x": on_set({"func": [{"func": "MathMovAvg"}]}, outSum="/t:sum")}})
    bench.now += 2
    bench.set("/t", {"wanted@SlewRate": 10, "wanted": 500, "x": 4})
    assert bench.value("/t:out") == 20
    bench.set("/t", {"x@filtFac": 0.5, "x": 5})
    assert bench.value("/t:sum") == 9
    bench.set("/reload/ess_1", {"MathMovAvg_x": 0, "SlewVal_wanted": 0})
    bench.now += 2
    bench.set("/t", {"wanted": 500, "x": 5})
    assert (bench.value("/t:out"), bench.value("/t:sum")) == (20, 5)


def test_a_ramp_without_a_usable_target_or_value_does_nothing() -> None:
    go = on_set({"func": [{"func": "SlewVal"}]})["actions"]
    bench = Bench(
        {"/t": {"a": {"value": 0, "actions": go}, "b": {"value": "x", "SlewedVal": "/t:o", "actions": go}}}
    )
    bench.set("/t/a", 5)
    bench.set("/t/b", "y")
    assert bench.value("/t:o") == 0
    assert bench.count("not_calculated") == 4 and bench.count("function_errors") == 0


def test_tables_are_read_with_and_without_a_corner_in_any_order() -> None:
    with_corner = read_grid('Title\nSOC/T,10,0\n"20", 4,3\n0,2,1\n\n')
    assert with_corner == read_grid("Title\n0,10\n0,1,2\n20,3,4")
    cells = {(a, d): with_corner.cell(a, d) for a in (-1, 0, 9.9, 10, 1e9) for d in (-1, 0, 20, 1e9)}
    assert {value for key, value in cells.items() if -1 in key} == {0}
    assert (cells[0, 0], cells[9.9, 0], cells[10, 20], cells[1e9, 1e9]) == (1, 1, 4, 4)
    for bad in ("", "Title", "Title\n0,1", "T\n0,10\n0,1,2,3", "T\n0,x\n0,1,2", "T\n0,1\nrow,1,2"):
        with pytest.raises(ValueError):
            read_grid(bad)


def test_a_missing_or_broken_table_is_told_once_and_leaves_the_value() -> None:
    check = on_set({"func": [{"func": "CheckTableVar"}]}, tableVar1="/t:a", tableVar2="/t:b")
    bench = Bench({"/t": {"x": {**check, "tableName": "none"}}})
    bench.set("/t/x", 3)
    bench.set("/t/x", 4)
    assert bench.value("/t:x") == 4
    assert bench.count("not_calculated") == 3
    assert sum("there is no table none.csv" in line.text for line in bench.ess.engine.lines) == 1


def test_figures_of_the_process_become_variables_once_they_are_measured() -> None:
    bench = Bench({"/t": {"go": on_set({"func": [{"func": "HandleCpuStats"}]})}})
    bench.set("/t/go", 1)
    assert bench.value("/status/ess_1:CpuPercent") is None
    bench.ess.measured({"cpu_percent": 1.5, "memory_bytes": 42e6})
    bench.set("/t/go", 1)
    assert bench.get("/naked/status/ess_1")["/status/ess_1"] == {"CpuPercent": 1.5, "MemoryBytes": 42_000_000}


def test_send_true_and_send_time_fire_the_actions_of_their_variable() -> None:
    call = [{"func": "SendTrue", "var": "/t:flag"}, {"func": "SendTime", "var": "/t:time"}]
    tables = {
        "go": {"actions": on_set({"func": call})["actions"]},
        "flag": on_set(remap(uri="/t:a")),
        "time": on_set(remap(uri="/t:b")),
    }
    bench = Bench({"/t": tables})
    bench.now = 107.5
    bench.set("/t/go", True)
    assert [bench.value(f"/t:{name}") for name in ("flag", "a", "time", "b")] == [True, True, 7.5, 7.5]
