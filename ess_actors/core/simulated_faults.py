"""What a simulated device may do wrong on purpose: the kinds, their settings, and orders checked against them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ess_actors.core.errors import RequestError
from ess_actors.core.points import Table
from ess_actors.core.transaction import (
    BIT_READS,
    MASK_WRITE,
    READ_WRITE,
    READS,
    WRITE_COIL,
    WRITE_COILS,
    WRITE_REGISTER,
    WRITE_REGISTERS,
)


class Kind(NamedTuple):
    """One way to fail, with the settings an order of it needs and may have beside `unit` and `for_ms`."""

    says: str
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    server: bool = False
    """A site server can fail like this too."""


_SOME: Final = ("type", "from", "to")
_REQUESTS: Final = (*_SOME, "count")

KINDS: Final[Mapping[str, Kind]] = {
    "none": Kind("well again", server=True),
    "offline": Kind("nobody listens; one of several units: a gateway's exception 11"),
    "mute": Kind("no answer", takes=_REQUESTS, server=True),
    "drop": Kind("no answer, as mute", takes=_REQUESTS, server=True),
    "delay": Kind("every answer after ms", ("ms",), _REQUESTS, server=True),
    "late": Kind("one answer after ms, the next one at once, and so on", ("ms",), _REQUESTS),
    "exception": Kind("the exception code instead of an answer", ("code",), _REQUESTS, server=True),
    "garble": Kind(
        "an answer that is none; mode says how, else one after the other",
        takes=("mode", *_REQUESTS),
        server=True,
    ),
    "partial": Kind("half an answer; the rest after ms, else never", takes=("ms", *_REQUESTS)),
    "freeze": Kind("values stand still for masters, heartbeats too", takes=_SOME, server=True),
    "flap": Kind("connections are closed every ms (500)", takes=("ms", "count")),
    "disconnect": Kind("connections are closed now, and refused for for_ms", server=True),
}
"""Every kind of fault; orders, the command line and the API know no other list."""

MODES: Final[Mapping[str, str]] = {
    "length": "another number of words than asked for",
    "function": "the answer to another function",
    "random": "bytes without meaning",
    "protocol": "a frame of a foreign protocol (TCP only)",
    "crc": "a frame whose checksum is wrong (RTU only)",
}

ANSWER_MODES: Final = ("length", "function")
"""The modes that every line can carry, and every master can read behind; see `garbled`."""

TYPES: Final[Mapping[str, Table]] = {
    "coil": Table.COIL,
    "discrete_input": Table.DISCRETE,
    "input": Table.INPUT,
    "holding": Table.HOLDING,
}

FLAP_MS: Final = 500

_COMMON: Final = ("kind", "unit", "for_ms")
_LIMITS: Final[Mapping[str, tuple[int, int]]] = {
    "unit": (0, 255),
    "from": (0, 65535),
    "to": (0, 65535),
    "count": (1, 1_000_000_000),
    "for_ms": (1, 1_000_000_000),
    "ms": (1, 3_600_000),
    "code": (1, 255),
}
_TABLE_OF: Final[Mapping[int, Table]] = {
    **{function: Table(function) for function in READS},
    WRITE_COIL: Table.COIL,
    WRITE_COILS: Table.COIL,
    **dict.fromkeys((WRITE_REGISTER, WRITE_REGISTERS, MASK_WRITE, READ_WRITE), Table.HOLDING),
}
_OTHER_FUNCTION: Final = {1: 2, 2: 1, 3: 4, 4: 3, 5: 6, 6: 5, 15: 16, 16: 15, 22: 23, 23: 22}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A checked order. Which requests it concerns: all, or those that touch `low`..`high` of `table`."""

    kind: str
    body: Mapping[str, object] = field(default_factory=dict)
    """The order as it came."""
    unit: int | None = None
    table: Table | None = None
    low: int = 0
    high: int = 65535
    count: int | None = None
    """It ends by itself after so many requests (or closed connections); None = only by time or by order."""
    for_s: float | None = None
    wait_s: float | None = None
    code: int = 0
    mode: str = ""

    def touches(self, pdu: bytes) -> bool:
        """Whether it concerns a request."""
        if self.table is None and self.low == 0 and self.high == 65535:
            return True
        table = _TABLE_OF.get(pdu[0])
        if table is None or self.table not in (None, table) or len(pdu) < 5:
            return False
        return any(first <= self.high and last >= self.low for first, last in _ranges(pdu))


