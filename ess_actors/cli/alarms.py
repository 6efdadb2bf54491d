"""`ess-actors alarms`: what is wrong at the site now, faults first."""

from typing import Any, Final

import click

from ess_actors.cli.api_client import Api, compact
from ess_actors.cli.moments import date_and_time
from ess_actors.cli.options import with_api, with_json
from ess_actors.cli.tables import table

TITLES: Final = ("TYPE", "INSTANCE", "SINCE", "STATE", "COUNT", "SOURCE", "VALUE")
COLOURS: Final = {"fault": "red", "alarm": "yellow"}


def row_of(alarm: dict[str, Any]) -> list[str]:
    """The cells of one alarm."""
    kind = str(alarm.get("type", ""))
    return [
        click.style(kind, fg=COLOURS.get(kind)),
        str(alarm.get("instance", "")),
        date_and_time(alarm["since"]) if alarm.get("since") is not None else "-",
        str(alarm.get("state", "")),
        str(alarm.get("count", 1)),
        str(alarm.get("source", "")),
        str(alarm.get("value", alarm.get("message", ""))),
    ]


@click.command()
@with_json
@with_api
def command(api: Api, as_json: bool) -> None:
    """Show the alarms and faults that stand: active ones, and returned ones that wait for a clear."""
    alarms = api.rows("/api/alarms", "alarms")
    if as_json:
        for alarm in alarms:
            click.echo(compact(alarm))
        return
    alarms.sort(key=lambda alarm: alarm.get("type") != "fault")
    for line in table(TITLES, [row_of(alarm) for alarm in alarms]) if alarms else ["no alarms"]:
        click.echo(line)
