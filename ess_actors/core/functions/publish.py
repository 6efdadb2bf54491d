"""RunPub: publish tables and variables; and the count of UI listeners that lets UI publication rest."""

from collections.abc import Mapping
from typing import Final

import orjson

from ess_actors.core.assets import Asset
from ess_actors.core.bodies import SHAPES, marks_of, of_table, plain
from ess_actors.core.engine import Engine, Function
from ess_actors.core.quality import Quality
from ess_actors.core.variables import Variable

PREFIX_MARK: Final = "##"


def _body(body: object) -> bytes:
    return orjson.dumps(body, default=plain)


class UiListeners:
    """How many UI clients the web servers say they serve."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.count: float | None = None
        """None while no server said anything: then everything is published."""
        self.resting: dict[Variable, None] = {}

    def changed(self) -> None:
        """Add up the table; the first listener after none gets what was held back at once."""
        table = self.engine.map.tables.get("/control/ui_listeners")
        values = [var.cell.value for var in table.variables.values()] if table is not None else []
        before, self.count = self.count, sum(float(v) for v in values if not isinstance(v, str))
        status = self.engine.ensure(f"/status/{self.engine.name}", "UiListeners", 0)
        self.engine.write(status, self.count)
        if before == 0 and self.count > 0:
            waiting, self.resting = self.resting, {}
            for var in waiting:
                run_pub(self.engine, self.engine.assets.root, var)

    def rests(self, var: Variable) -> bool:
        """Whether a ui publication by this variable is to be left out now."""
        if self.count != 0 or var.params.get("always") is True:
            return False
        self.resting[var] = None
        return True


def run_pub(engine: Engine, asset: Asset, var: Variable) -> None:
    """Publish what param `table` (or `uri`) names, in `mode`, on its own uri or on `sendas`."""
    named = var.text("table") or var.text("uri")
    mode = var.text("mode", "ui")
    if mode not in SHAPES:
        mode = "ui"
    if mode == "ui" and engine.listeners.rests(var):
        engine.counters["pubs_suppressed"] += 1
        return
    sendas = var.text("sendas")
    if named.endswith(PREFIX_MARK):
        prefix = named[: -len(PREFIX_MARK)]
        for uri in engine.map.uris():
            if uri.startswith(prefix):
                _publish(engine, uri, mode, "")
        return
    table, colon, name = named.partition(":")
    if not colon:
        _publish(engine, named, mode, sendas)
        return
    source = engine.map.find(table, name)
    if source is None:
        _publish(engine, named, mode, sendas)
    elif isinstance(source.cell.value, str):
        for entry in source.cell.value.split(","):
            if entry.strip():
                _publish(engine, entry.strip(), mode, "")


def _publish(engine: Engine, named: str, mode: str, sendas: str) -> None:
    uri, _, name = named.partition(":")
    shape = SHAPES[mode]
    table = engine.map.tables.get(uri)
    marks: Mapping[str, int] | None = None
    if table is not None and not name:
        body: object = of_table(table, shape)
        marks = marks_of(table)
    else:
        var = engine.map.find(uri, name) if name else None
        if var is None:
            engine.counters["pub_nonexistent"] += 1
            last = name or uri.rpartition("/")[2]
            body = {last: {"value": f"uri {named} nonexistent"}}
        else:
            body = {name: shape(var)}
            if var.cell.quality is not Quality.GOOD:
                marks = {name: int(var.cell.quality)}
    target = sendas or uri
    if engine.send("pub", target, _body(body), "", marks, named):
        engine.counters[f"pubs_out{{{target}}}"] += 1


FUNCTIONS: Final[Mapping[str, Function]] = {"RunPub": run_pub}
