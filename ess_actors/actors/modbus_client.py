"""The Modbus client actor: readings become publications, sets and gets are answered after the device."""

from dataclasses import replace
from typing import Any, Final

import orjson

from ess_actors.actors.io_thread import IoActor
from ess_actors.core.events import Event
from ess_actors.core.messages import Message, reply_to
from ess_actors.core.metrics import Meter, Snapshot
from ess_actors.core.points import ClientMap
from ess_actors.core.uri import covers
from ess_actors.modbus.client import Client
from ess_actors.modbus.publication import Publication

_DONE: Final = ("ok", "verified", "clamped", "")


class ModbusClientActor(IoActor):
    """One client file: a poller per endpoint on the IO thread."""

    kind = "modbus_client"

    def __init__(self) -> None:
        super().__init__()
        self._clients: dict[str, Client] = {}
        """Component uri -> the client that serves it."""
        self._all: list[Client] = []
        self._io_meter = Meter()
        """Counted on the thread; the actor's own meter is counted here."""

    def on_configure(self, settings: tuple[ClientMap, ...]) -> None:
        self.start_io()
        # Metrics and events name a device by its actor, which is unique in the site; a file's stem is not.
        self._all = [
            Client(replace(one, stem=self.actor_id), self.from_io, meter=self._io_meter) for one in settings
        ]
        for client in self._all:
            for state in client.states:
                self._clients.setdefault(state.component.uri, client)
            self.run_io(client.run())
        self.ready(f"{method}:{uri}" for uri in self._clients for method in ("get", "set"))

    def on_message(self, message: Message) -> None:
        self.run_io(self._serve(message))

    def on_io(self, item: Any) -> None:
        match item:
            case Publication():
                self.post(Message("pub", item.uri, item.body, quality=item.quality))
            case Event():
                self.post(Message("post", "/events", orjson.dumps(item.as_body())))
            case (Message() as asked, reply):
                status = _status(reply) if asked.explain else ""
                self.post(reply_to(asked, orjson.dumps(reply), status))

    def snapshot(self) -> Snapshot:
        if self._all:
            oldest = max(client.oldest_age() for client in self._all)
            self.meter.gauge("ess_point_age_seconds", self.actor_id, value=oldest)
        return {**super().snapshot(), **self._io_meter.snapshot()}

    async def _serve(self, message: Message) -> None:
        """On the IO thread: what a set or get says to the device, and the reply when somebody wants one."""
        covering = [uri for uri in self._clients if covers(uri, message.uri)]
        reply: object
        if not covering:
            reply = {"status": "unknown_id", "text": f"no component of {self.actor_id} covers {message.uri}"}
        elif message.method == "get":
            reply = await self._clients[max(covering, key=len)].get(message.uri)
        else:
            try:
                body = orjson.loads(message.body)
            except orjson.JSONDecodeError:
                reply = {"status": "bad_value", "text": "the body is not JSON"}
            else:
                reply = await self._clients[max(covering, key=len)].set(message.uri, body)
        if message.replyto or message.explain:
            self.from_io((message, reply))


def _status(reply: object) -> str:
    """The short word for an operator when the device was not read or written as asked, else empty."""
    if not isinstance(reply, dict):
        return ""
    status = reply.get("_status", reply.get("status", ""))
    return status if isinstance(status, str) and status not in _DONE else ""
