"""The store actor: journals, keeps states and the audit table; the file is written on its own thread."""

import asyncio
import contextlib
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import orjson

from ess_actors.actors.io_thread import IoActor
from ess_actors.actors.process import log
from ess_actors.core.control import Answer, AuditRequest, JournalRequest, TransitionsRequest
from ess_actors.core.events import ALARM, STATUS, Event
from ess_actors.core.journaled import Commit, Committed, Missed, Record, handed_in, record_of
from ess_actors.core.messages import Message
from ess_actors.core.metrics import Snapshot
from ess_actors.store.journal import Journal, open_journal
from ess_actors.store.transitions import Found, search

_BATCH_S: Final = 0.2
"""Records of this time are written in one transaction."""
_URGENT_S: Final = 0.002
"""The same for commits: somebody waits for them."""
_RETRY_S: Final = 1.0
_REOPEN_S: Final = 2.0
"""How often a store without a file looks whether it can have one."""
_SEARCHES: Final = 8
"""Searches that may wait for their turn."""
FILE: Final = "journal.sqlite"
SUBSCRIPTIONS = ("post:/events", "post:/commands", "pub:/alarm_router")


class StoreActor(IoActor):
    """One file in the site's state directory."""

    kind = "store"

    def __init__(self) -> None:
        super().__init__()
        self._journal: Journal | None = None
        self._batch: list[Record] = []
        self._commits: list[Commit] = []
        self._waiting: list[tuple[Any, Committed]] = []
        """Answers to commits that are not in the file yet, and where they go."""
        self._flush_at: asyncio.TimerHandle | None = None
        self._problem = ""
        self._lost = 0
        self._free: int | None = None
        """Bytes that the state folder's file system had left when it was looked at last."""
        self._searching = ThreadPoolExecutor(1, "search")
        self._searches = 0

    def on_configure(self, settings: None) -> None:
        self.start_io()
        self.run_io(self._open())

    def on_message(self, message: Message) -> None:
        if message.method != "get" and not handed_in(message):
            self.call_io(self._append, record_of(message, time.time()))

    def on_control(self, message: Any, sender: Any) -> None:
        match message:
            case Commit():
                self.call_io(self._commit, message, sender)
            case JournalRequest() | AuditRequest():
                self.call_io(self._recent, message, sender)
            case TransitionsRequest():
                self.run_io(self._search(message, sender))

    def on_io(self, item: Any) -> None:
        match item:
            case "open":
                self.ready(SUBSCRIPTIONS)
            case Event():
                self.post(Message("post", "/events", orjson.dumps(item.as_body())))
            case address, answer:
                self.send(address, answer)

    def snapshot(self) -> Snapshot:
        self.meter.total("ess_records_lost_total", self.actor_id, value=self._lost)
        in_memory = self._journal is not None and self._journal.in_memory
        self.meter.gauge("ess_store_problem", self.actor_id, value=float(bool(self._problem) or in_memory))
        if self._free is not None:
            self.meter.gauge("ess_state_free_bytes", self.actor_id, value=self._free)
        return super().snapshot()

    async def stop_io(self) -> None:
        self._searching.shutdown(wait=False, cancel_futures=True)
        if self._journal is not None:
            self._journal.append(self._batch, self._commits)
            self._journal.close()

    # --- on the IO thread -------------------------------------------------------------------------------------

    async def _open(self) -> None:
        self._journal, notice = open_journal(self.state_dir / FILE, time.time())
        self.from_io("open")
        if notice:
            self._tell(notice)
        while True:
            with contextlib.suppress(OSError):
                self._free = shutil.disk_usage(self.state_dir).free
            await asyncio.sleep(_REOPEN_S)
            if self._journal.in_memory:
                self._move_to_file(self._journal)

    def _move_to_file(self, memory: Journal) -> None:
        """Looks whether the file can be kept now; then this life ends, and the next one is handed all states anew."""
        found, _ = open_journal(self.state_dir / FILE, time.time())
        if found.in_memory:
            found.close()
            return
        self._flush()
        if not found.append(memory.everything()) and not found.close():
            raise RuntimeError("the journal can be kept in its file again: begun anew with it")

    def _append(self, record: Record) -> None:
        self._batch.append(record)
        self._flush_soon(_BATCH_S)

    def _commit(self, commit: Commit, sender: Any) -> None:
        self._commits.append(commit)
        self._waiting.append((sender, Committed(commit.source, commit.epoch, commit.ticket)))
        self._flush_soon(_URGENT_S)

    def _flush_soon(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._flush_at is not None:
            if self._flush_at.when() <= loop.time() + seconds:
                return
            self._flush_at.cancel()
        self._flush_at = loop.call_later(seconds, self._flush)

    def _flush(self) -> None:
        journal = self._journal
        if self._flush_at is not None:
            self._flush_at.cancel()
            self._flush_at = None
        if journal is None:  # still opening
            self._flush_soon(_BATCH_S)
            return
        batch, self._batch = self._batch, []
        commits, self._commits = self._commits, []
        problem = journal.append(batch, commits)
        if journal.broken:
            # The next life sets the file aside, and everybody who keeps something here hands it in again.
            raise RuntimeError(problem)
        if journal.waiting == 0:
            answers, self._waiting = self._waiting, []
            for address, told in answers:
                self.from_io((address, Missed(*told) if told in journal.missed else told))
        else:
            self._flush_soon(_RETRY_S)
        if bool(problem) != bool(self._problem):
            self._tell(problem)
        self._problem = problem
        if journal.lost > self._lost:
            self._lost = journal.lost
            log.error("the journal has lost %d records so far", self._lost)

    def _tell(self, problem: str) -> None:
        """An operator must hear of it, however little of it can be kept."""
        if problem:
            log.warning("%s", problem)
        text = problem or f"journal {self.state_dir / FILE}: everything is written again"
        self.from_io(Event("store", text, ALARM if problem else STATUS))

    async def _search(self, request: TransitionsRequest, sender: Any) -> None:
        """On a thread and a connection of their own: a year of alarms is searched while commits go on."""
        self._flush()
        found: Found = []
        problem = ""
        if self._journal is None:
            problem = "the journal is still being opened; ask again in a moment"
        elif self._searches >= _SEARCHES:
            problem = f"{_SEARCHES} searches wait already; ask again in a moment"
        elif self._journal.in_memory:
            found = self._journal.alarm_history(request.wanted)
        else:
            self._searches += 1
            loop, path = asyncio.get_running_loop(), self.state_dir / FILE
            found, problem = await loop.run_in_executor(self._searching, search, path, request.wanted)
            self._searches -= 1
        status = "no_answer" if problem else ""
        body: object = {"text": problem} if problem else [(seq, *step) for seq, step in found]
        self.from_io((sender, Answer(request.ticket, status, body)))

    def _recent(self, request: JournalRequest | AuditRequest, sender: Any) -> None:
        self._flush()
        rows: list[dict[str, object]] = []
        if self._journal is not None:
            audit = isinstance(request, AuditRequest)
            rows = (self._journal.audited if audit else self._journal.recent)(request.limit)
        self.from_io((sender, Answer(request.ticket, "", rows)))
