"""`ess-actors tree`: who is below whom in a running site, and how each is."""

from typing import Any

import click

from ess_actors.cli.api_client import Api
from ess_actors.cli.moments import span
from ess_actors.cli.options import with_api
from ess_actors.cli.status import coloured, in_order
from ess_actors.cli.tables import branches


def drawing(status: dict[str, Any]) -> list[str]:
    """One line per actor, all below the supervisor; only what is not as it should be is told at length."""
    actors = in_order(status)
    below = [actor for actor in actors if actor["id"] != "supervisor"]
    paths = ["supervisor", *(f"supervisor/{actor['id']}" for actor in below)]
    root = [actor for actor in actors if actor["id"] == "supervisor"]
    names = branches(paths)
    return [
        f"{name}  {_about(actor)}".rstrip()
        for name, actor in zip(names, [*(root or [{}]), *below], strict=True)
    ]


def _about(actor: dict[str, Any]) -> str:
    state = str(actor.get("state", ""))
    words = [coloured(state)]
    if actor.get("pid"):
        words.append(f"pid {actor['pid']}")
    if actor.get("stopped_by"):
        words.append(f"by {actor['stopped_by']}")
    if isinstance(actor.get("next_try_s"), int | float):
        words.append(f"next try in {span(actor['next_try_s'])}")
    if state != "RUNNING" and actor.get("last_error"):
        words.append(str(actor["last_error"]).partition("\n")[0])
    return "  ".join(words)


@click.command()
@with_api
def command(api: Api) -> None:
    """Draw the actor tree: state and process of each, and why one does not run."""
    status = api.get("/api/status")
    assert isinstance(status, dict)
    for line in drawing(status):
        click.echo(line)
