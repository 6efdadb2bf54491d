"""`ess-actors audit`: who wrote what, and whether the table of it is as it was written."""

import sqlite3
from pathlib import Path
from typing import Any

import click

from ess_actors.cli.api_client import Api, compact
from ess_actors.cli.moments import date_and_time
from ess_actors.cli.options import with_api, with_json
from ess_actors.cli.run import default_state_dir
from ess_actors.cli.tables import table
from ess_actors.core.errors import RequestError
from ess_actors.store.audit import verify_file

TITLES = ("ROW", "TIME", "WHO", "FROM", "URI", "OLD", "NEW", "RESULT")
FILE = "journal.sqlite"
_WIDTH = 40


def cells_of(row: dict[str, Any]) -> list[str]:
    """The cells of one row; long values are cut, `--json` has them whole."""
    values = [str(row.get(name, "")) for name in ("who", "origin", "uri", "old", "new", "result")]
    short = [value if len(value) <= _WIDTH else f"{value[: _WIDTH - 3]}..." for value in values]
    return [str(row.get("seq", "")), date_and_time(row.get("time")), *short]


@click.group(invoke_without_command=True)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many.")
@with_json
@with_api
@click.pass_context
def command(ctx: click.Context, api: Api, limit: int, as_json: bool) -> None:
    """Print the latest writes of operators and site controllers, the newest last."""
    if ctx.invoked_subcommand is not None:
        return
    rows = list(reversed(api.rows("/api/audit", "rows", limit=str(limit))))
    if as_json:
        for row in rows:
            click.echo(compact(row))
        return
    for line in table(TITLES, [cells_of(row) for row in rows]) if rows else ["nothing was written yet"]:
        click.echo(line)


@command.command()
@click.argument("site", metavar="SITE|FILE")
@click.option("--state-dir", type=click.Path(path_type=Path), help="Where the site keeps its journal.")
@with_json
def verify(site: str, state_dir: Path | None, as_json: bool) -> None:
    """Check every row of a site's audit table; exit code 1 when one was changed or is missing.

    SITE is the name of a site (or its folder), FILE its journal; the site may run meanwhile.
    """
    path = Path(site)
    if not path.is_file():
        path = (state_dir or default_state_dir(path.resolve().name)) / FILE
    try:
        found, count = verify_file(path)
    except (OSError, sqlite3.Error) as problem:
        text = f"{path} cannot be read: {problem}; say where the site keeps its journal with --state-dir"
        raise RequestError("not_verified", text) from None
    if as_json:
        click.echo(compact({"file": str(path), "rows": count, "problems": found}))
    else:
        for line in found:
            click.echo(f"{path}: {line}")
        click.echo(f"{count} rows, {len(found)} problems")
    if found:
        raise click.exceptions.Exit(1)
