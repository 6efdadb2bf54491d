"""Wrong, late and missing answers of a simulated device, of all of it or of one unit, as a raw socket sees them."""

import struct
from collections.abc import Mapping

import pytest

from ess_actors.core.errors import RequestError
from tests.modbus.modbus_peers import read_pdu, until
from tests.modbus.simulated import faults, good, on_both_loops, raw, simulated, whole, write_pdu

NONE: Mapping[str, object] = {"kind": "none"}


@pytest.mark.parametrize("kind", ["mute", "drop"])
def test_a_mute_unit_says_nothing_and_does_nothing(kind: str) -> None:
    async def body() -> None:
        async with simulated() as simulator, raw(simulator) as line:
            await simulator.fault("plc", {"kind": kind, "unit": 1})
            line.ask(1, 1, write_pdu(2, 9, 9, 9))
            line.ask(2, 2)
            assert await line.answer() == (2, 2, good(2)), "only the other unit answers"
            await simulator.fault("plc", NONE)
            assert await line.is_well(), "what it did not answer it did not do"

    on_both_loops(body)


def test_a_delayed_answer_lets_the_others_go_first() -> None:
    async def body() -> None:
        async with simulated() as simulator, raw(simulator) as line:
            await simulator.fault("plc", {"kind": "delay", "ms": 60, "unit": 1})
            line.ask(1, 1)
            line.ask(2, 2)
            line.ask(3, 1)
            line.ask(4, 2)
            assert [(await line.answer())[0] for _ in range(4)] == [2, 4, 1, 3]

    on_both_loops(body)


def test_a_late_answer_arrives_while_the_next_request_is_answered() -> None:
    async def body() -> None:
        async with simulated() as simulator, raw(simulator) as line:
            await simulator.fault("plc", {"kind": "late", "ms": 60})
            for transaction in (1, 2, 3, 4):
                line.ask(transaction, 1)
            assert [(await line.answer())[0] for _ in range(4)] == [2, 4, 1, 3]

            await simulator.fault("plc", {"kind": "late", "ms": 30, "count": 1})
            for transaction in (5, 6, 7):
                line.ask(transaction, 1)
            assert [await line.answer() for _ in range(3)] == [(n, 1, good(1)) for n in (6, 7, 5)]
            assert faults(simulator) == []

    on_both_loops(body)


def test_an_exception_can_be_meant_for_some_addresses_only() -> None:
    async def body() -> None:
        async with simulated() as simulator, raw(simulator) as line:
            await simulator.fault("plc", {"kind": "exception", "code": 4, "unit": 1})
            assert await line.asked(1, 1) == b"\x83\x04"
            assert await line.asked(2, 1, write_pdu(0, 7)) == b"\x90\x04"
            assert await line.asked(3, 2) == good(2)

            order = {"kind": "exception", "code": 2, "type": "Holding Registers", "from": 4, "to": 5}
            await simulator.fault("plc", order)
            assert await line.asked(4, 1, read_pdu(3, 0, 5)) == b"\x83\x02"
            assert await line.asked(5, 1, read_pdu(3, 5, 3)) == b"\x83\x02"
            assert await line.asked(6, 1, write_pdu(5, 1)) == b"\x90\x02"
            assert await line.asked(7, 1, struct.pack(">BHH", 6, 4, 1)) == b"\x86\x02"
            assert await line.asked(8, 1, read_pdu(3, 0, 4)) == good(1, 0, 4)
            assert (await line.asked(9, 1, read_pdu(4, 3, 1)))[0] == 4, "another table"
            assert await line.asked(10, 1, read_pdu(3, 6, 2)) == good(1, 6, 2)

    on_both_loops(body)


def test_a_fault_ends_by_count_and_by_time() -> None:
    async def body() -> None:
        async with simulated() as simulator, raw(simulator) as line:
            await simulator.fault("plc", {"kind": "exception", "code": 6, "count": 2})
            answers = [await line.asked(n, unit) for n, unit in ((1, 1), (2, 2), (3, 1))]
            assert answers == [b"\x83\x06", b"\x83\x06", good(1)], "counted over the device"

            await simulator.fault("plc", {"kind": "mute", "for_ms": 40})
            (active,) = faults(simulator)
            assert active["kind"] == "mute" and active["units"] == [1, 2] and 0 <= active["left_ms"] <= 40
            await until(lambda: not faults(simulator), what="the end of the fault")
            assert await line.is_well()

    on_both_loops(body)


def test_garbled_answers_one_way_after_the_other() -> None:
    async def body() -> None:
        async with simulated() as simulator, raw(simulator) as line:
            await simulator.fault("plc", {"kind": "garble", "mode": "length"})
            assert await line.asked(1, 1) == good(1, 2, 2), "well formed, and too short"
            assert await line.asked(2, 1, read_pdu(3, 2, 1)) == b"\x03\x04\x00\x66\0\0", "and too long"
            await simulator.fault("plc", {"kind": "garble", "mode": "function"})
            assert await line.asked(3, 1) == b"\x04" + good(1)[1:]
            assert (await line.asked(4, 1, write_pdu(5, 105)))[0] == 15

            await simulator.fault("plc", {"kind": "garble", "mode": "protocol"})
            line.ask(5, 1)
            spoilt = await line.take(15)
            assert spoilt[2:4] != b"\0\0" and spoilt[:2] + b"\0\0" + spoilt[4:] == whole(5, 1)
            await simulator.fault("plc", {"kind": "garble", "mode": "random"})
            line.ask(6, 1)
            assert (await line.take(15))[:2] != b"\0\x06"

            await simulator.fault("plc", {"kind": "garble", "count": 4})
            for transaction in range(7, 11):
                line.ask(transaction, 1)
            spoilt = await line.take(13 + 15 + 15 + 15)
            assert not any(whole(transaction, 1) in spoilt for transaction in range(7, 11))
            assert await line.is_well(), "and nothing else was sent"

    on_both_loops(body)


