"""`ess-actors set URI BODY`: set a variable or write to a device, and print what came of it."""

import click

from ess_actors.cli.api_client import Api, checked_json, compact
from ess_actors.cli.options import with_api
from ess_actors.core.errors import RequestError


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("uri")
@click.argument("body")
@with_api
def command(api: Api, uri: str, body: str) -> None:
    """Set what is at URI to the JSON text BODY and print the reply.

    BODY travels as it is written; text needs its own quotes: '"Clear"'. A set of what is not there makes it, and
    says so.
    """
    body = checked_json(body)
    unknown = _is_unknown(api, uri)
    reply = api.message("set", uri, body, told=lambda line: click.echo(line, err=True))
    if reply is not None:
        click.echo(compact(reply))
    if unknown:
        click.echo(f"ess-actors: {uri} was not there before: it is new, or the uri is mistyped", err=True)


def _is_unknown(api: Api, uri: str) -> bool:
    """Instances make what is set and not there, as their documents may count on; a person may have mistyped it."""
    if "@" in uri or "/cfg/" in uri:  # params and documents are new most of the time
        return False
    try:
        api.message("get", uri)
    except RequestError as refusal:
        return refusal.status == "not_found"
    return False
