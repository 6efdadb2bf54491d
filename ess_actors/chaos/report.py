"""The result of a chaos run: a table for people, one JSON object for programs."""

from collections.abc import Sequence
from typing import Any, Final

from ess_actors.chaos.trial import Outcome

TITLES: Final = (
    "FAULT", "TIMES", "DETECTED", "SAFE IN", "RECOVERED", "CMD LOST", "ALARMS LOST", "STALE", "2 WRITERS",
    "ORPHANS", "BY HAND",
)  # fmt: skip
MARGIN_S: Final = 0.1
"""So much behind the end of its lease a device may have its safe values."""


def fault_name(outcome: Outcome) -> str:
    """Kind of the fault and of what it hit, such as `kill ess` or `kill ess + mute device`."""
    names = [
        fault.kind if kind == "site" else f"{fault.kind} {kind}"
        for fault, kind in zip(outcome.faults, outcome.kinds, strict=True)
    ]
    return " + ".join(sorted(names))


def quantile(values: Sequence[float], part: float) -> float | None:
    """The value that `part` of all do not exceed; None when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else None


def rows(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """One row per sort of fault; pairs are gathered in one."""
    groups: dict[str, list[Outcome]] = {}
    for one in outcomes:
        groups.setdefault("pairs" if len(one.faults) > 1 else fault_name(one), []).append(one)
    singles = sorted(name for name in groups if name != "pairs")
    return [_row(name, groups[name]) for name in (*singles, *(["pairs"] if "pairs" in groups else []))]


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Everything together, and the figures that are aimed at."""
    late = [(one.safe_s[stem], one.lease_s[stem]) for one in outcomes for stem in one.safe_s]
    killed = [
        one.recovered_s
        for one in outcomes
        if one.recovered_s is not None
        and one.exit_code is None
        and all(f.kind == "kill" for f in one.faults)
        and len(one.faults) == 1
    ]
    hung = [
        one.detected_s
        for one in outcomes
        if one.detected_s is not None and one.exit_code is None and [f.kind for f in one.faults] == ["stop"]
    ]
    return {
        **_row("all", outcomes),
        "safe_behind_lease_p99_s": _rounded(
            quantile([s - lease for s, lease in late if s is not None], 0.99)
        ),
        "safe_in_time": sum(s is not None and s <= lease + MARGIN_S for s, lease in late),
        "killed_back_p50_s": _rounded(quantile(killed, 0.5)),
        "killed_back_p99_s": _rounded(quantile(killed, 0.99)),
        "hung_replaced_p99_s": _rounded(quantile(hung, 0.99)),
    }


def _row(name: str, found: Sequence[Outcome]) -> dict[str, Any]:
    safe = [seconds for one in found for seconds in one.safe_s.values()]
    reached = [seconds for seconds in safe if seconds is not None]
    return {
        "fault": name,
        "times": len(found),
        "detected_s": _span([one.detected_s for one in found if one.detected_s is not None]),
        "safe_asked": len(safe),
        "safe_never": len(safe) - len(reached),
        "safe_s": _span(reached),
        "recovered_s": _span([one.recovered_s for one in found if one.recovered_s is not None]),
        "not_recovered": sum(one.recovered_s is None for one in found),
        "commands": sum(one.commands.sent for one in found),
        "commands_done": sum(one.commands.done for one in found),
        "commands_unknown": sum(one.commands.unknown for one in found),
        "commands_lost": sum(one.commands.lost for one in found),
        "commands_twice": sum(one.commands.twice for one in found),
        "commands_misreported": sum(one.commands.misreported for one in found),
        "transitions": sum(one.transitions.expected for one in found),
        "transitions_lost": sum(one.transitions.lost for one in found),
        "transitions_disordered": sum(one.transitions.disordered for one in found),
        "stale_as_good": sum(one.stale_as_good for one in found),
        "two_writers": sum(one.two_writers for one in found),
        "orphans": sum(one.orphans for one in found),
        "manual_restarts": sum(one.manual_restarts for one in found),
    }


def cells(row: dict[str, Any]) -> list[str]:
    """One line of the table."""
    safe = _shown(row["safe_s"])
    if row["safe_never"]:
        safe = f"never {row['safe_never']} of {row['safe_asked']}" + (f", {safe}" if row["safe_s"] else "")
    recovered = _shown(row["recovered_s"]) + (
        f" ({row['not_recovered']} not)" if row["not_recovered"] else ""
    )
    lost, disordered = row["transitions_lost"], row["transitions_disordered"]
    commands = f"{row['commands_lost']} of {row['commands_done']}"
    if row["commands_twice"]:
        commands += f", {row['commands_twice']} twice"
    return [
        row["fault"], str(row["times"]), _shown(row["detected_s"]), safe, recovered, commands,
        f"{lost} of {row['transitions']}" + (f", {disordered} disordered" if disordered else ""),
        str(row["stale_as_good"]), str(row["two_writers"]), str(row["orphans"]), str(row["manual_restarts"]),
    ]  # fmt: skip


def trial_body(outcome: Outcome) -> dict[str, Any]:
    """One trial, for the JSON."""
    return {
        "faults": [str(fault) for fault in outcome.faults],
        "detected_s": _rounded(outcome.detected_s),
        "safe_s": {stem: _rounded(seconds) for stem, seconds in outcome.safe_s.items()},
        "recovered_s": _rounded(outcome.recovered_s),
        "commands": outcome.commands._asdict(),
        "transitions": outcome.transitions._asdict(),
        "stale_as_good": outcome.stale_as_good,
        "two_writers": outcome.two_writers,
        "orphans": outcome.orphans,
        "manual_restarts": outcome.manual_restarts,
        "exit_code": outcome.exit_code,
        "notes": outcome.notes,
    }


def _span(values: Sequence[float]) -> dict[str, float | None] | None:
    if not values:
        return None
    return {"p50": _rounded(quantile(values, 0.5)), "max": _rounded(max(values))}


def _shown(span: dict[str, float] | None) -> str:
    if span is None:
        return "-"
    return f"{span['p50']:.2f} s" if span["p50"] == span["max"] else f"{span['p50']:.2f}..{span['max']:.2f} s"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
