"""The work of the polling bench: 40 requests of 100 registers, 3,397 points, as our site and as a file of modpoll."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

BLOCKS, WORDS, SPACING = 40, 100, 200
"""Blocks lie so far apart that no planner joins two of them."""
CLOCK = "clock"
"""Milliseconds of CLOCK_MONOTONIC at the device's answer, in its first four registers."""
URI = "/components/device"


class Entry(NamedTuple):
    """One point. `kind` is modpoll's word for the type; value = raw / scale."""

    id: str
    offset: int
    kind: str
    scale: int

    @property
    def size(self) -> int:
        return {"16": 1, "32": 2, "64": 4}[self.kind[-2:]]

    def ours(self) -> dict[str, object]:
        found: dict[str, object] = {"id": self.id, "offset": self.offset, "size": self.size}
        if self.kind.startswith("int"):
            found["signed"] = True
        if self.kind.startswith("float"):
            found["float"] = True
        return found | ({"scale": self.scale} if self.scale != 1 else {})


_PATTERN = (
    *(("uint16", 1),) * 8,
    *(("uint16", 10),) * 4,
    *(("int16", 100),) * 2,
    ("uint32", 1),
    ("int32", 1000),
    ("float32", 1),
)
"""Twenty registers, seventeen points; five times in every block."""


def entries(block: int) -> Iterator[Entry]:
    offset = block * SPACING
    end = offset + WORDS
    first = block == 0
    if first:
        yield Entry(CLOCK, 0, "uint64", 1)
    for kind, scale in _PATTERN * 5:
        entry = Entry(f"b{block:02d}_{offset:05d}", offset, kind, scale)
        offset += entry.size
        if not (first and entry.offset < 4) and offset <= end:
            yield entry


def write_site(folder: Path, port: int, period_ms: int) -> Path:
    """A site of one instance whose only device is the one on `port`."""
    groups = [{"type": "holding", "map": [e.ours() for e in entries(b)]} for b in range(BLOCKS)]
    component = {"id": "device", "frequency": period_ms, "registers": groups}
    connection = {"name": "device", "ip_address": "127.0.0.1", "port": port, "device_id": 1}
    start = {
        "/sysconfig/default": {"Subs": ":/components:/system:", "Config": "init", "EssName": "ess_1"},
    }
    files = {
        "site.json": {
            "name": "polling",
            "access": {"loopback": "engineer"},
            "instances": [
                {"start": "ess_1.json", "documents": "documents", "modbus_clients": ["device.json"]}
            ],
        },
        "ess_1.json": start,
        "documents/init.json": {},
        "device.json": {"connection": connection, "components": [component]},
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content, indent=1))
    return folder


def write_modpoll(file: Path) -> Path:
    """The same work in modpoll's form."""
    lines = ["device,bench,1,,"]
    for block in range(BLOCKS):
        lines.append(f"poll,holding_register,{block * SPACING},{WORDS},BE_BE")
        lines += [f"ref,{e.id},{e.offset},{e.kind},r,,{1 / e.scale:g}" for e in entries(block)]
    file.write_text("\n".join(lines) + "\n")
    return file
