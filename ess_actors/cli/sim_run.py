"""Simulated devices in the foreground, made from client files alone, for whoever has no site to start."""

import asyncio
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import click
import uvloop

from ess_actors.cli.address import Address
from ess_actors.config.modbus_client import load_client
from ess_actors.config.render import for_people
from ess_actors.config.site_sim import load_plant
from ess_actors.core.errors import ConfigError, RequestError
from ess_actors.core.findings import Finding, Severity
from ess_actors.core.points import ClientMap
from ess_actors.modbus.simulator import Simulator
from ess_actors.modbus.simulator_orders import obey
from ess_actors.web.server import ApiServer, bind
from ess_actors.web.sim_app import create_sim_app


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says beside the files."""

    host: str = "127.0.0.1"
    first_port: int | None = None
    strict_gaps: bool = False
    api: Address | None = None
    plant: Path | None = None


def load(files: Sequence[Path]) -> tuple[list[ClientMap], list[Finding]]:
    """The client maps of all files. Raises ConfigError with every finding when one is FATAL."""
    maps: list[ClientMap] = []
    findings: list[Finding] = []
    for file in files:
        found_maps, found = load_client(file)
        maps += found_maps
        findings += found
    _refuse_fatal(findings)
    return maps, findings


def _refuse_fatal(findings: Sequence[Finding]) -> None:
    if any(finding.severity is Severity.FATAL for finding in findings):
        raise ConfigError("\n".join(for_people(findings)))


def ports_from(first: int | None, maps: Sequence[ClientMap]) -> Mapping[tuple[str, int], int]:
    """Endpoint address in the files -> port to listen on, `first` and those behind it; None = free ones.

    Serial lines need no port.
    """
    if first is None:
        return {}
    addresses = list(dict.fromkeys(one.endpoint.address for one in maps if one.endpoint.serial is None))
    if first + len(addresses) > 65536:
        raise ConfigError(f"{len(addresses)} devices do not fit behind port {first}; use a smaller --port")
    return {address: first + index for index, address in enumerate(addresses)}


def run(files: Sequence[Path], options: Options) -> None:
    """Simulate until SIGINT or SIGTERM. Raises ConfigError for files or ports that cannot be used."""
    maps, findings = load(files)
    plant: Mapping[str, Mapping[str, object]] = {}
    if options.plant is not None:
        plant, found = load_plant(options.plant, maps)
        findings += found
        _refuse_fatal(found)
    for line in for_people(one for one in findings if one.severity > Severity.NOTE):
        click.echo(line, err=True)
    ports = ports_from(options.first_port, maps)
    simulator = Simulator(maps, host=options.host, ports=ports, plant=plant, strict_gaps=options.strict_gaps)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_live(simulator, maps, options))


async def _live(simulator: Simulator, maps: Sequence[ClientMap], options: Options) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    server = ApiServer(create_sim_app(_Alone(simulator)))
    bound = bind(*(options.api or ("127.0.0.1", 0)))
    try:
        try:
            await simulator.start()
        except OSError as error:
            bound.close()
            text = f"cannot listen on {options.host}: {error}; choose another --port"
            raise ConfigError(text) from None
        api = Address(*await server.start(bound))
        for line in _told(simulator, maps):
            click.echo(line)
        click.echo(f"control API: {api}")
        await ended.wait()
    finally:
        await server.stop()
        await simulator.stop()


class _Alone:
    """web.SimBridge on simulators of this process."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def sim_devices(self) -> tuple[int, dict[str, object]]:
        return await self._obeyed("devices", "", {})

    async def sim_read(self, stem: str, path: str) -> tuple[int, dict[str, object]]:
        return await self._obeyed("read", stem, {"path": path})

    async def sim_points(self, stem: str, points: dict[str, object]) -> tuple[int, dict[str, object]]:
        return await self._obeyed("points", stem, points)

    async def sim_writes(self, since: int) -> tuple[int, dict[str, object]]:
        return await self._obeyed("writes", "", {"since": since})

    async def sim_fault(self, stem: str, fault: dict[str, object]) -> tuple[int, dict[str, object]]:
        return await self._obeyed("fault", stem, fault)

    async def _obeyed(self, verb: str, stem: str, body: dict[str, object]) -> tuple[int, dict[str, object]]:
        try:
            return 200, await obey(self._simulator, verb, stem, body)
        except RequestError as error:
            code = 404 if error.status in ("unknown_device", "unknown_id") else 400
            return code, {"error": error.status, "text": str(error)}


def _told(simulator: Simulator, maps: Sequence[ClientMap]) -> Iterator[str]:
    """Where every device is, in order of the files, and what of it is not as in the file."""
    for device, client_map in zip(simulator.devices(), maps, strict=True):
        stem, units, echoes = str(device["stem"]), device["units"], device["echoes"]
        assert isinstance(units, list) and isinstance(echoes, list)
        notes = [f"units {_ranges(units)}" if len(units) > 1 else f"unit {_ranges(units)}"]
        endpoint = client_map.endpoint
        if endpoint.serial is not None:
            odd = (endpoint.serial.parity, endpoint.serial.data_bits) != ("N", 8)
            notes.insert(0, f"RTU for {endpoint.place}" + (", open it with 8N1" if odd else ""))
        elif endpoint.rtu:
            notes.insert(0, "RTU over TCP")
        if endpoint.tls is not None:
            notes.insert(0, "without TLS")
        yield f"{stem}: {device['place']} ({', '.join(notes)}; {device['points']} points)"
        if echoes:
            shown = ", ".join(echoes[:5]) + (", ..." if len(echoes) > 5 else "")
            yield f"{stem}: there is no bus to echo, so {shown} show 0 and take no writes"


def _ranges(units: Sequence[int]) -> str:
    """`1, 11-28`."""
    runs = [[unit for _, unit in run] for _, run in groupby(enumerate(units), lambda pair: pair[1] - pair[0])]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
