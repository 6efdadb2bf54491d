"""CheckTableVar: a value out of a csv table by the values of two other variables."""

import csv
from bisect import bisect_right
from collections.abc import Mapping
from typing import Final, NamedTuple

from ess_actors.core.assets import Asset
from ess_actors.core.engine import Engine, Function
from ess_actors.core.functions.places import number_of, place
from ess_actors.core.quality import of_total
from ess_actors.core.variables import Variable

SUFFIX: Final = ".csv"


class Grid(NamedTuple):
    """Cells by row and column; the keys ascend."""

    columns: tuple[float, ...]
    rows: tuple[float, ...]
    cells: tuple[tuple[float, ...], ...]

    def cell(self, across: float, down: float) -> float:
        """The cell at the largest keys that are not above the inputs, 0 when there is none."""
        column, row = bisect_right(self.columns, across) - 1, bisect_right(self.rows, down) - 1
        if column < 0 or row < 0 or column >= len(self.cells[row]):
            return 0.0
        return self.cells[row][column]


def read_grid(text: str) -> Grid:
    """Line 1 is a title, line 2 has the keys of the columns, every other line the key of a row and its cells.

    Raises ValueError with what is wrong. Above the row keys there may be a cell of any content.
    """
    lines = [[cell.strip() for cell in line] for line in csv.reader(text.splitlines()[1:])]
    lines = [line for line in lines if any(line)]
    if len(lines) < 2:
        raise ValueError("a table has a title, a line of keys and at least one row")
    head, body = lines[0], lines[1:]
    if len(head) >= len(body[0]):
        head = head[1:]
    keys = [float(cell) for cell in head]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    rows = sorted((float(line[0]), [float(cell) for cell in line[1:]]) for line in body)
    if any(len(cells) != len(keys) for _, cells in rows):
        raise ValueError(f"every row needs a key and {len(keys)} cells")
    return Grid(
        tuple(keys[index] for index in order),
        tuple(key for key, _ in rows),
        tuple(tuple(cells[index] for index in order) for _, cells in rows),
    )


class _Lookup:
    """What was prepared for one result."""

    __slots__ = ("grid", "inputs")

    def __init__(self, engine: Engine, asset: Asset, var: Variable) -> None:
        self.inputs = [place(engine, asset, var, param) for param in ("tableVar1", "tableVar2")]
        name = var.text("tableName").removesuffix(SUFFIX)
        text = engine.csv.get(name)
        self.grid: Grid | None = None
        problem = f"there is no table {name}{SUFFIX}"
        if text is not None:
            try:
                self.grid = read_grid(text)
            except ValueError as error:
                problem = f"{name}{SUFFIX}: {error}"
        if self.grid is None and engine.once(("table", var, problem)):
            engine.log("warning", f"CheckTableVar of {var.uri}: {problem}")


def check_table_var(engine: Engine, asset: Asset, var: Variable) -> None:
    """Write the cell of table `tableName` at `tableVar1` (column) and `tableVar2` (row); no actions."""
    plan = engine.plan("CheckTableVar", asset, var, lambda: _Lookup(engine, asset, var))
    assert isinstance(plan, _Lookup)
    if plan.grid is None:
        engine.counters["not_calculated"] += 1
        return
    across, down = map(number_of, plan.inputs)
    quality = of_total([s.var.cell.quality for s in plan.inputs if s is not None and s.var is not None])
    engine.write(var, plan.grid.cell(across, down), quality, fire=False)


FUNCTIONS: Final[Mapping[str, Function]] = {"CheckTableVar": check_table_var}
