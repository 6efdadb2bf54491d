"""`ess-actors get URI`: ask for a value and print the answer."""

import click

from ess_actors.cli.api_client import Api, compact
from ess_actors.cli.options import with_api


@click.command()
@click.argument("uri")
@with_api
def command(api: Api, uri: str) -> None:
    """Ask for what is at URI and print it as JSON.

    URI is /INSTANCE/table/variable for a variable of an instance, also with naked, full or ui behind
    INSTANCE, or /components/... for a device point.
    """
    click.echo(compact(api.message("get", uri)))
