"""The history actor: what is published is kept as readings; writing and reading have a thread each."""

import asyncio
import time
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, Final

import orjson

from ess_actors.actors.process import log
from ess_actors.actors.telling import TellingActor
from ess_actors.actors.worker import Worker
from ess_actors.core.control import Answer, HistoryPoints, HistoryTrend
from ess_actors.core.events import ALARM, STATUS, Event
from ess_actors.core.history_intake import SUBSCRIPTIONS, Intake
from ess_actors.core.history_keeping import Keeping
from ess_actors.core.history_order import LATE_S, InOrder
from ess_actors.core.history_queue import Queue
from ess_actors.core.messages import Message
from ess_actors.core.metrics import Meter, Snapshot
from ess_actors.store.history import BrokenHistory, HistoryProblem, Reads, Writes
from ess_actors.store.history_opening import open_reader, open_writer
from ess_actors.store.history_query import Trend, series_of
from ess_actors.store.history_rolling import Rolling

_BATCH_S: Final = 1.0
"""Readings of this time are written in one transaction."""
_RETRY_S: Final = 2.0
_UPKEEP_S: Final = 10.0
"""So often it is looked whether something is to be tidied up."""
_MOST_QUESTIONS: Final = 16
_MOST_UNTAKEN: Final = 5000
"""Publications that may wait to be put in order."""


