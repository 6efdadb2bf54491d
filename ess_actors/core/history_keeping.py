"""How long and where history is kept, as site.json says."""

from dataclasses import dataclass
from typing import Final

from ess_actors.core.history_series import HOURS, MINUTES, RAW

_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """The member `history` of site.json."""

    retention_days: float = 14.0
    """Readings as they came."""
    minutes_days: float = 90.0
    hours_days: float = 3650.0
    max_mb: float = 2000.0
    """Of the file; the oldest readings go first, then minutes, then hours."""
    database: str = ""
    """postgresql://...; empty = a file in the state folder."""

    def kept_s(self, level: str) -> float:
        """Seconds that rows of this level are kept."""
        days = {RAW: self.retention_days, MINUTES: self.minutes_days, HOURS: self.hours_days}
        return days[level] * _DAY_S
