"""HandleCpuStats: what the process of the instance costs, as variables."""

from collections.abc import Mapping
from typing import Final

from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine, Function
from ess_actors.core.variables import Variable

_NAMES: Final = {"cpu_percent": "CpuPercent", "memory_bytes": "MemoryBytes"}
"""Figure -> variable: percent of one core, bytes of resident memory."""


def handle_cpu_stats(engine: Engine, asset: Asset, var: Variable) -> None:
    """Write what was measured last into `/status/<instance>`; nothing before the first measurement."""
    for figure, name in _NAMES.items():
        if figure in engine.measured:
            target = engine.ensure(f"/status/{engine.name}", name, 0)
            engine.write(target, engine.measured[figure])


FUNCTIONS: Final[Mapping[str, Function]] = {"HandleCpuStats": handle_cpu_stats}
