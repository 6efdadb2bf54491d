"""Latched alarm lists: entries, counters, events, and what the alarm router is told."""

from dataclasses import dataclass
from typing import Final

from ess_actors.core.alarm_rules import listed, told_rules
from ess_actors.core.assets import Asset
from ess_actors.core.bodies import plain
from ess_actors.core.engine import Engine
from ess_actors.core.messages import Message
from ess_actors.core.uri import covers
from ess_actors.core.variables import AlarmEntry, Value, Variable

FAULT: Final = "fault"
ALARM: Final = "alarm"
SEVERITY: Final = {FAULT: 4, ALARM: 3}
MAX_ENTRIES: Final = 32
CLEAR: Final = "Clear"
_DESTINATION: Final = {FAULT: "FaultDestination", ALARM: "AlarmDestination"}
_NORMAL: Final = {FAULT: "NoFaultMsg", ALARM: "NoAlarmMsg"}
_COUNT: Final = {FAULT: "FaultCnt", ALARM: "AlarmCnt"}
_LIST: Final = {FAULT: "faults", ALARM: "alarms"}


def shown(value: object) -> str:
    """A value in a text: 5 for 5.0, true and false as in JSON."""
    return str(value).lower() if isinstance(value, bool) else str(plain(value))


@dataclass(slots=True)
class Told:
    """What the router was told of one entry of its list, to tell it again when it restarts."""

    fields: dict[str, object]
    since: float
    """Unix seconds of the first time."""
    count: int = 0
    returned: bool = False
    cleared: bool = False
    """Its list was emptied while it was not normal: it is forgotten when it returns."""


