"""A supervising actor between a test and children that hang in their own ways: the real bases, in real processes."""

import os
import signal
import threading
from typing import Any

from ess_actors.actors.base import TreeActor
from ess_actors.actors.io_thread import IoActor
from ess_actors.actors.supervising import ChildPlan, SupervisingActor
from ess_actors.core.control import Boot, Heartbeat, Order, Query
from ess_actors.core.hung import Judge
from ess_actors.core.supervision import ChildSpec

EVERYBODY = ("loop", "io", "work", "start", "top", "top/below", "top/vital")


class Looping(TreeActor):
    """At "hang" its message loop stands still for ever."""

    kind = "loop"

    def on_configure(self, settings: Any) -> None:
        self.ready()

    def on_control(self, message: Any, sender: Any) -> None:
        if message == "hang":
            threading.Event().wait()
        if message == "fail":
            raise ValueError("as told")


class Turning(IoActor):
    """At "hang" its IO thread stands still, while it handles messages as before."""

    kind = "io"

    def on_configure(self, settings: Any) -> None:
        self.start_io()
        self.ready()

    def on_control(self, message: Any, sender: Any) -> None:
        if message == "hang":
            self.call_io(threading.Event().wait)


class Idling(Looping):
    """At "hang" its work is left undone, while it handles messages as before."""

    kind = "work"
    idle = False

    def at_work(self) -> bool:
        return not self.idle

    def on_control(self, message: Any, sender: Any) -> None:
        self.idle = self.idle or message == "hang"


class Halting(Looping):
    """Its first process is halted before it is ready."""

    kind = "halting"

    def on_configure(self, settings: Any) -> None:
        if self.generation == 1:
            os.kill(os.getpid(), signal.SIGSTOP)
        super().on_configure(settings)


class Top(SupervisingActor):
    """A supervisor in the middle with a child it cannot do without and one it can; tells what it knows of them."""

    kind = "top"

    def on_configure(self, settings: Any) -> None:
        self.supervise(
            [
                ChildPlan(ChildSpec("top/below", "child"), Looping, None),
                ChildPlan(ChildSpec("top/vital", "child", intensity=1, significant=True), Looping, None),
            ]
        )
        self.ready()

    def on_control(self, message: Any, sender: Any) -> None:
        match message:
            case Query():
                self.send(sender, self.supervision.reports())
            case ("fail", child_id):
                for entry in self.entries():
                    if entry.actor_id == child_id:
                        self.send(entry.address, "fail")
            case _:
                super().on_control(message, sender)


class HangingParent(SupervisingActor):
    """Passes words on to the child they are for, tells reports: its own, or those of `top`."""

    kind = "parent"
    stopped_there: tuple[str, ...] = ()

    def stopped_below(self, child_id: str) -> tuple[str, ...]:
        return self.stopped_there

    def on_control(self, message: Any, sender: Any) -> None:
        match message:
            case Boot():
                self.actor_id, self.generation, self.everybody = "parent", 1, EVERYBODY
                self.state_dir = type(self.state_dir)(message.state_dir)
                self._judge = Judge(message.settings)
                kinds = {"loop": Looping, "io": Turning, "work": Idling, "start": Halting, "top": Top}
                self.supervise([ChildPlan(ChildSpec(i, i), kind, None) for i, kind in kinds.items()])
                self.send(sender, ("booted", os.getppid()))
            case Query():
                self.send(sender, self.supervision.reports())
            case ("ask", child_id):
                for entry in self.entries():
                    if entry.actor_id == child_id:
                        self.send(entry.address, Query())
                self._asker = sender
            case tuple() if message and hasattr(message[0], "restarts"):
                self.send(self._asker, message)
            case (word, child_id):
                for entry in self.entries():
                    if entry.actor_id == child_id.partition("/")[0]:
                        self.send(entry.address, word if entry.actor_id == child_id else message)
            case Order() if "/" in message.actor_id:
                self.stopped_there = (message.actor_id,)
                for entry in self.entries():
                    if entry.actor_id == "top":
                        self.send(entry.address, message)
            case Heartbeat():
                pass
            case _:
                super().on_control(message, sender)
