"""One instance: messages and time in, messages out."""

from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ess_actors.core.access import Access, split_subscriptions, valid_name
from ess_actors.core.answers import answer_query, counted, refuse
from ess_actors.core.applying import Applier
from ess_actors.core.engine import Engine
from ess_actors.core.errors import ConfigError
from ess_actors.core.findings import Severity
from ess_actors.core.functions import CALCULATIONS, FUNCTIONS
from ess_actors.core.functions.links import join_links
from ess_actors.core.functions.publish import UiListeners
from ess_actors.core.functions.schedule import run_item
from ess_actors.core.intake import Intake
from ess_actors.core.latch import AlarmBook
from ess_actors.core.loading import Loading
from ess_actors.core.messages import Message, instance_of
from ess_actors.core.quality import Quality
from ess_actors.core.records import Counters, LogLine
from ess_actors.core.remarks import Remark, Remarks
from ess_actors.core.saved import Saved
from ess_actors.core.trail import Trails
from ess_actors.core.uri import covers

BASICS: Final = "/sysconfig/default"
_METHODS: Final = ("get", "set", "pub")


def _member(start: Mapping[str, object], name: str) -> str | None:
    """A text of the start file, None when there is none."""
    basics = start.get(BASICS)
    value = basics.get(name) if isinstance(basics, dict) else None
    if isinstance(value, dict):
        value = value.get("value")
    return value if isinstance(value, str) else None


