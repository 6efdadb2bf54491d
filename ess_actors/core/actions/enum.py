"""enum: masked whole numbers to outputs; every matching line acts, a default when none did."""

from collections.abc import Sequence
from math import trunc

from ess_actors.core.actions.build import HIGHEST_BIT, LARGEST_MASK, Builder
from ess_actors.core.actions.dispatch import EVERY_BIT, REMEMBERED, Span, dispatch
from ess_actors.core.actions.item import Item, Put
from ess_actors.core.actions.target import to_reference
from ess_actors.core.engine import Engine
from ess_actors.core.reader import scalar
from ess_actors.core.uri import parse_reference
from ess_actors.core.variables import Step, Value, Variable, finite


def compile_items(specs: Sequence[object], build: Builder) -> list[Step]:
    """One step for the whole list, because of the default."""
    lines = build.each(specs, _line)
    return [dispatch(build.engine, lines, _Default(build.engine).write)]


def _line(item: Item, build: Builder) -> "_Line | None":
    return _Line(item, build) if build.target(item) else None


class _Line:
    __slots__ = ("above", "below", "fixed", "item", "mask", "shift", "use_range")

    def __init__(self, item: Item, build: Builder) -> None:
        self.item = item
        self.mask = build.whole(item, "mask", LARGEST_MASK) or EVERY_BIT
        self.shift = 0 if self.mask == EVERY_BIT else build.whole(item, "shift", HIGHEST_BIT)
        self.use_range = item.spec.get("useRange") is True
        self.below = build.number(item, "inValue-")
        self.above = build.number(item, "inValue+")
        self.fixed = self._fixed() if item.constant else None

    def _fixed(self) -> tuple[Span, Value] | None:
        low, high = self._bounds(self.item.expected_value)
        output = self.item.out_value
        if output is None and low == high:
            output = low
        return None if output is None else ((self.shift, self.mask, low, high), output)

    def act(self, var: Variable) -> bool:
        """Evaluate it in full."""
        item = self.item
        value = item.admit(var)
        if value is None:
            return False
        if isinstance(value, str):
            if item.in_av is not None:  # that of the variable itself is counted once for all lines
                item.engine.counters["type_mismatch"] += 1
            return False
        x = int(value) >> self.shift & self.mask
        low, high = self._bounds(item.expected())
        if not low <= x <= high:
            return False
        item.write_and_call(var, item.output(x), item.quality(var))
        return True

    def _bounds(self, expected: Value | None) -> tuple[float, float]:
        """The lowest and the highest number that match; for a text there is none."""
        if isinstance(expected, str):
            return 1, 0
        middle = 0 if expected is None else expected
        if self.use_range:
            return _whole(middle - self.below), _whole(middle + self.above)
        return _whole(middle), _whole(middle)


def _whole(bound: float) -> float:
    """Without its fraction; two huge numbers may add up to an infinity, which is a bound as well."""
    return trunc(bound) if finite(bound) else bound


class _Default:
    """`defUri` and `defVal` (or `defaultUri`, `defaultVal`) of the variable: params, so read at run."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.puts: dict[str, Put] = {}

    def write(self, var: Variable) -> None:
        params = var.params
        uri = params.get("defUri", params.get("defaultUri"))
        value = scalar(params.get("defVal", params.get("defaultVal")))
        if value is None or not isinstance(uri, str):
            return
        put = self.puts.get(uri)
        if put is None:
            if len(self.puts) >= REMEMBERED:  # they come with messages, as all params
                self.puts.clear()
            try:
                put = to_reference(self.engine, parse_reference(uri), False)
            except ValueError as error:
                if self.engine.once(("defUri", uri)):
                    self.engine.log("warning", f"{var.uri}: {error}")
                return
            self.puts[uri] = put
        put(var, value, var.cell.quality)
