"""`ess-actors journal`: the latest records of a site's journal, the newest last."""

from typing import Any, Final

import click

from ess_actors.cli.api_client import Api, compact
from ess_actors.cli.moments import date_and_time
from ess_actors.cli.options import with_api, with_json

SEVERITIES: Final = {0: "debug", 1: "info", 2: "status", 3: "alarm", 4: "fault"}
COLOURS: Final = {"alarm": "yellow", "fault": "red"}


def line_of(record: dict[str, Any]) -> str:
    """`2025-11-22 14:03:07.000 fault   ess_1->bms_1: message`; commands show their uri and body."""
    body = record.get("body")
    told = body if isinstance(body, dict) else {}
    word = SEVERITIES.get(told.get("severity", -1), str(record.get("kind", "")))
    source = told.get("source") or record.get("source") or record.get("uri")
    text = told.get("message") or f"{record.get('uri', '')} {compact(body)}"
    label = click.style(f"{word:<7}", fg=COLOURS.get(word))
    return f"{date_and_time(record.get('time'))} {label} {source}: {text}"


@click.command()
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many.")
@with_json
@with_api
def command(api: Api, limit: int, as_json: bool) -> None:
    """Print the latest events, alarms and commands of the site, the newest last."""
    for record in reversed(api.rows("/api/journal", "records", limit=str(limit))):
        click.echo(compact(record) if as_json else line_of(record))
