"""`ess-actors unshelve ALARM...`: take shelved alarms back before their time."""

import click

from ess_actors.cli.alarm_ids import alarm_ids
from ess_actors.cli.alarm_order import order
from ess_actors.cli.api_client import Api
from ess_actors.cli.options import with_api, with_json


@click.command()
@click.argument("alarms", nargs=-1, required=True, metavar="ALARM...")
@with_json
@with_api
def command(api: Api, alarms: tuple[str, ...], as_json: bool) -> None:
    """Take each shelved ALARM back: its id, or any part that only one alarm has.

    Exit code 1 when one was not taken back.
    """
    order(api, "unshelve", alarm_ids(api, alarms), as_json)
