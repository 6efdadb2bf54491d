"""A parent that asks its child for reports, and a child that fails when told to: the real bases, in real processes."""

import errno
import itertools
import os
from typing import Any

from ess_actors.actors.base import TreeActor
from ess_actors.actors.io_thread import IoActor
from ess_actors.actors.supervising import ChildPlan, SupervisingActor
from ess_actors.core.control import Boot, Heartbeat, Query
from ess_actors.core.supervision import ChildSpec


def spec(child_id: str) -> ChildSpec:
    """Restarted soon and often."""
    return ChildSpec(child_id, child_id, intensity=100, backoff_min_s=0.02, backoff_max_s=0.05)


def _refuse_forks(times: int) -> None:
    """The system has no room for so many more processes of this one."""
    fork, left = os.fork, itertools.count(times, -1)

    def refuse() -> int:
        if next(left) > 0:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return fork()

    os.fork = refuse


class Child(TreeActor):
    """Ready at once; fails at "fail"; counts how often it handled a message."""

    kind = "child"
    handled = 0

    def on_configure(self, settings: Any) -> None:
        self.ready(("/child",))

    def on_control(self, message: Any, sender: Any) -> None:
        self.handled += 1
        if message == "fail":
            raise ValueError(f"as told, time {self.handled}")


class IoChild(IoActor):
    """Ready at once; at "fail" its thread fails."""

    kind = "io"

    def on_configure(self, settings: Any) -> None:
        self.start_io()
        self.ready(("/io",))

    def on_control(self, message: Any, sender: Any) -> None:
        self.run_io(self._fail())

    async def _fail(self) -> None:
        raise OSError("the thread failed")


class Parent(SupervisingActor):
    """Passes "fail" on to its children, tells their reports."""

    kind = "parent"

    def on_control(self, message: Any, sender: Any) -> None:
        match message:
            case Boot():
                self.name_self("parent")
                self.generation = 1
                self.state_dir = type(self.state_dir)(message.state_dir)
                self.supervise(
                    [
                        ChildPlan(spec("child"), Child, None),
                        ChildPlan(spec("io"), IoChild, None),
                    ]
                )
                self.send(sender, ("booted", os.getppid()))
            case Query():
                self.send(sender, self.supervision.reports())
            case Heartbeat():
                pass
            case ("forks fail", int() as times):
                _refuse_forks(times)
            case "fail":
                for entry in self.entries():
                    self.send(entry.address, "fail")
            case _:
                super().on_control(message, sender)