class ActiveFault:
    """A fault in force: how much of it is left. `now` is seconds of whatever clock its owner goes by."""

    def __init__(self, fault: Fault, now: float) -> None:
        self.fault = fault
        once = fault.kind == "disconnect" and fault.count is None and fault.for_s is None
        self.left = 1 if once else fault.count
        self.until = None if fault.for_s is None else now + fault.for_s
        self.turn = 0

    def counted(self) -> bool:
        """One more time; False when that was the last one."""
        if self.left is None:
            return True
        self.left -= 1
        return self.left > 0

    def over(self, now: float) -> bool:
        """True once its time is up."""
        return self.until is not None and now >= self.until

    def next_mode(self, modes: Sequence[str]) -> str:
        """How to spoil this answer: as ordered, else in one of `modes` after the other."""
        if self.fault.mode:
            return self.fault.mode
        self.turn += 1
        return modes[(self.turn - 1) % len(modes)]

    def told(self, now: float) -> dict[str, object]:
        """For an operator: the order, and what is left of it."""
        left: dict[str, object] = {} if self.left is None else {"left": self.left}
        if self.until is not None:
            left["left_ms"] = max(0, round((self.until - now) * 1000))
        return {**self.fault.body, **left}


def _ranges(pdu: bytes) -> list[tuple[int, int]]:
    """First and last addresses that a request touches."""
    counted = pdu[0] not in (WRITE_COIL, WRITE_REGISTER, MASK_WRITE)
    places = [(1, 3)] + ([(5, 7)] if pdu[0] == READ_WRITE and len(pdu) >= 9 else [])
    found = []
    for at, count_at in places:
        first = pdu[at] << 8 | pdu[at + 1]
        count = pdu[count_at] << 8 | pdu[count_at + 1] if counted else 1
        found.append((first, first + max(count, 1) - 1))
    return found


def fault_from(order: Mapping[str, object]) -> Fault:
    """The fault an order asks for; null is the same as left out. Raises RequestError with what is possible."""
    body = {key: value for key, value in order.items() if value is not None}
    kind = body.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise RequestError("bad_body", f"no kind of fault is {kind!r}; there are {', '.join(KINDS)}")
    needs, takes = KINDS[kind].needs, KINDS[kind].takes
    possible = dict.fromkeys((*_COMMON, *needs, *takes))
    unknown = sorted(set(body) - set(possible))
    if unknown:
        text = f"{kind} has no {', '.join(unknown)}; it takes {', '.join(possible)}"
        raise RequestError("bad_body", text)
    missing = [key for key in needs if key not in body]
    if missing:
        raise RequestError("bad_body", f"{kind} needs {', '.join(missing)}, a number{_between(missing[0])}")
    numbers = {key: _number(key, body[key]) for key in _LIMITS if key in body}
    low = int(numbers.get("from", 0))
    high = int(numbers.get("to", low if "from" in numbers else 65535))
    if high < low:
        raise RequestError("bad_body", f"from {low} to {high} is no range of addresses; to is the last one")
    count = int(numbers["count"]) if "count" in numbers else None
    wait = numbers.get("ms", FLAP_MS if kind == "flap" else None)
    return Fault(
        kind=kind,
        body=body,
        unit=int(numbers["unit"]) if "unit" in numbers else None,
        table=TYPES[_word("type", body["type"], TYPES)] if "type" in body else None,
        low=low,
        high=high,
        count=count,
        for_s=numbers["for_ms"] / 1000.0 if "for_ms" in numbers else None,
        wait_s=None if wait is None else wait / 1000.0,
        code=int(numbers.get("code", 0)),
        mode=_word("mode", body["mode"], MODES) if "mode" in body else "",
    )


def _between(key: str) -> str:
    return f" from {_LIMITS[key][0]} to {_LIMITS[key][1]}"


def _number(key: str, value: object) -> float:
    low, high = _LIMITS[key]
    whole = key not in ("ms", "for_ms")
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high
    if not good or (whole and value != int(value)):  # type: ignore[call-overload]
        raise RequestError("bad_body", f"{key} is {value!r}; it is a number{_between(key)}")
    return float(value)  # type: ignore[arg-type]


def _word(key: str, value: object, known: Mapping[str, object]) -> str:
    """One of the known words, however it is spelt in client files."""
    word = str(value).lower().replace(" ", "_").removesuffix("s")
    for form in (word, word.removesuffix("_register")):
        if form in known:
            return form
    raise RequestError("bad_body", f"{key} is {value!r}; it is one of {', '.join(known)}")


def garbled(pdu: bytes, mode: str) -> bytes:
    """An answer's data unit in the modes that spoil it before it is framed; unchanged in the others."""
    if mode == "function":
        return bytes((_OTHER_FUNCTION.get(pdu[0] & 0x7F, 3) | pdu[0] & 0x80,)) + pdu[1:]
    if mode != "length":
        return pdu
    if pdu[0] not in READS:
        return pdu + b"\0\0"
    few = 1 if pdu[0] in BIT_READS else 2
    body = pdu[2:-few] if len(pdu) > 2 + few else pdu[2:] + bytes(few)
    return bytes((pdu[0], len(body))) + body
