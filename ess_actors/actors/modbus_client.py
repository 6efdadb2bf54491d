"""The Modbus client actor: readings become publications, sets and gets are answered after the device."""

import asyncio
import os
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, NamedTuple

import orjson

from ess_actors.actors.client_reload import Reread, reread
from ess_actors.actors.endpoints import Address, merged, pointed_at
from ess_actors.actors.owning import while_owned
from ess_actors.actors.process import outlive_parent
from ess_actors.actors.settings import ClientSettings
from ess_actors.actors.telling import TellingActor
from ess_actors.core.alarm_holding import KIND
from ess_actors.core.component_writes import json_body, trouble
from ess_actors.core.control import Subscribe
from ess_actors.core.events import ALARM, INFO, Event
from ess_actors.core.lease import Lease, SafeList
from ess_actors.core.messages import Message, instance_of, reply_to
from ess_actors.core.metrics import Meter, Snapshot
from ess_actors.core.points import ClientMap
from ess_actors.core.registers import naked
from ess_actors.core.safe_state import Holding
from ess_actors.core.uri import covers
from ess_actors.modbus.client import Client
from ess_actors.modbus.publication import Publication
from ess_actors.modbus.simulator import device_names

_RELOAD: Final = "/_reload"
_RELEASE: Final = "/_release"
_LAST_WORDS_S: Final = 0.7
"""So long the write of safe values may take when the process ends."""


class _Subscriptions(NamedTuple):
    """From the thread: the actor listens to something else from now on."""

    uris: tuple[str, ...]


