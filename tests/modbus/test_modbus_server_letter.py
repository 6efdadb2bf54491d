"""The site server to the letter: refusals, units, pipelined requests, wide values, faults on order, an edited file."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
import uvloop

from ess_actors.core.bank import Written
from ess_actors.core.errors import RequestError
from ess_actors.core.points import Table
from ess_actors.core.server_points import ANY_UNIT, ServerMap
from tests.modbus.modbus_peers import read_pdu, request_frame, until, words_pdu
from tests.modbus.modbus_site import HS, LS, entry, serving, site

REFUSED: list[tuple[str, str, str]] = [
    ("a coil that is neither on nor off", "05 0003 0001", "85 03"),
    ("a coil outside", "05 0004 ff00", "85 02"),
    ("a register outside", "06 03e7 0001", "86 02"),
    ("half of a wide entry", "06 03f2 0001", "86 02"),
    ("the other half", "06 03f3 0001", "86 02"),
    ("a range that ends in a wide entry", "10 03ee 0005 0a 0001 0002 0003 0004 0005", "90 02"),
    ("a range that begins in a wide entry", "10 03f3 0001 02 0001", "90 02"),
    ("a mask on half of a wide entry", "16 03f2 0000 0001", "96 02"),
    ("read and write, cut", "17 03e8 0001 03f2 0001 02 0001", "97 02"),
    ("read and write, nothing to read there", "17 0000 0001 03e8 0001 02 0001", "97 02"),
    ("byte count", "10 03e8 0002 03 0001 00", "90 03"),
    ("byte count of coils", "0f 0003 0001 02 0100", "8f 03"),
    ("124 registers", "10 03e8 007c f6" + " 0000" * 123, "90 03"),
    ("1969 coils", "0f 0003 07b1 f6" + " 00" * 246, "8f 03"),
    ("126 words read", "03 03e8 007e", "83 03"),
    ("2001 bits read", "01 0003 07d1", "81 03"),
    ("nothing read", "03 03e8 0000", "83 03"),
    ("a table without entries", "02 0000 0001", "82 02"),
    ("a write with a tail", "06 03e8 0001 00", "86 03"),
    *((f"function {code:02x}", f"{code:02x} 00 00", f"{code | 0x80:02x} 01") for code in (7, 8, 17, 24, 43)),
]


@pytest.mark.parametrize(("what", "ask", "answer"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused_to_the_letter(what: str, ask: str, answer: str) -> None:
    async def body() -> None:
        async with serving() as bench:
            tables = ("03 03e8 000c", "01 0003 0001", "04 07d3 0007")
            before = await bench.asked(*tables)
            assert await bench.asked(ask) == [bytes.fromhex(answer).hex()]
            assert await bench.asked(*tables) == before and bench.writes == []
            assert bench.bank.counters[f"exception_{answer[-1]}"] == 1

    asyncio.run(body())


def test_unmapped_words_inside_a_write_are_ignored() -> None:
    async def body() -> None:
        async with serving() as bench:
            answers = await bench.asked("10 03ed 0007 0e 0001 0002 0003 0004 0005 0006 0007", "06 03ef 0009")
            assert answers == ["1003ed0007", "0603ef0009"]
            assert bench.writes == [
                [
                    Written(HS, "active_power_setpoint", 0.1),
                    Written(HS, "mode", 2),
                    Written(HS, "wide", 0x60007),
                ]
            ]
            assert await bench.asked("03 03ed 0007") == ["030e00010002000000000000" + "00060007"]

    asyncio.run(body())


def test_eight_requests_without_waiting_get_eight_answers_in_order() -> None:
    async def body() -> None:
        async with serving() as bench:
            bench.server.commit(HS, {"start_stop": 5})
            answers = await bench.asked(
                "03 03e8 0001", "06 03e8 0007", "03 03e8 0001", "03 0000 0001",
                "05 0003 ff00", "01 0003 0001", "2b 0e", "17 03e8 0001 03e8 0001 02 0009",
            )  # fmt: skip
            assert answers == [
                "03020005", "0603e80007", "03020007", "8302", "050003ff00", "010101", "ab01", "17020009",
            ]  # fmt: skip
            assert [written for (written,) in bench.writes] == [
                Written(HS, "start_stop", 7),
                Written(HS, "enable", True),
                Written(HS, "start_stop", 9),
            ]

    uvloop.run(body())


def units(*numbers: int) -> ServerMap:
    entries = tuple(entry(f"u{n}", 10, f"/u{n}", table=Table.HOLDING, unit=n) for n in numbers)
    return replace(site(), entries=entries, stale_bits=())


def test_the_exact_unit_then_255_then_nobody() -> None:
    async def body() -> None:
        async with serving(units(2, 7, 255)) as bench:
            for n in (2, 7, 255):
                bench.server.commit(f"/u{n}", {f"u{n}": n})
            for unit, expected in ((2, 2), (7, 7), (9, 255), (0, 255), (255, 255)):
                assert await bench.asked("03 000a 0001", unit=unit) == [f"0302{expected:04x}"]
        async with serving(units(2, 7)) as bench:
            for unit in (0, 9, 255):
                answers = await bench.asked(
                    "03 000a 0001", "06 000a 0001", "2b 0e", "03 000a 0000", unit=unit
                )
                assert answers == ["830b", "860b", "ab0b", "830b"]
            assert bench.writes == [] and bench.bank.counters["exception_11"] == 12

    asyncio.run(body())


READER = """
import sys
from pyModbusTCP.client import ModbusClient
client, seen = ModbusClient(host="127.0.0.1", port=int(sys.argv[1])), set()
for _ in range(int(sys.argv[2])):
    seen.add(tuple(client.read_holding_registers(1010, 2)))
