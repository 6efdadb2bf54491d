"""The site server actor: publications fill the register image, a master's writes become sets."""

import asyncio
import time
from typing import Any, Final, NamedTuple

import orjson

from ess_actors.actors.server_reload import reread
from ess_actors.actors.telling import TellingActor
from ess_actors.core.audit import Cyclic, Entry
from ess_actors.core.bank import Bank, Written
from ess_actors.core.component_writes import json_body
from ess_actors.core.control import Subscribe, Wake
from ess_actors.core.errors import RequestError
from ess_actors.core.events import INFO, Event
from ess_actors.core.messages import Message, command_record, reply_to
from ess_actors.core.safe_state import stamped
from ess_actors.core.server_points import ServerMap
from ess_actors.core.uri import covers
from ess_actors.modbus.server import Server

_ASK_AGAIN_S: Final = 5.0
_MAX_WAITING: Final = 200
"""Items that may wait for the actor, or for who takes its orders; beyond, masters are told to come back later."""


class _Reply(NamedTuple):
    """From the thread: the answer to a message."""

    asked: Message
    body: dict[str, object]


class _Orders(NamedTuple):
    """From the thread: what a master wrote, and its address."""

    points: list[Written]
    master: str


class _Ask(NamedTuple):
    """From the thread: these sources are to be asked for their values."""

    uris: tuple[str, ...]


