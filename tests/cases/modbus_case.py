"""A folder of Modbus files as an engineer has them, and everything the real code makes of them."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cached_property
from pathlib import Path

from ess_actors.config.json_reader import read
from ess_actors.config.modbus_files import ModbusFile, any_from
from ess_actors.core.bank import Bank
from ess_actors.core.component import ComponentState
from ess_actors.core.findings import Finding
from ess_actors.core.points import Component
from ess_actors.core.polling import Block
from ess_actors.core.server_points import ServerMap

CASES = Path(__file__).parent
STAMP = "11-22-2025 14:03:07.000412"
"""The host's local time at which every device of the folders is read."""
WALL = datetime.strptime(STAMP, "%m-%d-%Y %H:%M:%S.%f").timestamp()
TABLES = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
TOOK_MS = 4.0
FILLER = 0xDEAD
"""What a device holds where no point is: nothing may depend on it."""


def folders(*wanted: str) -> list[Path]:
    """The folders that hold all of these files."""
    return sorted(
        p.parent for p in CASES.glob(f"*/{wanted[0]}") if all((p.parent / w).exists() for w in wanted)
    )


def read_json(path: Path) -> dict:
    found = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def read_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def load(folder: Path, text: object, name: str = "plant.json") -> ModbusFile:
    """A tree, or a text as it stands, written as a file and read."""
    path = folder / name
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return any_from(read(path), path)


def client(*components: dict, **connection: object) -> dict:
    return {"connection": {"ip_address": "127.0.0.1", **connection}, "components": list(components)}


def holding(*points: dict, **keys: object) -> list[dict]:
    return [{"type": "Holding", "map": list(points), **keys}]


def server(registers: object, **system: object) -> dict:
    return {"system": {"id": "/site_controller", **system}, "registers": registers}


class Case:
    """One folder. Configuration files are all those whose names are not of our making."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def files(self) -> list[Path]:
        """The engineer's files."""
        ours = ("words.json", "pubs.jsonl", "writes.jsonl", "sets.jsonl")
        return sorted(
            path
            for path in self.folder.iterdir()
            if path.is_file() and path.name not in ours and not path.name.startswith("expected_")
        )

    @cached_property
    def loaded(self) -> dict[str, ModbusFile]:
        """File name -> what it turned out to be."""
        return {path.name: any_from(read(path), path) for path in self.files}

    @property
    def findings(self) -> list[Finding]:
        """Of all files, in order."""
        return [finding for one in self.loaded.values() for finding in one.findings]

    @property
    def components(self) -> list[Component]:
        """Of all client files, in file order."""
        return [c for one in self.loaded.values() for found in one.clients for c in found.components]

    @cached_property
    def server(self) -> ServerMap:
        """The one server of the folder, or the one that expected_words.json names."""
        wanted = read_json(self.folder / "expected_words.json").get("file")
        files = [wanted] if wanted else self.loaded
        (server,) = (found for name in files if (found := self.loaded[name].server) is not None)
        return server

    @property
    def bank(self) -> Bank:
        return Bank(self.server, now=0.0)


class Device:
    """The tables of words.json, at one moment of its story."""

    def __init__(self, content: Mapping[str, object]) -> None:
        self._words: dict[tuple[int, str, int], int] = {}
        self._silent: list[dict] = []
        self.change(content)

    def change(self, content: Mapping[str, object]) -> None:
        """Later content replaces earlier words; what is not named stays."""
        tables = content.get("tables", {})
        assert isinstance(tables, dict)
        for unit, by_table in tables.items():
            for table, runs in by_table.items():
                for start, text in runs.items():
                    for place, word in enumerate(text.split(), int(start)):
                        self._words[int(unit), table, place] = int(word, 16)
        silent = content.get("unanswered", self._silent)
        assert isinstance(silent, list)
        self._silent = silent

    def holds(self, unit: int, table: str, address: int) -> bool:
        return (unit, table, address) in self._words

    def word(self, unit: int, table: str, address: int) -> int:
        return self._words.get((unit, table, address), 1 if table in ("coil", "discrete") else FILLER)

    def reason(self, block: Block) -> str:
        """Why the block is not answered, "" when it is."""
        for one in self._silent:
            same = (
                one["unit"] == block.unit
                and one.get("table", TABLES[block.function]) == TABLES[block.function]
            )
            if same and block.address <= one.get("address", block.address) < block.address + block.count:
                return str(one["reason"])
        return ""

    def payload(self, block: Block) -> bytes:
        table = TABLES[block.function]
        words = [self.word(block.unit, table, block.address + n) for n in range(block.count)]
        return bytes(words) if block.is_bits else b"".join(word.to_bytes(2, "big") for word in words)


def blocks(state: ComponentState) -> Iterator[Block]:
    """Every request of a component, as planned now."""
    for cycle in state.cycles:
        yield from cycle.blocks


def cycle(state: ComponentState, device: Device, now: float) -> dict[str, object]:
    """One pass over all periods of a component and its publication."""
    for block in blocks(state):
        reason = device.reason(block)
        if reason:
            state.failed(block, reason, now)
        else:
            state.good(block, device.payload(block), sent=now, wall=WALL, took_ms=TOOK_MS)
    periods = {one.period_ms for one in state.cycles} or {state.component.period_ms}
    body, marks, _ = state.publication(periods, now=now + 0.01, wall=WALL)
    return {"body": body, "marks": None if marks is None else dict(marks)}


def publications(case: Case) -> dict[str, list[dict[str, object]]]:
    """Component uri -> what each component of that uri publishes after the last round of words.json."""
    content = read_json(case.folder / "words.json")
    found: dict[str, list[dict[str, object]]] = {}
    for component in case.components:
        device, state = Device(content), ComponentState(component, now=0.0)
        published = cycle(state, device, 1.0)
        for number, later in enumerate(content.get("later", ()), 1):
            device.change(later)
            published = cycle(state, device, 1.0 + number * component.period_ms / 1000)
        found.setdefault(component.uri, []).append(published)
    return found


def same(found: object, expected: object) -> bool:
    """Equal with types: true is not 1, 5 is not 5.0; doubles to one part in a million."""
    if isinstance(expected, dict) and isinstance(found, Mapping):
        return list(found) == list(expected) and all(same(found[key], expected[key]) for key in expected)
    if isinstance(expected, list) and isinstance(found, (list, tuple)):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(found, expected, rel_tol=1e-6, abs_tol=1e-12)
    return type(found) is type(expected) and found == expected


def plain(value: object) -> object:
    """A frozen dataclass as JSON would show it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(one) for name, one in asdict(value).items()}
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value.name.lower() if isinstance(value, Enum) else value


def differences(found: object, expected: object, at: str = "") -> list[str]:
    """Where `found` differs from what `expected` states; what it does not state may be anything."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return [
            line for key in expected for line in differences(found.get(key), expected[key], f"{at}.{key}")
        ]
    if isinstance(expected, list) and isinstance(found, list) and len(found) == len(expected):
        pairs = enumerate(zip(found, expected, strict=True))
        return [line for n, (one, two) in pairs for line in differences(one, two, f"{at}[{n}]")]
    return [] if found == expected else [f"{at}: {found!r} instead of {expected!r}"]