print(sorted(seen))
"""


def test_a_wide_value_is_never_torn_for_a_master_of_its_own_process() -> None:
    async def body() -> None:
        async with serving() as bench:
            bench.server.commit(HS, {"wide": 0xFFFF0000})
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", READER, str(bench.server.port), "3000", stdout=subprocess.PIPE
            )
            done = asyncio.ensure_future(process.communicate())
            values = (0x0000FFFF, 0xFFFF0000)
            commits = 0
            while not done.done():
                bench.server.commit(HS, {"wide": values[commits & 1]})
                commits += 1
                await asyncio.sleep(0)
            assert (await done)[0].decode().strip() == "[(0, 65535), (65535, 0)]"
            assert commits > 3000

    uvloop.run(body())


def test_while_nobody_can_pass_writes_on_they_are_refused() -> None:
    async def body() -> None:
        full = [True]
        async with serving(busy=lambda: full[0]) as bench:
            for call, value in (("write_single_register", 7), ("write_multiple_registers", [7])):
                assert await bench.foreign(call, 1000, value) == (False, 6)
            assert await bench.asked("16 03e8 0000 0001", "05 0003 ff00") == ["9606", "8506"]
            assert await bench.foreign("read_holding_registers", 1000, 1) == ([0], 0)
            assert bench.writes == []
            full[0] = False
            assert await bench.foreign("write_single_register", 1000, 7) == (True, 0)

    asyncio.run(body())


# --- faults on order --------------------------------------------------------------------------------------------


def test_every_fault_for_as_long_and_as_often_as_ordered() -> None:
    async def body() -> None:
        async with serving() as bench:
            read: Any = ("read_holding_registers", 1000, 1)
            bench.server.fault({"kind": "exception", "code": 4, "count": 2})
            assert bench.server.stats()["faults"] == [{"kind": "exception", "code": 4, "count": 2, "left": 2}]
            assert [await bench.foreign(*read) for _ in range(3)] == [(None, 4), (None, 4), ([0], 0)]
            bench.server.fault({"kind": "drop", "count": 1})
            assert (await bench.foreign(*read))[0] is None and await bench.foreign(*read) == ([0], 0)
            bench.server.fault({"kind": "mute", "for_ms": 5000, "unit": 9})
            assert (await bench.foreign(*read, unit=9))[0] is None
            assert await bench.foreign(*read) == ([0], 0), "another unit is not concerned"
            bench.now += 5.0
            assert await bench.foreign(*read, unit=9) == ([0], 0)
            for mode, spoilt in (("function", "040400000000"), ("length", "03020000")):
                bench.server.fault({"kind": "garble", "mode": mode, "count": 1})
                assert await bench.asked("03 03ed 0002", "03 03ed 0002") == [spoilt, "030400000000"]
            bench.server.fault({"kind": "delay", "ms": 30, "type": "holding", "from": 1000, "to": 1000})
            answers = await bench.asked("03 03e8 0001")
            assert answers == ["03020000"]
            bench.server.fault({"kind": "none"})
            assert bench.server.stats()["faults"] == [] and not bench.server.faults

    asyncio.run(body())


def test_a_disconnection_now_and_for_a_while() -> None:
    async def body() -> None:
        async with serving() as bench:
            reader, writer = await asyncio.open_connection("127.0.0.1", bench.server.port)
            writer.write(request_frame(1, 1, read_pdu(3, 1000, 1)))
            await reader.readexactly(11)
            bench.server.fault({"kind": "disconnect", "for_ms": 1000})
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await asyncio.wait_for(reader.readexactly(1), 5.0)
            writer.close()
            assert (await bench.foreign("read_holding_registers", 1000, 1))[0] is None
            bench.now += 1.0
            assert await bench.foreign("read_holding_registers", 1000, 1) == ([0], 0)
            bench.server.fault({"kind": "disconnect", "unit": 3})
            assert await bench.foreign("read_holding_registers", 1000, 1) == ([0], 0)
            assert (await bench.foreign("read_holding_registers", 1000, 1, unit=3))[0] is None
            assert await bench.foreign("read_holding_registers", 1000, 1, unit=3) == ([0], 0)

    asyncio.run(body())


@pytest.mark.parametrize(
    "order",
    [
        None,
        [],
        {},
        {"kind": "offline"},
        {"kind": "exception"},
        {"kind": "delay", "ms": "x"},
        {"kind": "garble", "mode": "crc"},
        {"kind": "mute", "unit": 256},
        {"kind": "mute", "often": True},
    ],
)
def test_an_order_that_makes_no_sense_is_refused(order: object) -> None:
    async def body() -> None:
        async with serving() as bench:
            with pytest.raises(RequestError):
                bench.server.fault(order)
            assert await bench.foreign("read_holding_registers", 1000, 1) == ([0], 0)

    asyncio.run(body())


# --- an edited file ---------------------------------------------------------------------------------------------


def test_an_edited_map_is_served_on_the_same_connection() -> None:
    async def body() -> None:
        async with serving() as bench:
            bench.server.commit(LS, {"dischargeable_energy": 10})
            reader, writer = await asyncio.open_connection("127.0.0.1", bench.server.port)
            writer.write(request_frame(1, 1, read_pdu(4, 2003, 1)))
            assert (await reader.readexactly(11))[7:] == words_pdu(4, 100)
            edited = site(entry("more", 2020), entry("own", 1, "/own", unit=5))
            bench.server.renew(replace(edited, max_clients=1))
            writer.write(request_frame(2, 1, read_pdu(4, 2003, 1)) + request_frame(3, 5, read_pdu(4, 1, 1)))
            assert (await reader.readexactly(11))[7:] == words_pdu(4, 100)
            assert (await reader.readexactly(11))[7:] == words_pdu(4, 0)
            bench.server.commit(LS, {"more": 3})
            writer.write(request_frame(4, 1, read_pdu(4, 2020, 1)))
            assert (await reader.readexactly(11))[7:] == words_pdu(4, 3)
            late, other = await asyncio.open_connection("127.0.0.1", bench.server.port)
            assert await asyncio.wait_for(late.read(), 5.0) == b""
            other.close()
            writer.close()

    uvloop.run(body())


def test_the_state_names_masters_and_what_went_wrong() -> None:
    async def body() -> None:
        async with serving() as bench:
            reader, writer = await asyncio.open_connection("127.0.0.1", bench.server.port)
            writer.write(request_frame(1, ANY_UNIT, read_pdu(3, 1000, 1)))
            await reader.readexactly(11)
            bench.server.commit(LS, {"chargeable_power": 99999, "com_status": "up"})
            bench.now += 2.0
            state = bench.server.stats()
            assert state["masters"] == [{"from": "127.0.0.1", "requests": 1, "silent_s": 2.0}]
            assert state["points"] == [
                {"uri": LS, "id": "chargeable_power", "what": "clamped", "count": 1},
                {"uri": LS, "id": "com_status", "what": "bad_value", "count": 1},
            ]
            writer.close()
            await until(lambda: bench.server.stats()["clients"] == 0, what="nobody there")

    asyncio.run(body())
