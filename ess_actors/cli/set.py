"""`ess-actors set URI BODY`: set a variable or write to a device, and print what came of it."""

import click

from ess_actors.cli.api_client import Api, compact
from ess_actors.cli.options import with_api


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("uri")
@click.argument("body")
@with_api
def command(api: Api, uri: str, body: str) -> None:
    """Set what is at URI to the JSON text BODY and print the reply.

    BODY travels as it is written; text needs its own quotes: '"Clear"'.
    """
    reply = api.message("set", uri, body, told=lambda line: click.echo(line, err=True))
    if reply is not None:
        click.echo(compact(reply))
