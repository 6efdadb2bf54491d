"""The site server actor: publications fill the register image, a master's writes become sets."""

import time
from typing import Any

import orjson

from ess_actors.actors.io_thread import IoActor
from ess_actors.core.bank import Bank, Written
from ess_actors.core.control import Wake
from ess_actors.core.events import Event
from ess_actors.core.messages import Message, command_record, reply_to
from ess_actors.core.points import ServerMap
from ess_actors.modbus.server import Server

_ASK_AGAIN_S = 5.0


class ModbusServerActor(IoActor):
    """One Modbus server file. Reads are answered on the IO thread from the image: no actor takes part."""

    kind = "modbus_server"

    def __init__(self) -> None:
        super().__init__()
        self._map: ServerMap
        self._bank: Bank
        self._server: Server
        self._commands = 0
        self._epoch = 0

    def on_configure(self, settings: ServerMap) -> None:
        self._map = settings
        # Part of the command ids: a command is done once per id, also after a restart of this actor.
        self._epoch = time.time_ns()
        self._bank = Bank(settings, time.monotonic())
        self._server = Server(
            self._bank,
            settings.host,
            settings.port,
            self.from_io,
            on_event=self.from_io,
            max_clients=settings.max_clients,
            allow_from=settings.allow_from,
        )
        self.start_io()
        self.run_io(self._serve())

    def on_message(self, message: Message) -> None:
        uri = message.uri
        reply = self._map.uri + "/reply"
        if message.method == "pub" or uri.startswith(reply + "/"):
            if not message.status:
                self.call_io(self._commit, uri.removeprefix(reply), message.body)
        elif uri == self._map.uri and message.method == "get":
            self.call_io(self._tell_state, message)
        elif message.replyto or message.explain:
            text = (
                f"{uri}: the owner of a register's uri takes sets and gets; this server shows {self._map.uri}"
            )
            self.post(reply_to(message, orjson.dumps({"text": text}), "unsupported"))

    def on_io(self, item: Any) -> None:
        match item:
            case "listening":
                publications = tuple(f"pub:{uri}" for uri in self._map.sources)
                self.ready((*publications, self._map.uri))
                self._ask_owners()
            case Event():
                self.post(Message("post", "/events", orjson.dumps(item.as_body())))
            case (Message() as message, state):
                self.post(reply_to(message, orjson.dumps(state)))
            case ("unheard", uris):
                for uri in uris:
                    self.post(Message("get", uri, replyto=f"{self._map.uri}/reply{uri}"))
            case list():
                self._written(item)

    def on_wake(self, wake: Wake) -> None:
        self._ask_owners()

    async def stop_io(self) -> None:
        await self._server.stop()

    def _ask_owners(self) -> None:
        """Sources never heard are asked again and again: a server need not wait for their next publication."""
        self.call_io(lambda: self.from_io(("unheard", self._bank.unheard())))
        self.wake_after(_ASK_AGAIN_S, Wake("ask"))

    def _written(self, points: list[Written]) -> None:
        self._commands += 1
        command = f"{self.actor_id}-{self._epoch:x}-{self._commands}"
        for point in points:
            body = orjson.dumps({"value": point.value})
            order = Message("set", f"{point.uri}/{point.id}", body, command=command)
            self.post_all((order, command_record(order, self.actor_id)))

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
            self._bank.counters["bad_body"] += 1

    def _tell_state(self, message: Message) -> None:
        self.from_io((message, self._server.stats()))
