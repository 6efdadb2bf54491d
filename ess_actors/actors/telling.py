"""An actor with an IO thread whose events come into the journal, also when the store dies on the way."""

import time
from functools import cached_property
from typing import Any

import orjson

from ess_actors.actors.io_thread import IoActor
from ess_actors.actors.store_link import WAKE, StoreLink
from ess_actors.core.control import Wake
from ess_actors.core.events import Event
from ess_actors.core.journaled import record_of
from ess_actors.core.messages import Message
from ess_actors.core.metrics import Snapshot


class TellingActor(IoActor):
    """Who overrides one of these methods calls it too."""

    @cached_property
    def store(self) -> StoreLink:
        """Nothing waits for it: what these actors say goes out at once, and its records until the store has them."""
        return StoreLink(self, self.post_all)

    def tell(self, event: Event) -> None:
        """To the journal, and to who listens."""
        message = Message("post", "/events", orjson.dumps(event.as_body()), sender=self.actor_id)
        self.post(message)
        self.store.keep(record_of(message, time.time()))

    def on_directory(self, gone: frozenset[str]) -> None:
        self.store.on_directory()

    def on_control(self, message: Any, sender: Any) -> None:
        self.store.on_control(message)

    def on_wake(self, wake: Wake) -> None:
        if wake.what == WAKE:
            self.store.on_wake()

    def snapshot(self) -> Snapshot:
        self.store.note()
        return super().snapshot()
