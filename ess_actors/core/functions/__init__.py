"""The built-in functions: one file per family, each with its own FUNCTIONS table."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from ess_actors.core.engine import Function
from ess_actors.core.functions import calculate

_FAMILIES: Final = (
    *("alarms", "averages", "calculate", "clock", "commands", "links", "lists", "loaders", "locks"),
    *("lookup", "monitor", "notes", "options", "power", "process", "publish", "schedule", "slew"),
)

FUNCTIONS: Final[Mapping[str, Function]] = {
    name: function
    for family in _FAMILIES
    for name, function in import_module(f"{__name__}.{family}").FUNCTIONS.items()
}
"""Every function by the name documents call it. A name that is not here is an unknown function."""

CALCULATIONS: Final = frozenset(calculate.FUNCTIONS)
"""Those that only calculate a value from values: a change of quality alone may run them."""
