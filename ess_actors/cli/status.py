"""`ess-actors status`: the actor tree of a running site with its figures."""

from typing import Any, Final

import click

from ess_actors.cli.api_client import Api, compact
from ess_actors.cli.moments import span
from ess_actors.cli.options import with_api, with_json
from ess_actors.cli.tables import branches, table

COLOURS: Final = {
    "RUNNING": "green",
    "STARTING": "yellow",
    "BACKOFF": "yellow",
    "FAILED": "red",
    "STOPPED": "bright_black",
}
TITLES: Final = ("ID", "STATE", "PID", "RESTARTS", "RECENT", "UPTIME", "CPU %", "RSS MB", "LAST ERROR")
"""RECENT: failures in the window that counts, of those that are allowed."""
FLUSH_RIGHT: Final = frozenset({"PID", "RESTARTS", "RECENT", "UPTIME", "CPU %", "RSS MB"})


def tree_lines(status: dict[str, Any]) -> list[str]:
    """The table: one row per actor, children below their parent."""
    actors = in_order(status)
    drawn = branches([str(actor["id"]) for actor in actors])
    return table(TITLES, [_row(actor, name) for actor, name in zip(actors, drawn, strict=True)], FLUSH_RIGHT)


def in_order(status: dict[str, Any]) -> list[dict[str, Any]]:
    """The actors, each behind the one it is below."""
    return sorted(status.get("actors") or [], key=lambda actor: _order(actor, status))


def coloured(state: str) -> str:
    """A state in its colour."""
    return click.style(state, fg=COLOURS.get(state.upper()))


def _order(actor: dict[str, Any], status: dict[str, Any]) -> tuple[int, tuple[str, ...]]:
    """The tree in the site's order of roots; inside a root by path."""
    parts = tuple(str(actor["id"]).split("/"))
    roots = [str(other["id"]).split("/")[0] for other in status["actors"]]
    return roots.index(parts[0]), parts


def _row(actor: dict[str, Any], name: str) -> list[str]:
    state = str(actor.get("state", ""))
    error = str(actor.get("last_error") or "").partition("\n")[0]
    wait = actor.get("next_try_s")
    if isinstance(wait, int | float):
        error = f"next try in {span(wait)}; {error}"
    if actor.get("stopped_by"):
        error = f"stopped by {actor['stopped_by']}" + (f"; before: {error}" if error else "")
    if actor.get("safe"):
        held = f"its device is held at its safe values ({actor['safe']}); a new command ends that"
        error = f"{held}; {error}" if error else held
    return [
        name,
        coloured(state),
        str(actor.get("pid") or "-"),
        str(actor.get("restarts", 0)),
        _recent(actor),
        span(actor.get("uptime_s")),
        _figure(actor.get("cpu_percent"), 1.0),
        _figure(actor.get("rss_bytes"), 1e6),
        error,
    ]


def _recent(actor: dict[str, Any]) -> str:
    if not isinstance(actor.get("failures"), int):
        return "-"
    return f"{actor['failures']}/{actor.get('failures_allowed', '-')}"


def _figure(value: object, unit: float) -> str:
    if not isinstance(value, int | float):
        return "-"
    return f"{value / unit:.1f}"


@click.command()
@with_json
@with_api
def command(api: Api, as_json: bool) -> None:
    """Show the actor tree: state, process, restarts, uptime, load, memory and the last error of each."""
    status = api.get("/api/status")
    if as_json or not isinstance(status, dict):
        click.echo(compact(status))
        return
    click.echo(f"{status.get('site', '')}: {status.get('state', '')}")
    for name, address in (status.get("addresses") or {}).items():
        click.echo(f"  {name}: {address}")
    for line in tree_lines(status):
        click.echo(line)
