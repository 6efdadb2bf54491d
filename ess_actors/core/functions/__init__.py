"""The built-in functions: one file per family, each with its own FUNCTIONS table."""

from collections.abc import Mapping
from typing import Final

from ess_actors.core.engine import Function
from ess_actors.core.functions import (
    alarms,
    averages,
    calculate,
    clock,
    commands,
    links,
    lists,
    loaders,
    locks,
    lookup,
    monitor,
    notes,
    options,
    power,
    process,
    publish,
    schedule,
    slew,
)

FUNCTIONS: Final[Mapping[str, Function]] = {
    name: function
    for family in (
        alarms,
        averages,
        calculate,
        clock,
        commands,
        links,
        lists,
        loaders,
        locks,
        lookup,
        monitor,
        notes,
        options,
        power,
        process,
        publish,
        schedule,
        slew,
    )
    for name, function in family.FUNCTIONS.items()
}
"""Every function by the name documents call it. A name that is not here is an unknown function."""

CALCULATIONS: Final = frozenset(calculate.FUNCTIONS)
"""Those that only calculate a value from values: a change of quality alone may run them."""
