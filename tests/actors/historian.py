"""A parent that plays the site for one history actor: publishes, asks, and tells what came back."""

import itertools
import os
import time
from typing import Any, NamedTuple

import orjson

from ess_actors.actors.history import HistoryActor
from ess_actors.actors.supervising import ChildPlan, SupervisingActor
from ess_actors.core.control import (
    Answer,
    Boot,
    Directory,
    Entry,
    Heartbeat,
    HistoryPoints,
    HistoryTrend,
    Query,
    Wake,
)
from ess_actors.core.messages import Message
from ess_actors.core.supervision import ChildSpec

BEATS = 10
"""Parts of a second in which a part of the tables is published."""


class Load(NamedTuple):
    """Publish so many tables of so many changing points once a second, until so many seconds are over."""

    tables: int
    points: int
    seconds: float


class Historian(SupervisingActor):
    """Boot starts the history actor with a Keeping; a Message is published; Query tells how all is."""

    kind = "historian"

    def __init__(self) -> None:
        super().__init__()
        self._answers: dict[int, Answer] = {}
        self._figures: dict[str, Any] = {}
        self._editions = itertools.count(1)
        self._heard: list[Message] = []
        self._load = Load(0, 0, 0.0)
        self._began = self._due = 0.0
        self._beat_number = 0
        self._slowest = 0.0

    def on_message(self, message: Message) -> None:
        self._heard.append(message)

    def on_children_changed(self) -> None:
        own = Entry(self.actor_id, 1, self.myAddress, ("post:/events",))
        directory = Directory((own, *self.entries()), next(self._editions))
        for entry in self.entries():
            self.send(entry.address, directory)
        self.send(self.myAddress, directory)

    def on_control(self, message: Any, sender: Any) -> None:
        match message:
            case Boot():
                self.name_self("historian")
                self.generation = 1
                self.state_dir = type(self.state_dir)(message.state_dir)
                spec = ChildSpec("history", "history", intensity=3)
                self.supervise([ChildPlan(spec, HistoryActor, message.settings)])
                self.send(sender, ("booted", os.getppid()))
            case Query():
                reports = [(one.state, one.pid, one.last_error) for one in self.supervision.reports()]
                heard = [tuple(one) for one in self._heard]
                told = (reports[0], dict(self._answers), dict(self._figures), heard)
                self.send(sender, (*told, self.backlog, self._slowest))
            case HistoryPoints() | HistoryTrend():
                for entry in self.entries():
                    self.send(entry.address, message)
            case Answer():
                self._answers[message.ticket] = message
            case Message():
                self._publish([message])
            case Load():
                self._load, self._began = message, time.monotonic()
                self._due = self._began
                self._next()
            case Heartbeat():
                self._figures = dict(message.snapshot)
                self._look_after_flows(time.monotonic())
            case _:
                super().on_control(message, sender)

    def on_wake(self, wake: Wake) -> None:
        if wake.what == "load":
            self._next()
        else:
            super().on_wake(wake)

    def _publish(self, messages: list[Message]) -> None:
        began = time.monotonic()
        self.post_all(messages)
        self._slowest = max(self._slowest, time.monotonic() - began)

    def _next(self) -> None:
        """One part of the tables of this second; they differ in every value, as noisy measurements do."""
        load, beat = self._load, self._beat_number
        if time.monotonic() - self._began >= load.seconds:
            return
        self._beat_number += 1
        second, part = divmod(beat, BEATS)
        # One message each: a site has a sender for every device.
        for table in range(part, load.tables, BEATS):
            body = {
                f"point_{number:02d}": round(400 + ((table * 31 + number * 17 + second * 7919) % 211) / 10, 1)
                for number in range(load.points)
            }
            self._publish([Message("pub", f"/components/ess_1/table_{table:03d}", orjson.dumps(body))])
        self._due += 1 / BEATS
        self.wake_after(self._due - time.monotonic(), Wake("load"))