class AlarmBook:
    """The alarm processing of one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.present: dict[str, str] = {}
        """Source -> fault or alarm: what is not normal now, whatever the lists still hold."""
        self.texts: set[str] = set()
        """Sources whose text is itself the state, as `process_sys_alarm` takes them."""
        self.lists: dict[str, Variable] = {}
        """The variables that carry lists, by uri."""
        self.version = 0
        """Moves on with every change of what is kept here."""
        self.told: dict[tuple[str, str, str], Told] = {}
        """The router's list: (instance it began in, source, fault or alarm) -> what was told."""
        self.watched = False
        """Some of `told` may be suppressed by design."""
        self._clears = 0
        self._cleared: list[tuple[str, str]] = []
        """Asset and trigger of the clears of the present run, the topmost first."""
        self._known: set[Asset] = set()

    def prepare(self, asset: Asset) -> None:
        """Create what alarm processing needs in a context, with its defaults."""
        if asset in self._known:
            return
        self._known.add(asset)
        for kind in (FAULT, ALARM):
            self.engine.ensure(
                f"/config/{asset.name}", _DESTINATION[kind], f"/assets/{asset.name}/summary:{_LIST[kind]}"
            )
            self.engine.ensure(f"/config/{asset.name}", _NORMAL[kind], "Normal")
            self.engine.kept[self.engine.context(asset, _COUNT[kind])] = None
        if "FaultShutdown" not in asset.context:
            found = self.engine.ensure(f"/status/{asset.name}", "FaultShutdown", False)
            asset.context["FaultShutdown"] = found
        self.engine.kept[asset.context["FaultShutdown"]] = None

    def normal(self, asset: Asset, kind: str) -> str:
        """The text that means "no fault" (or "no alarm") in a context."""
        self.prepare(asset)
        var = self.engine.map.find(f"/config/{asset.name}", _NORMAL[kind])
        return str(var.cell.value) if var is not None else "Normal"

    def destination(self, asset: Asset, kind: str) -> Variable:
        """The variable that carries the list of a context."""
        self.prepare(asset)
        named = self.engine.map.find(f"/config/{asset.name}", _DESTINATION[kind])
        table, _, name = str(named.cell.value if named is not None else "").partition(":")
        if not table.startswith("/") or not name:
            table, name = f"/assets/{asset.name}/summary", _LIST[kind]
        return self.engine.ensure(table, name, 0)

    def append(self, asset: Asset, kind: str, source: Variable, message: str, severity: int) -> None:
        """Latch an entry, post the event, count it, tell the router."""
        engine = self.engine
        target = self.destination(asset, kind)
        value = source.cell.value
        if target.alarms is None:
            target.alarms = []
        self.lists[target.uri] = target
        target.alarms.append(AlarmEntry(message, severity, source.uri, value, engine.wall))
        limit = max(1, int(target.number("MaxAlarmSize", MAX_ENTRIES)))
        del target.alarms[:-limit]
        engine.write(target, 1)
        engine.event(asset.name, message, SEVERITY[kind])
        self.add(asset, kind, 1)
        self.tell_raised(asset, kind, source, message, value, target)

    def tell_raised(
        self, asset: Asset, kind: str, source: Variable, message: str, value: Value, target: Variable
    ) -> None:
        """Remember that the source is not normal, and tell the router."""
        self.version += 1
        self.present[source.uri] = kind
        key = self.engine.origin, source.uri, kind
        told = self.told.get(key)
        if told is None:
            told = self.told[key] = Told({}, self.engine.wall)
        told.fields = {
            "type": kind,
            "instance": self.engine.origin,
            "asset": asset.name,
            "source": source.uri,
            "message": message,
            "value": plain(value),
            "severity": SEVERITY[kind],
            "list": target.uri,
        }
        if rules := told_rules(self.engine.map, asset.name, kind, source):
            told.fields["rules"] = rules
            if watched := listed(rules.get("suppressed_by")):
                told.fields["suppressed"] = self._suppressed(watched)
                self.watched = True
        if told.returned:
            told.since = self.engine.wall
        told.count += 1
        told.returned = told.cleared = False
        self.engine.note("raised", **told.fields)

    def retell(self) -> None:
        """Tell a router that starts anew all of it, in the old order; how often and since when too."""
        for told in self.told.values():
            more = {"cleared": True} if told.cleared else {}
            self.engine.note("raised", **told.fields, since=told.since, count=told.count, again=True, **more)
        for source in dict.fromkeys(key[1] for key, told in self.told.items() if told.returned):
            self.engine.note("normal", source=source, again=True)
        rows = [[*key, told.returned, told.cleared] for key, told in self.told.items()]
        self.engine.note("stands", told=rows, present=list(self.present))

    def back_to_normal(self, source: Variable) -> None:
        """The source is normal again; entries stay."""
        if self.present.pop(source.uri, None) is not None:
            self.version += 1
            for key in [key for key in self.told if key[1] == source.uri]:
                self.told[key].returned = True
                if self.told[key].cleared:
                    del self.told[key]
            self.engine.note("normal", source=source.uri)

    def look_at_suppression(self) -> None:
        """Tell the router of alarms that their design suppresses from now on, or no longer."""
        for told in self.told.values():
            if "suppressed" in told.fields:
                rules = told.fields["rules"]
                on = self._suppressed(listed(rules.get("suppressed_by") if isinstance(rules, dict) else None))
                if on != told.fields["suppressed"]:
                    self.version += 1
                    told.fields["suppressed"] = on
                    self.engine.note("suppressed", source=told.fields["source"], on=on)

    def _suppressed(self, uris: tuple[str, ...]) -> bool:
        """Whether one of these variables holds (true, or a number that is not 0)."""
        for uri in uris:
            table, _, name = uri.partition(":")
            var = self.engine.map.find(table, name)
            if var is not None and not isinstance(var.cell.value, str) and var.cell.value:
                return True
        return False

    def add(self, asset: Asset, kind: str, by: int) -> None:
        """Move the counter of a kind; it does not fall below 0."""
        count = self.engine.context(asset, _COUNT[kind])
        old = count.cell.value
        self.engine.write(count, max(0, (0 if isinstance(old, str) else int(old)) + by))

    def shut_down(self, asset: Asset, on: bool) -> None:
        """Set `/status/<asset>:FaultShutdown`."""
        self.prepare(asset)
        self.engine.write(self.engine.context(asset, "FaultShutdown"), on)

    def clear(self, asset: Asset, kind: str, trigger: Variable) -> None:
        """Empty the list of a context and of everything below it that has the trigger variable too."""
        engine = self.engine
        self.version += 1
        engine.clears.append(kind)
        self._cleared.append((asset.name, trigger.name))
        target = self.destination(asset, kind)
        sources = {entry.source for entry in target.alarms or ()}
        for key, told in list(self.told.items()):
            if key[2] == kind and (key[1] in sources or told.fields["list"] == target.uri):
                sources.add(key[1])  # a long list has dropped its oldest entries, the router has not
                if key[1] in self.present:
                    told.cleared = True
                else:
                    del self.told[key]
        target.alarms = []
        engine.write(target, 0)
        for count in _COUNT.values():
            engine.write(engine.context(asset, count), 0)
        normal = self.normal(asset, kind)
        table = engine.map.tables.get(trigger.table)
        for var in list(table.variables.values()) if table is not None else ():
            if var is not trigger:
                var.cell.previous = normal
        self._lower_flags(asset, trigger, kind)
        if sources:
            names = sorted(sources)
            engine.note("cleared", type=kind, asset=asset.name, list=target.uri, sources=names, **self._by())
        for child in list(asset.children()):
            below = engine.map.find(f"/{_LIST[kind]}/{child.name}", trigger.name)
            if below is not None and below is not trigger:
                self.clear(child, kind, below)
        if kind == FAULT:
            self.shut_down(asset, False)
        engine.write(engine.context(asset, "ClearFaultsDone"), True)

    def _lower_flags(self, asset: Asset, trigger: Variable, kind: str) -> None:
        """Let the monitors that the trigger names report again."""
        component = trigger.text("defComp") or f"/status/{asset.name}"
        for param in trigger.numbered("numVars", "variable"):
            name = trigger.text(param)
            table, _, member = (name if ":" in name else f"{component}:{name}").partition(":")
            var = self.engine.map.find(table, member)
            if var is not None:
                for flag in var.params:
                    if flag.startswith("seen") and flag.lower().endswith(kind):
                        var.params[flag] = False

    def finish_run(self) -> None:
        """At the end of a run with a clear: name the command, ask devices for answers, tell the router."""
        engine = self.engine
        kinds = list(dict.fromkeys(engine.clears))
        engine.clears = []
        cleared, self._cleared = self._cleared, []
        triggers = {name for _, name in cleared}
        root = engine.hops == 0
        if root and not engine.command:
            self._clears += 1
            engine.command = f"{engine.name}-clear-{int(engine.booted * 1000):x}-{self._clears}"
        devices: list[str] = []
        instances: set[str] = set()
        for index in range(engine.run_start, len(engine.outbox)):
            message = engine.outbox[index]
            if message.method == "set":
                message = self._ask(message, devices)
                other = message.uri.split("/", 2)[1]
                if other != engine.name and any(_names(message, trigger) for trigger in triggers):
                    instances.add(other)
            engine.outbox[index] = message._replace(command=engine.command)
        instances.discard("components")
        # A member is asked for faults and alarms by two messages of one command, and its router reports at
        # the first: what it says then is everything that is not normal.
        remaining = sorted(source for source, kind in self.present.items() if kind in kinds or not root)
        by = self._by()
        for kind in kinds:
            engine.note(
                "clear",
                **by,
                type=kind,
                asset=cleared[0][0],
                root=root,
                remaining=remaining,
                instances=sorted(instances),
                devices=devices,
            )

    def _by(self) -> dict[str, str]:
        """Who sent what this run follows from, when it is known."""
        message = self.engine.message
        return {"by": message.sender} if message is not None and message.sender else {}

    def _ask(self, message: Message, devices: list[str]) -> Message:
        """A set to a device gets a place for its answer."""
        if not covers("/components", message.uri):
            return message
        if message.uri not in devices:
            devices.append(message.uri)
        return message._replace(replyto=f"/alarm_router/{self.engine.name}/device", corr=message.uri)


def _names(message: Message, variable: str) -> bool:
    return message.uri.endswith("/" + variable) or b'"%b"' % variable.encode() in message.body
