"""One trial: the site is brought into order, one fault or two happen, and everything that follows is measured."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ess_actors.chaos.commanding import NO_COMMANDS, Commander, Fate
from ess_actors.chaos.faults import HOLD_S, Fault
from ess_actors.chaos.freshness import Freshness
from ess_actors.chaos.injecting import End, Injector
from ess_actors.chaos.stage import Safe, Simulators, Stage, Unplayable
from ess_actors.chaos.transitions import NOTHING_TOLD, Told, Transitions
from ess_actors.chaos.tree import ROOTS, Process, Tree, named, orphans
from ess_actors.chaos.wire import Wire, safe_after, values_of, writers_mixed

_LOOK_S: Final = 0.01
_RECOVERY_LIMIT_S: Final = 20.0
_DOWN_LIMIT_S: Final = 5.0
_COMMAND_LIMIT_S: Final = 3.0
_COMMANDED: Final = 5.0
"""So much beside its safe value a device is commanded before a fault."""


@dataclass(slots=True)
class Outcome:
    """What one trial showed. Times in seconds; None = never, or not asked for."""

    faults: tuple[Fault, ...]
    kinds: tuple[str, ...]
    """The kinds of the targets, in the same order."""
    detected_s: float | None = None
    safe_s: dict[str, float | None] = field(default_factory=dict)
    """Stem of each device that had to be told its safe values -> after how long it was."""
    lease_s: dict[str, float] = field(default_factory=dict)
    recovered_s: float | None = None
    commands: Fate = NO_COMMANDS
    transitions: Told = NOTHING_TOLD
    stale_as_good: int = 0
    two_writers: int = 0
    orphans: int = 0
    manual_restarts: int = 0
    exit_code: int | None = None
    """Of the launch command, when it ended."""
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Course:
    """One fault on its way."""

    fault: Fault
    victim: Process | None
    began: float
    end: End
    ended: float | None = None
    detected: float | None = None


class Trials:
    """Runs trials on one stage."""

    def __init__(
        self,
        stage: Stage,
        simulators: Simulators,
        injector: Injector,
        safe: Sequence[Safe],
        commander: Commander,
        transitions: Transitions,
        freshness: Freshness,
    ) -> None:
        self._stage = stage
        self._injector = injector
        self._safe = safe
        self._seen: dict[str, float] = {}
        """When each process of the tree was last there."""
        self._commander = commander
        self._transitions = transitions
        self._freshness = freshness
        self._simulators = simulators
        self._wire = Wire(simulators)
        self._tree = Tree()
        self._kinds: dict[str, str] = {}

    def run(self, faults: tuple[Fault, ...]) -> Outcome:
        """Raises Unplayable when the site cannot be had back by any means."""
        in_order = self._wait_for_order()
        outcome = Outcome(faults, tuple(self._kind(fault) for fault in faults))
        if not in_order:
            outcome.notes.append("the site was out of order before and was started anew")
            outcome.manual_restarts += 1
        self._wire.forget()
        commanded = [one for one in self._safe if self._command(one, outcome)]
        if self._transitions.probe is not None:
            self._transitions.raise_now()
        stale = len(self._freshness.stale)
        self._commander.begin()
        time.sleep(0.2)
        tree = self._look()
        courses = [self._begin(fault, tree) for fault in faults]
        try:
            self._follow(courses, outcome)
        finally:
            for one in courses:
                self._end(one)
        self._recover(courses, outcome)
        self._commander.end()
        if self._transitions.probe is not None:
            outcome.transitions = self._transitions.settle()
        writes = self._wire.pull()
        outcome.commands = self._commander.fate(writes)
        for safe in (safe for safe in commanded if self._must_be_safe(safe, outcome)):
            outcome.safe_s[safe.stem] = safe_after(writes, safe, self._commanded_until(safe, courses))
            outcome.lease_s[safe.stem] = safe.lease_s
        outcome.two_writers = sum(writers_mixed(writes, stem) for stem in self._simulators.ports)
        outcome.stale_as_good = len(self._freshness.stale) - stale
        outcome.notes += self._freshness.stale[stale:][:3]
        self._count_lost_processes(outcome)
        return outcome

    # --- before -----------------------------------------------------------------------------------------------

    def _wait_for_order(self) -> bool:
        """Every actor once, and the site ready; False when it had to be started anew for that."""
        until = time.monotonic() + _RECOVERY_LIMIT_S
        while not self._in_order(self._look()):
            if time.monotonic() > until or self._stage.process.poll() is not None:
                self._by_hand()
                return False
            time.sleep(0.05)
        return True

    def _in_order(self, tree: list[Process]) -> bool:
        status = self._stage.api.get("/api/status", 1.0)
        for row in status.get("actors", []):
            self._kinds[row["id"]] = row["kind"]
        names = [one.name for one in tree]
        complete = all(names.count(name) == 1 for name in (*self._kinds, *ROOTS))
        return bool(self._kinds) and status.get("ready") is True and complete

    def _command(self, safe: Safe, outcome: Outcome) -> bool:
        """Give the device values that are not its safe ones, so that these can be seen to come."""
        for path, value in safe.values.items():
            wanted: Any = (not value) if isinstance(value, bool) else value + _COMMANDED
            until = time.monotonic() + _COMMAND_LIMIT_S
            code, answer = self._stage.api.set(f"/components/{path}", wanted)
            while code != 200 and time.monotonic() < until:
                code, answer = self._stage.api.set(f"/components/{path}", wanted)
            if code != 200:
                outcome.notes.append(
                    f"{path} cannot be commanded: {answer.get('error')} {answer.get('text', '')}"
                )
                return False
        told = self._wire.pull()
        return all(values_of(told, safe.stem, path) for path in safe.values)

    def _kind(self, fault: Fault) -> str:
        return "device" if fault.on_device else self._kinds.get(fault.target, fault.target)

    # --- during -----------------------------------------------------------------------------------------------

    def _look(self) -> list[Process]:
        return self._tree.look(self._stage.process.pid)

    def _begin(self, fault: Fault, tree: list[Process]) -> _Course:
        victim = named(tree, "store" if fault.kind == "disk read-only" else fault.target)
        began, end = self._injector.inject(fault, tree)
        return _Course(fault, victim[0] if victim else None, began, end)

    def _end(self, course: _Course) -> None:
        if course.ended is None:
            course.end()
            course.ended = time.monotonic()

    def _follow(self, courses: list[_Course], outcome: Outcome) -> None:
        """Until every fault is over: its victim replaced, its time up, or the site ended."""
        until = max(one.began for one in courses) + HOLD_S
        while time.monotonic() < until and self._stage.process.poll() is None:
            tree = self._look()
            self._seen.update((one.name, time.monotonic()) for one in tree)
            for one in courses:
                self._notice(one, tree)
                if one.detected is not None and one.fault.kind in ("kill", "stop", "exception"):
                    one.ended = one.ended or one.detected
            if all(one.ended is not None for one in courses):
                break
            time.sleep(_LOOK_S)
        if self._stage.process.poll() is not None or any(one.fault.ends_site for one in courses):
            self._wait_for_the_end(outcome)
            for one in courses:
                one.detected = one.detected or time.monotonic()
        found = [one.detected - one.began for one in courses if one.detected is not None]
        outcome.detected_s = max(found) if len(found) == len(courses) else None

    def _notice(self, course: _Course, tree: list[Process]) -> None:
        """Detected is: something is done about it. A device that fails is detected when its data is no longer good."""
        if course.detected is not None:
            return
        if course.fault.on_device:
            bad = self._freshness.bad_at.get(course.fault.target, 0.0)
            course.detected = bad if bad > course.began else None
        elif course.victim is not None and course.fault.kind != "memory":
            others = [one for one in named(tree, course.victim.name) if one.pid != course.victim.pid]
            gone = all(one.pid != course.victim.pid for one in tree)
            if others or (gone and course.fault.kind != "kill"):
                course.detected = time.monotonic()

    def _wait_for_the_end(self, outcome: Outcome) -> None:
        process, until = self._stage.process, time.monotonic() + _DOWN_LIMIT_S
        while time.monotonic() < until and (process.poll() is None or self._tree.living()):
            self._seen.update((one.name, time.monotonic()) for one in self._look())
            time.sleep(_LOOK_S)
        outcome.exit_code = process.poll()
        if outcome.exit_code is None:
            outcome.notes.append(f"the launch command did not end within {_DOWN_LIMIT_S:g} s")
            outcome.manual_restarts += 1
            self._stage.stop()
        elif outcome.exit_code == 0:
            outcome.notes.append("the launch command ended with status 0")
        outcome.orphans += self._tree.kill_all()

    # --- after ------------------------------------------------------------------------------------------------

    def _recover(self, courses: list[_Course], outcome: Outcome) -> None:
        began = min(one.began for one in courses)
        if outcome.exit_code is not None or self._stage.process.poll() is not None:
            outcome.exit_code = self._stage.process.poll()
            self._tree = Tree()
            try:
                self._stage.start()
            except Unplayable as error:
                outcome.notes.append(f"the next start failed: {error}")
                outcome.manual_restarts += 1
                self._tree.kill_all()
                self._stage.start()
        elif any(not one.fault.on_process or one.fault.kind in ("stop", "memory") for one in courses):
            ends = [one.ended for one in courses if one.ended is not None and one.detected != one.ended]
            began = max([began, *ends])
        until = time.monotonic() + _RECOVERY_LIMIT_S
        while not self._is_back(courses):
            if self._failed_ones(outcome) or time.monotonic() > until:
                outcome.notes.append("the site was not back by itself")
                outcome.manual_restarts += 1
                self._by_hand()
                return
            time.sleep(_LOOK_S)
        outcome.recovered_s = time.monotonic() - began

    def _is_back(self, courses: list[_Course]) -> bool:
        tree = self._look()
        for one in courses:
            if one.fault.on_device:
                if self._freshness.good_at.get(one.fault.target, 0.0) < (one.ended or 0.0):
                    return False
            elif one.victim is not None and one.fault.kind in ("kill", "exception"):
                fresh = [p for p in named(tree, one.victim.name) if p.pid != one.victim.pid]
                if len(fresh) != 1:
                    return False
        return self._in_order(tree)

    def _failed_ones(self, outcome: Outcome) -> list[str]:
        rows = self._stage.api.get("/api/status", 1.0).get("actors", [])
        failed = [row["id"] for row in rows if row["state"] == "FAILED"]
        outcome.notes += [f"{name} is FAILED" for name in failed]
        return failed

    def _by_hand(self) -> None:
        self._stage.stop()
        self._tree.kill_all()
        self._tree = Tree()
        self._stage.start()

    def _must_be_safe(self, safe: Safe, outcome: Outcome) -> bool:
        """Whether a fault took the one who commands, or who tells the device; who is cut off hears nothing."""
        faults = outcome.faults
        if any(one.on_device and one.target == safe.stem for one in faults):
            return False
        hit = [one for one in faults if one.on_process and one.kind != "memory"]
        if outcome.exit_code is not None or any(one.on_plant for one in faults):
            return True
        return any(one.target in (safe.owner, safe.actor) for one in hit)

    def _commanded_until(self, safe: Safe, courses: Sequence[_Course]) -> float:
        """From when on a device had to be told: by the one fault that concerns it, or since a root that hangs has ended
        the site: it is commanded until then."""
        whose = (safe.owner, safe.actor)
        concerned = [one for one in courses if one.fault.target in (*whose, *ROOTS) or one.fault.on_plant]
        first = min(concerned or courses, key=lambda one: one.began)
        hangs = first.fault.target in ROOTS and first.fault.kind in ("stop", "slow")
        return self._seen.get(safe.owner, first.began) if hangs else first.began

    def _count_lost_processes(self, outcome: Outcome) -> None:
        tree = self._look()
        outcome.orphans += len(orphans(tree, self._stage.process.pid))
        outcome.notes += [
            f"{name} runs {len(found)} times"
            for name in self._kinds
            if len(found := named(tree, name)) > 1 and outcome.recovered_s is not None
        ]
