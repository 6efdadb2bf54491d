"""The site server judged by mbpoll and pyModbusTCP: values, writes told once, units, refusals, silence."""

import asyncio
import random
import struct

from ess_actors.core.bank import Written
from ess_actors.core.points import Table
from ess_actors.core.server_points import ServerMap, StalePolicy
from tests.modbus.modbus_peers import request_frame, until, words_pdu
from tests.modbus.modbus_site import HS, LS, entry, serving, site


def test_published_values_are_served_in_their_own_units() -> None:
    async def body() -> None:
        async with serving() as bench:
            status, text = await bench.mbpoll("-a", "1", "-t", "3", "-r", "2007", "-c", "1")
            assert status == 0 and "[2007]: \t4" in text, "nobody published yet: the stale bit is set"
            body = {"dischargeable_energy": 1234.5, "chargeable_power": -70000, "ess_faults": 33, "new": 1}
            bench.server.commit(LS, body)
            bench.server.commit("/site/ess_ls", {"ess_faults": 1})
            assert await bench.foreign("read_input_registers", 2003, 2) == ([12345, 0x8000], 0)
            status, text = await bench.mbpoll("-a", "1", "-t", "3", "-r", "2009", "-c", "1")
            assert status == 0 and "[2009]: \t33" in text
            assert await bench.foreign("read_input_registers", 2007, 1) == ([0], 0)
            assert bench.bank.counters["clamped"] == 1 and bench.bank.counters["unknown_ids"] == 1

    asyncio.run(body())


def test_a_write_is_told_once_per_request_before_the_answer() -> None:
    async def body() -> None:
        async with serving() as bench:
            assert (await bench.mbpoll("-a", "1", "-t", "4", "-r", "1005", "63036", "1"))[0] == 0
            assert bench.writes == [
                [Written(HS, "active_power_setpoint", -250.0), Written(HS, "mode", 1)],
            ]
            assert await bench.foreign("read_holding_registers", 1005, 2) == ([63036, 1], 0)
            for _ in range(2):
                assert await bench.foreign("write_single_register", 1000, 207) == (True, 0)
            assert bench.writes[1:] == [[Written(HS, "start_stop", 207)]] * 2, "also when nothing changes"
            assert (await bench.mbpoll("-a", "1", "-t", "0", "-r", "3", "1"))[0] == 0
            assert bench.writes[-1] == [Written(HS, "enable", True)]
            assert await bench.foreign("write_multiple_coils", 3, [False]) == (True, 0)
            assert bench.writes[-1] == [Written(HS, "enable", False)]
            assert await bench.foreign("write_multiple_registers", 1010, [1, 34464]) == (True, 0)
            assert bench.writes[-1] == [Written(HS, "wide", 100000)]

    asyncio.run(body())


def test_mask_write_and_write_with_read_are_told_too() -> None:
    async def body() -> None:
        async with serving() as bench:
            reader, writer = await asyncio.open_connection("127.0.0.1", bench.server.port)
            writer.write(request_frame(1, 1, bytes.fromhex("06 03e8 00f7")))
            writer.write(request_frame(2, 1, bytes.fromhex("16 03e8 00f0 0005")))
            writer.write(request_frame(3, 1, bytes.fromhex("17 03e8 0001 03ee 0001 02 0003")))
            expected = [
                bytes.fromhex("06 03e8 00f7"),
                bytes.fromhex("16 03e8 00f0 0005"),
                words_pdu(23, 0xF5),
            ]
            for n, pdu in enumerate(expected, 1):
                frame = request_frame(n, 1, pdu)
                assert await asyncio.wait_for(reader.readexactly(len(frame)), 2.0) == frame
            writer.close()
            assert bench.writes == [
                [Written(HS, "start_stop", 0xF7)],
                [Written(HS, "start_stop", 0xF5)],
                [Written(HS, "mode", 3)],
            ]

    asyncio.run(body())


def test_a_refused_write_changes_nothing_and_tells_nobody() -> None:
    async def body() -> None:
        async with serving() as bench:
            assert await bench.foreign("write_single_register", 1011, 7) == (False, 2), "half of a wide entry"
            assert await bench.foreign("write_multiple_registers", 1009, [1, 2]) == (False, 2)
            assert await bench.foreign("write_single_register", 2003, 7) == (False, 2), "an input register"
            assert await bench.foreign("write_single_register", 999, 7) == (False, 2)
            status, text = await bench.mbpoll("-a", "1", "-t", "4", "-r", "1012", "5")
            assert status == 1 and "Illegal data address" in text
            assert bench.writes == []
            assert await bench.foreign("read_holding_registers", 1010, 2) == ([0, 0], 0)

    asyncio.run(body())


