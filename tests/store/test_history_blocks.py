"""Readings and minutes as bytes: what is packed comes out again, and takes little room."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.history_intake import HOUR, Period
from ess_actors.store import history_blocks, history_minutes

START = 1_763_800_000 // HOUR * HOUR
VALUES = st.one_of(
    st.none(), st.floats(allow_nan=False), st.integers(-10_000, 10_000).map(lambda number: number / 10)
)


@given(st.lists(st.tuples(st.integers(0, 3_599_999), VALUES, st.integers(0, 2)), min_size=1, max_size=40))
@settings(deadline=None)
def test_readings_survive_being_packed(found: list[tuple[int, float | None, int]]) -> None:
    times = sorted(at for at, _, _ in found)
    samples = [
        (1000 * START + at, value, quality) for at, (_, value, quality) in zip(times, found, strict=True)
    ]
    assert history_blocks.unpack(history_blocks.pack(samples)) == samples
    points = [n % 3 for n in range(len(samples))]
    first, body = history_blocks.pack_batch(points, samples)
    assert list(history_blocks.unpack_batch(first, body)) == [
        (point, *sample) for point, sample in zip(points, samples, strict=True)
    ]
    assert list(history_blocks.of_point(first, body, 1)) == samples[1::3]


def test_what_is_noisy_takes_few_bytes() -> None:
    samples = [(1000 * START + 1000 * n + n % 7, 400 + (n * 7919 % 211) / 10, 0) for n in range(300)]
    assert len(history_blocks.pack(samples)) < 3.5 * len(samples)


@given(
    st.lists(st.tuples(VALUES, VALUES, st.integers(0, 60_000), st.integers(0, 9)), min_size=1, max_size=20)
)
@settings(deadline=None, max_examples=50)
def test_minutes_survive_being_packed(found: list[tuple[float | None, float | None, int, int]]) -> None:
    rows = [
        Period("x", START + 60 * n, low, last, low, last, lasted / 1000, kept, kept % 3, kept % 2)
        for n, (low, last, lasted, kept) in enumerate(found)
    ]
    points = [n % 2 for n in range(len(rows))]
    body = history_minutes.pack(points, rows)
    assert list(history_minutes.unpack(body, "x")) == list(zip(points, rows, strict=True))
    assert list(history_minutes.of_point(body, 1, "x")) == rows[1::2]
