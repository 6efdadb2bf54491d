"""Simulated devices in the foreground, made from client files alone, for whoever has no site to start."""

import asyncio
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from ess_actors.config.modbus_client import load_client
from ess_actors.config.render import for_people
from ess_actors.core.errors import ConfigError
from ess_actors.core.findings import Finding, Severity
from ess_actors.core.points import ClientMap
from ess_actors.modbus.simulator import Simulator


def load(files: Sequence[Path]) -> tuple[list[ClientMap], list[Finding]]:
    """The client maps of all files. Raises ConfigError with every finding when one is FATAL."""
    maps: list[ClientMap] = []
    findings: list[Finding] = []
    for file in files:
        found_maps, found = load_client(file)
        maps += found_maps
        findings += found
    if any(finding.severity is Severity.FATAL for finding in findings):
        raise ConfigError("\n".join(for_people(findings)))
    stems = [one.stem for one in maps]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise ConfigError(f"two devices are called {', '.join(twice)}; rename one of the files")
    return maps, findings


def ports_from(first: int | None, maps: Sequence[ClientMap]) -> Mapping[tuple[str, int], int]:
    """Endpoint address in the files -> port to listen on, `first` and those behind it; None = free ones."""
    if first is None:
        return {}
    addresses = list(dict.fromkeys(one.endpoint.address for one in maps))
    if first + len(addresses) > 65536:
        raise ConfigError(f"{len(addresses)} devices do not fit behind port {first}; use a smaller --port")
    return {address: first + index for index, address in enumerate(addresses)}


def run(files: Sequence[Path], host: str, first_port: int | None) -> None:
    """Simulate until SIGINT or SIGTERM. Raises ConfigError for files or ports that cannot be used."""
    maps, findings = load(files)
    for line in for_people(findings):
        click.echo(line, err=True)
    try:
        asyncio.run(_live(Simulator(maps, host=host, ports=ports_from(first_port, maps))))
    except OSError as error:
        raise ConfigError(f"cannot listen on {host}: {error}; choose another --port") from None


async def _live(simulator: Simulator) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    try:
        await simulator.start()
        for stem, (host, port) in simulator.addresses.items():
            click.echo(f"{stem}: {host}:{port}")
        await ended.wait()
    finally:
        await simulator.stop()
