"""`ess-actors tokens`: what scripts show instead of a password."""

from urllib.parse import quote

import click

from ess_actors.cli.api_client import Api, compact
from ess_actors.cli.moments import date_and_time
from ess_actors.cli.options import with_api, with_json
from ess_actors.cli.tables import table
from ess_actors.core.roles import ROLE_WORDS


@click.group()
def command() -> None:
    """Tokens for scripts: put one into ESS_ACTORS_TOKEN where the script runs."""


@command.command(name="list")
@with_json
@with_api
def list_(api: Api, as_json: bool) -> None:
    """Print every token's name, role and times; the tokens themselves are kept nowhere."""
    rows = api.rows("/api/tokens", "tokens")
    if as_json:
        for row in rows:
            click.echo(compact(row))
        return
    cells = [
        [
            str(row["name"]),
            str(row["role"]),
            str(row["maker"]),
            *(_when(row.get(k)) for k in ("until", "used")),
        ]
        for row in rows
    ]
    for line in table(("NAME", "ROLE", "MADE BY", "UNTIL", "LAST USED"), cells):
        click.echo(line)


@command.command()
@click.argument("name")
@click.argument("role", type=click.Choice(ROLE_WORDS))
@click.option("--days", type=click.IntRange(1, 3650), help="Until it ends.  [default: never]")
@with_api
def new(api: Api, name: str, role: str, days: int | None) -> None:
    """Make a token and print it, this once."""
    body: dict[str, object] = {"name": name, "role": role}
    answer = api.post("/api/tokens", compact(body if days is None else {**body, "days": days}))
    assert isinstance(answer, dict)
    click.echo(f"token {name} ({role}); it is not shown again:", err=True)
    click.echo(answer["token"])


@command.command()
@click.argument("name")
@with_api
def revoke(api: Api, name: str) -> None:
    """End a token at once."""
    answer = api.delete(f"/api/tokens/{quote(name, safe='')}")
    assert isinstance(answer, dict)
    click.echo(answer["text"])


def _when(value: object) -> str:
    return date_and_time(value) if value else "-"
