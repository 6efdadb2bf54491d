"""Random and mutated answers: never an exception, never a wrong value, and the link recovers."""

import asyncio
import random
import time

import pytest

from ess_actors.core.transaction import Request
from tests.modbus.modbus_link_bench import Run, both_loops, linked, right
from tests.modbus.modbus_peers import Call, honest

pytestmark = both_loops

REQUESTS = 3000
OPEN = 8
TIMEOUT = 0.005


def mutated(rng: random.Random, answer: bytes) -> bytes:
    """`answer` damaged where a link can see it: the values themselves carry no check on this wire."""
    match rng.randrange(8):
        case 0:
            return rng.randbytes(rng.randrange(1, 300))
        case 1:
            return answer + rng.randbytes(rng.randrange(1, 20))
        case 2:
            return answer + answer
        case 3:
            return rng.randbytes(rng.randrange(1, 9)) + answer
        case 4:
            return b""
        case 5:
            return answer[:4] + (rng.randrange(65536)).to_bytes(2, "big") + answer[6:]
        case 6:
            return cut_short(rng, answer) + bytes([0xA5]) * rng.randrange(300, 600)
        case _:
            place = rng.randrange(9)
            return answer[:place] + bytes([answer[place] ^ (1 << rng.randrange(8))]) + answer[place + 1 :]


def cut_short(rng: random.Random, answer: bytes) -> bytes:
    """The begin of it, or all but something in its middle."""
    if rng.random() < 0.5:
        return answer[: rng.randrange(len(answer))]
    return answer[:7] + answer[rng.randrange(8, len(answer)) :]


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_a_device_sends(run: Run, seed: int) -> None:
    rng = random.Random(seed)
    good: list[int] = []
    mute_until: dict[asyncio.StreamWriter, float] = {}

    async def hostile(call: Call) -> None:
        if call.time < mute_until.get(call.writer, 0.0):
            return
        if rng.random() < 0.02:
            call.writer.transport.abort()
        elif rng.random() < 0.02:
            # Then silence: a tail of the next answer in its place could not be told from its own.
            call.send(cut_short(rng, call.registers()))
            mute_until[call.writer] = call.time + 3 * TIMEOUT
        elif rng.random() < 0.3:
            call.send(mutated(rng, call.registers()))
        else:
            call.send(call.registers())

    async def body() -> None:
        async with linked(
            hostile,
            max_in_flight=OPEN,
            transfer_timeout_s=TIMEOUT,
            reconnect_min_s=0.0001,
            reconnect_max_s=0.001,
        ) as (link, peer):

            async def asking(lane: int) -> None:
                for n in range(REQUESTS // OPEN):
                    # No two open requests have one length: else a flipped bit in an id could not be seen.
                    address, count = rng.randrange(60000), 1 + n % 15 * OPEN + lane
                    answer = await link.request(Request(1, 3 + n % 2, address, count))
                    if not answer.error:
                        assert answer.payload == right(address, count)
                        good.append(n)
                    elif answer.error == "not_connected":
                        await link.wait_connected(2.0)

            await asyncio.gather(*(asking(lane) for lane in range(OPEN)))
            peer.script = honest

            async def again() -> bool:
                await link.wait_connected(2.0)
                return (await link.request(Request(1, 3, 7, 3))).payload == right(7, 3)

            limit = time.monotonic() + 10.0
            for good_ones in range(3):
                while not await again():
                    assert time.monotonic() < limit, f"{good_ones} good answers since the device is honest"
            counters = link.counters
            assert counters.requests >= REQUESTS // 2
            assert counters.malformed and counters.late and counters.timeouts and counters.connects > 10
            assert link._wire is not None and not link._wire._open and not link._wire._waiting

    run(body())
    assert len(good) > REQUESTS // 20
