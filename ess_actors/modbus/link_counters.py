"""What is counted on the way to one endpoint."""

from dataclasses import dataclass, field

from ess_actors.core.transaction import Answer


@dataclass(slots=True)
class LinkCounters:
    """What happened on the line since the start. Durations in seconds, of answered requests only."""

    requests: int = 0
    replies: int = 0
    timeouts: int = 0
    malformed: int = 0
    late: int = 0
    not_connected: int = 0
    connects: int = 0
    failed_connects: int = 0
    exceptions: dict[int, int] = field(default_factory=dict)
    shortest_s: float = 0.0
    longest_s: float = 0.0
    total_s: float = 0.0

    def as_body(self) -> dict[str, object]:
        """The same for an operator; times in milliseconds."""
        return {
            "requests": self.requests,
            "replies": self.replies,
            "timeouts": self.timeouts,
            "malformed": self.malformed,
            "exceptions": {str(code): n for code, n in sorted(self.exceptions.items())},
            "late_answers": self.late,
            "connects": self.connects,
            "failed_connects": self.failed_connects,
            "min_transaction_ms": self.shortest_s * 1000,
            "max_transaction_ms": self.longest_s * 1000,
            "avg_transaction_ms": self.total_s * 1000 / self.replies if self.replies else 0.0,
        }

    def add(self, answer: Answer) -> None:
        """Counts one finished request."""
        error = answer.error
        if error and error != "exception":
            self._add_failed(answer)
            return
        self.requests += 1
        self.replies += 1
        if error:
            self.exceptions[answer.code] = self.exceptions.get(answer.code, 0) + 1
        took = answer.received - answer.sent
        self.total_s += took
        if took > self.longest_s:
            self.longest_s = took
        if took < self.shortest_s or not self.shortest_s:
            self.shortest_s = took

    def _add_failed(self, answer: Answer) -> None:
        if answer.sent:
            self.requests += 1
        if answer.error == "timeout":
            self.timeouts += 1
        elif answer.error == "malformed":
            self.malformed += 1
        else:
            self.not_connected += 1

    def include(self, other: "LinkCounters") -> None:
        """Adds what was counted on another connection of the same endpoint."""
        self.requests += other.requests
        self.replies += other.replies
        self.timeouts += other.timeouts
        self.malformed += other.malformed
        self.late += other.late
        self.not_connected += other.not_connected
        self.connects += other.connects
        self.failed_connects += other.failed_connects
        for code, times in other.exceptions.items():
            self.exceptions[code] = self.exceptions.get(code, 0) + times
        if other.replies:
            self.shortest_s = min(self.shortest_s or other.shortest_s, other.shortest_s)
        self.longest_s = max(self.longest_s, other.longest_s)
        self.total_s += other.total_s
