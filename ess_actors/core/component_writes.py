"""What a set sends to a device: write jobs, joined where they touch, with a fresh read for parts."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from ess_actors.core.bits import BadValueError
from ess_actors.core.points import Component, Point, Register
from ess_actors.core.registers import decode, encode, encode_raw
from ess_actors.core.transaction import MAX_WRITE_BITS, MAX_WRITE_WORDS, Request

Reply = dict[str, object]
_DONE: Final = ("ok", "clamped", "verified")


@dataclass(frozen=True, slots=True)
class Item:
    """One value of a job. `raw` values are numbers before scale and shift (heartbeats)."""

    name: str
    point: Point
    value: object
    raw: bool = False


@dataclass(frozen=True, slots=True)
class WriteJob:
    """One uninterruptible piece of work on the wire: maybe a fresh read, one write, maybe a read back."""

    items: tuple[Item, ...]
    unit: int
    address: int
    count: int
    """Words, or bits."""
    read_function: int
    write_function: int
    needs_read: bool
    """Read `count` at `address` with `read_function` first; when that fails nothing is written."""
    verify: bool
    """Read the same range back after the write."""

    @property
    def names(self) -> tuple[str, ...]:
        """Ids of the points it writes."""
        return tuple(item.name for item in self.items)

    @property
    def debounce_s(self) -> float:
        """Longest debounce window of its points."""
        return max(item.point.debounce_s for item in self.items)

    def request(self, current: Sequence[int] | None = None) -> Request:
        """The write; `current` are the words just read when `needs_read`. Values were checked before."""
        words = list(current) if current is not None else [0] * self.count
        for item in self.items:
            start = item.point.address - self.address
            size = max(1, item.point.codec.size)
            words[start : start + size] = _words(item, words[start : start + size])
        return Request(self.unit, self.write_function, self.address, words=tuple(words))

    def written(self, request: Request) -> dict[str, Reply]:
        """Reply per name after the device took `request`: ok or clamped, with the value now in the device."""
        replies: dict[str, Reply] = {}
        for item in self.items:
            start = item.point.address - self.address
            words = request.words[start : start + max(1, item.point.codec.size)]
            reply: Reply = {"value": decode(item.point.codec, words), "status": "ok"}
            if not item.raw:
                encoded = encode(item.point.codec, item.value, words)
                if encoded.clamped:
                    reply |= {"status": "clamped", "requested": item.value}
                if encoded.lost:
                    reply["lost_bits"] = list(encoded.lost)
            replies[item.name] = reply
        return replies

    def verified(self, request: Request, back: Sequence[int] | None) -> dict[str, Reply]:
        """Replies after the read back (None = it failed): verified, mismatch with `read`, or unavailable."""
        replies = self.written(request)
        for item in self.items:
            reply = replies[item.name]
            if back is None:
                reply["verify"] = "unavailable"
                continue
            start = item.point.address - self.address
            stop = start + max(1, item.point.codec.size)
            if tuple(back[start:stop]) != request.words[start:stop]:
                reply |= {"status": "mismatch", "read": decode(item.point.codec, back[start:stop])}
            elif reply["status"] == "ok":
                reply["status"] = "verified"
        return replies

    def settled(self, request: Request, back: Sequence[int] | None, why: str) -> dict[str, Reply]:
        """Replies after a write that was sent and not confirmed (`why`): what was read back decides.

        Equal words are a verified write; else nobody knows whether it comes yet: unknown_outcome, with
        `read` where it could be read.
        """
        if back is None:
            return self.failed("unknown_outcome", text=f"{why}; read the point to know")
        replies = self.verified(request, back)
        for name, reply in replies.items():
            if reply["status"] == "mismatch":
                text = f"{why}, and the device shows another value"
                replies[name] = {"status": "unknown_outcome", "read": reply["read"], "text": text}
        return replies

    def failed(self, status: str, **extra: object) -> dict[str, Reply]:
        """The same reply for every name: refused (code=..), unknown_outcome, not_connected, superseded ..."""
        return {item.name: {"status": status, **extra} for item in self.items}

    def split(self, component: Component) -> "list[WriteJob]":
        """A refused joined write, register by register; [] when there is nothing to split."""
        by_register = _by_register(self.items)
        return [] if len(by_register) < 2 else [_job(component, [items]) for items in by_register.values()]


def check(item: Item) -> None:
    """Raise BadValueError when the value can never be written to its point."""
    encode(item.point.codec, item.value, (0,) * max(1, item.point.codec.size))


def _words(item: Item, current: Sequence[int]) -> tuple[int, ...]:
    if item.raw and isinstance(item.value, int):
        return encode_raw(item.point.codec, item.value, current)
    return encode(item.point.codec, item.value, current).words


def _by_register(items: Iterable[Item]) -> dict[Register, list[Item]]:
    found: dict[Register, list[Item]] = {}
    for item in items:
        found.setdefault(item.point.register, []).append(item)
    return found


def make_jobs(component: Component, items: Sequence[Item]) -> list[WriteJob]:
    """Jobs for checked items: the parts of one register together, touching registers joined where allowed.

    Registers that need a fresh read first are never joined with others.
    """
    ready: list[list[list[Item]]] = []
    groups = sorted(_by_register(items).values(), key=_place)
    for group in groups:
        if ready and component.allow_multi_sets and _touches(ready[-1], group):
            ready[-1].append(group)
        else:
            ready.append([group])
    return [_job(component, run) for run in ready]


def _place(items: list[Item]) -> tuple[int, int, int]:
    register = items[0].point.register
    return (register.unit, register.table.value, register.address)


def _touches(run: list[list[Item]], group: list[Item]) -> bool:
    first, last, register = (part[0].point.register for part in (run[0], run[-1], group))
    if any(item.point.codec.partial for part in (*run, group) for item in part):
        return False
    limit = MAX_WRITE_BITS if register.table.is_bits else MAX_WRITE_WORDS
    return (
        (first.unit, first.table) == (register.unit, register.table)
        and last.address + last.size == register.address
        and register.address + register.size - first.address <= limit
    )


def _job(component: Component, run: list[list[Item]]) -> WriteJob:
    registers = [part[0].point.register for part in run]
    first = registers[0]
    count = registers[-1].address + registers[-1].size - first.address
    items = tuple(item for part in run for item in part)
    many = count > 1 or component.force_multi_sets or any(item.point.multi_write for item in items)
    function = (15 if many else 5) if first.table.is_bits else (16 if many else 6)
    return WriteJob(
        items=items,
        unit=first.unit,
        address=first.address,
        count=count,
        read_function=first.table.read_function,
        write_function=function,
        needs_read=any(item.point.codec.partial for item in items),
        verify=any(item.point.verify for item in items),
    )


def multi_reply(replies: Mapping[str, Reply]) -> Reply:
    """Answer to a set of several points: `_status` ok, partial or failed, then every reply."""
    good = [reply.get("status") in _DONE for reply in replies.values()]
    status = "ok" if all(good) and good else "partial" if any(good) else "failed"
    reply: Reply = {"_status": "", **replies}
    reply["_status"] = status  # also when somebody tried to set a point of that name
    return reply


def bad_value(error: BadValueError) -> Reply:
    """Reply for a value that fits no way."""
    return {"status": "bad_value", "text": str(error)}


def json_body(reply: object) -> bytes:
    """A reply as JSON, whatever is in it: a whole number beyond 64 bits must not cost the actor its life."""
    try:
        return orjson.dumps(reply)
    except TypeError:
        return json.dumps(reply, default=str).encode()


def trouble(reply: object) -> str:
    """The short word for an operator when the device was not read or written as asked, else empty."""
    if not isinstance(reply, dict):
        return ""
    status = reply.get("_status", reply.get("status", ""))
    return status if isinstance(status, str) and status not in _DONE else ""
