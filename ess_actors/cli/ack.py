"""`ess-actors ack ALARM...`: acknowledge alarms."""

import click

from ess_actors.cli.alarm_ids import alarm_ids
from ess_actors.cli.alarm_order import order
from ess_actors.cli.api_client import Api
from ess_actors.cli.options import with_api, with_json


@click.command()
@click.argument("alarms", nargs=-1, metavar="[ALARM]...")
@click.option("--all", "everything", is_flag=True, help="All alarms that nobody has acknowledged yet.")
@with_json
@with_api
def command(api: Api, alarms: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Acknowledge each ALARM: its id, or any part that only one alarm has, such as its name.

    `ess-actors alarms` shows them. Exit code 1 when one was not acknowledged.
    """
    if bool(alarms) == everything:
        raise click.UsageError("name the alarms, or say --all")
    order(api, "ack", alarm_ids(api, alarms), as_json)
