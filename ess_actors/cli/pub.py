"""`ess-actors pub URI BODY`: publish a body to whoever listens to the uri."""

import click

from ess_actors.cli.api_client import Api
from ess_actors.cli.options import with_api


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("uri")
@click.argument("body")
@with_api
def command(api: Api, uri: str, body: str) -> None:
    """Publish the JSON text BODY under URI. A pub has no reply; nothing is printed when it went out."""
    api.message("pub", uri, body)
