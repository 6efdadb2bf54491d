"""The link against devices that misbehave: every trap of a TCP client, on real sockets."""

import asyncio
import math
import time
from collections.abc import Callable

import pytest

from ess_actors.core.transaction import Request
from tests.modbus.modbus_link_bench import Run, asked, both_loops, linked, read, right
from tests.modbus.modbus_peers import Call, honest, with_the_next, words_pdu

pytestmark = both_loops


def test_words_arrive_untouched_and_the_times_enclose_the_transaction(run: Run) -> None:
    before = time.monotonic()
    [answer], link = run(asked(honest, read()))
    assert answer.payload == right()
    assert answer.error == answer.reason == ""
    assert before < answer.sent <= answer.received < time.monotonic()
    assert link.counters.requests == link.counters.replies == 1


def test_bits_arrive_one_byte_each(run: Run) -> None:
    async def script(call: Call) -> None:
        call.send(call.frame(bytes([call.function, 2, 0b0000_0101, 0b10])))

    [answer], _ = run(asked(script, read(0, 10, function=1)))
    assert answer.payload == bytes([1, 0, 1, 0, 0, 0, 0, 0, 0, 1])


@pytest.mark.parametrize("wrong", ["01 01 05", "01 03 05 02 00", "01 01 05 02", "01 03 05 02", "02 02 05 02"])
def test_bits_of_a_wrong_length_are_never_used(run: Run, wrong: str) -> None:
    async def script(call: Call) -> None:
        call.send(call.frame(bytes.fromhex(wrong)))

    [answer], _ = run(asked(script, read(0, 10, function=1)))
    assert answer.error == "malformed" and not answer.payload


def test_unit_0_may_be_answered_by_the_unit_that_heard_it(run: Run) -> None:
    async def script(call: Call) -> None:
        call.send(call.frame(words_pdu(3, 1, 2, 3, 4), unit=255))

    [answer], _ = run(asked(script, read(unit=0)))
    assert not answer.error


def test_exception_answers_are_told_with_their_code(run: Run) -> None:
    async def script(call: Call) -> None:
        call.send(call.frame(bytes([call.function | 0x80, 2])))

    [answer], link = run(asked(script, read()))
    assert (answer.error, answer.code, answer.reason) == ("exception", 2, "exception_2")
    assert link.counters.exceptions == {2: 1}


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda c: c.frame(words_pdu(3, 1, 2)), id="two registers for four"),
        pytest.param(lambda c: c.frame(words_pdu(3, 1, 2, 3, 4, 5)), id="five registers for four"),
        pytest.param(lambda c: c.frame(words_pdu(4, 1, 2, 3, 4)), id="input registers for holding"),
        pytest.param(lambda c: c.frame(b"\x03\x08\x00\x01"), id="shorter than its byte count"),
        pytest.param(lambda c: c.frame(b"\x03\x06" + bytes(8)), id="wrong byte count"),
        pytest.param(lambda c: c.frame(b"\x84\x02"), id="exception of another function"),
        pytest.param(lambda c: c.frame(b"\x83"), id="exception without code"),
        pytest.param(lambda c: c.frame(b"\x63\x01\x02"), id="a function nobody knows"),
        pytest.param(lambda c: c.frame(words_pdu(3, 1, 2, 3, 4), unit=9), id="answer of another unit"),
    ],
)
def test_a_wrong_answer_is_never_used(run: Run, wrong: Callable[[Call], bytes]) -> None:
    async def script(call: Call) -> None:
        call.send(wrong(call) if call.address == 10 else call.registers())

    (bad, good), link = run(asked(script, read(), read(20, 3)))
    assert bad.error == "malformed" and not bad.payload
    assert good.payload == right(20, 3)
    assert link.counters.malformed == 1
    assert link.counters.connects == 1, "one bad answer does not cost the connection"


def test_a_late_answer_is_discarded_and_counted(run: Run) -> None:
    (first, second), link = run(asked(with_the_next(10), read(10), read(200)))
    assert first.error == "timeout"
    assert second.payload == right(200)
    assert link.counters.late == 1