def test_every_unit_is_answered_unless_the_file_names_units() -> None:
    async def body() -> None:
        async with serving() as bench:
            for unit in (0, 1, 77, 255):
                assert (await bench.foreign("read_holding_registers", 1000, 1, unit=unit))[0] == [0]
        units = ServerMap(
            stem="site",
            file="site.json",
            system_id="/s",
            host="127.0.0.1",
            port=0,
            entries=(
                entry("a", 10, HS, table=Table.HOLDING, unit=2),
                entry("b", 10, HS, table=Table.HOLDING, unit=7),
            ),
        )
        async with serving(units) as bench:
            bench.server.commit(HS, {"a": 2, "b": 7})
            assert await bench.foreign("read_holding_registers", 10, 1, unit=2) == ([2], 0)
            assert await bench.foreign("read_holding_registers", 10, 1, unit=7) == ([7], 0)
            assert await bench.foreign("read_holding_registers", 10, 1, unit=9) == (None, 11)
            assert await bench.foreign("write_single_register", 10, 5, unit=2) == (True, 0)
            assert bench.writes == [[Written(HS, "a", 5)]]
            assert await bench.foreign("read_holding_registers", 10, 1, unit=7) == ([7], 0)

    asyncio.run(body())


def test_a_silent_source_shows_and_is_told_once_each_way() -> None:
    async def body() -> None:
        strict = entry("strict", 2020, "/site/ess_2/ess_ls", policy=StalePolicy.EXCEPTION)
        async with serving(site(strict)) as bench:
            bench.server.commit(LS, {"com_status": 1, "dischargeable_energy": 5})
            bench.server.commit("/site/ess_2/ess_ls", {"strict": 8})
            assert await bench.foreign("read_input_registers", 2020, 1) == ([8], 0)
            bench.events.clear()
            bench.now += 6.0
            await until(lambda: len(bench.events) == 2, what="both sources silent")
            assert await bench.foreign("read_input_registers", 2007, 1) == ([5], 0)
            assert await bench.foreign("read_input_registers", 2003, 1) == ([50], 0), "the last value is held"
            assert await bench.foreign("read_input_registers", 2020, 1) == (None, 11)
            bench.server.commit(LS, {"com_status": 1})
            assert await bench.foreign("read_input_registers", 2007, 1) == ([1], 0)
            assert len(bench.events) == 3

    asyncio.run(body())


def test_wide_values_are_never_torn() -> None:
    async def body() -> None:
        async with serving() as bench:
            done = asyncio.Event()

            async def rewriting() -> int:
                commits, chance = 0, random.Random(1)  # a fixed rhythm could fall in step with the reader's
                while not done.is_set():
                    bench.server.commit(HS, {"wide": chance.choice((0xFFFF0000, 0x0000FFFF))})
                    commits += 1
                    await asyncio.sleep(0)
                return commits

            task = asyncio.create_task(rewriting())
            reader, writer = await asyncio.open_connection("127.0.0.1", bench.server.port)
            seen = set()
            ask = b"".join(request_frame(n, 1, struct.pack(">BHH", 3, 1010, 2)) for n in range(20))
            rounds = 0
            while rounds < 100 or (len(seen) < 2 and rounds < 5000):
                rounds += 1
                writer.write(ask)
                for _ in range(20):
                    seen.add((await asyncio.wait_for(reader.readexactly(13), 2.0))[9:])
            done.set()
            assert await task > 100
            writer.close()
            assert seen == {b"\x00\x00\xff\xff", b"\xff\xff\x00\x00"}

    asyncio.run(body())


def test_stats_say_who_is_there_and_what_happened() -> None:
    async def body() -> None:
        async with serving() as bench:
            await bench.foreign("read_holding_registers", 1000, 1)
            await bench.foreign("read_holding_registers", 900, 1)
            bench.server.commit(LS, {"ess_faults": 1})
            bench.now += 1.5
            stats = bench.server.stats()
            assert stats["requests"] == 2 and stats["exception_2"] == 1 and stats["reads"] == 1
            assert stats["sources"] == {LS: 1.5, HS: None} and stats["never_heard"] == [HS]

    asyncio.run(body())
