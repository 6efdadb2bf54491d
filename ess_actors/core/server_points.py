"""The checked configuration of a site server: what the file loaders build and everything else only reads."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from ess_actors.core.codec import Codec
from ess_actors.core.points import Serial, Table, Tls

ANY_UNIT: Final = 255
"""Unit id of a server map that answers every unit id."""


class StalePolicy(Enum):
    """What a master reads from an entry whose source is silent."""

    HOLD = "hold"
    ZERO = "zero"
    EXCEPTION = "exception"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEntry:
    """One entry of a site server."""

    id: str
    uri: str
    """Where its value comes from and where a master's write is sent to, followed by `/<id>`."""
    unit: int
    """Unit id it answers to; ANY_UNIT = all."""
    table: Table
    address: int
    codec: Codec
    policy: StalePolicy = StalePolicy.HOLD
    bit_strings: tuple[str, ...] = ()
    """Documentation only: names of the bits or texts of the numbers."""
    high_word_address: int | None = None
    """Register of the same table that takes the bits above 16 of this one-word entry."""
    commit_counter: bool = False
    """Shows the number of commits, modulo its width: two equal readings around a map frame one commit."""
    bit_word: bool = False
    """A plain number with more names than bits: masked, never clamped, so that no bit is invented."""
    label: str = ""
    units: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleBit:
    """While `source` is stale, bit `bit` of the entry `entry_uri` + `entry_id` reads as 1."""

    source: str
    entry_uri: str
    entry_id: str
    bit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMap:
    """One site server file."""

    stem: str
    file: str
    system_id: str
    host: str
    port: int
    entries: tuple[ServerEntry, ...]
    stale_after_ms: int = 5000
    """A source silent for this long is stale; 0 = never."""
    stale_bits: tuple[StaleBit, ...] = ()
    max_clients: int = 32
    serial: Serial | None = None
    """Set: a Modbus RTU slave on this line instead of a listening socket."""
    tls: Tls | None = None
    idle_timeout_s: float = 0.0
    """A connection without a complete request for this long is closed; 0 = only when its place is needed."""
    allow_from: tuple[str, ...] = ()
    """Networks that may connect; empty = all."""

    @property
    def uri(self) -> str:
        """Base uri of the server: `/interfaces/<system id>`."""
        return "/interfaces/" + "/".join(part for part in self.system_id.split("/") if part)

    @property
    def sources(self) -> tuple[str, ...]:
        """Distinct entry uris in file order."""
        return tuple(dict.fromkeys(entry.uri for entry in self.entries if not entry.commit_counter))
