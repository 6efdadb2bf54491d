"""The figures of a site's alarms as lines to read, with what the standards call manageable beside them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ess_actors.cli.moments import date_and_time, span

MANAGEABLE_PER_10_MIN: Final = 2
"""Of ISA-18.2 and IEC 62682: very likely acceptable up to 1, at most manageable up to 2 on average."""
MANAGEABLE_PER_HOUR: Final = 12
_BARS: Final = " ▁▂▃▄▅▆▇█"
_FLOODS: Final = 5


def report_lines(figures: Mapping[str, Any]) -> list[str]:
    """The report. `figures` = the answer of /api/alarms/figures."""
    flood = figures.get("flood") or {}
    hours = [sum(count for _, count in part) for part in _sixes(figures.get("series") or [])]
    now = figures.get("per_10_min", "-"), MANAGEABLE_PER_10_MIN
    hourly = _shown(figures.get("per_operator_hour")), MANAGEABLE_PER_HOUR
    share = f"{100 * float(flood.get('ratio') or 0):.1f} % of the time"
    since = f", one since {date_and_time(flood.get('since'))}" if flood.get("now") else ""
    lines = [
        "alarms in the last 10 minutes  {} (manageable: {})".format(*now),
        "alarms per operator and hour   {} (manageable: {})".format(*hourly),
        f"last 24 hours, hour by hour    {_bars(hours)} {sum(hours)} alarms, at most {max(hours, default=0)} an hour",
        f"floods in 24 hours             {flood.get('total', 0)}, {share}{since}",
    ]
    for one in (flood.get("list") or [])[:_FLOODS]:
        end = one.get("end")
        lasted = f"for {span(end - one['begin'])}" if end is not None else "still"
        lines.append(
            f"    {date_and_time(one.get('begin'))} {lasted}, at most {one.get('peak')} in 10 minutes"
        )
    lines.append(
        "now                            "
        + ", ".join(
            f"{figures.get(name, 0)} {name.replace('_', ' ')}"
            for name in ("standing", "unacknowledged", "shelved", "suppressed", "out_of_service")
        )
    )
    top = figures.get("top") or []
    lines.append("most frequent in 24 hours" + ("" if top else "      none"))
    lines += [f"    {one.get('count'):>6}  {one.get('id')}" for one in top]
    for title, name in (("chattering", "chattering"), ("active for over a day", "stale")):
        ids: Sequence[str] = figures.get(name) or []
        lines.append(f"{title:<30} {len(ids) or 'none'}")
        lines += [f"            {one}" for one in ids]
    return lines


def _sixes(series: Sequence[Sequence[int]]) -> list[Sequence[Sequence[int]]]:
    """Hours of a series of 10 minutes, the newest complete."""
    first = len(series) % 6
    return [
        part for part in (series[:first], *(series[i : i + 6] for i in range(first, len(series), 6))) if part
    ]


def _bars(counts: Sequence[int]) -> str:
    most = max(counts, default=0)
    return "".join(_BARS[-(-count * (len(_BARS) - 1) // most) if most else 0] for count in counts)


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else "-"
