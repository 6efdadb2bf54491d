"""The checked Modbus client configuration: what the file loaders build and everything else only reads."""

from dataclasses import dataclass
from enum import Enum

from ess_actors.core.codec import Codec
from ess_actors.core.transaction import MAX_READ_BITS, MAX_READ_WORDS


class Table(Enum):
    """One of the four Modbus tables; the value is its function code for reading."""

    COIL = 1
    DISCRETE = 2
    HOLDING = 3
    INPUT = 4

    @property
    def read_function(self) -> int:
        """1, 2, 3 or 4."""
        return self.value

    @property
    def is_bits(self) -> bool:
        """True for coils and discrete inputs: one address is one bit."""
        return self.value <= 2

    @property
    def writable(self) -> bool:
        """True for coils and holding registers."""
        return self in (Table.COIL, Table.HOLDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """One map entry of a component: where it lives on the wire."""

    id: str
    unit: int
    table: Table
    address: int
    """Protocol address, 0-based, `off_by_one` already applied."""
    size: int
    """Words; bits for coils and discrete inputs (always 1)."""
    period_ms: int
    group: int = 0
    """Index of the group in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One name of a component: a whole register, one named bit of it, or one packed child."""

    id: str
    register: Register
    codec: Codec
    published: bool = True
    """False for PARENT registers, and for a second point of a name already taken."""
    shadowed: bool = False
    """True for the second and later points of one name: never read, but the first writable one takes sets."""
    clothed: bool = False
    debounce_s: float = 0.0
    multi_write: bool = False
    verify: bool = False
    reassert: bool = False
    """Written again after a lost connection, when the device had shown what was written and no longer does."""
    label: str = ""
    """Display name."""
    units: str = ""
    """Display unit of measure."""
    echo_id: str = ""
    """Simulator only: the uri whose field feeds this point."""

    @property
    def table(self) -> Table:
        """Table of its register."""
        return self.register.table

    @property
    def unit(self) -> int:
        """Modbus unit id of its register."""
        return self.register.unit

    @property
    def address(self) -> int:
        """First address of its register."""
        return self.register.address

    @property
    def size(self) -> int:
        """Words (or bits) of its register."""
        return self.register.size

    @property
    def period_ms(self) -> int:
        """Poll and publish period of its register."""
        return self.register.period_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """An enabled heartbeat; an empty id switches that half off."""

    read: str = ""
    """Id of the point whose change shows that the device lives."""
    write: str = ""
    """Id of the holding point we count up."""
    write_period_ms: int = 1000
    timeout_ms: int = 3000
    max_value: int = 0
    """The written number continues with 0 after this one; 0 = wrap at the limit of the type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watchdog:
    """An enabled watchdog: it reports when a point stops changing, and never touches quality."""

    point: str
    check_ms: int = 1000
    alarm_ms: int = 5000
    fault_ms: int = 10000
    recovery_timeout_ms: int = 5000
    recovery_ms: int = 10000


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One named set of points, polled and published together."""

    id: str
    """As in the file, may contain slashes: `ess_1/bms_info`."""
    uri: str
    """Where it is published: `/components/ess_1/bms_info`."""
    unit: int
    points: tuple[Point, ...]
    """File order, the points of one register together, a PARENT before its bits or children."""
    period_ms: int = 1000
    offset_ms: int = 0
    heartbeat: Heartbeat | None = None
    watchdog: Watchdog | None = None
    connected_timeout_ms: int = 3000
    """`component_connected` turns false this long after the last good read."""
    add_timings: bool = False
    group_kinds: tuple[str, ...] = ()
    """Lower-case type word of every group, for `add_timings`."""
    max_gap_words: int = 16
    """Largest hole one request bridges; 16 times that for bits."""
    max_words: int = MAX_READ_WORDS
    max_bits: int = MAX_READ_BITS
    allow_multi_sets: bool = True
    force_multi_sets: bool = False
    auto_disable: bool = True
    bad_point_retry_s: float = 60.0
    inter_message_delay_s: float = 0.0
    publish_quality: bool = False
    """After each cycle the points that are not GOOD are published as `<uri>/_quality`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serial:
    """How a serial line is opened."""

    device: str
    baud_rate: int = 115200
    parity: str = "N"
    """N, E or O."""
    data_bits: int = 8
    stop_bits: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Files (PEM) of a mutually authenticated TLS connection; absolute, or relative to the working folder."""

    certificate: str
    """Our own certificate, with its chain."""
    key: str
    authorities: str
    """Certificates of those whose signature on the peer's certificate counts."""
    server_name: str = ""
    """Client only: the name the device's certificate must carry; empty = the host as written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One host and port, or one serial line, with the limits of its sockets. All times in seconds."""

    name: str
    host: str = ""
    port: int = 502
    serial: Serial | None = None
    """Set: Modbus RTU on this line; host and port mean nothing."""
    tls: Tls | None = None
    rtu: bool = False
    """RTU frames over TCP, as some gateways want them."""
    max_connections: int = 1
    max_in_flight: int = 1
    """Requests that may be open at once on each connection (plain TCP; one on the other lines)."""
    stats_uri: str = ""
    """The `_stats` object is published here every `stats_period_ms`; empty = never."""
    stats_period_ms: int = 1000
    connect_timeout_s: float = 1.0
    transfer_timeout_s: float = 0.5
    reconnect_min_s: float = 0.2
    reconnect_max_s: float = 2.0

    @property
    def address(self) -> tuple[str, int]:
        """What makes two endpoints the same one: host and port, or the serial device and 0."""
        return (self.serial.device, 0) if self.serial else (self.host, self.port)

    @property
    def place(self) -> str:
        """The same for people: `10.0.0.7:502` or `/dev/ttyUSB0`."""
        return self.serial.device if self.serial else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientMap:
    """One client file after expansion of ranges (one per address of an `ip_range`)."""

    stem: str
    """File name without suffix: the id of the client's actor below its instance."""
    file: str
    endpoint: Endpoint
    components: tuple[Component, ...]
