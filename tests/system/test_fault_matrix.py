"""The fault matrix in short: under every fault the data turns BAD, comes back, and nothing stale is ever good."""

from tests.bench.fault_figures import FAULTS, Timing, at_once

SHORT = Timing(before_s=1.5, during_s=6.0, after_s=6.0, slack_s=1.0, tick_ms=100)


def test_nothing_stale_is_good_and_everything_comes_back() -> None:
    found = at_once(SHORT)
    assert found.keys() == FAULTS.keys()
    rows = {(fault, layout): row for fault, layouts in found.items() for layout, row in layouts.items()}
    assert {place: row["stale_as_good"] for place, row in rows.items() if row["stale_as_good"]} == {}
    assert [place for place, row in rows.items() if row["good_after_s"] is None] == []
    # Half an answer is complete as soon as another one follows on its connection, as it is with two at once.
    whole = {("none", layout) for layout in found["none"]} | {("partial", "unit of 2")}
    # What flaps may be back before anybody asks again.
    whole |= {("flap", layout) for layout in found["flap"]}
    broken = {place: row["bad_after_s"] for place, row in rows.items() if place not in whole}
    assert [place for place, after in broken.items() if after is None] == []
    assert rows["none", "device"]["bad_after_s"] is None and rows["none", "unit"]["bad_after_s"] is None
