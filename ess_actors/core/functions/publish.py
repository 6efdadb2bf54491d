"""RunPub, FastPub, SlowPub, SlowPubOne: publish tables and variables; UI publication rests while nobody listens."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import orjson

from ess_actors.core.assets import Asset
from ess_actors.core.bodies import SHAPES, marks_of, of_table, plain
from ess_actors.core.engine import Engine, Function
from ess_actors.core.quality import Quality
from ess_actors.core.variables import Variable

PREFIX_MARK: Final = "##"
UI: Final = "ui"
LISTENERS: Final = "/control/ui_listeners"
MOST_RESTING: Final = 1000
"""Publications that are known as held back."""


class Publication(NamedTuple):
    """What one publication is: `named` as a document writes it, on `sendas` instead of its own uri when given."""

    named: str
    mode: str
    sendas: str
    always: bool


class UiListeners:
    """How many UI clients the web servers say they serve."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.count: float | None = None
        """None while no server said anything: then everything is published."""
        self.resting: dict[Publication, None] = {}

    def changed(self) -> None:
        """Add up the table; the first listener after none gets what was held back at once."""
        table = self.engine.map.tables.get(LISTENERS)
        values = [var.cell.value for var in table.variables.values()] if table is not None else []
        before, self.count = self.count, sum(max(0, value) for value in values if not isinstance(value, str))
        status = self.engine.ensure(f"/status/{self.engine.name}", "UiListeners", 0)
        self.engine.write(status, self.count)
        if before == 0 and self.count > 0:
            waiting, self.resting = self.resting, {}
            for publication in waiting:
                _publish(self.engine, publication)

    def rests(self, publication: Publication) -> bool:
        """Whether it is to be left out now."""
        if self.count != 0 or publication.mode != UI or publication.always:
            return False
        if len(self.resting) >= MOST_RESTING and publication not in self.resting:
            del self.resting[next(iter(self.resting))]
        self.resting[publication] = None
        self.engine.counters["pubs_suppressed"] += 1
        return True


def _publisher(function: str, fixed: str = "") -> Function:
    """Publishes what param `table` (or `uri`) names, else `fixed`, in `mode`, on its own uri or on `sendas`
    (or `dest`)."""
    default = fixed and f", else {fixed}"

    def publish(engine: Engine, asset: Asset, var: Variable) -> None:
        def prepare() -> Publication:
            mode = var.text("mode")
            own = fixed.format(instance=engine.name, asset=asset.name)
            named = var.text("table") or var.text("uri") or own
            if not named and engine.once(("publish", function, var)):
                engine.log("warning", f"{function} on {var.uri} publishes nothing: it has no param `table`")
            sendas = var.text("sendas") or var.text("dest")
            return Publication(named, mode if mode in SHAPES else UI, sendas, var.flag("always"))

        publication = engine.plan(function, asset, var, prepare)
        assert isinstance(publication, Publication)
        if publication.named and not engine.listeners.rests(publication):
            _publish(engine, publication)

    publish.__doc__ = f"Publish what param `table` names{default}, in `mode`, on its own uri or on `sendas`."
    return publish


def _publish(engine: Engine, what: Publication) -> None:
    named = what.named
    if named.endswith(PREFIX_MARK):
        for uri in _beginning_with(engine.map.uris(), named[: -len(PREFIX_MARK)]):
            _send(engine, uri, what.mode, what.sendas)
        return
    table, colon, name = named.partition(":")
    source = engine.map.find(table, name) if colon else None
    if source is None:
        _send(engine, named, what.mode, what.sendas)
    elif isinstance(source.cell.value, str):
        for entry in source.cell.value.split(","):
            if entry.strip():
                _send(engine, entry.strip(), what.mode, "")


def _beginning_with(uris: tuple[str, ...], prefix: str) -> Iterator[str]:
    for index in range(bisect_left(uris, prefix), len(uris)):
        if not uris[index].startswith(prefix):
            break
        yield uris[index]


def _send(engine: Engine, named: str, mode: str, sendas: str) -> None:
    """One message: a table, or a table with one variable only."""
    uri, _, name = named.partition(":")
    shape = SHAPES[mode]
    table = engine.map.tables.get(uri)
    marks: Mapping[str, int] | None = None
    if table is not None and not name:
        body: object = of_table(table, shape)
        marks = marks_of(table)
    elif (var := engine.map.find(uri, name)) is not None:
        body = {name: shape(var)}
        if var.cell.quality is not Quality.GOOD:
            marks = {name: int(var.cell.quality)}
    else:
        engine.counters["pub_nonexistent"] += 1
        missing = named.replace(":", "/")
        body = {missing: {"value": f"uri {missing} nonexistent"}}
    target = sendas or uri
    if engine.send("pub", target, orjson.dumps(body, default=plain), "", marks, named):
        engine.counters.add(f"pubs_out{{{target}}}")


FUNCTIONS: Final[Mapping[str, Function]] = {
    "RunPub": _publisher("RunPub"),
    "FastPub": _publisher("FastPub", "/site/{instance}/ess_hs"),
    "SlowPub": _publisher("SlowPub", "/site/{instance}/ess_ls"),
    "SlowPubOne": _publisher("SlowPubOne", "/assets/{asset}/summary"),
}
