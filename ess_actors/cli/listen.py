"""`ess-actors listen [URI...]`: print messages as they pass, one line each."""

from contextlib import suppress
from typing import Any

import click

from ess_actors.cli.api_client import Api, compact
from ess_actors.cli.errors import NothingRuns
from ess_actors.cli.moments import time_of_day
from ess_actors.cli.options import with_api, with_json


def line_of(record: dict[str, Any]) -> str:
    """`14:03:07.123 set  /ess_1/t/x 5`, followed by where the reply goes."""
    body = compact(record["body"]) if record.get("body") is not None else ""
    reply = f" -> {record['replyto']}" if record.get("replyto") else ""
    head = f"{time_of_day(record.get('time'))} {record.get('method', ''):<4} {record.get('uri', '')}"
    return f"{head} {body}{reply}".rstrip()


@click.command()
@click.argument("uris", nargs=-1, metavar="[URI]...")
@with_json
@with_api
def command(api: Api, uris: tuple[str, ...], as_json: bool) -> None:
    """Print every message at or below one of the URIs (none: all messages) until Ctrl-C."""
    with suppress(KeyboardInterrupt):
        for record in api.listen(uris):
            if record.get("dropped"):
                click.echo(f"ess-actors: too slow, {record['dropped']} messages lost here", err=True)
            click.echo(compact(record) if as_json else line_of(record))
        raise NothingRuns("the site ended the stream")
