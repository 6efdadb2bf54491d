"""`ess-actors logout`: end the login at a site and forget its token."""

import click

from ess_actors.cli import kept_token
from ess_actors.cli.api_client import Api
from ess_actors.cli.errors import NothingRuns
from ess_actors.cli.options import with_api
from ess_actors.core.errors import RequestError


@click.command()
@with_api
def command(api: Api) -> None:
    """End the login at this address; also forgets it when the site does not answer."""
    try:
        if not kept_token.token_for(api.address):
            click.echo(f"nobody was logged in at {api.address}")
            return
        api.post("/api/logout")
    except (NothingRuns, RequestError) as problem:
        click.echo(f"ess-actors: the site was not told: {problem}", err=True)
    forgotten = kept_token.forget(api.address)
    click.echo(f"logged out at {api.address}" if forgotten else f"nobody was logged in at {api.address}")
