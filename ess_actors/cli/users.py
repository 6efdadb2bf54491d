"""`ess-actors users`: who may log in, at a running site or in its state folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ess_actors.cli.api_client import Api, compact
from ess_actors.cli.moments import date_and_time
from ess_actors.cli.options import with_api, with_json
from ess_actors.cli.passwords import asked_anew
from ess_actors.cli.tables import table
from ess_actors.cli.users_kept import KeptUsers, SiteUsers, Users
from ess_actors.core.roles import ROLE_WORDS

Callback = TypeVar("Callback", bound=Callable[..., Any])

ROLES = click.Choice(ROLE_WORDS)


def _with_users(callback: Callback) -> Callback:
    """Give a verb `api: Api` and `state_dir: Path | None`."""
    option = click.option(
        "--state-dir",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        help="Work on this state folder itself, on its own host: needs no login.",
    )
    return with_api(option(callback))


def _users(api: Api, state_dir: Path | None) -> Users:
    return SiteUsers(api) if state_dir is None else KeptUsers(state_dir)


@click.group()
def command() -> None:
    """Users and their roles: a viewer looks, an operator steers, an engineer changes.

    A forgotten password: `ess-actors users password NAME --state-dir DIR` on the site's host.
    """


@command.command(name="list")
@with_json
@_with_users
def list_(api: Api, state_dir: Path | None, as_json: bool) -> None:
    """Print every user."""
    rows = _users(api, state_dir).rows()
    if as_json:
        for row in rows:
            click.echo(compact(row))
        return
    cells = [[str(row["name"]), str(row["role"]), date_and_time(row.get("changed"))] for row in rows]
    for line in table(("NAME", "ROLE", "CHANGED"), cells):
        click.echo(line)


@command.command()
@click.argument("name")
@click.argument("role", type=ROLES)
@_with_users
def add(api: Api, state_dir: Path | None, name: str, role: str) -> None:
    """Add a user; the password is asked for, or read from a pipe."""
    _users(api, state_dir).add(name, role, asked_anew(f"Password for {name}"))
    click.echo(f"{name} is {role}")


@command.command()
@click.argument("name")
@_with_users
def remove(api: Api, state_dir: Path | None, name: str) -> None:
    """Remove a user; the logins end."""
    click.echo(_users(api, state_dir).remove(name))


@command.command()
@click.argument("name")
@_with_users
def password(api: Api, state_dir: Path | None, name: str) -> None:
    """Set a user's password; the logins end, also your own."""
    _users(api, state_dir).change(name, password=asked_anew(f"New password for {name}"))
    click.echo(f"{name} has a new password; log in again")


@command.command()
@click.argument("name")
@click.argument("role", type=ROLES)
@_with_users
def role(api: Api, state_dir: Path | None, name: str, role: str) -> None:
    """Give a user another role; the logins end."""
    _users(api, state_dir).change(name, role=role)
    click.echo(f"{name} is {role}")
