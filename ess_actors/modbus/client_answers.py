"""What a client answers: a set after the device, a get from what was read, point commands and figures."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from ess_actors.core.component_facts import facts
from ess_actors.core.component_writes import Item, Reply, WriteJob, make_jobs, multi_reply
from ess_actors.core.events import INFO, STATUS, Event
from ess_actors.core.points import Point
from ess_actors.core.registers import naked
from ess_actors.core.uri import clean
from ess_actors.modbus.asking import Asker
from ess_actors.modbus.client_component import Served, Setter
from ess_actors.modbus.client_orders import Orders
from ess_actors.modbus.writes import Replies, Ticket

_WRITTEN: Final = frozenset({"ok", "verified", "clamped"})
_NOT_TRIED: Final = frozenset({"bad_value", "disabled", "read_only", "safe_state", "unknown_id"})
"""Nothing was meant to reach the device: what it was told before still stands."""
_AGAIN: Final = "written again"

Permit = Callable[[Served, list[WriteJob], str], tuple[list[WriteJob], dict[str, Reply]]]
"""What of a set with this command id may go now, and the replies to what may not."""


class Answers:
    """The side of a client that others talk to. `emit` takes events."""

    def __init__(
        self,
        asker: Asker,
        orders: Orders,
        emit: Callable[[Event], None],
        clock: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self.running = False
        self.permit: Permit = lambda served, jobs, command: (jobs, {})
        self.written: Callable[[Point], None] = lambda point: None
        """Called with each point that a set was written to."""
        self._asker = asker
        self._orders = orders
        self._emit = emit
        self._clock, self._wall = clock, wall
        self._served: Sequence[Served] = ()
        self._by_uri: dict[str, Served] = {}

    def renew(self, served: Sequence[Served]) -> None:
        """These components are served from now on."""
        self._served = served
        self._by_uri = {}
        for one in served:
            self._by_uri.setdefault(one.state.component.uri, one)

    def find(self, uri: str) -> tuple[Served | None, str]:
        """The component with the longest id that covers `uri`, and what stands behind it."""
        path = clean(uri)
        rest: list[str] = []
        while path.count("/") >= 1 and path != "/":
            if served := self._by_uri.get(path):
                return served, "/".join(reversed(rest))
            path, _, last = path.rpartition("/")
            rest.append(last)
        return None, clean(uri)

    async def set(self, uri: str, body: object, by: str, command: str = "") -> Reply:
        """Writes, or obeys a command; the reply is complete when the device has answered."""
        served, rest = self.find(uri)
        if served is None:
            return _no_component(uri)
        state = served.state
        name, suffix = state.resolve(rest)
        if suffix:
            return self._command(served, name, suffix, body, by)
        jobs, refused = state.jobs(rest, body)
        if not rest and not jobs and list(refused) == [""]:
            return {"_status": "failed", **refused[""]}
        jobs, held = self.permit(served, jobs, command)
        refused |= held
        wanted = {rest: body} if rest or not isinstance(body, Mapping) else body
        names = [*refused, *(written for job in jobs for written in job.names)]
        items = {item.name: item for job in jobs for item in job.items}
        ticket = Ticket(names, self._listener(served, items, wanted, by))
        ticket.put(refused)
        if self.running:
            self._orders.write(served, jobs, ticket)
        else:
            for job in jobs:
                ticket.put(job.failed("not_connected"))
        replies = await ticket.done
        return multi_reply(replies) if not rest else replies[rest]

    def write_again(self, served: Served, lost: Iterable[Item]) -> None:
        """Setpoints that the device no longer shows after a loss, each once more."""
        state = served.state
        for item in lost:
            name, uri = item.name, f"{state.component.uri}/{item.name}"
            if name in state.disabled or self._orders.queue.waits(state, name):
                continue
            jobs, _ = self.permit(served, make_jobs(state.component, [item]), "")
            if not jobs:
                continue
            served.stats.reasserted += 1
            text = f"the device has lost the setpoint {item.value}; it is written again"
            self._emit(Event(uri, text, STATUS))
            ticket = Ticket([name], self._listener(served, {name: item}, {name: item.value}, _AGAIN))
            self._orders.write(served, jobs, ticket)

    def _listener(
        self, served: Served, items: Mapping[str, Item], wanted: Mapping[str, object], by: str
    ) -> Callable[[Replies], None]:
        """What became of a set: for the figures, for `_full`, and for setpoints that stand."""

        def told(replies: Replies) -> None:
            for name, reply in replies.items():
                status = str(reply["status"])
                known = name in served.state.points
                served.stats.count_set(name, status, known=known)
                if not known:
                    continue
                served.setters[name] = Setter(by, self._wall(), naked(wanted.get(name)), status)
                if status in _WRITTEN and name in items:
                    item = Item(name, items[name].point, reply["value"])
                    served.assertions.wrote(item, self._clock())
                    self.written(item.point)
                elif status not in _NOT_TRIED:
                    served.assertions.drop(name)

        return told

    def _command(self, served: Served, name: str, suffix: str, body: object, by: str) -> Reply:
        if suffix == "_stats":
            if naked(body) != "reset":
                return {"status": "bad_value", "text": 'send "reset"'}
            self._reset(served)
            reply: Reply = {"status": "ok"}
        else:
            reply = served.state.command(name, suffix, body)
        if reply.get("status", reply.get("_status")) in ("ok", "partial"):
            source = f"{served.state.component.uri}/{name}".rstrip("/")
            text = suffix.lstrip("_") + (" reset" if suffix == "_stats" else "") + (f" by {by}" if by else "")
            self._emit(Event(source, text, INFO))
        return reply

    async def get(self, uri: str) -> object:
        """From what was read last, but for `_remote`."""
        served, rest = self.find(uri)
        if served is None:
            return _no_component(uri)
        state, now = served.state, self._clock()
        name, suffix = state.resolve(rest)
        match suffix:
            case "" | "_local":
                return state.get(name if suffix else rest, now)
            case "_remote" if self.running:
                return await self._orders.read(served, name)
            case "_raw":
                return facts(state, name, suffix, now)
            case "_full":
                return _with_setters(served, name, facts(state, name, suffix, now))
            case "_stats":
                return self._stats(served, name)
            case "_rstats":
                stats = self._stats(served, name)
                self._reset(served)
                return stats
        return {"status": "unsupported"}

    def _stats(self, served: Served, name: str) -> Reply:
        counters, state = self._asker.link.counters, served.state
        if name:
            reading = state.reading(name)
            return served.stats.point_body(name, reading.block if reading is not None else None, counters)
        line = {"connected": self._asker.link.connected, **counters.as_body()}
        line["silent_units"] = self._asker.units.silent
        return {**served.stats.as_body(counters), "connected": line["connected"], "link": line}

    def _reset(self, served: Served) -> None:
        """The component's own figures; those of the line belong to others too and go on."""
        served.stats.reset(self._asker.link.counters)

    def sets(self) -> dict[str, int]:
        """Answered sets by status, of all components."""
        total: Counter[str] = Counter()
        for served in self._served:
            total.update(served.stats.sets)
        return dict(total)


def _with_setters(served: Served, name: str, told: Reply) -> Reply:
    """The facts of one point, or of each point, with who set it last."""
    if name:
        setter = served.setters.get(name)
        return {**told, "last_setter": setter.as_body()} if setter is not None else told
    return {
        one: _with_setters(served, one, facts) if isinstance(facts, dict) else facts
        for one, facts in told.items()
    }


def _no_component(uri: str) -> Reply:
    return {"status": "unknown_id", "text": f"no component of this device covers {uri}"}
