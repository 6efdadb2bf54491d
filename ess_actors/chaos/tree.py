"""The processes of a running site: who there is now, who ever was, and who is left over."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOTS = ("supervisor", "admin", "logger", "launcher")
"""Without one of these the whole site ends and is started anew from outside."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process; the start time tells it from a later one of its number."""

    pid: int
    name: str
    """Actor id, or one of ROOTS."""
    started: int
    parent: int


class Tree:
    """The launch command and everything below it."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, int], Process] = {}

    def look(self, launcher: int) -> list[Process]:
        """The living processes of the site, and those of earlier looks that still live."""
        for pid in _below(launcher):
            found = _process(pid, launcher)
            if found is not None:
                self._seen[found.pid, found.started] = found
        return self.living()

    def living(self) -> list[Process]:
        """Every process of the site that was ever seen and lives."""
        now = [(one, _process(one.pid, -1)) for one in self._seen.values()]
        self._seen = {
            (one.pid, one.started): one for one, lives in now if lives and lives.started == one.started
        }
        return list(self._seen.values())

    def kill_all(self) -> int:
        """End what is left; how many those were."""
        left = self.living()
        for one in left:
            send(one.pid, signal.SIGKILL)
        return len(left)


def named(processes: list[Process], name: str) -> list[Process]:
    """Those of one actor; more than one is one too many."""
    return [one for one in processes if one.name == name]


def orphans(processes: list[Process], launcher: int) -> list[Process]:
    """Actors whose parent is gone and that live on."""
    pids = {one.pid for one in processes} | {launcher}
    lost = [one for one in processes if one.pid != launcher and one.parent not in pids]
    # The launch command adopts what loses its parent; only the admin is its own child.
    return lost + [one for one in processes if one.parent == launcher and one.name != "admin"]


def send(pid: int, number: int) -> None:
    """A signal, to whoever is still there."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _below(pid: int) -> Iterator[int]:
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return
    for task in tasks:
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _below(int(child))


def _process(pid: int, launcher: int) -> Process | None:
    """None when it does not live: a zombie is dead."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return None
    if stat[0] in "ZX":
        return None
    return Process(
        pid, "launcher" if pid == launcher else _name(command.strip()), int(stat[19]), int(stat[1])
    )


def _name(command: str) -> str:
    """What ps shows -> actor id."""
    for start, name in (
        ("ess: supervisor", "supervisor"),
        ("MultiProcAdmin", "admin"),
        ("logger ", "logger"),
    ):
        if command.startswith(start):
            return name
    return command.removeprefix("ess: ")
