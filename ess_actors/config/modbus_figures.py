"""The size and the load of a Modbus file: what a client asks of its devices, what a server offers."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from ess_actors.config.modbus_files import ModbusFile
from ess_actors.core.points import ClientMap, Endpoint
from ess_actors.core.polling import Block, plan
from ess_actors.core.server_points import ServerMap

_TCP_REQUEST: Final = 12
"""MBAP header 7, function 1, address and count 4."""
_TCP_ANSWER: Final = 9
"""MBAP header 7, function 1, byte count 1; then the values."""
_RTU_REQUEST: Final = 8
"""Unit 1, function 1, address and count 4, checksum 2."""
_RTU_ANSWER: Final = 5
"""Unit 1, function 1, byte count 1, checksum 2; then the values."""


def figures(file: ModbusFile) -> dict[str, object] | None:
    """The figures of a file by their names for programs, None when it was not loaded."""
    if file.clients:
        return {"kind": "client", **client_figures(file.clients)}
    return None if file.server is None else {"kind": "server", **server_figures(file.server)}


def client_figures(maps: Sequence[ClientMap]) -> dict[str, object]:
    """Of all connections of one client file. Requests per cycle: each period of each component counted once."""
    found: Counter[str] = Counter()
    points_s = bytes_s = line_bits_s = 0.0
    for one in maps:
        for component in one.components:
            found["components"] += 1
            found["points"] += sum(point.published for point in component.points)
            for cycle in plan(component):
                rate = 1000 / cycle.period_ms
                found["requests"] += len(cycle.blocks)
                for block in cycle.blocks:
                    size = frame_bytes(one.endpoint, block)
                    points_s += rate * sum(point.published for point in block.points)
                    bytes_s += rate * size
                    line_bits_s += rate * _bits_on_the_line(one.endpoint, size)
    figures: dict[str, object] = {
        "connections": len(maps),
        "components": found["components"],
        "points": found["points"],
        "requests_per_cycle": found["requests"],
        "points_per_second": round(points_s, 3),
        "bytes_per_second": round(bytes_s, 3),
    }
    serial = maps[0].endpoint.serial
    if serial is not None:
        figures["line_load"] = round(line_bits_s / serial.baud_rate, 3)
    return figures


def frame_bytes(endpoint: Endpoint, block: Block) -> int:
    """Bytes of a request and its answer."""
    values = (block.count + 7) // 8 if block.is_bits else 2 * block.count
    if endpoint.serial is not None or endpoint.rtu:
        return _RTU_REQUEST + _RTU_ANSWER + values
    return _TCP_REQUEST + _TCP_ANSWER + values


def _bits_on_the_line(endpoint: Endpoint, size: int) -> float:
    """Bits of two frames on a serial line, with the silence of 3.5 characters behind each."""
    serial = endpoint.serial
    if serial is None:
        return 0.0
    character = 1 + serial.data_bits + (serial.parity != "N") + serial.stop_bits
    return character * (size + 7.0)


def server_figures(server: ServerMap) -> dict[str, object]:
    """Entries, the registers and bits they take, the units and the sources."""
    registers: dict[str, int] = {}
    for entry in server.entries:
        words = max(1, entry.codec.size) + (entry.high_word_address is not None)
        name = entry.table.name.lower()
        registers[name] = registers.get(name, 0) + words
    return {
        "entries": len(server.entries),
        "registers": sum(registers.values()),
        "tables": registers,
        "units": len({entry.unit for entry in server.entries}),
        "sources": len(server.sources),
    }


def sentence(file: str, figures: dict[str, object]) -> str:
    """The same for people, one line."""

    def count(name: str, one: str, many: str) -> str:
        number = figures[name]
        return f"{number:,} {one if number == 1 else many}"

    if figures["kind"] == "server":
        return (
            f"{file}: server, {count('entries', 'entry', 'entries')} in {count('registers', 'register', 'registers')}, "
            f"{count('units', 'unit', 'units')}, {count('sources', 'source', 'sources')}"
        )
    connections = figures["connections"]
    load = figures.get("line_load")
    return (
        f"{file}: client, {f'{connections:,} connections, ' if connections != 1 else ''}"
        f"{count('components', 'component', 'components')}, {count('points', 'point', 'points')}, "
        f"{count('requests_per_cycle', 'read request', 'read requests')} per cycle, "
        f"{figures['points_per_second']:,.7g} points/s, {figures['bytes_per_second']:,.7g} bytes/s"
        + (f", {100 * load:.3g} % of the line" if isinstance(load, float) else "")
    )
