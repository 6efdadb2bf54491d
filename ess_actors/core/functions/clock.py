"""UpdateSysTime, SendTime and SendTrue: time and life signs as variables."""

from collections.abc import Mapping
from typing import Final

from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine, Function
from ess_actors.core.local_time import local_now
from ess_actors.core.variables import Value, Variable

MAX_HEARTBEAT: Final = 60


def update_sys_time(engine: Engine, asset: Asset, var: Variable) -> None:
    """Fill `/status/<instance>`: controller time, wall clock (local) and a heartbeat 0..MaxHeartbeat."""
    local = local_now(engine)
    table = f"/status/{engine.name}"
    values: dict[str, Value] = {
        "tNow": engine.now,
        "timeString": local.strftime("%m/%d/%Y %H:%M:%S"),
        "Year": local.year,
        "Month": local.month,
        "Day": local.day,
        "Hour": local.hour,
        "Min": local.minute,
        "Sec": local.second,
    }
    for name, value in values.items():
        engine.write(engine.ensure(table, name, value), value)
    limit = engine.ensure(table, "MaxHeartbeat", MAX_HEARTBEAT).cell.value
    beat = engine.ensure(table, "Heartbeat", 0)
    last = beat.cell.value
    following = 0 if isinstance(last, str) else int(last) + 1
    engine.write(beat, 0 if not isinstance(limit, str) and following > limit else following)


def send_time(engine: Engine, asset: Asset, var: Variable) -> None:
    """Write controller time (seconds) into the variable."""
    engine.write(var, engine.now)


def send_true(engine: Engine, asset: Asset, var: Variable) -> None:
    """Write true into the variable."""
    engine.write(var, True)


FUNCTIONS: Final[Mapping[str, Function]] = {
    "UpdateSysTime": update_sys_time,
    "SendTime": send_time,
    "SendTrue": send_true,
}