class Ess:
    """One instance. `now` is monotonic seconds, `wall` unix seconds, wherever they are passed in.

    Raises ConfigError (args: every FATAL Remark) when the documents forbid a start; in a `trial` only when not
    even the start file can be used: then what is missing is left out.
    """

    def __init__(
        self,
        start: Mapping[str, object],
        documents: Mapping[str, Mapping[str, object]],
        *,
        now: float,
        wall: float,
        csv: Mapping[str, str] = MappingProxyType({}),
        trial: bool = False,
    ) -> None:
        self._remarks = Remarks()
        self.name = _member(start, "EssName") or ""
        config, subs = _member(start, "Config") or "", _member(start, "Subs")
        self._check_start(config, subs)
        self.subscriptions, problems = split_subscriptions(subs or "", self.name)
        self._remarks.parts = (BASICS, "Subs")
        for problem in problems:
            self._remarks.add(problem.severity, problem.code, problem.text, problem.hint)
        self.engine = Engine(self.name, FUNCTIONS, CALCULATIONS, self._remarks, now, wall)
        self.engine.csv = csv
        self.access = Access(self.name)
        self.stop_requested = False
        self._applier = Applier(self.engine, self._remarks)
        self.engine.apply = self._apply_member
        self.engine.alarms = AlarmBook(self.engine)
        self._saved = Saved(self.engine)
        self.engine.at_run_end = self.engine.alarms.finish_run
        self.engine.listeners = UiListeners(self.engine)
        self._watch()
        self._remarks.parts = ()
        self._loading = Loading(
            self.engine,
            self._applier,
            self._remarks,
            start,
            config,
            documents,
            lambda: join_links(self.engine),
            trial,
        )
        self._trails: Trails | None = None
        self._intake = Intake(self.engine, self._applier, self._loading)

    def keep_changes(self) -> None:
        """From now on keep the last changes of every variable, and who made them, for `trace`."""
        self._trails = Trails(self.engine)

    def _apply_member(self, table: str, name: str, body: object) -> None:
        self._applier.member(self.engine.map.table(table), name, body, Quality.GOOD, "")

    def _check_start(self, config: str, subs: str | None) -> None:
        self._remarks.parts = (BASICS,)
        for name, wrong in (("EssName", not self.name), ("Config", not config), ("Subs", subs is None)):
            if wrong:
                text, hint = f"{BASICS} has no text `{name}`", "the start file needs Subs, Config and EssName"
                self._remarks.add(Severity.FATAL, "start-incomplete", text, hint, (name,))
        if self.name and not valid_name(self.name):
            text = f"the instance name {self.name!r} is not made of letters, digits and _"
            self._remarks.add(Severity.ERROR, "name-unusable", text, "rename the instance", ("EssName",))
        if fatal := self._remarks.fatal():
            raise ConfigError(*fatal)

    def _watch(self) -> None:
        watchers = self.engine.map.watchers
        for method in _METHODS:
            watchers[f"/blockeduris/{method}"] = self._read_blocks
        watchers["/control/ui_listeners"] = self.engine.listeners.changed
        watchers["/control/ess"] = self._read_control
        self.engine.map.on_create = lambda var: None if var.watch is None else var.watch()

    @property
    def findings(self) -> list[Remark]:
        """What is wrong with the documents, found so far."""
        return self._remarks.found

    @property
    def counters(self) -> Counters:
        """Counts by name, see the table /perf/engine."""
        return counted(self.engine)

    def measured(self, figures: Mapping[str, float]) -> None:
        """What the process costs, told by whoever runs it: `cpu_percent`, `memory_bytes`, `sends_failed`."""
        self.engine.measured = figures
        if "sends_failed" in figures:
            self.engine.counters["send_failed"] = int(figures["sends_failed"])

    def drain_log(self) -> list[LogLine]:
        """Log lines since the last call (at most the last 1000)."""
        fresh: deque[LogLine] = self.engine.fresh_lines
        lines = list(fresh)
        fresh.clear()
        return lines

    @classmethod
    def lint(
        cls,
        start: Mapping[str, object],
        documents: Mapping[str, Mapping[str, object]],
        csv: Mapping[str, str] = MappingProxyType({}),
    ) -> list[Remark]:
        """What a start with these documents would find, FATAL remarks included; nothing is kept or sent."""
        try:
            trial = cls(start, documents, now=0.0, wall=0.0, csv=csv, trial=True)
        except ConfigError as error:
            return list(error.args)
        trial.boot(0.0, 0.0)
        return trial.findings

    def boot(
        self, now: float, wall: float, state: Mapping[str, object] = MappingProxyType({})
    ) -> list[Message]:
        """The load phase. The messages its actions made, in order, after it is complete.

        With what an earlier life had saved it goes on where that one ended: nothing is commanded because of it,
        and its alarm router hears of all that is latched.
        """
        self.engine.started = now
        self.engine.booted = wall
        self.engine.ambient(now, wall)
        with self._saved.texts_of(state):
            self._loading.run()
        self._nothing_read_yet()
        self.engine.map.created = 0  # what documents make is wanted; what messages make may be a mistyped uri
        self.engine.event(self.name, f"{self.name} started", 1)
        if state:
            self._saved.restore(state)
            self.engine.alarms.retell()
        return self._out()

    def _nothing_read_yet(self) -> None:
        """What documents say about a device's points is not a reading: BAD until the device was read."""
        for uri in self.engine.map.uris():
            if covers("/components", uri):
                for var in list(self.engine.map.tables[uri].variables.values()):
                    self.engine.set_quality(var, Quality.BAD)

    def tick(self, now: float, wall: float) -> list[Message]:
        """Run the due items of the scheduler."""
        engine = self.engine
        engine.ambient(now, wall)
        for item in engine.scheduler.due(engine.now):
            run_item(engine, item)
        return self._out()

    def next_due(self) -> float | None:
        """Monotonic seconds of the next due item, None when nothing is scheduled."""
        due = self.engine.scheduler.next_due()
        return None if due is None else due + self.engine.started

    def source_lost(self, sender: str, now: float, wall: float) -> list[Message]:
        """An actor is down: what it (or an actor below it) read last becomes BAD, and the marks that follow."""
        engine = self.engine
        engine.ambient(now, wall, origin=instance_of(sender))
        for uri in engine.map.uris():
            for var in list(engine.map.tables[uri].variables.values()):
                if var.writer and covers(sender, var.writer):
                    engine.set_quality(var, Quality.BAD)
        return self._out()

    def saved(self) -> dict[str, object]:
        """What a new life of this instance needs to go on; `changed_state` goes on from here."""
        return self._saved.all()

    def changed_state(self) -> dict[str, object]:
        """What of it has changed since it was told last; None = it is gone."""
        return self._saved.changes()

    def retell_alarms(self, now: float, wall: float) -> list[Message]:
        """What the alarm router of this instance must hear to get its list back after a restart."""
        self.engine.ambient(now, wall)
        self.engine.alarms.retell()
        return self._out()

    def handle(self, message: Message, now: float, wall: float) -> list[Message]:
        """Take one message. What follows from it, in order of sending; the answer comes last."""
        engine = self.engine
        method = message.method
        if message.status:
            engine.counters.add(f"answers_failed{{{message.status}}}")
            return []
        engine.ambient(now, wall, message.hops, message.command, instance_of(message.sender))
        engine.message = message
        if method not in _METHODS:
            engine.counters["bad_method"] += 1
            refuse(engine, message, "bad_method", f"method {method!r} is not one of get, set, pub")
            return self._out()
        engine.counters[_IN[method]] += 1
        route = self.access.route(method, message.uri)
        if route.blocked:
            engine.counters.add(route.counter)
            refuse(engine, message, "blocked", f"{message.uri} is dropped here because of {route.blocked}")
        elif method == "get":
            answer_query(engine, message, route)
        else:
            known, found = engine.map.created, self._remarks.found
            before = len(found)
            self._intake.take(message, route)
            if route.place.loading and self._trails is not None:
                self._trails.again()
            if len(found) > before and not route.place.loading:
                self._tell_remarks(found[before:])
                del found[before:]
            if engine.map.created != known:
                text = f"{message.uri}: {engine.map.created - known} new variables"
                engine.log("info", f"{text}, written by {message.sender or 'nobody known'}")
        return self._out()

    def _out(self) -> list[Message]:
        if self.engine.alarms.watched:
            self.engine.alarms.look_at_suppression()
        out = self.engine.outbox
        self.engine.outbox = []
        return out

    def _tell_remarks(self, fresh: list[Remark]) -> None:
        """What is wrong with the actions that a message brought: for the log, and not kept for ever."""
        for remark in fresh:
            if remark.severity >= Severity.WARNING:
                self.engine.log("warning", f"set {remark.path}: {remark.text}; {remark.hint}")

    def _read_blocks(self) -> None:
        lists: dict[str, dict[str, bool]] = {}
        for method in _METHODS:
            table = self.engine.map.tables.get(f"/blockeduris/{method}")
            entries = table.variables.items() if table is not None else ()
            lists[method] = {
                name: var.cell.value for name, var in entries if isinstance(var.cell.value, bool)
            }
        self.access.block(lists)

    def _read_control(self) -> None:
        stop = self.engine.map.find("/control/ess", "stopTime")
        if stop is not None and stop.cell.value == 1 and not self.stop_requested:
            self.stop_requested = True
            self.engine.event(self.name, f"{self.name} stops", 1)


_IN: Final = {method: f"msgs_in{{{method}}}" for method in _METHODS}