class HistoryActor(TellingActor):
    """A process of its own: no write of readings stands before a commit of alarms, and nobody waits for this one."""

    kind = "history"
    patient = True

    def __init__(self) -> None:
        super().__init__()
        self._keeping: Keeping
        self._intake = Intake()
        self._queue = Queue()
        self._io_meter = Meter()
        self._untaken = InOrder()
        self._lost: dict[str, int] = {}
        self._names: set[str] = set()
        """Points of former lives."""
        self._write: Worker
        self._read: Worker
        self._writer: Writes | None = None
        self._reader: Reads | None = None
        self._rolling = Rolling()
        self._damaged = self._opened = False
        self._problem = ""
        self._ending = False
        self._tidy_at = 0.0
        self._flushing: asyncio.Lock

    def on_configure(self, settings: Keeping) -> None:
        self._keeping = settings
        self.start_io()
        self.run_io(self._live())

    def on_message(self, message: Message) -> None:
        if len(self._untaken) >= _MOST_UNTAKEN:
            self.call_io(self._count_overload)
            return
        self.call_io(self._untaken.put, message, self.sent)
        if len(self._untaken) > _MOST_UNTAKEN // 2:  # much came at once, and most of that is old enough
            self.call_io(self._take, LATE_S)

    def on_control(self, message: Any, sender: Any) -> None:
        super().on_control(message, sender)
        match message:
            case HistoryPoints() | HistoryTrend():
                self.call_io(self._ask, message, sender)

    def on_io(self, item: Any) -> None:
        match item:
            case "open":
                self.ready(SUBSCRIPTIONS)
            case Event():
                self.tell(item)
            case address, answer:
                self.send(address, answer)

    def snapshot(self) -> Snapshot:
        return {**super().snapshot(), **self._io_meter.snapshot()}

    async def stop_io(self) -> None:
        self._ending = True
        self._take(0.0)
        self._intake.end(time.time())
        self._collect()
        await self._flush()
        for worker, connection in ((self._read, self._reader), (self._write, self._writer)):
            if connection is not None:
                await worker(connection.close)

    # --- on the IO thread -------------------------------------------------------------------------------------

    async def _live(self) -> None:
        self._write, self._read = Worker("history-write"), Worker("history-read")
        self._flushing = asyncio.Lock()
        # Nothing waits for the database: it may be away for as long as it likes.
        self.from_io("open")
        self._watch_task(self._gather())
        while True:
            await asyncio.sleep(_BATCH_S)
            if await self._flush():
                await self._tidy()
            else:
                await asyncio.sleep(_RETRY_S)

    async def _gather(self) -> None:
        """What waits stays bounded also while a write does not come back."""
        while not self._ending:
            self._intake.tick(self._take(LATE_S))
            self._collect()
            await asyncio.sleep(_BATCH_S)

    def _count_overload(self) -> None:
        self._io_meter.count("ess_history_dropped_total", self.actor_id, "overload")

    def _take(self, old_s: float) -> float:
        """Whatever is so old, in order of time; up to which time that is (unix seconds)."""
        now = time.monotonic()
        ahead = time.time() - now
        for message, at in self._untaken.take(now - old_s):
            self._intake.take(message.uri, message.body, message.quality, at + ahead)
        return now - old_s + ahead

    def _collect(self) -> None:
        intake = self._intake
        readings, intake.readings = intake.readings, []
        minutes, intake.minutes = intake.minutes, []
        self._queue.put(readings, minutes)
        self._count("too_many_points", intake.refused)
        for reason, lost in self._queue.lost.items():
            self._count(reason, lost)
        self._io_meter.gauge("ess_history_waiting", self.actor_id, value=len(self._queue))

    def _count(self, reason: str, lost: int) -> None:
        if lost > self._lost.get(reason, 0):
            if reason not in self._lost:
                log.error("history: readings are lost (%s), counted in ess_history_dropped_total", reason)
            self._lost[reason] = lost
            self._io_meter.total("ess_history_dropped_total", self.actor_id, reason, value=lost)

    async def _flush(self) -> bool:
        """Writes all that waits; False when that did not go."""
        async with self._flushing:
            try:
                if self._writer is None:
                    await self._open()
                await self._write_all()
            except HistoryProblem as problem:
                self._queue.failed()
                await self._failed(problem)
                return False
            self._tell("")
            return True

    async def _write_all(self) -> None:
        queue, meter, writer = self._queue, self._io_meter, self._writer
        while len(queue) and writer is not None:
            batch = queue.take()
            began = time.monotonic()
            await self._write(writer.write, *batch)
            meter.observe("ess_history_write_seconds", self.actor_id, seconds=time.monotonic() - began)
            queue.written()
            meter.count("ess_history_samples_total", self.actor_id, by=len(batch.readings))

    async def _open(self) -> None:
        writer, notice = await self._write(
            open_writer, self._keeping, self.state_dir, time.time(), self._damaged
        )
        self._damaged = False
        if notice:
            log.warning("%s", notice)
            self.from_io(Event(self.actor_id, notice, ALARM))
        names, seen = await self._write(writer.points), await self._write(writer.seen)
        if not self._opened and seen:
            # Once in a life: what was not watched since the last one is told to be unknown.
            ended = Intake()
            ended.ended_before(names, seen)
            await self._write(writer.write, ended.readings, ended.minutes)
        self._opened = True
        self._names.update(names)
        self._writer = writer

    async def _failed(self, problem: HistoryProblem) -> None:
        writer = self._writer
        if isinstance(problem, BrokenHistory):
            self._damaged = True
        if writer is not None and (self._damaged or not self._keeping.database):
            # A file that could not be written may be another one now, or none; a server is connected to again anyway.
            self._writer = None
            await self._write(writer.close)
        self._tell(str(problem))

    def _tell(self, problem: str) -> None:
        if bool(problem) != bool(self._problem):
            text = problem or "history is written again"
            log.warning("%s", text)
            self.from_io(Event(self.actor_id, text, ALARM if problem else STATUS))
        self._problem = problem

    async def _tidy(self) -> None:
        """A piece at a time, and what waits is written between two."""
        writer = self._writer
        if writer is None or time.monotonic() < self._tidy_at:
            return
        try:
            until = time.monotonic() + _BATCH_S / 2
            while time.monotonic() < until:
                if not await self._write(self._tidied, writer):
                    self._tidy_at = time.monotonic() + _UPKEEP_S
                    break
            size = await self._write(writer.size)
            self._io_meter.gauge("ess_history_file_bytes", self.actor_id, value=size)
        except HistoryProblem as problem:
            await self._failed(problem)

    def _tidied(self, writer: Writes) -> bool:
        rolled = self._rolling.step(writer)
        return writer.upkeep(time.time()) or rolled

    # --- questions --------------------------------------------------------------------------------------------

    def _ask(self, question: HistoryPoints | HistoryTrend, sender: Any) -> None:
        if self._read.waiting >= _MOST_QUESTIONS:
            text = "too many questions wait for the database; ask again in a moment"
            self.from_io((sender, Answer(question.ticket, "busy", {"text": text})))
            return
        self._watch_task(self._answer(question, sender))

    async def _answer(self, question: HistoryPoints | HistoryTrend, sender: Any) -> None:
        if isinstance(question, HistoryPoints):
            answer = Answer(question.ticket, "", self._listed(question.text, question.limit))
        else:
            answer = await self._trend(question)
        self.from_io((sender, answer))

    def _listed(self, text: str, limit: int) -> bytes:
        known = self._intake.known()
        words = text.lower().split()
        found = [name for name in self._names | known.keys() if all(word in name.lower() for word in words)]
        rows = []
        for name in sorted(found)[:limit]:
            last, value, quality = known.get(name, (None, None, 2))
            rows.append({"point": name, "last": last, "value": value, "quality": quality})
        return orjson.dumps({"points": rows, "found": len(found)})

    async def _trend(self, question: HistoryTrend) -> Answer:
        known = self._intake.known()
        unknown = [name for name in question.points if name not in known and name not in self._names]
        if unknown:
            near = _near(unknown[0], sorted(self._names | known.keys()))
            text = f"history has no point {unknown[0]!r}; `ess-actors history` lists what it has"
            return Answer(question.ticket, "not_found", {"text": text, "near": near})
        # What a point has now it had until now: of what falls silent it is told.
        until = min(question.until, time.time())
        if until <= question.since:
            empty = [{"point": point, "resolution_s": 0, "rows": []} for point in question.points]
            return Answer(question.ticket, "", orjson.dumps({"series": empty}))
        trend = Trend(question.points, question.since, until, question.samples)
        try:
            series = await self._read(self._series, trend)
        except HistoryProblem as problem:
            return Answer(question.ticket, "history_away", {"text": str(problem)})
        return Answer(question.ticket, "", series)

    def _series(self, trend: Trend) -> bytes:
        """On the reading thread."""
        if self._reader is None:
            self._reader = open_reader(self._keeping, self.state_dir)
        try:
            return orjson.dumps({"series": series_of(self._reader, trend)})
        except HistoryProblem:
            # The file may have been set aside under this connection.
            self._reader.close()
            self._reader = None
            raise


def _near(name: str, names: Sequence[str]) -> list[str]:
    last = name.rpartition("/")[2]
    ending: Callable[[str], bool] = lambda other: other.rpartition("/")[2] == last  # noqa: E731
    return [*filter(ending, names)][:10] or get_close_matches(name, names, 10, 0.6)
