"""The frame all action items share: gate, input, output, comparison value, ignore, target."""

from collections.abc import Callable, Mapping
from typing import Final

from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine
from ess_actors.core.quality import Quality
from ess_actors.core.reader import QUALITY, Reader, scalar
from ess_actors.core.variables import NUMBER, Slot, Value, Variable, finite, kind_of

TOLERANCE: Final = 0.001
"""Numbers closer than this are equal when they are compared."""

Put = Callable[[Variable, Value, Quality], None]


def same(left: Value, right: Value) -> bool:
    """Type strict: bool with bool, text with text, number with number within TOLERANCE."""
    kind = kind_of(left)
    if kind != kind_of(right):
        return False
    if kind == NUMBER:
        return bool(abs(left - right) < TOLERANCE)  # type: ignore[operator]
    return left == right


class Item:
    """One compiled item. The methods are the steps 1 to 7 of an evaluation, in the order of the language."""

    __slots__ = (
        "asset",
        "bare",
        "direct",
        "engine",
        "expected_value",
        "expected_var",
        "forced",
        "function",
        "gate",
        "if_changed",
        "ignore_value",
        "ignore_var",
        "in_av",
        "offset",
        "out_time",
        "out_value",
        "out_var",
        "put",
        "reads_quality",
        "scale",
        "spec",
        "target",
    )

    def __init__(self, engine: Engine, spec: Mapping[str, object]) -> None:
        self.engine = engine
        self.spec = spec
        self.asset = ""
        """Name of the asset a function is called for, "" for the root."""
        self.bare = True
        """No gate, no ifChanged, no other input, no arithmetic, nothing ignored: input = set value."""
        self.gate: Reader | None = None
        self.forced = spec.get("enabled") is True
        self.if_changed = spec.get("ifChanged") is True
        self.in_av: Reader | None = None
        self.scale: float | None = None
        self.offset: float | None = None
        self.out_time: float | None = None
        self.out_var: Reader | None = None
        self.out_value: Value | None = scalar(spec.get("outValue"))
        self.expected_var: Reader | None = None
        self.expected_value: Value | None = scalar(spec.get("inValue"))
        self.ignore_var: Reader | None = None
        self.ignore_value: Value | None = scalar(spec.get("ignoreValue"))
        self.put: Put | None = None
        self.reads_quality = False
        """Some input of it is `@quality`: it writes a value also when only a quality changed."""
        self.target: Slot | None = None
        self.direct = False
        """The target is the variable in the slot `target`, whose actions fire."""
        self.function = ""

    def seal(self) -> "Item":
        """To be called when all fields are known."""
        self.bare = not (
            self.gate
            or self.if_changed
            or self.in_av
            or self.scale is not None
            or self.offset is not None
            or self.ignore_var
            or self.ignore_value is not None
        )
        readers = (self.in_av, self.out_var, self.expected_var, self.ignore_var)
        self.reads_quality = any(reader is not None and reader.param == QUALITY for reader in readers)
        return self

    @property
    def off(self) -> bool:
        """Step 1 of an item without a gate variable: it never runs."""
        enable = self.spec.get("enable")
        if isinstance(enable, bool):
            return not (enable or self.forced)
        return not isinstance(enable, str) and self.spec.get("enabled") is False

    def admitted(self) -> bool:
        """Step 1 of an item with a gate variable: a missing one is open."""
        if self.gate is None or self.forced:
            return True
        state = self.gate.read()
        return state is None or state is True

    def open(self, var: Variable) -> bool:
        """Steps 1 and 2: the item gate and ifChanged."""
        if self.gate is not None and not self.admitted():
            return False
        return not self.if_changed or var.cell.changed or self.engine.marking

    def raw_input(self, var: Variable) -> Value:
        """Step 3: the value of `inAv`, else of the set variable."""
        if self.in_av is not None:
            value = self.in_av.read()
            if value is not None:
                return value
        return var.cell.value

    def quality(self, var: Variable) -> Quality:
        """The quality of what `raw_input` reads."""
        if self.in_av is not None and self.in_av.slot.var is not None:
            return self.in_av.slot.var.cell.quality
        return var.cell.quality

    def admit(self, var: Variable) -> Value | None:
        """Steps 1 to 4 and 7: the input of this evaluation, None when the item does not run."""
        if self.bare:
            return var.cell.value
        if not self.open(var):
            return None
        value = self.raw_input(var)
        if kind_of(value) == NUMBER:
            if self.scale is not None:
                value = value * self.scale  # type: ignore[operator]
            if self.offset is not None:
                value = value - self.offset  # type: ignore[operator]
            if not finite(value):  # type: ignore[arg-type]
                self.engine.counters["not_finite"] += 1
                return None
        return None if self.ignores(value) else value

    def ignores(self, value: Value) -> bool:
        """Step 7: whether the input is the one to be ignored."""
        ignored = self.ignore_value
        if self.ignore_var is not None:
            read = self.ignore_var.read()
            ignored = ignored if read is None else read
        return ignored is not None and same(ignored, value)

    def output(self, value: Value) -> Value:
        """Step 5: now + outTime, the value of outVar, outValue, or the input."""
        if self.out_time is not None:
            return self.engine.now + self.out_time
        if self.out_var is not None:
            read = self.out_var.read()
            if read is not None:
                return read
        return value if self.out_value is None else self.out_value

    def expected(self) -> Value | None:
        """Step 6: the comparison value, None when there is none."""
        if self.expected_var is not None:
            read = self.expected_var.read()
            if read is not None:
                return read
        return self.expected_value

    @property
    def constant(self) -> bool:
        """Whether nothing but the value of the set variable decides what is written, straight to a variable."""
        reads = self.out_var or self.expected_var
        return self.bare and self.direct and reads is None and self.out_time is None and not self.function

    def context(self) -> Asset:
        """The asset a function is called for. One that does not exist (yet) is the root."""
        assets = self.engine.assets
        return assets.find(self.asset) or assets.root if self.asset else assets.root

    def write(self, var: Variable, value: Value, quality: Quality) -> None:
        """Step 9: write to the target."""
        if self.put is None:
            return
        engine = self.engine
        if engine.marking and self.reads_quality:
            engine.marking = False
            self.put(var, value, quality)
            engine.marking = True
        else:
            self.put(var, value, quality)

    def write_and_call(self, var: Variable, value: Value, quality: Quality) -> None:
        """Steps 9 and 10: write to the target, then call the item's function with it."""
        self.write(var, value, quality)
        if self.function and self.target is not None and self.target.var is not None:
            self.engine.call(self.function, self.context(), self.target.var)
