"""A whole site server on a serial line, asked by a master of ours and by mbpoll."""

import asyncio
import subprocess

import uvloop

from ess_actors.core.bank import Written
from ess_actors.core.points import Serial, Table
from ess_actors.core.rtu import seal
from ess_actors.core.server_points import ServerMap
from tests.modbus.modbus_peers import read_pdu, until, words_pdu
from tests.modbus.modbus_site import HS, entry, serving
from tests.modbus.serial_line import Master, joined, line


def on_line(path: str) -> ServerMap:
    """Units 3 and 4 on one line."""
    entries = (
        entry("power", 10, HS, table=Table.HOLDING, unit=3),
        entry("power", 10, "/four", table=Table.HOLDING, unit=4),
        entry("wide", 11, HS, table=Table.HOLDING, unit=3, size=2),
    )
    return ServerMap(
        stem="s", file="s", system_id="s", host="", port=0, entries=entries, serial=Serial(device=path)
    )


def test_a_site_server_on_a_line_answers_its_units_and_obeys_a_broadcast() -> None:
    async def body() -> None:
        with line() as (end, path):
            async with serving(on_line(path), serial=Serial(device=path)) as bench:
                master = Master(end)
                bench.server.commit(HS, {"power": 7, "wide": 70000})
                master.say(seal(3, read_pdu(3, 10, 3)))
                await master.hears(seal(3, words_pdu(3, 7, 1, 4464)))
                for unit in (1, 255, 5, 247):
                    master.say(seal(unit, read_pdu(3, 10, 1)))
                master.say(seal(4, read_pdu(3, 9, 1)))
                await master.hears(seal(4, b"\x83\x02"))
                master.say(seal(0, bytes.fromhex("06000a0009")))
                master.say(seal(0, read_pdu(3, 10, 1)))
                await until(lambda: len(bench.writes) == 2, what="both units told")
                assert sorted(one for (one,) in bench.writes) == [
                    Written("/four", "power", 9),
                    Written(HS, "power", 9),
                ]
                master.say(seal(4, read_pdu(3, 10, 1)))
                await master.hears(seal(4, words_pdu(3, 9)))
                stats = bench.server.stats()
                assert stats["place"] == path and stats["clients"] == 0
                master.close()

    uvloop.run(body())


def test_mbpoll_on_the_line() -> None:
    async def body() -> None:
        with line() as (ours, path), line() as (theirs, far):
            async with serving(on_line(path), serial=Serial(device=path)) as bench:
                with joined(ours, theirs):
                    bench.server.commit(HS, {"power": 7, "wide": 70000})

                    async def mbpoll(*arguments: str) -> tuple[int, str]:
                        command = [
                            "mbpoll",
                            "-m",
                            "rtu",
                            "-b",
                            "115200",
                            "-P",
                            "none",
                            "-0",
                            "-1",
                            "-q",
                            "-o",
                            "1",
                        ]
                        done = await asyncio.to_thread(
                            subprocess.run, [*command, *arguments], capture_output=True, text=True, timeout=10
                        )
                        return done.returncode, done.stdout + done.stderr

                    status, text = await mbpoll("-a", "3", "-t", "4", "-r", "10", "-c", "3", far)
                    assert status == 0 and "[12]: \t4464" in text, text
                    status, text = await mbpoll("-a", "3", "-t", "4", "-r", "10", far, "5", "1", "4464")
                    assert status == 0, text
                    assert bench.writes == [[Written(HS, "power", 5), Written(HS, "wide", 70000)]]
                    status, text = await mbpoll("-a", "9", "-t", "4", "-r", "10", "-o", "0.2", far)
                    assert status == 1 and "timed out" in text, text
                    status, text = await mbpoll("-a", "4", "-t", "4", "-r", "10", "-c", "2", far)
                    assert status == 1 and "Illegal data address" in text, text

    uvloop.run(body())


def test_faults_on_a_line() -> None:
    async def body() -> None:
        with line() as (end, path):
            async with serving(on_line(path), serial=Serial(device=path)) as bench:
                master = Master(end)
                bench.server.fault({"kind": "mute", "unit": 3})
                master.say(seal(3, read_pdu(3, 10, 1)))
                await until(lambda: bench.server.stats()["requests"] == 1)
                master.say(seal(4, read_pdu(3, 10, 1)))
                await master.hears(seal(4, words_pdu(3, 0)))
                bench.server.fault({"kind": "exception", "code": 6})
                master.say(seal(4, read_pdu(3, 10, 1)))
                await master.hears(seal(4, b"\x83\x06"))
                master.say(seal(9, read_pdu(3, 10, 1)))
                bench.server.fault({"kind": "none"})
                master.say(seal(3, read_pdu(3, 10, 1)))
                await master.hears(seal(3, words_pdu(3, 0)))
                master.close()

    uvloop.run(body())
