"""A parent that plays the whole bus for one site server actor: sends it what a test says, keeps what it posts."""

import itertools
import os
import time
from typing import Any

from ess_actors.actors.modbus_server import ModbusServerActor
from ess_actors.actors.supervising import ChildPlan, SupervisingActor
from ess_actors.core.control import Boot, Directory, Entry, Heartbeat, Query, Subscribe
from ess_actors.core.messages import Message, to_wire
from ess_actors.core.supervision import ChildSpec

CHILD = "ess/site"


class Bus(SupervisingActor):
    """Boot starts the server with the map in it; a Message goes to it; Query tells what it posted and listens to."""

    kind = "bus"

    def __init__(self) -> None:
        super().__init__()
        self._editions = itertools.count(1)
        self._heard: list[Message] = []

    def on_message(self, message: Message) -> None:
        self._heard.append(message)

    def on_children_changed(self) -> None:
        own = Entry(self.actor_id, 1, self.myAddress, ("/",))
        directory = Directory((own, *self.entries()), next(self._editions))
        self._go_by(directory.entries)
        for entry in self.entries():
            self.send(entry.address, directory)

    def on_control(self, message: Any, sender: Any) -> None:
        match message:
            case Boot():
                self.name_self("bus")
                self.generation = 1
                self.state_dir = type(self.state_dir)(message.state_dir)
                spec = ChildSpec(CHILD, "modbus_server", intensity=3)
                self.supervise([ChildPlan(spec, ModbusServerActor, message.settings)])
                self.send(sender, ("booted", os.getppid()))
            case Query():
                listens = [entry.subscriptions for entry in self.entries()]
                reports = [(report.state, report.last_error) for report in self.supervision.reports()]
                self.send(sender, (list(map(tuple, self._heard)), listens, reports))
            case Message():
                for entry in self.entries():
                    now = time.monotonic()
                    frame = to_wire(message, CHILD, now)
                    self._send_parcels(entry, self._outbox.offer(CHILD, [frame], now))
            case Subscribe():
                if self.resubscribe(message.actor_id, message.generation, message.subscriptions):
                    self.on_children_changed()
            case Heartbeat():
                pass
            case _:
                super().on_control(message, sender)
