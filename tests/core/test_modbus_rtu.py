"""RTU framing: checksums as published, frames found however the line delivers them and whatever surrounds them."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.frames import encode_request
from ess_actors.core.points import Serial
from ess_actors.core.rtu import (
    MAX_FRAME,
    AnswerBuffer,
    RequestBuffer,
    answer_length,
    crc,
    frame_seconds,
    gap_seconds,
    line_seconds,
    seal,
)
from ess_actors.core.transaction import Request


def words(function: int, *values: int) -> bytes:
    return bytes([function, 2 * len(values)]) + b"".join(value.to_bytes(2, "big") for value in values)


def good_answer(request: Request, fill: int = 0) -> bytes:
    """Data unit of a right answer."""
    if request.function <= 2:
        size = (request.count + 7) // 8
        return bytes([request.function, size]) + bytes([fill]) * size
    if request.function <= 4:
        return bytes([request.function, 2 * request.count]) + bytes([fill]) * 2 * request.count
    return encode_request(request)[:5]


def pieces(frame: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(frame), *(cut % (len(frame) + 1) for cut in cuts)})
    return [frame[start:end] for start, end in pairwise(places)]


def read(unit: int = 1, count: int = 10, function: int = 3) -> Request:
    return Request(unit, function, 100, count)


requests = st.one_of(
    st.builds(
        Request, st.integers(1, 247), st.sampled_from((1, 2)), st.integers(0, 1000), st.integers(1, 2000)
    ),
    st.builds(
        Request, st.integers(1, 247), st.sampled_from((3, 4)), st.integers(0, 1000), st.integers(1, 125)
    ),
    st.builds(
        lambda unit, function, address, value: Request(unit, function, address, 1, (value,)),
        st.integers(1, 247),
        st.sampled_from((5, 6)),
        st.integers(0, 65535),
        st.integers(0, 1),
    ),
    st.builds(
        lambda unit, function, address, values: Request(unit, function, address, len(values), values),
        st.integers(1, 247),
        st.sampled_from((15, 16)),
        st.integers(0, 1000),
        st.lists(st.integers(0, 1), min_size=1, max_size=123),
    ),
)


class TestChecksum:
    @pytest.mark.parametrize(
        ("body", "check"),
        [
            (b"123456789", 0x4B37),
            (b"", 0xFFFF),
            (bytes.fromhex("01040000000a"), 0x0D70),
            (bytes.fromhex("0207"), 0x1241),
            (bytes.fromhex("1103006b0003"), 0x8776),
        ],
    )
    def test_known_vectors(self, body: bytes, check: int) -> None:
        assert crc(body) == check

    def test_low_byte_comes_first(self) -> None:
        assert seal(1, bytes.fromhex("030000000a")) == bytes.fromhex("01030000000ac5cd")

    @given(st.binary(max_size=MAX_FRAME), st.integers(0, 8 * MAX_FRAME - 1))
    def test_one_flipped_bit_is_always_noticed(self, body: bytes, bit: int) -> None:
        bit %= 8 * len(body) or 1
        broken = (int.from_bytes(body, "little") ^ 1 << bit).to_bytes(max(len(body), 1), "little")
        assert crc(broken) != crc(body)


class TestLengths:
    @pytest.mark.parametrize(
        ("request_", "length"),
        [
            (Request(1, 1, 0, 1), 6),
            (Request(1, 2, 0, 8), 6),
            (Request(1, 1, 0, 9), 7),
            (Request(1, 3, 0, 125), 255),
            (Request(1, 4, 0, 1), 7),
            (Request(1, 5, 0, 1, (1,)), 8),
            (Request(1, 6, 0, 1, (1,)), 8),
            (Request(1, 15, 0, 9, (1,) * 9), 8),
            (Request(1, 16, 0, 2, (1, 2)), 8),
            (Request(1, 22, 0, 2, (1, 2)), 10),
            (Request(1, 23, 0, 3), 11),
        ],
    )
    def test_of_the_answer(self, request_: Request, length: int) -> None:
        assert answer_length(request_) == length

    def test_time_on_the_line(self) -> None:
        assert frame_seconds(8 + 255, 9600, 10) == pytest.approx(0.274, abs=0.0005)
        assert frame_seconds(8 + 255, 115200, 10) == pytest.approx(0.023, abs=0.0005)

    def test_every_bit_of_a_character_takes_time(self) -> None:
        slow = Serial(device="x", baud_rate=1200, parity="E", data_bits=7, stop_bits=2)
        assert line_seconds(1200, slow) == 11.0
        assert gap_seconds(slow) == pytest.approx(3.5 * 11 / 1200)
        assert gap_seconds(Serial(device="x", baud_rate=115200)) == 0.00175


class TestAnswers:
    @given(requests, st.lists(st.integers(0, 300)), st.integers(0, 255))
    def test_split_at_any_places(self, request: Request, cuts: list[int], fill: int) -> None:
        buffer, answer = AnswerBuffer(), good_answer(request, fill)
        buffer.expect(request)
        frame = seal(request.unit, answer)
        assert len(frame) == answer_length(request)
        found = [part for piece in pieces(frame, cuts) for part in buffer.feed(piece)]
        assert found == [(request.unit, answer)]
        assert (buffer.garbage, buffer.held) == (0, 0)

    def test_byte_by_byte(self) -> None:
        buffer, answer = AnswerBuffer(), words(3, *range(10))
        buffer.expect(read())
        assert [part for byte in seal(1, answer) for part in buffer.feed(bytes([byte]))] == [(1, answer)]

    @given(requests, st.integers(1, 11))
    def test_an_exception_is_five_bytes(self, request: Request, code: int) -> None:
        buffer, answer = AnswerBuffer(), bytes([request.function | 0x80, code])
        buffer.expect(request)
        assert buffer.feed(seal(request.unit, answer)) == [(request.unit, answer)]

    @given(requests, st.binary(max_size=40), st.binary(max_size=40), st.lists(st.integers(0, 300)))
    @settings(max_examples=300)
    def test_noise_around_it(self, request: Request, before: bytes, after: bytes, cuts: list[int]) -> None:
        buffer, answer = AnswerBuffer(), good_answer(request, 0xA5)
        buffer.expect(request)
        line = before + seal(request.unit, answer) + after
        found = [part for piece in pieces(line, cuts) for part in buffer.feed(piece)]
        assert (request.unit, answer) in found
        buffer.restart()
        framed = sum(len(pdu) + 3 for _, pdu in found)
        assert buffer.garbage == len(line) - framed

    def test_a_broken_checksum_is_dropped_and_counted(self) -> None:
        buffer, frame = AnswerBuffer(), bytearray(seal(1, words(3, *range(10))))
        frame[-1] ^= 1
        buffer.expect(read())
        assert buffer.feed(bytes(frame)) == []
        buffer.restart()
        assert buffer.garbage == len(frame)

    def test_the_next_frame_after_a_broken_one_is_found(self) -> None:
        buffer, answer = AnswerBuffer(), words(3, *range(10))
        broken = bytearray(seal(1, answer))
        broken[7] ^= 0x10
        buffer.expect(read())
        assert buffer.feed(bytes(broken) + seal(1, answer)) == [(1, answer)]
        assert buffer.garbage == len(broken)

    def test_a_start_without_an_end_does_not_hide_the_answer(self) -> None:
        buffer, answer = AnswerBuffer(), words(3, *range(10))
        buffer.expect(read())
        # A frame of unit 1 that promises 250 bytes and never sends them.
        assert buffer.feed(bytes([1, 3, 250, 9]) + seal(1, answer)) == [(1, answer)]
        assert buffer.garbage == 4

    @pytest.mark.parametrize(
        ("unit", "pdu"),
        [(2, words(3, *range(10))), (1, words(4, *range(10))), (1, words(3, 1, 2)), (2, b"\x83\x02")],
    )
    def test_a_sound_answer_to_something_else_is_handed_over(self, unit: int, pdu: bytes) -> None:
        buffer = AnswerBuffer()
        buffer.expect(read())
        assert buffer.feed(seal(unit, pdu)) == [(unit, pdu)]

    def test_what_came_before_the_question_is_no_part_of_its_answer(self) -> None:
        buffer, answer = AnswerBuffer(), words(3, *range(10))
        frame = seal(1, answer)
        buffer.expect(read())
        assert buffer.feed(frame[:-1]) == []
        buffer.expect(read())
        assert buffer.feed(frame[-1:]) == []
        assert buffer.feed(frame) == [(1, answer)]

    @given(st.lists(st.binary(min_size=1, max_size=600), max_size=20))
    def test_never_holds_more_than_one_frame(self, chunks: list[bytes]) -> None:
        buffer = AnswerBuffer()
        buffer.expect(read())
        for chunk in chunks:
            buffer.feed(chunk)
            assert buffer.held < MAX_FRAME


class TestRequests:
    @given(st.lists(requests, min_size=1, max_size=6), st.lists(st.integers(0, 2000)))
    def test_split_and_joined_at_any_places(self, asked: list[Request], cuts: list[int]) -> None:
        sent = [(request.unit, encode_request(request)) for request in asked]
        buffer = RequestBuffer()
        line = b"".join(seal(unit, pdu) for unit, pdu in sent)
        assert [part for piece in pieces(line, cuts) for part in buffer.feed(piece)] == sent
        assert buffer.garbage == 0

    @pytest.mark.parametrize(
        "pdu",
        [
            bytes.fromhex("16000400f20025"),
            bytes.fromhex("170003000600 0e0003 06 00ff00ff00ff"),
            bytes.fromhex("2b0e0100"),
            bytes.fromhex("0800000000"),
            bytes.fromhex("11"),
            bytes.fromhex("1407 06000400010002"),
        ],
    )
    def test_other_functions_have_known_ends(self, pdu: bytes) -> None:
        buffer, after = RequestBuffer(), encode_request(read())
        assert buffer.feed(seal(7, pdu) + seal(1, after)) == [(7, pdu), (1, after)]

    def test_a_broken_checksum_is_dropped_and_counted(self) -> None:
        buffer, pdu = RequestBuffer(), encode_request(read())
        broken = bytearray(seal(1, pdu))
        broken[3] ^= 1
        assert buffer.feed(bytes(broken)) == []
        buffer.restart()
        assert buffer.garbage == len(broken)
        assert buffer.feed(seal(1, pdu)) == [(1, pdu)]

    def test_silence_ends_an_unfinished_frame(self) -> None:
        buffer, pdu = RequestBuffer(), encode_request(read())
        assert buffer.feed(b"\x05\x10\x00\x00\x00\x7b\xf6") == []
        buffer.restart()
        assert buffer.feed(seal(1, pdu)) == [(1, pdu)]
        assert buffer.garbage == 7

    def test_an_answer_of_another_slave_is_left_out_whole(self) -> None:
        """The registers of unit 2 hold what looks like an order to unit 1."""
        order = seal(1, bytes.fromhex("0600050001"))
        asked, answer = encode_request(read(2, 10)), words(3, *(0,) * 10)
        answer = answer[:4] + order + answer[4 + len(order) :]
        for cuts in ([], [13], [20], [8, 11, 25]):
            buffer = RequestBuffer()
            line = seal(2, asked) + seal(2, answer) + seal(1, asked)
            assert [p for piece in pieces(line, cuts) for p in buffer.feed(piece)] == [(2, asked), (1, asked)]

    @given(requests, st.lists(st.integers(0, 300)), st.booleans())
    def test_a_question_to_another_slave_and_its_answer(
        self, request: Request, cuts: list[int], refused: bool
    ) -> None:
        asked = encode_request(request)
        answer = bytes([request.function | 0x80, 2]) if refused else good_answer(request, 0x3C)
        buffer, after = RequestBuffer(), encode_request(read(9))
        line = seal(request.unit, asked) + seal(request.unit, answer) + seal(9, after)
        found = [part for piece in pieces(line, cuts) for part in buffer.feed(piece)]
        assert (found[0], found[-1]) == ((request.unit, asked), (9, after))
        # The answers to single writes are equal to their requests; nobody but the other slave minds.
        assert all(unit == request.unit for unit, _ in found[1:-1])

    def test_the_same_question_again_is_a_question(self) -> None:
        for request in (read(), Request(1, 6, 3, 1, (7,)), Request(1, 16, 3, 2, (7, 8))):
            buffer, frame = RequestBuffer(), seal(1, encode_request(request))
            assert len(buffer.feed(frame)) == len(buffer.feed(frame)) == 1

    @given(st.lists(st.binary(min_size=1, max_size=600), max_size=20))
    def test_never_holds_more_than_one_frame(self, chunks: list[bytes]) -> None:
        buffer = RequestBuffer()
        for chunk in chunks:
            buffer.feed(chunk)
            assert buffer.held < MAX_FRAME
