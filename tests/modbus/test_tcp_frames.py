"""Frames cut from a stream, data units encoded and judged: the pure half of a link."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from ess_actors.core.frames import decode_answer, encode_request, pack_bits, unpack_bits
from ess_actors.core.mbap import FrameBuffer, frame
from ess_actors.core.transaction import Request

FRAMES = st.lists(
    st.tuples(st.integers(0, 65535), st.integers(0, 255), st.binary(min_size=1, max_size=253)), max_size=6
)


@given(FRAMES, st.data())
def test_a_stream_is_cut_into_the_same_frames_however_it_arrives(
    frames: list[tuple[int, int, bytes]], draw: st.DataObject
) -> None:
    stream = b"".join(frame(*one) for one in frames)
    buffer, found, start = FrameBuffer(), [], 0
    while start < len(stream):
        end = start + draw.draw(st.integers(1, len(stream) - start))
        found += buffer.feed(stream[start:end])
        start = end
    assert found == frames and not buffer.poisoned


@given(FRAMES, st.binary(min_size=4, max_size=600), st.binary(max_size=300))
def test_what_follows_a_foreign_header_is_never_a_frame(
    frames: list[tuple[int, int, bytes]], rubbish: bytes, more: bytes
) -> None:
    protocol, length = struct.unpack(">HH", (rubbish + bytes(2))[2:6])
    if not protocol and (len(rubbish) < 7 or 2 <= length <= 254):
        rubbish = rubbish[:2] + b"\x01" + rubbish[3:]
    buffer = FrameBuffer()
    assert buffer.feed(b"".join(frame(*one) for one in frames) + rubbish) == frames
    assert buffer.poisoned
    assert buffer.feed(more) == [] and buffer.feed(frame(1, 1, b"\x03\x02\0\0")) == []


def test_the_length_field_has_its_limits() -> None:
    for length, poisoned in ((0, True), (1, True), (2, False), (254, False), (255, True), (65535, True)):
        whole = struct.pack(">HHHB", 1, 0, length, 1) + bytes(max(length - 1, 1))
        for chunks in ([whole], [whole[:7], whole[7:]]):
            buffer = FrameBuffer()
            for chunk in chunks:
                buffer.feed(chunk)
            assert buffer.poisoned is poisoned, length


@given(st.lists(st.integers(0, 255), min_size=0, max_size=2000))
def test_bits_survive_packing(bits: list[int]) -> None:
    packed = pack_bits(bytes(bits))
    assert len(packed) == (len(bits) + 7) // 8
    assert unpack_bits(packed, len(bits)) == bytes(1 if bit else 0 for bit in bits)


def test_bits_go_from_the_lowest_of_the_first_byte() -> None:
    assert pack_bits(bytes([1, 0, 0, 0, 0, 0, 0, 0, 0, 7])) == bytes([0x01, 0x02])


@given(st.sampled_from([1, 2, 3, 4, 5, 6, 15, 16]), st.integers(1, 20), st.binary(max_size=60))
def test_a_random_answer_is_refused_or_is_what_was_asked(function: int, count: int, answer: bytes) -> None:
    writes = function > 4
    words = [1] * (count if function > 6 else 1) if writes else ()
    request = Request(1, function, 100, 0 if writes else count, words)
    sent = encode_request(request)
    payload, error, code = decode_answer(request, sent, answer)
    if error == "exception":
        assert answer == bytes([function | 0x80, code]) and not payload
    elif error:
        assert error == "malformed" and not payload and not code
    elif writes:
        assert answer == sent[:5]
    else:
        size = (count + 7) // 8 if function < 3 else 2 * count
        assert answer[:2] == bytes([function, size]) and len(answer) == 2 + size
        assert len(payload) == (count if function < 3 else size)


def test_the_words_of_a_read_do_not_count() -> None:
    assert encode_request(Request(1, 3, 0, 2, [7, 7, 7])) == bytes.fromhex("03 0000 0002")