class ModbusServerActor(TellingActor):
    """One Modbus server file. Reads are answered on the IO thread from the image: no actor takes part."""

    kind = "modbus_server"

    def __init__(self) -> None:
        super().__init__()
        self._map: ServerMap
        self._sources: frozenset[str]
        self._server: Server
        self._cyclic = Cyclic()
        self._reloading: asyncio.Lock
        self._commands = 0
        self._epoch = 0

    def on_configure(self, settings: ServerMap) -> None:
        # Part of the command ids: a command is done once per id, also after a restart of this actor.
        self._epoch = time.time_ns()
        self._take_over(settings)
        self._reloading = asyncio.Lock()
        self._server = Server(
            Bank(settings, time.monotonic()),
            settings.host,
            settings.port,
            lambda points: self.from_io(_Orders(points, self._server.master)),
            on_event=self.from_io,
            busy=lambda: len(self._items) + self.backlog > _MAX_WAITING,
            serial=settings.serial,
            tls=settings.tls,
            max_clients=settings.max_clients,
            allow_from=settings.allow_from,
            idle_timeout_s=settings.idle_timeout_s,
        )
        self.start_io()
        self.run_io(self._serve())

    def on_message(self, message: Message) -> None:
        uri, reply = message.uri, self._map.uri + "/reply"
        if message.method == "pub":
            self._commit_soon(uri, message)
            return
        if message.method == "set" and covers(reply, uri):
            self._commit_soon(uri.removeprefix(reply), message)
            return
        match message.method, uri.removeprefix(self._map.uri):
            case "get", "" | "/_stats":
                self.call_io(self._tell_state, message)
            case "set", "/_reload":
                self.run_io(self._reload(message))
            case "set", "/_fault":
                self.call_io(self._fault, message)
            case _:
                self._not_ours(message)

    def on_io(self, item: Any) -> None:
        match item:
            case "listening":
                self.ready(self._subscriptions())
                self.wake_after(_ASK_AGAIN_S, Wake("ask"))
            case ServerMap():
                self._take_over(item)
                self.send(self._parent, Subscribe(self.actor_id, self.generation, self._subscriptions()))
            case Event():
                self.tell(item)
            case _Reply():
                status = str(item.body.get("status", "ok"))
                told = status if item.asked.explain and status != "ok" else ""
                if item.asked.replyto or item.asked.explain:
                    self.post(reply_to(item.asked, json_body(item.body), told))
            case _Ask():
                for uri in item.uris:
                    self.post(Message("get", uri, replyto=f"{self._map.uri}/reply{uri}"))
            case _Orders():
                self._written(item.points, item.master)

    def on_wake(self, wake: Wake) -> None:
        super().on_wake(wake)
        if wake.what == "ask":
            self._ask_owners()
            self.wake_after(_ASK_AGAIN_S, Wake("ask"))

    def on_directory(self, gone: frozenset[str]) -> None:
        """Somebody may have started whose values are wanted; nobody was there to be asked before the first one."""
        super().on_directory(gone)
        self._ask_owners()

    async def stop_io(self) -> None:
        await self._server.stop()

    def _take_over(self, server_map: ServerMap) -> None:
        self._map = server_map
        self._sources = frozenset(entry.uri for entry in server_map.entries if not entry.commit_counter)

    def _subscriptions(self) -> tuple[str, ...]:
        return (*(f"pub:{uri}" for uri in sorted(self._sources)), self._map.uri)

    def _commit_soon(self, uri: str, message: Message) -> None:
        if uri in self._sources and not message.status:
            self.call_io(self._commit, uri, message.body)

    def _not_ours(self, message: Message) -> None:
        """A set or get below a source is its owner's; it may come here because the source lies below our own uri."""
        owned = any(covers(source, message.uri) for source in self._sources)
        if message.explain or (message.replyto and not owned):
            text = f"the owner of a register's uri takes sets and gets; this server shows {self._map.uri}"
            body = orjson.dumps({"status": "unsupported", "text": text})
            self.post(reply_to(message, body, "unsupported"))

    def _ask_owners(self) -> None:
        """Sources never heard are asked again and again: a server need not wait for their next publication."""
        self.call_io(lambda: self.from_io(_Ask(tuple(self._server.bank.sources.unheard()))))

    def _written(self, points: list[Written], master: str) -> None:
        self._commands += 1
        command = stamped(f"{self.actor_id}-{self._epoch:x}-{self._commands}", time.monotonic())
        for point in points:
            body = orjson.dumps({"value": point.value})
            order = Message("set", f"{point.uri}/{point.id}", body, command=command)
            self.post_all((order, command_record(order, self.actor_id)))
            new = orjson.dumps(point.value).decode()
            if (row := self._cyclic.row(order.uri, new, time.monotonic())) is not None:
                self.store.keep(Entry(time.time(), master, master, order.uri, row[0], new, row[1]))

    # --- on the IO thread -------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        await self._server.start()
        self.from_io("listening")

    def _commit(self, uri: str, body: bytes) -> None:
        try:
            values = orjson.loads(body)
        except orjson.JSONDecodeError:
            values = None
        if isinstance(values, dict):
            self._server.commit(uri, values)
        else:
            self._server.bank.counters["bad_body"] += 1

    def _tell_state(self, message: Message) -> None:
        self.from_io(_Reply(message, self._server.stats()))

    async def _reload(self, message: Message) -> None:
        """Reads the file anew; connections stay, and so do the values of entries that stay."""
        async with self._reloading:
            served = self._server.bank.map
            told = await asyncio.get_running_loop().run_in_executor(None, reread, served)
            reply = told.reply
            if told.map is not None:
                try:
                    self._server.renew(told.map)
                except OSError as error:
                    reply = {**reply, "status": "failed", "text": f"the old map goes on: {error}"}
                else:
                    self.from_io(told.map)
                    # Who was asked before may have values for entries that are new.
                    self.from_io(_Ask(self._server.bank.sources.uris))
        text = f"reload by {message.sender}: {reply['status']}, {reply['findings']} findings"
        self.from_io(Event(served.uri, text, INFO))
        self.from_io(_Reply(message, reply))

    def _fault(self, message: Message) -> None:
        try:
            fault = self._server.fault(orjson.loads(message.body))
        except orjson.JSONDecodeError:
            self.from_io(_Reply(message, {"status": "bad_body", "text": "the body is not JSON"}))
        except RequestError as error:
            self.from_io(_Reply(message, {"status": error.status, "text": str(error)}))
        else:
            text = f"fault {fault.kind} ordered by {message.sender}"
            self.from_io(Event(self._server.bank.map.uri, text, INFO))
            self.from_io(_Reply(message, {"status": "ok"}))
