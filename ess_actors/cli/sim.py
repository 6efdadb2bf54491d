"""`ess-actors sim`: run simulated devices made from client files, and play with them or with those of a site."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from ess_actors.cli.address import Address
from ess_actors.cli.api_client import Api, compact
from ess_actors.cli.options import AddressType, with_api, with_json
from ess_actors.cli.tables import table
from ess_actors.core.simulated_faults import KINDS, MODES, TYPES


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


class FilesOrVerb(click.Group):
    """Words that do not begin with a verb are files and options of `run`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["FILE... | get | set | fault"]


@click.group(cls=FilesOrVerb)
def command() -> None:
    """Simulate the devices of client FILEs until Ctrl-C; no site is needed.

    Prints where each device is reached, and the address of the control API that get, set and fault go to
    with --api; without --api they go to the site that runs here with --sim. Options: `sim run --help`. A file
    that is called like a verb is written ./get. STEM is the name of the client file, such as bms_1.
    """


@command.command()
@click.argument("stem", required=False)
@click.argument("path", required=False, metavar="[COMPONENT[/POINT]]")
@with_json
@with_api
def get(api: Api, stem: str | None, path: str | None, as_json: bool) -> None:
    """Show what the simulated device STEM holds: value and words; without STEM the devices there are."""
    if stem is None:
        devices = api.rows("/api/sim", "devices")
        lines = [compact(devices)] if as_json else table(*_device_rows(devices))
    else:
        answer: Any = api.get(f"/api/sim/{quote(stem, safe='')}/points/{quote(path or '')}".rstrip("/"))
        points = answer.get("points")
        lines = [compact(answer)] if as_json or points is None else table(*_point_rows(points))
    for line in lines:
        click.echo(line)


def _device_rows(devices: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    rows = [
        [
            str(device["stem"]),
            str(device["place"]),
            ", ".join(map(str, device["units"])),
            str(device["points"]),
            "; ".join(compact(fault) for fault in device["faults"]),
        ]
        for device in devices
    ]
    return ["device", "where", "units", "points", "faults"], rows


def _point_rows(points: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    rows = [
        [path, compact(shown["value"]), " ".join(f"{word:04X}" for word in shown["words"])]
        for path, shown in points.items()
    ]
    return ["point", "value", "words"], rows


@command.command(name="set", context_settings={"ignore_unknown_options": True})
@click.argument("stem")
@click.argument("assignments", nargs=-1, required=True, metavar="COMPONENT/POINT=VALUE...")
@with_api
def set_points(api: Api, stem: str, assignments: tuple[str, ...]) -> None:
    """Put values, in engineering units, into the simulated device STEM; null leaves a point to the model."""
    click.echo(compact(api.post(f"/api/sim/{quote(stem, safe='')}/points", compact(assigned(assignments)))))


@command.command(epilog="\b\n" + "\n".join(f"{name:<12}{kind.says}" for name, kind in KINDS.items()))
@click.argument("stem")
@click.argument("kind", type=click.Choice(tuple(KINDS)), required=False)
@click.option("--unit", type=click.IntRange(0, 255), help="Only this unit; without it all of the device.")
@click.option("--type", type=click.Choice(tuple(TYPES)), help="Only requests to this table.")
@click.option("--from", type=click.IntRange(0, 65535), help="Only requests that touch this address ...")
@click.option("--to", type=click.IntRange(0, 65535), help="... or one up to this.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many requests.")
@click.option("--for-ms", type=click.IntRange(min=1), help="End after so many milliseconds.")
@click.option("--ms", type=click.IntRange(min=1), help="How late an answer is, in milliseconds.")
@click.option("--code", type=click.IntRange(1, 255), help="The Modbus exception code that is answered.")
@click.option("--mode", type=click.Choice(tuple(MODES)), help="How an answer is garbled.")
@with_api
def fault(api: Api, stem: str, kind: str | None, **settings: int | str | None) -> None:
    """Let the simulated device STEM misbehave until `none` makes it well again; without KIND show its faults."""
    path = f"/api/sim/{quote(stem, safe='')}/fault"
    if kind is None:
        click.echo(compact(api.get(path)))
        return
    order = {"kind": kind} | {name: given for name, given in settings.items() if given is not None}
    click.echo(compact(api.post(path, compact(order))))


@command.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port of the first device; the next one is behind it."
)
@click.option("--strict-gaps", is_flag=True, help="Refuse requests that touch an address without a point.")
@click.option("--api", type=AddressType(), help="Where the control API listens; without it on a free port.")
@click.option(
    "--plant",
    type=click.Path(path_type=Path),
    help="How the devices behave: the `sim` member of a site.json, or a site.json itself.",
)
def run(
    files: tuple[Path, ...],
    host: str,
    port: int | None,
    strict_gaps: bool,
    api: Address | None,
    plant: Path | None,
) -> None:
    """Simulate the devices of client FILEs until Ctrl-C; no site is needed.

    Prints where each device is reached and where the control API is; without --port and --api these are
    free ports. A serial line becomes a pseudo-terminal; TLS is left out.
    """
    from ess_actors.cli.sim_run import Options
    from ess_actors.cli.sim_run import run as run_simulators

    run_simulators(files, Options(host, port, strict_gaps, api, plant))
