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
TITLES: Final = ("ID", "STATE", "PID", "RESTARTS", "UPTIME", "CPU %", "RSS MB", "LAST ERROR")
FLUSH_RIGHT: Final = frozenset({"PID", "RESTARTS", "UPTIME", "CPU %", "RSS MB"})


def tree_lines(status: dict[str, Any]) -> list[str]:
    """The table: one row per actor, children below their parent."""
    actors = sorted(status.get("actors") or [], key=lambda actor: _order(actor, status))
    drawn = branches([str(actor["id"]) for actor in actors])
    return table(TITLES, [_row(actor, name) for actor, name in zip(actors, drawn, strict=True)], FLUSH_RIGHT)


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
    return [
        name,
        click.style(state, fg=COLOURS.get(state.upper())),
        str(actor.get("pid") or "-"),
        str(actor.get("restarts", 0)),
        span(actor.get("uptime_s")),
        _figure(actor.get("cpu_percent"), 1.0),
        _figure(actor.get("rss_bytes"), 1e6),
        error,
    ]


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
