"""`ess-actors start ID`: start a stopped actor and print the answer."""

import click

from ess_actors.cli.api_client import Api, compact
from ess_actors.cli.options import with_api


@click.command()
@click.argument("actor_id", metavar="ID")
@with_api
def command(api: Api, actor_id: str) -> None:
    """Start the stopped actor ID. `ess-actors status` shows the ids."""
    click.echo(compact(api.order(actor_id, "start")))
