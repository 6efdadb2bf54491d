"""process_sys_alarm: turn the text of a source into a latched alarm or fault, or clear all of them."""

from collections.abc import Mapping
from typing import Final

from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine, Function
from ess_actors.core.latch import ALARM, CLEAR, FAULT, shown
from ess_actors.core.local_time import local_time
from ess_actors.core.variables import Variable

LIST_SEVERITY: Final = 2


def kind_of_source(var: Variable) -> str:
    """Param `type`; without it the table family decides."""
    named = var.text("type")
    if named in (FAULT, ALARM):
        return named
    return FAULT if var.table.startswith("/faults") else ALARM


def process_sys_alarm(engine: Engine, asset: Asset, var: Variable) -> None:
    """A text other than the normal one is latched once; "Clear" empties the lists below the context."""
    book = engine.alarms
    kind = kind_of_source(var)
    engine.plan("process_sys_alarm", asset, var, lambda: book.prepare(asset))
    cell = var.cell
    value = cell.value
    if value == CLEAR:
        cell.previous = value
        book.clear(asset, kind, var)
        return
    if value == cell.previous:
        return
    cell.previous = value
    if value == book.normal(asset, kind):
        book.back_to_normal(var)
        return
    book.texts.add(var.uri)
    message = f"[{var.name}] received [{shown(value)}] at [{local_time(engine)}]"
    book.append(asset, kind, var, message, LIST_SEVERITY)
    if kind == FAULT:
        book.shut_down(asset, True)


FUNCTIONS: Final[Mapping[str, Function]] = {"process_sys_alarm": process_sys_alarm}
