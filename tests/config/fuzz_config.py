"""Mutated configuration files against everything `ess-actors check` does with them, and against what would start.

`python -m tests.config.fuzz_config --seconds 600` runs for ten minutes and prints cases per second, crashes and memory.
"""

import argparse
import copy
import json
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ess_actors.config.json_reader import decoded
from ess_actors.config.modbus_expanded import expanded_files
from ess_actors.config.modbus_figures import figures, sentence
from ess_actors.config.modbus_kind import Kind, kind_of
from ess_actors.config.render import for_people, for_programs
from ess_actors.config.site_file import check_document
from ess_actors.core.bank import Bank
from ess_actors.core.component import ComponentState
from ess_actors.core.findings import Severity

ROOT = Path(__file__).parents[2]
SLOW_S = 30.0
"""A case that takes longer hangs. Only hangs are meant: the slowest sound file takes a tenth of it."""
COMPILED_POINTS = 20_000
"""Larger files are checked, but not compiled as at a start."""

NASTY_TEXTS = (
    "", " ", "/", "//", "a b", "x" * 5000, "\x00", "\ud800", "\u202e", "0x", "0xFFFFFFFFFFFFFFFFF", "1e999", "-1",
    "9" * 5000, "NaN", "true", "IGNORE", "../../etc", "\n", "\x1b[31m", "{", "%s", "é" * 300, "1_000", "٣",
)  # fmt: skip
NASTY_NUMBERS = (
    "0", "-1", "1.5", "65535", "65536", "70000", "1e308", "-1e308", "1e400", "9" * 399, "9" * 401, "-" + "9" * 399,
    "1e-320", "0.1e-400", "-0", "2147483648", "1e15", "1.0", "10.0", "1E5", "10000", "9999",
)  # fmt: skip
NASTY_VALUES = (
    None, True, False, [], {}, [[]], [{}], {"": 1}, [None], ["a", "a"], {"value": -1}, {"IGNORE": 10**9}, 0, -1, 1.5,
    10**30, -(10**30), 1e300, 5e-324, "x", "12", "0x10", *NASTY_TEXTS,
    {"begin": 1, "end": 10_000, "replace": "a"}, {"begin": 1, "end": 9_999, "replace": "#", "step": 0},
    {"begin": 0, "end": 255, "replace": "e"}, {"begin": 5, "end": 1}, {"begin": -3, "end": 3, "replace": ""},
)  # fmt: skip
KEYS = (
    "id", "offset", "size", "scale", "shift", "signed", "float", "enum", "bit_field", "individual_bits", "bit_strings",
    "packed_register", "bit_ranges", "word_order", "byte_swap", "invert_mask", "off_by_one", "device_id", "frequency",
    "device_id_range", "component_offset_range", "decode_offset_range", "ip_range", "ip_address", "serial_device",
    "tls", "framer", "port", "service", "registers", "components", "connection", "system", "map", "type", "debounce",
    "format", "heartbeat_enabled", "component_heartbeat_read_uri", "component_heartbeat_write_uri", "stale_bits",
    "allow_from", "commit_counter", "high_word_offset", "stale_policy", "reassert", "max_in_flight", "outputs", "Size",
    "xscale", "component_id", "number_of_bits", "starting_bit_pos", "watchdog_enabled", "watchdog_uri", "uri", "bit",
)  # fmt: skip


def seeds() -> list[bytes]:
    """The files of the shipped sites and of all cases, smallest first."""
    files = [*ROOT.glob("configs/*/**/*.json"), *ROOT.glob("tests/cases/*/*.[jJ][sS][oO][nN]")]
    return sorted({path.read_bytes() for path in files}, key=lambda content: (len(content), content))


