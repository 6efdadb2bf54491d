"""What the operator API needs from the actor beside it: the tree, its figures, messages in and out."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import NamedTuple, Protocol

from ess_actors.core.alarm_history import TransitionFilter
from ess_actors.core.messages import Message
from ess_actors.core.metrics import Snapshot


class Answer(NamedTuple):
    """The answer to one message. `status` as in Message ("" = as asked); `body` is JSON text or b""."""

    status: str
    body: bytes


class By(NamedTuple):
    """Who writes, as far as a request tells: a name, and the address it came from."""

    who: str = "api"
    origin: str = ""


ANYBODY = By()


class Source(NamedTuple):
    """The last figures of one actor. Another `generation` (start count, pid) = a new process from zero."""

    snapshot: Snapshot
    age_s: float
    """Seconds since the figures were taken."""
    generation: int


class Listener(Protocol):
    """One subscriber's stream: a bounded queue that drops its oldest message when full. Ends when closed."""

    def __anext__(self) -> Awaitable[Message]:
        """The next message; raises StopAsyncIteration at the end."""

    @property
    def dropped(self) -> int:
        """Messages lost so far because the reader was too slow."""

    def close(self) -> None:
        """Unsubscribes; may be called twice."""


class SimBridge(Protocol):
    """Simulated devices, in a site or alone. Every answer is (HTTP status, body)."""

    async def sim_devices(self) -> tuple[int, dict[str, object]]:
        """`{"devices": [...]}`: where each device is, what it has, and its faults."""

    async def sim_read(self, stem: str, path: str) -> tuple[int, dict[str, object]]:
        """Value and words of a point, or of all points of a component or (path empty) of the device."""

    async def sim_points(self, stem: str, points: dict[str, object]) -> tuple[int, dict[str, object]]:
        """Sets points of a simulated device."""

    async def sim_writes(self, since: int) -> tuple[int, dict[str, object]]:
        """What masters wrote to the devices behind a number: `{"now", "last", "missed", "writes": [...]}`."""

    async def sim_fault(self, stem: str, fault: dict[str, object]) -> tuple[int, dict[str, object]]:
        """Makes a simulated device fail in a chosen way."""


class AlarmDesk(Protocol):
    """Alarms of all instances and the orders to them. Codes are HTTP statuses; errors are raised as RequestError."""

    async def listed(self) -> dict[str, object]:
        """`{"alarms": [...], "flood": bool, "unknown": [instances]}`, newest first."""

    async def order(
        self, verb: str, ids: Sequence[str] | None, by: By, minutes: float | None = None, why: str = ""
    ) -> tuple[int, dict[str, object]]:
        """Carries out ack, shelve, unshelve, out_of_service or in_service; `ids` None = all alarms.

        `{"status": ok, partly or refused, "results": {id: text}, "text": ...}`.
        """

    async def clear(self, asset: str, by: By) -> tuple[int, dict[str, object]]:
        """Clears the faults of an asset, of the whole site when empty, and waits for the result."""

    async def figures(self) -> dict[str, object]:
        """Rates, floods, the most frequent, chattering and stale alarms; see core.alarm_figures."""

    async def history(self, wanted: TransitionFilter) -> list[dict[str, object]]:
        """Steps of alarms from state to state out of the journal, newest first."""


class HistoryBridge(Protocol):
    """What answers; the answers are JSON bytes. Both raise RequestError."""

    def points(self, text: str, limit: int) -> Awaitable[bytes]:
        """`{"points": [{"point", "last", "value", "quality"}], "found"}`."""

    def trend(self, points: Sequence[str], since: float, until: float, samples: int) -> Awaitable[bytes]:
        """`{"series": [{"point", "resolution_s", "rows"}]}`."""


class Bridge(SimBridge, Protocol):
    """Implemented by the web actor. Everything is called on the asyncio thread and answers soon."""

    @property
    def alarm_desk(self) -> AlarmDesk:
        """What operators do with alarms."""

    def status(self) -> dict[str, object]:
        """The tree: site, state, ready, addresses, actors (one dict each: id, state, pid, restarts ...)."""

    def snapshots(self) -> Mapping[str, Source]:
        """Actor id -> its last figures; of dead actors too, as long as they are known."""

    async def order(self, actor_id: str, verb: str, by: By = ANYBODY) -> tuple[int, dict[str, object]]:
        """Carries out restart, stop or start: (HTTP status, body)."""

    async def message(self, message: Message, by: By = ANYBODY) -> Answer:
        """Sends a message and waits for what comes back."""

    def listen(self, prefixes: Sequence[str]) -> Listener:
        """A stream of every message whose uri lies at or below one of the prefixes."""

    @property
    def history(self) -> HistoryBridge:
        """Trends."""

    async def alarms(self) -> list[dict[str, object]]:
        """The alarms and faults that stand, newest first."""

    async def journal(self, limit: int) -> list[dict[str, object]]:
        """The last `limit` records of the journal, newest first."""

    async def audited(self, limit: int) -> list[dict[str, object]]:
        """The last `limit` rows of the audit table, newest first."""
