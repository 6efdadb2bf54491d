"""Reads what a configuration names: a variable, one of its params or one of its bits, through a late-bound slot."""

from typing import Final

from ess_actors.core.tables import DataMap
from ess_actors.core.uri import Reference
from ess_actors.core.variables import NO_KIND, Slot, Value, Variable, kind_of

QUALITY: Final = "quality"
"""Read as a param: GOOD, UNCERTAIN or BAD."""


def scalar(value: object) -> Value | None:
    """A JSON scalar as a value, None for anything else."""
    return value if kind_of(value) != NO_KIND else None  # type: ignore[return-value]


def param_of(var: Variable, param: str) -> object:
    """What a param holds, None when it is not there. `quality` is the quality word unless there is such a param."""
    if param == QUALITY and QUALITY not in var.params:
        return var.cell.quality.name
    return var.params.get(param)


def bit_of(number: float, bit: int) -> bool:
    """Whether bit 0..31 of a number is set; a bool counts 0 or 1."""
    return bool(int(number) >> bit & 1)


class Reader:
    """Reads `/t:x`, `/t:x@p` or `/t:x[n]`: None while the variable is missing."""

    __slots__ = ("bit", "param", "slot")

    def __init__(self, tables: DataMap, reference: Reference) -> None:
        self.slot: Slot = tables.slot(reference.table, reference.name)
        self.param = reference.param
        self.bit = reference.bit

    def read(self) -> Value | None:
        """The present value; a param that is not there reads as 0.
        `@quality` is the quality word of the variable."""
        var = self.slot.var
        if var is None:
            return None
        value: Value = var.cell.value
        if self.param:
            found = scalar(param_of(var, self.param))
            value = 0 if found is None else found
        if self.bit >= 0:
            return not isinstance(value, str) and bit_of(value, self.bit)
        return value
