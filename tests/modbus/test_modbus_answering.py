"""What our listening end answers to a request data unit: to the letter, or refused without a change."""

import struct
from collections.abc import Callable

import pytest

from ess_actors.modbus.answering import answer
from tests.modbus.modbus_maps import image
from tests.modbus.modbus_peers import read_pdu, words_pdu

EXCEPTIONS: list[tuple[str, bytes, int]] = [
    ("unknown function", b"\x2b\x0e\x01\x00", 1),
    ("function 0", b"\x00", 1),
    ("read below the span", read_pdu(3, 9, 2), 2),
    ("read above the span", read_pdu(3, 28, 3), 2),
    ("read of a table without points", read_pdu(2, 0, 1), 2),
    ("read over the end of the address space", read_pdu(3, 65535, 2), 2),
    ("126 registers", read_pdu(3, 10, 126), 3),
    ("no register", read_pdu(4, 5, 0), 3),
    ("2001 coils", read_pdu(1, 0, 2001), 3),
    ("read with a byte too many", read_pdu(3, 10, 1) + b"\0", 3),
    ("coil with half a truth", bytes.fromhex("05 0000 0001"), 3),
    ("write of an input register's address", bytes.fromhex("06 0005 0001"), 2),
    ("byte count short", bytes.fromhex("10 000a 0002 02 0001 0002"), 3),
    ("byte count wrong", bytes.fromhex("10 000a 0002 03 0001 00"), 3),
    ("124 registers", struct.pack(">BHHB", 16, 10, 124, 248) + bytes(248), 3),
    ("1969 coils", struct.pack(">BHHB", 15, 0, 1969, 247) + bytes(247), 3),
    ("coils over the end of the span", bytes.fromhex("0f 0008 0003 01 07"), 2),
    ("mask write outside", bytes.fromhex("16 0009 ffff 0000"), 2),
    ("mask write short", bytes.fromhex("16 000a ffff"), 3),
    ("read/write: read outside", bytes.fromhex("17 0009 0001 000a 0001 02 0007"), 2),
    ("read/write: write outside", bytes.fromhex("17 000a 0001 0009 0001 02 0007"), 2),
    ("read/write: 122 words", struct.pack(">BHHHHB", 23, 10, 1, 10, 122, 244) + bytes(244), 3),
]


@pytest.mark.parametrize(("what", "pdu", "code"), EXCEPTIONS, ids=[row[0] for row in EXCEPTIONS])
def test_a_refused_request_says_why_and_changes_nothing(what: str, pdu: bytes, code: int) -> None:
    held = image()
    before = [
        held.read(function, low, count) for function, low, count in ((3, 10, 20), (4, 5, 2), (1, 0, 10))
    ]
    assert answer(pdu, held) == bytes([pdu[0] | 0x80, code])
    after = [held.read(function, low, count) for function, low, count in ((3, 10, 20), (4, 5, 2), (1, 0, 10))]
    assert after == before


ANSWERS: list[tuple[str, str, str]] = [
    ("coils", "01 0000 000a", "01 02 5501"),
    ("input registers", "04 0005 0002", "04 04 0005 0006"),
    ("a hole reads 0", "03 0018 0003", "03 06 0018 0000 001a"),
    ("one coil", "05 0001 ff00", "05 0001 ff00"),
    ("one register", "06 000a abcd", "06 000a abcd"),
    ("coils written", "0f 0000 000a 02 0f00", "0f 0000 000a"),
    ("registers written", "10 000a 0002 04 0001 0002", "10 000a 0002"),
    ("mask write", "16 000b fff0 0005", "16 000b fff0 0005"),
    ("read/write", "17 000a 0002 000b 0001 02 0077", "17 04 000a 0077"),
]


@pytest.mark.parametrize(("what", "ask", "expected"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_a_good_request_is_answered_to_the_letter(what: str, ask: str, expected: str) -> None:
    assert answer(bytes.fromhex(ask), image()) == bytes.fromhex(expected)


@pytest.mark.parametrize(
    ("write", "read", "expected"),
    [
        ("05 0001 ff00", "01 0000 0004", "01 01 07"),
        ("0f 0002 0003 01 02", "01 0000 0008", "01 01 49"),
        ("10 000b 0002 04 ffff 8000", "03 000a 0004", "03 08 000a ffff 8000 000d"),
        ("16 000b 00f0 ff05", "03 000b 0001", "03 02 ff05"),
    ],
)
def test_what_was_written_is_read_back(write: str, read: str, expected: str) -> None:
    held = image()
    assert answer(bytes.fromhex(write), held)[0] < 0x80
    assert answer(bytes.fromhex(read), held) == bytes.fromhex(expected)


def test_strict_gaps_refuse_what_is_not_mapped() -> None:
    held = image(strict_gaps=True)
    assert answer(read_pdu(3, 24, 3), held) == b"\x83\x02"
    assert answer(bytes.fromhex("06 0019 0001"), held) == b"\x86\x02"
    assert answer(read_pdu(3, 26, 2), held) == words_pdu(3, 26, 27)


def test_random_bytes_never_break_the_answering() -> None:
    """Every function code with short and long bodies of both extremes."""
    held = image()
    bodies: list[Callable[[int], bytes]] = [bytes, lambda size: b"\xff" * size]
    for function in range(256):
        for size in (0, 1, 4, 5, 6, 9, 10, 252):
            for body in bodies:
                reply = answer(bytes([function]) + body(size), held)
                assert reply[0] & 0x7F == function & 0x7F and len(reply) >= 2
