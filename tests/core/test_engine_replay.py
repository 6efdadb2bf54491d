"""One instance is a function of its messages and times: a recording replayed sends the same bytes, twice."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ess_actors.core.ess import Ess
from ess_actors.core.local_time import UTC_OFFSET
from ess_actors.core.messages import Message
from ess_actors.core.recording import (
    BadLine,
    Call,
    Replay,
    birth_line,
    call_line,
    digest_of,
    gap_line,
    sent_line,
)
from tests.journeys import bus as journey
from tests.journeys.devices import Devices

WALL = 1_763_800_000.0


class Recorded(Ess):
    """An instance that keeps the lines of its recording and what it sent."""

    def __init__(
        self, start: Mapping[str, Any], documents: Mapping[str, Any], *, now: float, wall: float
    ) -> None:
        super().__init__(start, documents, now=now, wall=wall)
        self.lines = [birth_line(self.name, digest_of(start, documents, {}), now, wall)]
        self.sent: list[bytes] = []

    def _kept(self, call: Call, sent: list[Message]) -> list[Message]:
        self.lines.append(call_line(call, sent))
        self.sent += [sent_line(message) for message in sent]
        return sent

    def boot(
        self, now: float, wall: float, state: Mapping[str, object] = MappingProxyType({})
    ) -> list[Message]:
        return self._kept(Call("boot", now, wall, state=state), super().boot(now, wall, state))

    def handle(self, message: Message, now: float, wall: float) -> list[Message]:
        return self._kept(Call("handle", now, wall, message), super().handle(message, now, wall))

    def tick(self, now: float, wall: float) -> list[Message]:
        return self._kept(Call("tick", now, wall), super().tick(now, wall))

    def source_lost(self, sender: str, now: float, wall: float) -> list[Message]:
        call = Call("source_lost", now, wall, source=sender)
        return self._kept(call, super().source_lost(sender, now, wall))

    def retell_alarms(self, now: float, wall: float) -> list[Message]:
        return self._kept(Call("retell", now, wall), super().retell_alarms(now, wall))


@pytest.fixture(scope="module")
def told() -> dict[str, Recorded]:
    """Both instances of the dual-BMS site after faults, losses, orders and a clear."""
    patch = pytest.MonkeyPatch()
    patch.setattr(journey, "Ess", Recorded)
    bus = journey.Bus("dual_bms", ("ess_1", "ess_2"))
    patch.undo()
    devices = Devices(bus, {"bms_1": "ess_1", "bms_2": "ess_2"}, "ess_1")
    bus.run(6.0)
    bus.send("set", "/site/ess_1/ess_hs/active_power_setpoint", {"value": 1350.0}, "ess_1/site", command="c1")
    devices.change("bms_1", f_racks=True, a_soh=True)
    devices.change("bms_2", f_soh=True, max_cell_voltage=3.7)
    bus.run(3.0)
    bus.lose("ess_2/bms_2")
    bus.run(2.0)
    bus.instances["ess_1"].retell_alarms(bus.now, WALL + bus.now)
    bus.send("get", "/ess_1", None, "web", replyto="/web/whole", corr="1", explain=True)
    bus.send("set", "/ess_1/t", {"$$hops": 3, "x": [1, 2], "y": None}, "web", replyto="/web/t")
    bus.send("set", "/site/ess_1/ess_hs/clear_faults", {"value": 1}, "ess_1/site")
    bus.run(8.0)
    return bus.instances  # type: ignore[return-value]


def _replay(name: str, lines: list[bytes]) -> tuple[Replay, list[bytes]]:
    shipped = {one.name: one for one in journey.shipped_site("dual_bms").instances}[name]
    replay = Replay(shipped.start, shipped.documents, {})
    return replay, [sent for line in lines for sent in replay.feed(line)]


@pytest.mark.parametrize("name", ["ess_1", "ess_2"])
def test_a_replay_sends_what_was_sent_byte_for_byte_twice(told: dict[str, Recorded], name: str) -> None:
    for _ in range(2):
        replay, sent = _replay(name, told[name].lines)
        assert sent == told[name].sent
        assert (replay.different, replay.lost, replay.other_documents, replay.lives) == ([], 0, False, 1)
    assert len(sent) > 50


def test_a_second_life_starts_from_nothing(told: dict[str, Recorded]) -> None:
    lines = told["ess_2"].lines
    replay, sent = _replay("ess_2", [*lines[:200], *lines])
    assert (replay.lives, replay.different) == (2, [])
    assert sent[-len(told["ess_2"].sent) :] == told["ess_2"].sent


def test_what_is_missing_or_changed_is_told(told: dict[str, Recorded]) -> None:
    lines = told["ess_2"].lines
    replay, _ = _replay("ess_2", [*lines[:100], gap_line(20), *lines[120:]])
    assert replay.lost == 20
    last = json.loads(lines[-1])
    doctored = json.dumps({**last, "sent": 99, "mark": "0"}).encode()
    replay, _ = _replay("ess_2", [*lines[:-1], doctored])
    assert replay.different == [len(lines) - 1]
    other = json.dumps({**json.loads(lines[0]), "documents": "0"}).encode()
    assert _replay("ess_2", [other])[0].other_documents is True
    assert _replay("ess_2", [*lines[:50], lines[50][:30]])[0].lost == 1, "cut short"


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"7",
        b'{"value":1}',
        b'{"what":"jump","now":0,"wall":0}',
        b'{"what":"gap"}',
        b'{"what":"tick","now":0,"wall":0}',
        b'{"what":"made","format":9}',
    ],
)
def test_a_line_that_is_none_is_refused(line: bytes) -> None:
    with pytest.raises(BadLine, match=r"recording|before this line"):
        _replay("ess_2", [line])


texts = st.text(max_size=8)


@given(
    message=st.builds(
        Message,
        method=texts,
        uri=texts,
        body=st.binary(max_size=12) | texts.map(str.encode),
        replyto=texts,
        hops=st.integers(0, 9),
        command=texts,
        quality=st.none() | st.dictionaries(texts, st.integers(0, 2), max_size=2),
        corr=texts,
        explain=st.booleans(),
        status=texts,
        sender=texts,
        to=texts,
    )
)
def test_any_message_survives_being_recorded(message: Message) -> None:
    seen: list[Message] = []
    start = {"/sysconfig/default": {"Subs": "", "Config": "c", "EssName": "ess_9"}}
    replay = Replay(start, {"c": {}}, {})
    replay.feed(birth_line("ess_9", "", 0.0, 0.0))
    replay._ess.handle = lambda message, now, wall: seen.append(message) or []  # type: ignore
    replay.feed(call_line(Call("handle", 0.1, 0.2, message), []))
    assert seen == [message]


def test_local_time_is_that_of_the_zone_that_was_measured() -> None:
    start = {"/sysconfig/default": {"Subs": "", "Config": "c", "EssName": "ess_9"}}
    run = {"actions": {"onSet": [{"func": [{"func": "UpdateSysTime"}]}]}}
    ess = Ess(start, {"c": {"/t": {"run": {"value": 0, **run}}}}, now=0.0, wall=0.0)
    ess.boot(0.0, 0.0)
    shown = []
    for offset in (0.0, 3600.0, -12600.0):
        ess.measured({UTC_OFFSET: offset})
        ess.handle(Message("set", "/ess_9/t/run", b"1"), 1.0, 86_400.0 * 365)
        found = ess.engine.map.find("/status/ess_9", "timeString")
        assert found is not None
        shown.append(found.cell.value)
    assert shown == ["01/01/1971 00:00:00", "01/01/1971 01:00:00", "12/31/1970 20:30:00"]


def test_what_the_instance_raises_is_raised_again(told: dict[str, Recorded]) -> None:
    replay, _ = _replay("ess_2", told["ess_2"].lines[:50])

    def crash(*_: object) -> list[Message]:
        raise KeyError("a mistake of the engine")

    replay._ess.tick = crash  # type: ignore
    with pytest.raises(KeyError, match="a mistake"):
        replay.feed(call_line(Call("tick", 1.0, 1.0), []))
