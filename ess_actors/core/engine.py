"""One instance's state and what actions and functions work with: write, fire, send, count, log."""

from collections.abc import Callable, Mapping, Set
from typing import TYPE_CHECKING, TypeAlias

import orjson

from ess_actors.core.assets import Asset, Assets, link_end
from ess_actors.core.bodies import plain
from ess_actors.core.locks import Lock
from ess_actors.core.messages import MAX_HOPS, Message
from ess_actors.core.plans import Plans
from ess_actors.core.remarks import Remarks
from ess_actors.core.runs import CutOff, Runs
from ess_actors.core.scheduler import Scheduler
from ess_actors.core.tables import Table
from ess_actors.core.variables import Variable

if TYPE_CHECKING:
    from ess_actors.core.functions.publish import UiListeners
    from ess_actors.core.latch import AlarmBook

Function: TypeAlias = Callable[["Engine", Asset, Variable], None]


class Engine(Runs):
    """One instance. All times passed in are monotonic seconds (`now`) and unix seconds (`wall`)."""

    def __init__(
        self,
        name: str,
        functions: Mapping[str, Function],
        calculations: Set[str],
        remarks: Remarks,
        now: float,
        wall: float,
    ) -> None:
        super().__init__(name, remarks, now, wall)
        self.functions = functions
        self.calculations = calculations
        """Functions that only calculate: what a quality run may call."""
        self.assets = Assets(name)
        self.scheduler = Scheduler()
        self.alarms: AlarmBook
        self.listeners: UiListeners
        self.apply: Callable[[str, str, object], None]
        """(table, name, body): one clothed member as a set, set by the owner of the engine."""
        self.csv: Mapping[str, str] = {}
        """Texts of the csv tables beside the documents, by name without suffix."""
        self.documents: Mapping[str, Mapping[str, object]] = {}
        """All documents by name, pushed ones included."""
        self.measured: Mapping[str, float] = {}
        """Figures of the process around the instance (cpu_percent, memory_bytes), as last measured."""
        self.booted = wall
        """Unix seconds of the start; part of the command ids made here, which so never come twice."""
        self.message: Message | None = None
        """What is being handled; None in runs of the scheduler."""
        self.hops = 0
        self.command = ""
        self.origin = name
        self.monitor_lists: dict[str, tuple[object, object]] = {}
        """Prepared lists of RunMonitor, by table."""
        self._plans = Plans(self.map)

    def ambient(self, now: float, wall: float, hops: int = 0, command: str = "", origin: str = "") -> None:
        """What the following run happens in; `origin` is the instance it began in (default: this one)."""
        self.now = now - self.started
        self.wall = wall
        self.message = None
        self.hops = hops if hops > 0 else 0
        self.command = command
        self.origin = origin or self.name

    def lock(self, var: Variable, locked: bool) -> None:
        """Lock or unlock a variable with all its params."""
        var.lock = Lock(True) if locked else None

    def lock_param(self, var: Variable, param: str, locked: bool) -> None:
        """Lock or unlock one param, whatever is true for the rest of the variable."""
        lock = var.lock or Lock(False)
        lock.param(param, locked)
        var.lock = lock

    def lock_table(self, table: Table, locked: bool) -> None:
        """Lock or unlock all variables of a table, and whether new ones may come."""
        table.locked = locked
        for var in table.variables.values():
            self.lock(var, locked)

    def call(self, name: str, asset: Asset, var: Variable) -> None:
        """Call a function by name; an unknown or failing one is counted, never raised."""
        if self.quality_run and name not in self.calculations:
            return
        function = self.functions.get(name)
        if function is None:
            self.counters.add(f"unknown_function{{{name}}}")
            if self.once(("function", name)):
                self.log("warning", f"function {name} (on {var.uri}) is not known")
            return
        depth = self.depth
        try:
            function(self, asset, var)
        except (CutOff, RecursionError):
            raise
        except Exception as error:
            self.depth = depth
            self.counters["function_errors"] += 1
            if self.once(("function-error", name, var)):
                self.log("error", f"function {name} on {var.uri} failed: {error!r}")

    def plan(self, function: str, asset: Asset, var: Variable, build: Callable[[], object]) -> object:
        """What a function prepared on its first call; built again after a change of the variable's params
        from outside, or when `/reload/<asset>:<function>_<variable>` is written to 0 or 1."""
        return self._plans.of(function, asset, var, build, self.now)

    def plan_again(self) -> None:
        """Documents came, and with them perhaps other links and assets: let all functions prepare again."""
        self._plans.again()

    def context(self, asset: Asset, name: str) -> Variable:
        """The variable a bare name means in an asset context; `/status/<asset>:<name>` = 0 when new."""
        found = self.known(asset, name)
        if found is None:
            found = asset.context[name] = self.ensure(f"/status/{asset.name}", name, 0)
        return found

    def known(self, asset: Asset, name: str) -> Variable | None:
        """What a bare name means already: its context entry, or a link of `/links/<asset>` not built yet."""
        found = asset.context.get(name)
        if found is None and (link := self.map.find(f"/links/{asset.name}", name)) is not None:
            found = link_end(self.map, link, self.now)
            if found is not None:
                asset.context[name] = found
        return found

    def send(
        self,
        method: str,
        uri: str,
        body: bytes,
        replyto: str = "",
        quality: Mapping[str, int] | None = None,
        item: object = None,
    ) -> bool:
        """Put a message caused by this run into the outbox, unless it went through too many instances."""
        hops = self.hops + 1
        if hops > MAX_HOPS:
            self.counters["hop_dropped"] += 1
            if self.once(("hops", item or uri)):
                self.log(
                    "warning", f"{method} {uri} was not sent: it already went through {MAX_HOPS} instances"
                )
            return False
        self.outbox.append(Message(method, uri, body, replyto, hops, self.command, quality))
        return True

    def event(self, asset: str, message: str, severity: int) -> None:
        """Post an event (severity 1 info, 2 status, 3 alarm, 4 fault)."""
        form = self.map.find(f"/config/{self.name}", "EventSourceFormat")
        style = form.cell.value if form is not None else "full"
        sep = form.text("sep", "->") if form is not None else "->"
        source = {"essName": self.name, "assetName": asset}.get(str(style), f"{self.name}{sep}{asset}")
        body = orjson.dumps({"source": source, "message": message, "severity": severity})
        self.send("post", "/events", body)

    def note(self, kind: str, **fields: object) -> None:
        """Tell the alarm router what happened here."""
        self.send("pub", f"/alarm_router/{self.name}", orjson.dumps({"kind": kind, **fields}, default=plain))
