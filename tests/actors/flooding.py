"""A parent that sends more to its children than they take, and children that tell what came: the real bases."""

import itertools
import os
import time
from typing import Any

import orjson

from ess_actors.actors.base import TreeActor
from ess_actors.actors.supervising import ChildPlan, SupervisingActor
from ess_actors.core.control import Boot, Directory, Entry, Heartbeat, Query
from ess_actors.core.messages import Message
from ess_actors.core.supervision import ChildSpec

CHILDREN = ("slow", "quick")


class Child(TreeActor):
    """Keeps the numbers it is sent; at the last one it tells how many came, and whether in order."""

    kind = "child"

    def on_configure(self, settings: Any) -> None:
        self._came: list[int] = []
        self.ready((f"/{self.actor_id}",))

    def on_message(self, message: Message) -> None:
        number, last = orjson.loads(message.body)
        self._came.append(number)
        if number == last:
            ordered = self._came == list(range(last + 1))
            self.post(Message("set", "/parent", orjson.dumps([self.actor_id, len(self._came), ordered])))


class Parent(SupervisingActor):
    """At (child, count) it sends so many messages to a child; Query tells (reports, what the children told)."""

    kind = "parent"

    def __init__(self) -> None:
        super().__init__()
        self._editions = itertools.count(1)
        self._told: list[Any] = []

    def on_message(self, message: Message) -> None:
        self._told.append(orjson.loads(message.body))

    def on_children_changed(self) -> None:
        own = Entry(self.actor_id, 1, self.myAddress, ("/parent",))
        directory = Directory((own, *self.entries()), next(self._editions))
        for entry in self.entries():
            self.send(entry.address, directory)
        self.send(self.myAddress, directory)

    def on_control(self, message: Any, sender: Any) -> None:
        match message:
            case Boot():
                self.name_self("parent")
                self.generation = 1
                self.state_dir = type(self.state_dir)(message.state_dir)
                self.supervise([ChildPlan(ChildSpec(name, name), Child, None) for name in CHILDREN])
                self.send(sender, ("booted", os.getppid()))
            case Query():
                reports = self.supervision.reports()
                self.send(sender, (reports, list(self._told), self.backlog))
            case (child, count):
                for number in range(count):
                    self.post(Message("set", f"/{child}", orjson.dumps([number, count - 1])))
            case Heartbeat():
                self._look_after_flows(time.monotonic())  # as every actor does with its own
            case _:
                super().on_control(message, sender)