class Mutator:
    """Draws mutated files; the same seed draws the same ones."""

    def __init__(self, seed: int, contents: list[bytes]) -> None:
        self.random = random.Random(seed)
        self.contents = contents
        self._trees = [tree for content in contents if (tree := _tree(content)) is not None]

    def draw(self) -> bytes:
        """One file, one to four mutations."""
        if self.random.random() < 0.5:
            tree = copy.deepcopy(self.random.choice(self._trees))
            for _ in range(self.random.randint(1, 4)):
                self._bend(tree)
            return json.dumps(tree).encode()
        content = self.random.choice(self.contents)
        for _ in range(self.random.randint(1, 4)):
            content = self.random.choice(self._mutations)(self, content)
        return content

    def _bend(self, tree: dict) -> None:
        """Put something odd into a random place."""
        places = list(_containers(tree))
        container = self.random.choice(places)
        value = copy.deepcopy(self.random.choice(NASTY_VALUES))
        if isinstance(container, list):
            if container and self.random.random() < 0.5:
                container[self.random.randrange(len(container))] = value
            else:
                container.insert(self.random.randint(0, len(container)), value)
            return
        chance = self.random.random()
        if container and chance < 0.4:
            container[self.random.choice(list(container))] = value
        elif container and chance < 0.55:
            del container[self.random.choice(list(container))]
        else:
            container[self.random.choice(KEYS)] = value

    def _place(self, content: bytes) -> tuple[int, int]:
        start = self.random.randint(0, len(content))
        return start, min(len(content), start + self.random.choice((1, 2, 8, 64, 512)))

    def _flip(self, content: bytes) -> bytes:
        changed = bytearray(content)
        for _ in range(self.random.randint(1, 4)):
            if changed:
                changed[self.random.randrange(len(changed))] ^= 1 << self.random.randrange(8)
        return bytes(changed)

    def _delete(self, content: bytes) -> bytes:
        start, end = self._place(content)
        return content[:start] + content[end:]

    def _double(self, content: bytes) -> bytes:
        start, end = self._place(content)
        return content[:end] + content[start:end] * self.random.choice((1, 1, 2, 50)) + content[end:]

    def _brackets(self, content: bytes) -> bytes:
        places = [place for place, byte in enumerate(content) if byte in b'{}[],:"']
        changed = bytearray(content)
        for place in self.random.sample(places, min(2, len(places))):
            changed[place] = self.random.choice(b'{}[],:"')
        return bytes(changed)

    def _nest(self, content: bytes) -> bytes:
        start, _ = self._place(content)
        opener = self.random.choice((b"[", b'{"a":', b'[{"a":', b"/*", b"<<", b'"', b"'"))
        return content[:start] + opener * self.random.choice((3, 99, 10_000)) + content[start:]

    def _number(self, content: bytes) -> bytes:
        return self._insert(content, self.random.choice(NASTY_NUMBERS).encode())

    def _text(self, content: bytes) -> bytes:
        return self._insert(content, json.dumps(self.random.choice(NASTY_TEXTS)).encode())

    def _bytes(self, content: bytes) -> bytes:
        odd = (
            b"\x00",
            b"\xed\xa0\x80",
            b"\xff\xfe",
            b"\xef\xbb\xbf",
            b"\\ud800",
            b"\\",
            b"\r",
            b"\x0b",
            b"\xc2\xa0",
            b"...",
        )
        return self._insert(content, self.random.choice(odd) * self.random.choice((1, 3, 1000)))

    def _insert(self, content: bytes, inserted: bytes) -> bytes:
        start, end = self._place(content)
        return content[:start] + inserted + content[end if self.random.random() < 0.5 else start :]

    def _splice(self, content: bytes) -> bytes:
        other = self.random.choice(self.contents)
        return content[: self._place(content)[0]] + other[self._place(other)[0] :]

    def _cut(self, content: bytes) -> bytes:
        return content[: self._place(content)[0]]

    _mutations: tuple[Callable[["Mutator", bytes], bytes], ...] = (
        _flip, _flip, _delete, _double, _brackets, _brackets, _nest, _number, _text, _bytes, _splice, _cut,
    )  # fmt: skip


def _tree(content: bytes) -> dict | None:
    """The tree of a Modbus file, so that what is bent is mostly sound; None for others."""
    tree = decoded(content, "seed.json").value
    modbus = kind_of(tree) in (Kind.CLIENT, Kind.LEGACY_CLIENT, Kind.SERVER)
    return tree if modbus and isinstance(tree, dict) else None


def _containers(tree: object) -> Iterator[dict | list]:
    if isinstance(tree, (dict, list)):
        yield tree
        for inner in tree.values() if isinstance(tree, dict) else tree:
            yield from _containers(inner)


def try_one(content: bytes) -> None:
    """Everything `check` does with a file of this content; whatever loads must also start."""
    path = Path("plant.json")
    checked = check_document(path, decoded(content, path))
    "\n".join(for_people(checked.findings)).encode()
    "\n".join(for_programs(checked.findings)).encode()
    assert all(finding.text and finding.hint and "\n" not in str(finding) for finding in checked.findings)
    file = checked.modbus
    if file is None:
        return
    loaded = bool(file.clients or file.server)
    assert loaded != any(finding.severity is Severity.FATAL for finding in checked.findings)
    found = figures(file)
    assert (found is not None) == loaded
    if found is not None:
        json.dumps(found, allow_nan=False).encode()
        sentence("plant.json", found).encode()
    json.dumps(expanded_files([file]), ensure_ascii=False, allow_nan=False).encode()
    components = [component for one in file.clients for component in one.components]
    if sum(len(component.points) for component in components) <= COMPILED_POINTS:
        for component in components:
            ComponentState(component, now=0.0)
    if file.server is not None:
        Bank(file.server, now=0.0)


class HangsError(Exception):
    """One case took too long."""


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Raises HangsError in the main thread."""

    def ended(_signal: int, _frame: FrameType | None) -> None:
        raise HangsError

    before = signal.signal(signal.SIGALRM, ended)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """The long form."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    mutator = Mutator(options.seed, seeds())
    folder = Path(tempfile.mkdtemp(prefix="fuzz_config_"))
    print(f"seed {options.seed}, {len(mutator.contents)} files, cases that fail go to {folder}")
    for content in mutator.contents:
        try_one(content)
    at_first, began = _memory_mb(), time.monotonic()
    cases = crashes = 0
    slowest = 0.0
    seen: set[str] = set()
    half = at_first
    while (passed := time.monotonic() - began) < options.seconds:
        content = mutator.draw()
        started = time.perf_counter()
        try:
            with no_longer_than(SLOW_S):
                try_one(content)
        except Exception as error:
            crashes += 1
            place = "".join(traceback.format_tb(error.__traceback__)[-1:]) + repr(error)[:200]
            if place not in seen:
                seen.add(place)
                name = folder / f"case_{crashes}.json"
                name.write_bytes(content)
                print(f"{name}:\n{place}")
        slowest = max(slowest, time.perf_counter() - started)
        cases += 1
        if passed < options.seconds / 2:
            half = _memory_mb()
    if not crashes:
        folder.rmdir()
    print(
        f"{cases} cases in {options.seconds:g} s, {cases / options.seconds:.0f} per second, {crashes} crashes, "
        f"slowest {slowest:.2f} s, max RSS {_memory_mb():.0f} MB (at first {at_first:.0f}, at half time {half:.0f})"
    )
    return 1 if crashes else 0


if __name__ == "__main__":
    sys.exit(main())