class ModbusClientActor(TellingActor):
    """The client files of one or more devices: a poller per endpoint on the IO thread."""

    kind = "modbus_client"

    def __init__(self) -> None:
        super().__init__()
        self._settings: ClientSettings
        self._clients: dict[Address, Client] = {}
        """The clients by the address they poll; replaced as a whole."""
        self._tasks_of: dict[Address, asyncio.Task[Any]] = {}
        self._by_uri: dict[str, Client] = {}
        """Component uri -> the client that serves it; replaced as a whole."""
        self._reloading: asyncio.Lock
        self._io_meter = Meter()
        """Counted on the thread; the actor's own meter is counted here."""
        self._held: dict[str, str] = {}
        """Device -> why it is held at its safe values; empty when operators need not know, or it is not."""
        self._told_router = 0
        """Generation of the alarm router that knows of it."""
        self._owner = 0
        """Process id of the parent, when its death is told to the thread."""

    def on_configure(self, settings: ClientSettings) -> None:
        self.start_io()
        self._settings = settings
        self._reloading = asyncio.Lock()
        self._clients = {one.endpoint.address: self._client(one) for one in self._endpoints(settings)}
        self._index()
        if settings.safe is not None:
            self._watch_parent()
        for address, client in self._clients.items():
            self.run_io(self._run(address, client))
        self.ready(self._subscriptions())

    def _endpoints(self, settings: ClientSettings) -> tuple[ClientMap, ...]:
        """One map for each endpoint of these files, at its simulator when there is one.

        Metrics and events name a device by its instance and stem, which for most is its actor's id; the
        further endpoints of one file are `pcs_2` and so on, or one would speak for another.
        """
        instance = self.actor_id.rpartition("/")[0]
        pointed = [pointed_at(one, settings.ports) for one in merged(settings.maps)]
        names = device_names(pointed)
        return tuple(replace(one, stem=f"{instance}/{n}") for n, one in zip(names, pointed, strict=True))

    def _client(self, one: ClientMap) -> Client:
        """With the part of the safe list that is its own."""
        safe = self._part(one)
        quiet = self.generation == 1 and not self._settings.again and not self._clients
        if safe is not None and not safe.values:
            safe = None
        return Client(one, self.from_io, meter=self._io_meter, safe=safe, quiet_start=quiet)

    def _part(self, one: ClientMap) -> SafeList | None:
        """What of the safe list is this endpoint's own; None when there is no list."""
        safe = self._settings.safe
        if safe is None:
            return None
        uris = tuple(f"{component.uri}/" for component in one.components)
        return replace(safe, values={uri: v for uri, v in safe.values.items() if uri.startswith(uris)})

    def _index(self) -> None:
        by_uri: dict[str, Client] = {}
        for client in self._clients.values():
            for state in client.states:
                by_uri.setdefault(state.component.uri, client)
        self._by_uri = by_uri

    def _subscriptions(self) -> tuple[str, ...]:
        return tuple(f"{method}:{uri}" for uri in self._by_uri for method in ("get", "set"))

    def on_message(self, message: Message) -> None:
        self.run_io(self._serve(message))

    def on_control(self, message: Any, sender: Any) -> None:
        super().on_control(message, sender)
        if isinstance(message, Lease) and sender == self._parent:
            self.call_io(self._leased, message)

    def on_directory(self, gone: frozenset[str]) -> None:
        super().on_directory(gone)
        self._tell_router()

    def at_work(self) -> bool:
        return not any(client.stuck for client in tuple(self._clients.values()))

    def on_exit(self) -> None:
        super().on_exit()
        if self._owner and os.getppid() != self._owner:
            os._exit(0)  # nobody is left to hear what Thespian would still say

    def _crash(self, error: Exception) -> None:
        super()._crash(error)
        self.on_exit()

    def on_io(self, item: Any) -> None:
        match item:
            case Publication():
                self.post(Message("pub", item.uri, item.body, quality=item.quality))
            case Event():
                self.tell(item)
            case Holding():
                self._held[item.device] = item.reason
                self._told_router = 0
                self._tell_router()
            case _Subscriptions():
                self.send(self._parent, Subscribe(self.actor_id, self.generation, item.uris))
            case (Message() as asked, reply):
                status = trouble(reply) if asked.explain else ""
                self.post(reply_to(asked, json_body(reply), status))

    def snapshot(self) -> Snapshot:
        for client in tuple(self._clients.values()):
            self.meter.gauge("ess_point_age_seconds", client.stem, value=client.oldest_age())
        return {**super().snapshot(), **self._io_meter.snapshot()}

    def _tell_router(self) -> None:
        """All that is held, to an alarm router that does not know it yet. Of a device that is not served yet nothing is
        known: what stood before this process began still stands."""
        instance = instance_of(self.actor_id)
        router = self._router.entry(f"{instance}/alarms")
        if router is None or router.generation == self._told_router:
            return
        self._told_router = router.generation
        guarded = [client.stem for client in self._clients.values() if client.guard is not None]
        held = {device: reason for device, reason in self._held.items() if reason}
        unknown = [device for device in guarded if device not in self._held]
        body = orjson.dumps({"kind": KIND, "held": held, "unknown": unknown})
        self.post(Message("set", f"/alarm_router/{instance}", body))

    def _watch_parent(self) -> None:
        """The thread writes the safe values when the parent dies, also when this actor's own loop hangs."""
        self._owner = os.getppid()
        descriptor = os.pidfd_open(self._owner)
        loop = self._loop
        assert loop is not None

        def orphaned() -> None:
            loop.remove_reader(descriptor)
            self._watch_task(self._orphaned())

        self.call_io(loop.add_reader, descriptor, orphaned)
        outlive_parent()
        if os.getppid() != self._owner:
            os._exit(1)  # it died before the kernel was asked

    # --- on the IO thread -------------------------------------------------------------------------------------

    async def _run(self, address: Address, client: Client) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks_of[address] = task

        def taken(by: str) -> None:
            self._io_meter.gauge("ess_device_taken", client.stem, value=float(bool(by)))
            if by:
                self.from_io(Event(client.stem, by, ALARM))

        await while_owned(client.endpoint, taken, client.run)

    def _leased(self, lease: Lease) -> None:
        for client in self._clients.values():
            if client.guard is not None:
                client.guard.leased(lease)

    async def stop_io(self) -> None:
        guards = [client.guard for client in self._clients.values() if client.guard is not None]
        await asyncio.gather(*(guard.last_words(_LAST_WORDS_S) for guard in guards))

    async def _orphaned(self) -> None:
        with suppress(Exception):  # whatever goes wrong here, nobody is left to hear of it
            await self.stop_io()
        os._exit(0)

    async def _serve(self, message: Message) -> None:
        """What a set or get says to the device, and the reply when somebody wants one."""
        covering = [uri for uri in self._by_uri if covers(uri, message.uri)]
        reply: object
        if not covering:
            reply = {"status": "unknown_id", "text": f"no component of {self.actor_id} covers {message.uri}"}
        elif message.method == "get":
            reply = await self._by_uri[max(covering, key=len)].get(message.uri)
        elif message.uri.endswith(_RELOAD):
            reply = await self._reload(max(covering, key=len), message.sender)
        elif message.uri.endswith(_RELEASE):
            reply = self._release(max(covering, key=len), message)
        else:
            try:
                body = orjson.loads(message.body)
            except orjson.JSONDecodeError:
                reply = {"status": "bad_value", "text": "the body is not JSON"}
            else:
                client = self._by_uri[max(covering, key=len)]
                reply = await client.set(message.uri, body, by=message.sender, command=message.command)
        if message.replyto or message.explain:
            self.from_io((message, reply))

    def _release(self, uri: str, message: Message) -> dict[str, object]:
        guard = self._by_uri[uri].guard
        if guard is None:
            return {
                "status": "refused",
                "text": "the site names no safe values for this device; nothing holds it",
            }
        try:
            wanted = naked(orjson.loads(message.body))
        except orjson.JSONDecodeError:
            wanted = None
        if wanted is not True:
            return {"status": "bad_value", "text": "send true to end the safe state"}
        return guard.release(message.command)

    async def _reload(self, uri: str, by: str) -> dict[str, object]:
        """Reads the file of a component anew; what is the same in it goes on undisturbed."""
        async with self._reloading:
            told: Reread = await asyncio.get_running_loop().run_in_executor(None, reread, self._settings, uri)
            if told.settings is not None:
                await self._take_over(told.settings)
        self.from_io(
            Event(uri, f"reload by {by}: {told.reply['status']}, {told.reply['findings']} findings", INFO)
        )
        return told.reply

    async def _take_over(self, settings: ClientSettings) -> None:
        before = {uri: (client, client.served[uri]) for uri, client in self._by_uri.items()}
        wanted = {one.endpoint.address: one for one in self._endpoints(settings)}
        clients: dict[Address, Client] = {}
        for address, client in self._clients.items():
            if address in wanted:
                await client.reload(wanted[address], self._part(wanted[address]))
                clients[address] = client
            else:
                if client.guard is not None:  # whatever is there is not to go on with what it was told last
                    await client.guard.leave(_LAST_WORDS_S)
                self._tasks_of.pop(address).cancel()
        added = [address for address in wanted if address not in clients]
        names = {client.stem for client in clients.values()}
        for address in added:  # one that goes on keeps its name
            one, count = wanted[address], 1
            while one.stem in names:
                count += 1
                one = replace(one, stem=f"{wanted[address].stem}_{count}")
            wanted[address] = one
            names.add(one.stem)
        for address in added:
            clients[address] = self._client(wanted[address])
        for client in clients.values():
            # A client itself knew what stood when it was renewed; orders may have come since.
            client.inherit({uri: served for uri, (was, served) in before.items() if was is not client})
        self._settings, self._clients = settings, clients
        self._index()
        for address in added:
            self.run_io(self._run(address, clients[address]))
        if set(self._by_uri) != set(before):
            self.from_io(_Subscriptions(self._subscriptions()))
