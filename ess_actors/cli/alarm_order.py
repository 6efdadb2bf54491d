"""An order to alarms as the verbs give it: what was said of each, and 1 as exit code when not all was done."""

from collections.abc import Sequence

import click

from ess_actors.cli.api_client import Api, compact
from ess_actors.cli.wire import stranger


def order(api: Api, verb: str, ids: Sequence[str], as_json: bool, **more: object) -> None:
    """Send the order, print what came of it. No ids = all alarms (`ack` only). Raises RequestError when refused."""
    whole = {"ids": list(ids), **more} if ids else {"all": True, **more}
    answer = api.post(f"/api/alarms/{verb}", compact(whole))
    if not isinstance(answer, dict) or not isinstance(answer.get("results"), dict):
        raise stranger(api.address)
    if as_json:
        click.echo(compact(answer))
    else:
        for alarm_id, text in answer["results"].items():
            click.echo(f"{alarm_id}: {text}")
        click.echo(answer.get("text", ""))
    if answer.get("status") != "ok":
        raise click.exceptions.Exit(1)
