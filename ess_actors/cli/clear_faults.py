"""`ess-actors clear-faults [ASSET]`: clear latched faults of a site or an asset, and tell what came of it."""

import click

from ess_actors.cli.api_client import Api, compact
from ess_actors.cli.options import with_api, with_json
from ess_actors.cli.tables import table
from ess_actors.cli.wire import stranger

TITLES = ("INSTANCE", "OUTCOME", "REMAINING", "BECAUSE")
CLEARED = "cleared"
WRITTEN = frozenset({"ok", "verified", "clamped"})
"""Statuses of a device's answer that mean: the pulse was written."""


@click.command()
@click.argument("asset", required=False)
@with_json
@with_api
def command(api: Api, asset: str | None, as_json: bool) -> None:
    """Clear the latched faults and alarms of ASSET, of the whole site when none is named, and wait for the result.

    Exit code 1 when something is still active, or a member or a device did not do it.
    """
    result = api.post("/api/alarms/clear", compact({"asset": asset} if asset else {}))
    if not isinstance(result, dict) or not isinstance(result.get("members"), list):
        raise stranger(api.address)
    members, devices = result["members"], result.get("devices") or {}
    if as_json:
        click.echo(compact(result))
    else:
        click.echo(result.get("text", ""))
        rows = [
            [
                str(one.get("instance", "")),
                str(one.get("outcome", "")),
                ", ".join(map(str, one.get("remaining") or ())),
                str(one.get("because") or ""),
            ]
            for one in members
        ]
        for line in table(TITLES, rows):
            click.echo(line)
        for uri, status in devices.items():
            click.echo(f"{uri}: {status}")
    if any(one.get("outcome") != CLEARED for one in members) or not WRITTEN.issuperset(devices.values()):
        raise click.exceptions.Exit(1)
