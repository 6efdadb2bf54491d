"""Microseconds per 125 registers: the compiled decode plan, the same with JSON, encoding, and pymodbus' converters."""

import statistics
import struct
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from pymodbus.client import AsyncModbusTcpClient

from ess_actors.config.modbus_client import load_client
from ess_actors.core.points import Component
from ess_actors.core.polling import plan
from ess_actors.core.registers import decode, encode
from ess_actors.core.registers_block import BlockDecoder

_KINDS = (
    *({"size": 1},) * 5,
    *({"size": 1, "scale": 10},) * 7,
    *({"size": 1, "signed": True, "scale": 100},) * 2,
    {"size": 2},
    {"size": 2, "signed": True, "scale": 1000},
    {"size": 2, "float": True},
    {"size": 1, "enum": True, "bit_strings": ["Off", "Standby", None, "Run"]},
    {
        "size": 1,
        "bit_field": True,
        "bit_strings": ["over voltage", "under voltage", "IGNORE", "over temperature"],
    },
    {"size": 1, "signed": True, "scale": 10, "shift": -40},
    {"size": 2, "scale": 10},
)
"""Twenty-five registers, twenty-one points."""


def component() -> Component:
    """125 registers of mixed points, read from a file as every component is."""
    entries, offset = [], 0
    for _ in range(5):
        for kind in _KINDS:
            entries.append({"id": f"p{offset}", "offset": offset, **kind})
            offset += int(str(kind["size"]))
    group = {"type": "holding", "map": entries}
    tree = {"connection": {"ip_address": "127.0.0.1"}, "components": [{"id": "c", "registers": [group]}]}
    with TemporaryDirectory(prefix="ess-bench-") as folder:
        file = Path(folder) / "c.json"
        file.write_bytes(orjson.dumps(tree))
        maps, findings = load_client(file)
    assert not findings, findings
    return maps[0].components[0]


def per_call(work: Callable[[int], object], calls: int = 4000, rounds: int = 7) -> float:
    """Median microseconds of one call."""
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        for n in range(calls):
            work(n)
        found.append((time.perf_counter() - started) / calls * 1e6)
    return statistics.median(found)


def measure() -> dict[str, Any]:
    one = component()
    (cycle,) = plan(one)
    (block,) = cycle.blocks
    assert block.count == 125
    decoder = BlockDecoder(block.address, block.count, False, block.points)
    payloads = [struct.pack(">125H", *((n * 7 + word) % 1000 for word in range(125))) for n in range(64)]
    same = payloads[0]
    values = [(p, decode(p.codec, _words(same, p.address, p.size))) for p in one.points]
    kinds = AsyncModbusTcpClient.DATATYPE

    def with_library(n: int) -> dict[str, object]:
        words = list(struct.unpack(">125H", payloads[n % 64]))
        found: dict[str, object] = {}
        for point in one.points:
            name = ("FLOAT" if point.codec.is_float else "INT" if point.codec.signed else "UINT") + str(
                16 * point.size
            )
            raw = AsyncModbusTcpClient.convert_from_registers(
                words[point.address : point.address + point.size], kinds[name]
            )
            found[point.id] = raw / point.codec.scale if point.codec.scale else raw  # type: ignore[operator]
        return found

    return {
        "points": len(one.points),
        "decode_us": per_call(lambda n: decoder(payloads[n % 64])),
        "decode_and_json_us": per_call(lambda n: orjson.dumps(decoder(payloads[n % 64]))),
        "decode_unchanged_us": per_call(lambda n: decoder(same)),
        "encode_us": per_call(lambda n: [encode(p.codec, v) for p, v in values], 200),
        "pymodbus_decode_us": per_call(with_library, 200),
    }


def _words(payload: bytes, address: int, count: int) -> tuple[int, ...]:
    return struct.unpack_from(f">{count}H", payload, 2 * address)


def show(found: dict[str, Any]) -> None:
    print(f"\nper 125 registers ({found['points']} mixed points), microseconds")
    library = found["pymodbus_decode_us"]
    for key, text in (
        ("decode_us", "decode"),
        ("decode_and_json_us", "decode and JSON"),
        ("decode_unchanged_us", "decode, nothing changed"),
        ("encode_us", "encode"),
        ("pymodbus_decode_us", "decode by pymodbus' converters"),
    ):
        print(f"{text:<32}{found[key]:>9.2f}{library / found[key]:>8.1f}")


if __name__ == "__main__":
    show(measure())
