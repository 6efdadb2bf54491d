"""`ess-actors sim`: change simulated devices of a site under --sim, or break them on purpose."""

import json
from pathlib import Path
from urllib.parse import quote

import click

from ess_actors.cli.api_client import Api, compact
from ess_actors.cli.options import with_api

FAULTS = ("offline", "mute", "delay", "exception", "freeze", "none")


def point_value(text: str) -> object:
    """The value of an assignment: JSON where it is JSON, else the text itself, as enum names are."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def assigned(assignments: tuple[str, ...]) -> dict[str, object]:
    """`component/point=value` texts as {point path: value}. Raises click.BadParameter naming the bad one."""
    points: dict[str, object] = {}
    for assignment in assignments:
        path, equals, value = assignment.partition("=")
        if not equals or "/" not in path.strip("/"):
            raise click.BadParameter(f"{assignment!r} is no component/point=value such as bms_info/soc=55")
        points[path] = point_value(value)
    return points


@click.group()
def command() -> None:
    """Play with simulated devices. STEM is the name of the client file, such as bms_1."""


@command.command(name="set", context_settings={"ignore_unknown_options": True})
@click.argument("stem")
@click.argument("assignments", nargs=-1, required=True, metavar="COMPONENT/POINT=VALUE...")
@with_api
def set_points(api: Api, stem: str, assignments: tuple[str, ...]) -> None:
    """Put values, in engineering units, into the simulated device STEM."""
    click.echo(compact(api.post(f"/api/sim/{quote(stem, safe='')}/points", compact(assigned(assignments)))))


@command.command()
@click.argument("stem")
@click.argument("kind", type=click.Choice(FAULTS))
@click.option("--ms", type=click.IntRange(min=0), help="How late a delayed answer is, in milliseconds.")
@click.option("--code", type=click.IntRange(1, 255), help="The Modbus exception code that is answered.")
@with_api
def fault(api: Api, stem: str, kind: str, ms: int | None, code: int | None) -> None:
    """Let the simulated device STEM misbehave until `none` makes it well again."""
    order = {"kind": kind} | {name: n for name, n in (("ms", ms), ("code", code)) if n is not None}
    click.echo(compact(api.post(f"/api/sim/{quote(stem, safe='')}/fault", compact(order))))


@command.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port of the first device; the next one is behind it."
)
def run(files: tuple[Path, ...], host: str, port: int | None) -> None:
    """Simulate the devices of client FILEs until Ctrl-C; no site is needed.

    Prints where each device listens; without --port these are free ports.
    """
    from ess_actors.cli.sim_run import run as run_simulators

    run_simulators(files, host, port)
