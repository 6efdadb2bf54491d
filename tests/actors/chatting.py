"""Two actors that talk to each other at the same time, each message numbered: the real bases, in real processes."""

import os
from typing import Any

from ess_actors.actors.base import TreeActor
from ess_actors.actors.supervising import ChildPlan, SupervisingActor
from ess_actors.core.control import Boot, Directory, Entry, Heartbeat, Query, Wake
from ess_actors.core.supervision import ChildSpec

MANY = 100
_PAUSES_S = (0.003, 0.0, 0.007, 0.001, 0.005)
"""Between two messages; both ends send now together, now apart."""


class Talker(TreeActor):
    """Says the numbers below MANY to another, and keeps what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[int] = []
        self._other: Any = None
        self._said = 0

    def talk(self, other: Any) -> None:
        """Begin."""
        self._other = other
        self.wake_after(0.0, Wake("talk"))

    def on_wake(self, wake: Wake) -> None:
        if wake.what != "talk":
            super().on_wake(wake)
        elif self._said < MANY:
            self.send(self._other, self._said)
            self._said += 1
            self.wake_after(_PAUSES_S[self._said % len(_PAUSES_S)], Wake("talk"))

    def on_control(self, message: Any, sender: Any) -> None:
        if isinstance(message, int):
            self.heard.append(message)
        else:
            super().on_control(message, sender)


class Child(Talker):
    """Talks when told to; tells what it heard, and who is in its directory."""

    kind = "child"

    def on_configure(self, settings: Any) -> None:
        self.ready(("/child",))

    def on_control(self, message: Any, sender: Any) -> None:
        match message:
            case "talk":
                self.talk(sender)
            case "tell":
                known = [entry.actor_id for entry in self._router.entries]
                self.send(sender, ("told", self.heard, known))
            case _:
                super().on_control(message, sender)


class Parent(Talker, SupervisingActor):
    """At "talk" both talk. "late" sends its child two editions of the directory, the later one first."""

    kind = "parent"

    def on_control(self, message: Any, sender: Any) -> None:
        match message:
            case Boot():
                self.name_self("parent")
                self.state_dir = type(self.state_dir)(message.state_dir)
                self.supervise([ChildPlan(ChildSpec("child", "child"), Child, None)])
                self.send(sender, ("booted", os.getppid()))
            case Query():
                self._asker = sender
                if self.entries():
                    self.send(self.entries()[0].address, "tell")
                else:
                    self.send(sender, None)
            case ("told", heard, known):
                self.send(self._asker, (self.heard, heard, known))
            case "talk":
                self.send(self.entries()[0].address, "talk")
                self.talk(self.entries()[0].address)
            case "late":
                own = Entry("parent", 1, self.myAddress, ("/parent",))
                for directory in (Directory((*self.entries(), own), 2), Directory(self.entries(), 1)):
                    self.send(self.entries()[0].address, directory)
            case Heartbeat():
                pass
            case _:
                super().on_control(message, sender)