def test_a_garbled_unit_leaves_the_others_on_the_connection_readable() -> None:
    async def body() -> None:
        async with simulated() as simulator, raw(simulator) as line:
            await simulator.fault("plc", {"kind": "garble", "unit": 1})
            for transaction in range(0, 12, 2):
                assert await line.asked(transaction, 1) != good(1)
                assert await line.asked(transaction + 1, 2) == good(2)

    on_both_loops(body)


def test_half_an_answer_and_its_rest() -> None:
    async def body() -> None:
        async with simulated() as simulator, raw(simulator) as line:
            await simulator.fault("plc", {"kind": "partial", "ms": 30})
            line.ask(1, 1)
            first, second = whole(1, 1)[:7], whole(1, 1)[7:]
            assert await line.take(7) == first
            assert await line.take(8) == second

            await simulator.fault("plc", {"kind": "partial", "count": 2})
            line.ask(2, 1)
            line.ask(3, 1)
            assert await line.take(14) == whole(2, 1)[:7] + whole(3, 1)[:7], "nothing follows"
            assert await line.is_well()

            await simulator.fault("plc", {"kind": "partial", "unit": 1})
            line.ask(4, 1)
            assert await line.take(7) == whole(4, 1)[:7]
            line.ask(5, 2)
            assert await line.take(8) == whole(4, 1)[7:], "so that the other unit can be read"
            assert await line.answer() == (5, 2, good(2))

    on_both_loops(body)


def test_frozen_values_stand_still_for_masters_only() -> None:
    async def body() -> None:
        async with simulated() as simulator, raw(simulator) as line:
            await simulator.fault("plc", {"kind": "freeze", "unit": 1, "from": 2, "to": 3})
            assert await line.asked(1, 1, write_pdu(2, 7, 8, 9)) == struct.pack(">BHH", 16, 2, 3)
            assert await line.asked(2, 1) == struct.pack(">BB3H", 3, 6, 102, 103, 9)
            assert simulator.value("plc", "unit_1/h2") == 7
            await simulator.fault("plc", NONE)
            assert await line.asked(3, 1) == struct.pack(">BB3H", 3, 6, 7, 8, 9)

            await simulator.fault("plc", {"kind": "freeze"})
            beat = simulator.value("plc", "unit_2/h9")
            await until(lambda: simulator.value("plc", "unit_2/h9") != beat, what="the heartbeat inside")
            assert await line.asked(4, 2, read_pdu(3, 9, 1)) == struct.pack(">BBH", 3, 2, beat)

    on_both_loops(body)


def test_a_new_fault_takes_the_place_of_the_one_before_on_its_units_only() -> None:
    async def body() -> None:
        async with simulated() as simulator, raw(simulator) as line:
            await simulator.fault("plc", {"kind": "exception", "code": 4})
            await simulator.fault("plc", {"kind": "exception", "code": 5, "unit": 2})
            assert [await line.asked(unit, unit) for unit in (1, 2)] == [b"\x83\x04", b"\x83\x05"]
            assert [one["units"] for one in faults(simulator)] == [[1], [2]]
            await simulator.fault("plc", {"kind": "none", "unit": 1})
            assert await line.is_well()
            assert await line.asked(3, 2) == b"\x83\x05"

    on_both_loops(body)


@pytest.mark.parametrize(
    ("order", "part"),
    [
        ({}, "partial"),
        ({"kind": ["mute"]}, "there are none, offline"),
        ({"kind": "mute", "seconds": 3}, "no seconds; it takes kind, unit, for_ms, type, from, to, count"),
        ({"kind": "offline", "from": 3}, "offline has no from"),
        ({"kind": "delay"}, "delay needs ms"),
        ({"kind": "delay", "ms": 0}, "from 1 to 3600000"),
        ({"kind": "delay", "ms": True}, "ms is True"),
        ({"kind": "exception", "code": 2.5}, "code is 2.5"),
        ({"kind": "exception", "code": "two"}, "from 1 to 255"),
        ({"kind": "mute", "unit": 9}, "has the units 1, 2"),
        ({"kind": "mute", "type": "coal"}, "coil, discrete_input, input, holding"),
        ({"kind": "mute", "from": 9, "to": 3}, "from 9 to 3 is no range"),
        ({"kind": "garble", "mode": "upside down"}, "length, function, random, protocol, crc"),
        ({"kind": "garble", "mode": "crc"}, "mode crc is not for this line"),
        ({"kind": "mute", "count": 0}, "count is 0"),
    ],
)
def test_an_order_that_makes_no_sense_says_what_is_possible(order: dict[str, object], part: str) -> None:
    async def body() -> None:
        async with simulated() as simulator:
            with pytest.raises(RequestError, match=part):
                await simulator.fault("plc", order)
            assert faults(simulator) == []

    on_both_loops(body)
