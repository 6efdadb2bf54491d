"""Orders for simulated faults: which requests they concern, and answers spoilt before they are framed."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ess_actors.core.frames import decode_answer, encode_request
from ess_actors.core.simulated_faults import KINDS, fault_from, garbled
from ess_actors.core.transaction import Request

READ = struct.pack(">BHH", 3, 10, 5)


@pytest.mark.parametrize(
    ("order", "pdu", "concerned"),
    [
        ({}, b"\x07", True),
        ({"from": 14}, READ, True),
        ({"from": 15}, READ, False),
        ({"to": 9}, READ, False),
        ({"to": 10}, READ, True),
        ({"type": "holding"}, READ, True),
        ({"type": "input_register"}, READ, False),
        ({"type": "Discrete Inputs"}, struct.pack(">BHH", 2, 1, 1), True),
        ({"type": "coils", "from": 5}, struct.pack(">BHH", 5, 5, 0xFF00), True),
        ({"type": "coils", "from": 6}, struct.pack(">BHH", 5, 5, 0xFF00), False),
        ({"from": 8}, struct.pack(">BHHH", 22, 7, 9, 9), False),
        ({"from": 30}, struct.pack(">BHHHHB2H", 23, 10, 2, 29, 2, 4, 0, 0), True),
        ({"from": 12, "to": 28}, struct.pack(">BHHHHB2H", 23, 10, 2, 29, 2, 4, 0, 0), False),
        ({"from": 1}, b"\x03\x00", False),
        ({"from": 1}, struct.pack(">BHH", 43, 1, 1), False),
    ],
)
def test_the_requests_a_fault_concerns(order: dict[str, object], pdu: bytes, concerned: bool) -> None:
    assert fault_from({"kind": "mute", **order}).touches(pdu) is concerned


@given(st.sampled_from([1, 2, 3, 4]), st.integers(1, 125), st.sampled_from(["length", "function"]), st.data())
def test_a_garbled_read_is_never_taken_for_the_answer(
    function: int, count: int, mode: str, drawn: st.DataObject
) -> None:
    request = Request(1, function, 0, count)
    size = (count + 7) // 8 if function < 3 else 2 * count
    answer = bytes((function, size)) + drawn.draw(st.binary(min_size=size, max_size=size))
    _, error, _ = decode_answer(request, encode_request(request), garbled(answer, mode))
    assert error == "malformed"


def test_every_kind_can_be_ordered_and_says_what_it_does() -> None:
    for name, kind in KINDS.items():
        order = {"kind": name, "unit": 3, **dict.fromkeys(kind.needs, 4)}
        fault = fault_from(order)
        assert (fault.kind, fault.unit, fault.body) == (name, 3, order) and kind.says
