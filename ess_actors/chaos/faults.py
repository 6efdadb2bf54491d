"""Every fault there is, as data, and the order in which a seed puts them: alone first, every third one a pair."""

import random
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ess_actors.chaos.tree import ROOTS
from ess_actors.config.site import Site

PROCESS_KINDS: Final = {
    "kill": "kill -9",
    "stop": "SIGSTOP, so that it hangs",
    "exception": "an exception in its message loop",
    "slow": "a handler that takes 3 s",
    "memory": "100 MB that it keeps for the time of the fault",
}
DEVICE_KINDS: Final = {
    "off": "the device is gone",
    "mute": "it takes requests and answers none",
    "flap": "it closes every connection after half a second",
}
SITE_KINDS: Final = {
    "disk full": "no file of the store can grow (RLIMIT_FSIZE)",
    "disk read-only": "the state folder takes no writes, and the store starts anew in it",
    "clock": "the wall clock of every actor steps an hour ahead, and back",
    "set flood": "sets over the operator API, as fast as they are answered",
    "http flood": "status and metrics over the operator API, as fast as they are answered",
    "site silent": "the heartbeat of the site controller stops",
    "emergency stop": "its input is hit in the device",
    "garbage": "random bytes on every listening socket of the site",
}
HOLD_S: Final = 4.0
"""A fault that does not end of itself, or with its victim, is ended after so long."""
SLOW_S: Final = 3.0
MEMORY_MB: Final = 100
_REST: Final = 24
"""So many victims are remembered: those of a good minute."""
_OFTEN: Final = 2


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong."""

    kind: str
    target: str
    """Actor id, one of ROOTS, stem of a device, or "site"."""

    def __str__(self) -> str:
        return f"{self.kind} {self.target}"

    @property
    def restarts(self) -> str:
        """Who is started anew because of it; empty = nobody."""
        if self.kind == "disk read-only":
            return "store"
        return self.target if self.on_process and self.kind != "memory" else ""

    @property
    def on_process(self) -> bool:
        return self.kind in PROCESS_KINDS

    @property
    def on_device(self) -> bool:
        return self.kind in DEVICE_KINDS

    @property
    def on_plant(self) -> bool:
        """What commands the devices lives, and must not command them."""
        return self.kind in ("site silent", "emergency stop")

    @property
    def ends_site(self) -> bool:
        """The whole site is meant to end, and to start anew at once."""
        # Nobody in the site watches the launch command; systemd's watchdog does.
        kinds = ("kill", "exception") if self.target == "launcher" else ("kill", "exception", "stop")
        return self.target in ROOTS and self.kind in kinds


@dataclass(frozen=True, slots=True)
class Inputs:
    """What of the plant itself can be tried."""

    site_heartbeat: bool = False
    emergency_stop: bool = False


def catalogue(site: Site, actor_ids: Sequence[str], inputs: Inputs) -> list[Fault]:
    """Every single fault of this site."""
    actors = [name for name in actor_ids if name not in ROOTS]
    found = [Fault(kind, name) for kind in PROCESS_KINDS for name in (*actors, "supervisor")]
    # These run no code of ours that could be disturbed from inside.
    found += [Fault(kind, name) for kind in ("kill", "stop") for name in ROOTS if name != "supervisor"]
    found += [Fault(kind, stem) for kind in DEVICE_KINDS for stem in site.sim]
    absent = {"site silent": not inputs.site_heartbeat, "emergency stop": not inputs.emergency_stop}
    return found + [Fault(kind, "site") for kind in SITE_KINDS if not absent.get(kind)]


def deck(faults: Sequence[Fault], seed: int) -> Iterator[tuple[Fault, ...]]:
    """Without end: one fault or two at a time. Each kind comes once before any comes twice; every fault comes before
    any comes again. The same seed gives the same order."""
    dice = random.Random(seed)  # noqa: S311
    recent: deque[str] = deque(maxlen=_REST)
    while True:
        pile = _shuffled(faults, dice)
        drawn = 0
        while pile:
            first = _next(pile, recent)
            drawn += 1
            others = [one for one in pile if _together(first, one)]
            if drawn % 3 == 0 and others:
                second = _next(others, recent)
                pile.remove(second)
                yield first, second
            else:
                yield (first,)


def _shuffled(faults: Sequence[Fault], dice: random.Random) -> list[Fault]:
    """The first of every kind before the others."""
    mixed = dice.sample(list(faults), len(faults))
    seen: set[str] = set()
    heads = [one for one in mixed if not (one.kind in seen or seen.add(one.kind))]  # type: ignore[func-returns-value]
    return heads + [one for one in mixed if one not in heads]


def _next(pile: list[Fault], recent: deque[str]) -> Fault:
    """An actor that fails too often in a minute is rightly given up; its turn comes later."""
    often = {one: list(recent).count(one.restarts) if one.restarts else 0 for one in pile}
    chosen = next((one for one in pile if often[one] < _OFTEN), min(pile, key=lambda one: often[one]))
    pile.remove(chosen)
    if chosen.restarts:
        recent.append(chosen.restarts)
    return chosen


def _together(first: Fault, second: Fault) -> bool:
    """Two faults that can be told apart afterwards."""
    if first.target == second.target or "site" in (first.target, second.target):
        return False
    return not (first.target in ROOTS or second.target in ROOTS)
