"""The store actor: journals events, alarm transitions and commands; the file is written on its own thread."""

import asyncio
import time
from typing import Any

from ess_actors.actors.io_thread import IoActor
from ess_actors.actors.process import log
from ess_actors.core.control import Answer, JournalRequest
from ess_actors.core.messages import Message
from ess_actors.store.journal import Journal, Record, open_journal, record_of

_BATCH_S = 0.2
"""Records of this time are written in one transaction."""
SUBSCRIPTIONS = ("post:/events", "post:/commands", "pub:/alarm_router")


class StoreActor(IoActor):
    """One journal in the site's state directory."""

    kind = "store"

    def __init__(self) -> None:
        super().__init__()
        self._journal: Journal | None = None
        self._batch: list[Record] = []
        self._problem = ""
        self._lost = 0

    def on_configure(self, settings: None) -> None:
        self.start_io()
        self.run_io(self._open())

    def on_message(self, message: Message) -> None:
        if message.method != "get":
            self.call_io(self._append, record_of(message, time.time()))

    def on_control(self, message: Any, sender: Any) -> None:
        if isinstance(message, JournalRequest):
            self.call_io(self._recent, message, sender)

    def on_io(self, item: Any) -> None:
        if item == "open":
            self.ready(SUBSCRIPTIONS)
        else:
            address, answer = item
            self.send(address, answer)

    async def stop_io(self) -> None:
        if self._journal is not None:
            self._journal.append(self._batch)
            self._journal.close()

    # --- on the IO thread -------------------------------------------------------------------------------------

    async def _open(self) -> None:
        self._journal, notice = open_journal(self.state_dir / "journal.sqlite", time.time())
        if notice:
            log.warning("%s", notice)
        self.from_io("open")

    def _append(self, record: Record) -> None:
        if not self._batch:
            asyncio.get_running_loop().call_later(_BATCH_S, self._flush)
        self._batch.append(record)

    def _flush(self) -> None:
        assert self._journal is not None
        batch, self._batch = self._batch, []
        problem = self._journal.append(batch)
        if problem and problem != self._problem:
            log.warning("%s", problem)
        if self._journal.lost > self._lost:
            self._lost = self._journal.lost
            log.error("the journal has lost %d records so far", self._lost)
        self._problem = problem

    def _recent(self, request: JournalRequest, sender: Any) -> None:
        assert self._journal is not None
        self._flush()
        self.from_io((sender, Answer(request.ticket, "", self._journal.recent(request.limit))))
