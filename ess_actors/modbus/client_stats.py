"""What a client counts, per block and per component: transactions, cycles, sets by status."""

from collections import Counter
from dataclasses import dataclass, field

from ess_actors.core.polling import Block
from ess_actors.core.transaction import Answer
from ess_actors.modbus.link_counters import LinkCounters


class Spread:
    """How often, and how long: shortest, longest and mean of some durations in seconds."""

    __slots__ = ("longest", "shortest", "times", "total")

    def __init__(self) -> None:
        self.times = 0
        self.shortest = self.longest = self.total = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        if seconds > self.longest:
            self.longest = seconds
        if seconds < self.shortest or not self.times:
            self.shortest = seconds
        self.times += 1
        self.total += seconds

    def include(self, other: "Spread") -> None:
        """The same over both."""
        if other.times:
            self.shortest = min(self.shortest, other.shortest) if self.times else other.shortest
            self.longest = max(self.longest, other.longest)
            self.times += other.times
            self.total += other.total

    def as_body(self, what: str) -> dict[str, object]:
        """For an operator, in milliseconds."""
        return {
            f"min_{what}_ms": self.shortest * 1000,
            f"max_{what}_ms": self.longest * 1000,
            f"avg_{what}_ms": self.total * 1000 / self.times if self.times else 0.0,
        }


class Tally:
    """Transactions of one kind, for instance all reads of one block."""

    __slots__ = ("exceptions", "lost", "malformed", "replies", "timeouts")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """From zero."""
        self.replies = Spread()
        self.timeouts = self.malformed = self.lost = 0
        self.exceptions: Counter[int] = Counter()

    def add(self, answer: Answer) -> None:
        """One finished request."""
        match answer.error:
            case "timeout":
                self.timeouts += 1
            case "malformed":
                self.malformed += 1
            case "not_connected":
                self.lost += answer.sent > 0
            case error:
                self.replies.add(answer.received - answer.sent)
                if error:
                    self.exceptions[answer.code] += 1

    def include(self, other: "Tally") -> None:
        """The sum of both."""
        self.replies.include(other.replies)
        self.timeouts += other.timeouts
        self.malformed += other.malformed
        self.lost += other.lost
        self.exceptions.update(other.exceptions)

    def as_body(self) -> dict[str, object]:
        """For an operator."""
        return {
            "requests": self.replies.times + self.timeouts + self.malformed + self.lost,
            "replies": self.replies.times,
            "timeouts": self.timeouts,
            "malformed": self.malformed,
            "connection_lost": self.lost,
            "exceptions": {str(code): n for code, n in sorted(self.exceptions.items())},
            **self.replies.as_body("transaction"),
        }


@dataclass
class ComponentStats:
    """Everything counted for one component since its start or the last reset."""

    blocks: dict[tuple[int, int, int, int], Tally] = field(default_factory=dict)
    others: Tally = field(default_factory=Tally)
    """Writes with their reads, and the search for refused registers."""
    cycles: Spread = field(default_factory=Spread)
    missed: int = 0
    reasserted: int = 0
    sets: Counter[str] = field(default_factory=Counter)
    point_sets: dict[str, Counter[str]] = field(default_factory=dict)
    connects_before: int = 1
    """Of the link, at the reset; the first one is no reconnect."""
    late_before: int = 0

    def tally(self, block: Block) -> Tally:
        """Where the reads of this block are counted, also of one that was planned anew."""
        key = (block.unit, block.function, block.address, block.count)
        return self.blocks.setdefault(key, Tally())

    def count_set(self, name: str, status: str, *, known: bool) -> None:
        """One answered set; unknown names come from outside and are not kept."""
        self.sets[status] += 1
        if known:
            self.point_sets.setdefault(name, Counter())[status] += 1

    def reset(self, link: LinkCounters) -> None:
        """From zero again. The tallies of blocks stay the same objects: plans hold them."""
        for tally in (*self.blocks.values(), self.others):
            tally.clear()
        self.cycles, self.missed, self.reasserted = Spread(), 0, 0
        self.sets.clear()
        self.point_sets.clear()
        self.connects_before, self.late_before = max(1, link.connects), link.late

    def as_body(self, link: LinkCounters) -> dict[str, object]:
        """The component for an operator; `link` are the totals of its line."""
        total = Tally()
        for tally in (*self.blocks.values(), self.others):
            total.include(tally)
        return {
            **total.as_body(),
            "late_answers": link.late - self.late_before,
            "reconnects": max(0, link.connects - self.connects_before),
            "cycles": self.cycles.times,
            "missed_cycles": self.missed,
            **self.cycles.as_body("cycle"),
            "sets": dict(self.sets),
            "reasserted": self.reasserted,
        }

    def point_body(self, name: str, block: Block | None, link: LinkCounters) -> dict[str, object]:
        """One point: the reads of its block, its own sets, and what it shares with the component."""
        tally = self.tally(block) if block is not None else Tally()
        return {
            **tally.as_body(),
            "late_answers": link.late - self.late_before,
            "reconnects": max(0, link.connects - self.connects_before),
            "missed_cycles": self.missed,
            **self.cycles.as_body("cycle"),
            "sets": dict(self.point_sets.get(name, {})),
        }
