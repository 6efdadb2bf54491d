"""`ess-actors shelve ALARM...`: put alarms away for a while, with a reason."""

import click

from ess_actors.cli.alarm_ids import alarm_ids
from ess_actors.cli.alarm_order import order
from ess_actors.cli.api_client import Api
from ess_actors.cli.options import with_api, with_json
from ess_actors.cli.spans import Span
from ess_actors.core.alarm_state import LONGEST_SHELVING_MIN


@click.command()
@click.argument("alarms", nargs=-1, required=True, metavar="ALARM...")
@click.option("--for", "seconds", type=Span(), required=True, help="How long: 30m, 8h, 2d; a week at most.")
@click.option("--why", required=True, help="The reason; others will read it.")
@with_json
@with_api
def command(api: Api, alarms: tuple[str, ...], seconds: float, why: str, as_json: bool) -> None:
    """Shelve each ALARM: its id, or any part that only one alarm has. It comes back by itself.

    Exit code 1 when one was not shelved.
    """
    if seconds > LONGEST_SHELVING_MIN * 60:
        raise click.UsageError("--for is longer than a week; shelve it for less, and again when need be")
    order(api, "shelve", alarm_ids(api, alarms), as_json, minutes=seconds / 60, why=why)