def test_a_late_answer_larger_than_the_stock_buffer_costs_nothing(run: Run) -> None:
    """The stock limit of 264 bytes drops a late and a current answer that arrive together."""
    (first, second), link = run(asked(with_the_next(10), read(10, 125), read(500, 125)))
    assert first.error == "timeout"
    assert second.payload == right(500, 125)
    assert link.counters.late == 1


def test_half_a_late_answer_before_and_half_after_the_next_request(run: Run) -> None:
    """The stock client forgets the first half with the next request and then reads rubbish."""
    halves: list[bytes] = []

    async def script(call: Call) -> None:
        whole = call.registers()
        if call.address == 10:
            call.send(whole[:9])
            halves.append(whole[9:])
        else:
            call.send(*halves, whole)
            halves.clear()

    (first, second), link = run(asked(script, read(10), read(200)))
    assert first.error == "timeout"
    assert second.payload == right(200)
    assert link.counters.late == 1 and link.counters.connects == 1


def test_an_answer_with_another_transaction_id_is_not_ours(run: Run) -> None:
    """Id 0 included, which the stock client accepts for every request."""

    async def script(call: Call) -> None:
        call.send(call.frame(words_pdu(3, 9, 9, 9, 9), transaction=0), call.registers())

    [answer], link = run(asked(script, read()))
    assert answer.payload == right()
    assert link.counters.late == 1


def test_an_answer_in_single_bytes_is_put_together(run: Run) -> None:
    async def script(call: Call) -> None:
        for byte in call.registers():
            call.send(bytes([byte]))
            await call.writer.drain()
            await asyncio.sleep(0)

    [answer], _ = run(asked(script, read()))
    assert answer.payload == right()


@pytest.mark.parametrize(
    "impossible",
    [
        Request(1, 3, 0, 126),
        Request(1, 3, 0, 0),
        Request(1, 1, 0, 2001),
        Request(1, 3, 65535, 2),
        Request(1, 3, -1, 1),
        Request(1, 16, 0, words=[0] * 124),
        Request(1, 16, 0, words=[0] * 126),
        Request(1, 15, 0, words=[0] * 1969),
        Request(1, 6, 0, words=[65536]),
        Request(1, 16, 0, words=[-5]),
        Request(1, 16, 0, count=3, words=[1, 2]),
        Request(1, 6, 0, words=[1, 2]),
        Request(1, 43, 0, 1),
        Request(256, 3, 0, 1),
        Request(-1, 3, 0, 1),
        Request(1, 3, 0, words=[1]),
        Request(1, 6, 0, words=[1.5]),  # type: ignore[list-item]
        Request(1, 16, 0, words=[math.nan]),  # type: ignore[list-item]
        Request(1, 22, 0, words=[1]),
    ],
)
def test_what_the_protocol_cannot_carry_never_leaves(run: Run, impossible: Request) -> None:
    async def body() -> None:
        async with linked(honest) as (link, peer):
            with pytest.raises(ValueError):
                await link.request(impossible)
            assert (await link.request(read())).payload == right()
            assert len(peer.calls) == 1

    run(body())


def test_writes_leave_as_asked_and_their_echo_is_checked(run: Run) -> None:
    async def lying(call: Call) -> None:
        call.send(call.frame(call.pdu[:4] + b"\x77"))

    async def body() -> None:
        async with linked(honest) as (link, peer):
            for request, pdu in (
                (Request(1, 5, 7, words=[1]), "05 0007 ff00"),
                (Request(1, 5, 7, words=[0]), "05 0007 0000"),
                (Request(1, 6, 8, words=[0xABCD]), "06 0008 abcd"),
                (Request(1, 15, 9, words=[1, 0, 0, 0, 0, 0, 0, 0, 1]), "0f 0009 0009 02 0101"),
                (Request(1, 16, 10, words=[1, 0xFFFF]), "10 000a 0002 04 0001 ffff"),
            ):
                assert (await link.request(request)).error == ""
                assert peer.calls[-1].pdu == bytes.fromhex(pdu)
            assert (await link.request(Request(1, 16, 0, words=[0] * 123))).error == ""
            assert (await link.request(Request(1, 15, 0, words=[1] * 1968))).error == ""
            peer.script = lying
            assert (await link.request(Request(1, 6, 8, words=[1]))).error == "malformed"

    run(body())
