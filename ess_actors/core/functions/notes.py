"""LogInfo, LogDebug, LogWarn, LogError, LogIt: a line about a variable."""

from collections.abc import Mapping
from typing import Final

from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine, Function
from ess_actors.core.latch import shown
from ess_actors.core.variables import Variable


def _logger(name: str, level: str) -> Function:
    def log(engine: Engine, asset: Asset, var: Variable) -> None:
        engine.log(level, f"[{var.uri}] called [{name}] with a value of [{shown(var.cell.value)}]")

    log.__doc__ = f"Log uri, function and value of the variable with level {level}."
    return log


FUNCTIONS: Final[Mapping[str, Function]] = {
    "LogInfo": _logger("LogInfo", "info"),
    "LogIt": _logger("LogIt", "info"),
    "LogDebug": _logger("LogDebug", "debug"),
    "LogWarn": _logger("LogWarn", "warning"),
    "LogError": _logger("LogError", "error"),
}
