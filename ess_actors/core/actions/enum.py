"""enum: masked whole numbers to outputs; every matching line acts, a default when none did."""

from collections.abc import Callable, Sequence
from math import trunc

from ess_actors.core.actions.build import Builder
from ess_actors.core.actions.item import Item, Put, scalar
from ess_actors.core.actions.target import to_reference
from ess_actors.core.engine import Engine
from ess_actors.core.uri import parse_reference
from ess_actors.core.variables import Step, Variable, finite

Line = Callable[[Variable], bool]


def compile_items(specs: Sequence[object], build: Builder) -> list[Step]:
    """One step for the whole list, because of the default."""
    lines = [_line(item, build) for item in build.items(specs, _prepare)]
    default = _Default(build.engine)

    def step(var: Variable) -> None:
        matched = False
        for line in lines:
            if line(var):
                matched = True
        if not matched and var.params:
            default.write(var)

    return [step]


def _prepare(item: Item, build: Builder) -> bool:
    return build.target(item)


def _line(item: Item, build: Builder) -> Line:
    mask = build.whole(item, "mask")
    shift = build.whole(item, "shift") if mask > 0 else 0
    use_range = item.spec.get("useRange") is True
    below = build.number(item, "inValue-")
    above = build.number(item, "inValue+")
    named_output = item.out_time is not None or item.out_var is not None or item.out_value is not None
    counters = build.engine.counters

    def line(var: Variable) -> bool:
        value = item.admit(var)
        if value is None:
            return False
        if isinstance(value, str):
            counters["type_mismatch"] += 1
            return False
        x = int(value)
        if mask > 0:
            x = (x >> shift) & mask
        wanted = item.expected()
        if isinstance(wanted, str):
            return False
        middle = 0 if wanted is None else wanted
        if use_range:
            if not _whole(middle - below) <= x <= _whole(middle + above):
                return False
        elif x != _whole(middle):
            return False
        item.write(var, item.output(value) if named_output else x, item.quality(var))
        return True

    return line


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
            try:
                put = to_reference(self.engine, parse_reference(uri), False)
            except ValueError as error:
                if self.engine.once(("defUri", uri)):
                    self.engine.log("warning", f"{var.uri}: {error}")
                return
            self.puts[uri] = put
        put(var, value, var.cell.quality)
