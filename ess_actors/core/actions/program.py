"""Compiles an `actions` object: every onSet block, every kind, in document order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from ess_actors.core.actions import bitfield, bitmap, bitset, enum, func, limits, remap
from ess_actors.core.actions.build import Builder
from ess_actors.core.actions.late import Late
from ess_actors.core.engine import Engine
from ess_actors.core.findings import Severity
from ess_actors.core.remarks import PathPart, Remarks
from ess_actors.core.variables import Step, Variable

KINDS: Final[Mapping[str, Callable[[Sequence[object], Builder], list[Step]]]] = {
    "remap": remap.compile_items,
    "enum": enum.compile_items,
    "bitfield": bitfield.compile_items,
    "bitset": bitset.compile_items,
    "bitmap": bitmap.compile_items,
    "limits": limits.compile_items,
    "limit": limits.compile_items,
    "func": func.compile_items,
}


def _nothing(var: Variable) -> None:
    """All items are off: the actions run and do nothing, so that the changed flag is lowered as ever."""


class Compiler:
    """Compiles for one engine."""

    def __init__(self, engine: Engine, remarks: Remarks) -> None:
        self.engine = engine
        self.remarks = remarks
        self.late = Late(engine, remarks)

    def compile(self, var: Variable, actions: object) -> tuple[Step, ...]:
        """The steps of an actions object, in document order. What is wrong becomes a remark."""
        steps: list[Step] = []
        items = 0
        for kind, specs, parts in self._blocks(actions):
            compile_items = KINDS.get(kind)
            if compile_items is None:
                self.engine.counters["unknown_kind"] += 1
                self._warn(
                    "unknown-kind", f"action kind {kind!r} is not known", f"one of {', '.join(KINDS)}", parts
                )
                continue
            builder = Builder(self.engine, self.remarks, self.late)
            builder.parts = parts
            items += len(specs)
            steps += compile_items(specs, builder)
            if builder.broken:
                steps.append(self._broken(builder.broken))
        if items and not steps:
            return (_nothing,)
        return tuple(steps)

    def _broken(self, count: int) -> Step:
        counters = self.engine.counters

        def step(var: Variable) -> None:
            counters["broken_items"] += count

        return step

    def _blocks(self, actions: object) -> Iterator[tuple[str, Sequence[object], tuple[PathPart, ...]]]:
        if not isinstance(actions, dict):
            if actions:
                hint = 'write {"onSet": [...]}'
                self._warn("bad-actions", "`actions` must be an object with onSet", hint, ())
            return
        for trigger, blocks in actions.items():
            if trigger != "onSet":
                hint = "move them to onSet, or remove them"
                self._warn("never-runs", f"actions under {trigger!r} never run", hint, (trigger,))
                continue
            for index, block in enumerate(blocks if isinstance(blocks, list) else [blocks]):
                parts: tuple[PathPart, ...] = (trigger, index) if isinstance(blocks, list) else (trigger,)
                if not isinstance(block, dict):
                    self._warn(
                        "bad-actions", "an onSet block must be an object", "write {kind: [items]}", parts
                    )
                    continue
                for kind, specs in block.items():
                    yield kind, specs if isinstance(specs, list) else [specs], (*parts, kind)

    def _warn(self, code: str, text: str, hint: str, parts: tuple[PathPart, ...]) -> None:
        self.remarks.add(Severity.WARNING, code, text, hint, parts)
