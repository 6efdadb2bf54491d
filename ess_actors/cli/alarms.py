"""`ess-actors alarms`: what is wrong at the site now, what was, and what it asks of operators."""

import time
from collections.abc import Mapping
from typing import Any, Final

import click

from ess_actors.cli.alarm_report import report_lines
from ess_actors.cli.api_client import Api, compact
from ess_actors.cli.moments import date_and_time, span
from ess_actors.cli.options import with_api, with_json
from ess_actors.cli.spans import Moment
from ess_actors.cli.tables import table
from ess_actors.cli.wire import stranger
from ess_actors.core.errors import RequestError

TITLES: Final = (
    "PRIORITY",
    "TYPE",
    "STATE",
    "INSTANCE",
    "SINCE",
    "AGE",
    "COUNT",
    "SOURCE",
    "VALUE",
    "REMARK",
)
STEPS: Final = ("TIME", "PRIORITY", "TYPE", "INSTANCE", "SOURCE", "FROM", "TO", "BY", "VALUE", "WHY")
PRIORITIES: Final = ("critical", "high", "medium", "low")
COLOURS: Final = {"critical": "red", "high": "red", "medium": "yellow", "low": "cyan"}
CALM: Final = frozenset({"shelved", "suppressed", "out_of_service"})
"""States in which an alarm asks for nobody: no colour."""
_RIGHT: Final = frozenset({"AGE", "COUNT"})


def words(state: object) -> str:
    """A state as it is read: `unacknowledged active`."""
    return str(state or "").replace("_", " ")


def row_of(alarm: Mapping[str, Any], now: float) -> list[str]:
    """The cells of one alarm."""
    priority, since = str(alarm.get("priority") or alarm.get("type") or ""), alarm.get("since")
    colour = None if alarm.get("state") in CALM else COLOURS.get(priority)
    return [
        click.style(priority, fg=colour) if colour else priority,
        str(alarm.get("type", "")),
        words(alarm.get("state")),
        str(alarm.get("instance", "")),
        date_and_time(since) if since is not None else "-",
        span(max(0.0, now - since)) if isinstance(since, int | float) else "-",
        str(alarm.get("count", 1)),
        str(alarm.get("source", "")),
        str(alarm.get("value", alarm.get("message", ""))),
        _remark(alarm),
    ]


def _remark(alarm: Mapping[str, Any]) -> str:
    found = []
    if alarm.get("first_out"):
        found.append("first out")
    if alarm.get("cause"):
        found.append(f"follows from {alarm['cause']}")
    if alarm.get("quality") == "UNCERTAIN":
        found.append("uncertain")
    shelved, acknowledged = alarm.get("shelved"), alarm.get("acknowledged")
    if isinstance(shelved, dict):
        found.append(
            f"until {date_and_time(shelved.get('until'))} by {shelved.get('by')}: {shelved.get('why')}"
        )
    elif isinstance(acknowledged, dict):
        found.append(f"by {acknowledged.get('by')}")
    return "; ".join(found)


def rank_of(alarm: Mapping[str, Any]) -> tuple[bool, int, bool]:
    """Those that ask for somebody first, by priority; faults before alarms."""
    priority = alarm.get("priority")
    rank = PRIORITIES.index(priority) if priority in PRIORITIES else len(PRIORITIES)
    return alarm.get("state") in CALM, rank, alarm.get("type") != "fault"


def step_of(step: Mapping[str, Any]) -> list[str]:
    """The cells of one transition."""
    return [
        date_and_time(step.get("time")),
        str(step.get("priority") or ""),
        str(step.get("id") or "").split(":")[1] if ":" in str(step.get("id")) else "",
        *(str(step.get(name) or "") for name in ("instance", "source")),
        words(step.get("from")),
        words(step.get("to")),
        str(step.get("by") or ""),
        "" if step.get("value") is None else str(step["value"]),
        str(step.get("why") or ""),
    ]


@click.command()
@click.option(
    "--report", is_flag=True, help="Print rates, floods, the most frequent, chattering and stale alarms."
)
@click.option(
    "--history", is_flag=True, help="Print the steps of alarms from state to state, the newest last."
)
@click.option("--since", type=Moment(), help="History from then on: 30m, 12h, 7d (ago), or 2026-11-23T14:00.")
@click.option("--until", type=Moment(), help="History until then, written the same way.")
@click.option("--instance", help="History of one instance.")
@click.option("--priority", type=click.Choice(PRIORITIES), help="History of one priority.")
@click.option("--text", help="History of alarms with this in their id, value, reason or operator.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many steps."
)
@with_json
@with_api
def command(
    api: Api,
    as_json: bool,
    report: bool,
    history: bool,
    since: str | None,
    until: str | None,
    instance: str | None,
    priority: str | None,
    text: str | None,
    limit: int,
) -> None:
    """Show the alarms that are not normal, those that need somebody first."""
    narrowed = {"instance": instance, "priority": priority, "text": text}
    if report and history:
        raise click.UsageError("--report and --history are two views; choose one")
    if not history and (since or until or any(narrowed.values())):
        raise click.UsageError("--since, --until, --instance, --priority and --text belong to --history")
    if report:
        figures = api.get("/api/alarms/figures")
        for line in [compact(figures)] if as_json or not isinstance(figures, dict) else report_lines(figures):
            click.echo(line)
        return
    if history:
        narrowed |= {"since": since, "until": until, "limit": str(limit)}
        query = {name: value for name, value in narrowed.items() if value}
        steps = api.rows("/api/alarms/history", "transitions", **query)[::-1]
        if instance and not steps:
            _must_be_there(api, instance)
        _print(
            [compact(step) for step in steps] if as_json else _lines(STEPS, map(step_of, steps), "no steps")
        )
        return
    listed = api.get("/api/alarms")
    if not isinstance(listed, dict) or not isinstance(listed.get("alarms"), list):
        raise stranger(api.address)
    alarms = listed["alarms"]
    if as_json:
        _print([compact(alarm) for alarm in alarms])
        return
    alarms.sort(key=rank_of)
    now = time.time()
    _print(_lines(TITLES, (row_of(alarm, now) for alarm in alarms), "no alarms"))
    if listed.get("flood"):
        click.echo("alarm flood: more than 10 alarms came within 10 minutes; begin with the first out")


def _must_be_there(api: Api, instance: str) -> None:
    """A name that is written wrongly has no history either. Raises RequestError."""
    names = [str(row.get("id")) for row in api.rows("/api/status", "actors") if row.get("kind") == "ess"]
    if instance not in names:
        raise RequestError("not_found", f"no instance is called {instance!r}; there are {', '.join(names)}")


def _lines(titles: tuple[str, ...], rows: Any, nothing: str) -> list[str]:
    """A table without the columns that are empty all the way down."""
    cells = list(rows)
    if not cells:
        return [nothing]
    kept = [i for i in range(len(titles)) if any(click.unstyle(row[i]) for row in cells)]
    return table([titles[i] for i in kept], [[row[i] for i in kept] for row in cells], _RIGHT)


def _print(lines: list[str]) -> None:
    for line in lines:
        click.echo(line)
