"""The site server's registers: commits, reads, writes and silent sources."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.bank import Bank, Written
from ess_actors.core.events import ALARM, STATUS
from tests.core.modbus_examples import payload, server

LS, HS = "/site/ess_1/ess_ls", "/site/ess_1/ess_hs"


def entry(id_: str, offset: int, uri: str = LS, **keys: object) -> dict:
    return {"id": id_, "offset": offset, "uri": uri, **keys}


def seed(**system: object) -> Bank:
    names = [f"fault {n}" for n in range(19)]
    registers = {
        "input_registers": [
            entry("dischargeable_energy", 2003, scale=10),
            entry("chargeable_power", 2004, signed=True),
            entry("dischargeable_power", 2005, signed=True),
            entry("system_state", 2006),
            entry("com_status", 2007),
            entry("ems_alarms", 2008),
            entry("ess_faults", 2009, bit_strings=names),
            entry("ess_alarms", 2010),
        ]
    }
    bits = [{"uri": LS, "id": "com_status", "bit": 2}]
    return Bank(server(registers, stale_bits=bits, **system), now=0.0)


def words(bank: Bank, function: int, address: int, count: int, **unit: int) -> list[int]:
    found = bank.read(function, address, count, **unit)
    assert isinstance(found, bytes), f"exception {found}"
    return [int.from_bytes(found[n : n + 2], "big") for n in range(0, len(found), 2)]


def test_before_the_first_value_zeros_are_served_and_the_stale_bit_is_up() -> None:
    bank = seed()
    assert words(bank, 4, 2003, 8) == [0, 0, 0, 0, 4, 0, 0, 0]
    assert bank.sources.unheard() == [LS]


def test_a_published_body_fills_the_words_and_clears_the_stale_bit() -> None:
    bank = seed()
    values = {"dischargeable_energy": 1234.5, "chargeable_power": -70000, "ess_faults": 33, "other": 1}
    events = bank.commit(LS, values, now=1.0)
    assert words(bank, 4, 2003, 8) == [12345, 0x8000, 0, 0, 0, 0, 33, 0]
    assert bank.counters["clamped"] == 1
    assert bank.per_entry[LS, "chargeable_power", "clamped"] == 1
    assert bank.counters["unknown_ids"] == 1
    assert [event.severity for event in events] == [STATUS]
    assert bank.commit(LS, {"ess_faults": {"value": 34}}, now=2.0) == []
    assert bank.words(LS, "ess_faults") == (34,)


def test_another_uri_changes_nothing() -> None:
    bank = seed()
    assert bank.commit("/site/ess_ls", {"ess_faults": 33}, now=1.0) == []
    assert words(bank, 4, 2009, 1) == [0]
    assert bank.sources.stale == {LS}


def test_bits_beyond_the_word_are_cut_and_counted_never_invented() -> None:
    bank = seed()
    bank.commit(LS, {"ess_faults": 0x2001F, "ess_alarms": 0x2001F}, now=1.0)
    assert words(bank, 4, 2009, 2) == [0x001F, 0xFFFF]  # ess_alarms has no names: a number, limited
    assert bank.counters["lost_bits"] == 1


def test_a_high_word_keeps_every_bit() -> None:
    names = [f"fault {n}" for n in range(19)]
    bank = Bank(
        server(
            {
                "input_registers": [
                    entry("ess_faults", 2009, bit_strings=names, high_word_offset=2012),
                    entry("ess_alarms", 2010),
                ]
            }
        ),
        now=0.0,
    )
    bank.commit(LS, {"ess_faults": 0x5001F}, now=1.0)
    assert words(bank, 4, 2009, 4) == [0x001F, 0, 0, 5]
    assert bank.counters["lost_bits"] == 0
    bank.commit(LS, {"ess_faults": 0}, now=2.0)
    assert words(bank, 4, 2009, 4) == [0, 0, 0, 0]


def test_a_list_of_bits_becomes_their_mask() -> None:
    bank = Bank(
        server({"input_registers": [entry("f", 5, bit_field=True), entry("e", 6, enum=True)]}), now=0.0
    )
    pairs = [{"value": n, "string": "x"} for n in (1, 4, 11)]
    bank.commit(LS, {"f": pairs, "e": [{"value": 3, "string": "Run"}]}, now=1.0)
    assert words(bank, 4, 5, 2) == [0x0812, 3]
    bank.commit(LS, {"f": 7, "e": 2}, now=2.0)
    assert words(bank, 4, 5, 2) == [7, 2]


@pytest.mark.parametrize("value", ["12", None, [1], float("nan"), {"x": 1}])
def test_what_is_no_number_keeps_the_last_value(value: object) -> None:
    bank = seed()
    bank.commit(LS, {"system_state": 3}, now=1.0)
    bank.commit(LS, {"system_state": value}, now=2.0)
    assert bank.words(LS, "system_state") == (3,)
    assert bank.counters["bad_value"] == 1


def controls() -> Bank:
    return Bank(
        server(
            {
                "coils": [entry("run", 10, HS), entry("open", 12, HS, scale=-1)],
                "holding_registers": [
                    entry("start_stop", 1000, HS, bool=True),
                    entry("active_power_setpoint", 1005, HS, signed=True, scale=10),
                    entry("mode", 1006, HS),
                    entry("energy", 1008, HS, size=2),
                    entry("ratio", 1010, HS, size=2, float=True),
                ],
                "input_registers": [entry("soc", 1)],
            }
        ),
        now=0.0,
    )


def test_a_write_of_two_registers_is_two_messages_in_order() -> None:
    bank = controls()
    assert bank.write(16, 1005, (0xF63C, 1)) == [
        Written(HS, "active_power_setpoint", -250.0),
        Written(HS, "mode", 1),
    ]
    assert words(bank, 3, 1005, 2) == [0xF63C, 1]
    assert bank.write(6, 1006, (1,)) == [Written(HS, "mode", 1)]


def test_a_part_of_a_wide_value_is_refused_and_nothing_changes() -> None:
    bank = controls()
    assert bank.write(6, 1009, (5,)) == 2
    assert bank.write(16, 1006, (7, 0, 9)) == 2
    assert words(bank, 3, 1005, 5) == [0, 0, 0, 0, 0]
    assert bank.write(16, 1006, (7, 0, 0, 9)) == [Written(HS, "mode", 7), Written(HS, "energy", 9)]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ((6, 999, (1,)), 2),
        ((16, 1010, (1, 2, 3)), 2),
        ((5, 10, (1,)), 3),
        ((16, 1000, ()), 3),
        ((16, 1000, (0,) * 124), 3),
        ((15, 10, (0,) * 1969), 3),
        ((7, 10, (1,)), 1),
        ((16, 1010, (0x7FC0, 0)), 3),
    ],
)
def test_refused_writes(request_: tuple[int, int, tuple[int, ...]], code: int) -> None:
    bank = controls()
    assert bank.write(*request_) == code
    assert words(bank, 3, 1000, 12) == [0] * 12


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ((3, 999, 1), 2),
        ((3, 1000, 13), 2),
        ((3, 1000, 126), 3),
        ((1, 10, 2001), 3),
        ((3, 1000, 0), 3),
        ((2, 1, 1), 2),
        ((8, 1, 1), 1),
    ],
)
def test_refused_reads(request_: tuple[int, int, int], code: int) -> None:
    assert controls().read(*request_) == code


def test_coils_flags_and_masks() -> None:
    bank = controls()
    assert bank.write(5, 10, (0xFF00,)) == [Written(HS, "run", True)]
    assert bank.write(15, 10, (1, 1, 1)) == [Written(HS, "run", True), Written(HS, "open", False)]
    assert bank.read(1, 10, 3) == b"\x01\x00\x01"  # the unmapped one in the middle stays 0
    assert bank.write(6, 1000, (5,)) == [Written(HS, "start_stop", True)]
    assert bank.write(6, 1006, (0x12,)) == [Written(HS, "mode", 0x12)]
    assert bank.write(22, 1006, (0xF2, 0x25)) == [Written(HS, "mode", 0x17)]
    bank.commit(HS, {"run": False, "open": True}, now=1.0)
    assert bank.read(1, 10, 3) == b"\x00\x00\x00"


def test_units_are_independent_and_others_are_unknown() -> None:
    bank = Bank(
        server(
            [
                {"device_id": 2, "holding_registers": [entry("a", 1, "/two")]},
                {"device_id": 7, "holding_registers": [entry("a", 1, "/seven")]},
            ]
        ),
        now=0.0,
    )
    bank.commit("/two", {"a": 22}, now=1.0)
    assert bank.write(6, 1, (77,), unit=7) == [Written("/seven", "a", 77)]
    assert (words(bank, 3, 1, 1, unit=2), words(bank, 3, 1, 1, unit=7)) == ([22], [77])
    assert bank.read(3, 1, 1, unit=9) == 11
    assert bank.write(6, 1, (1,), unit=9) == 11


def test_silent_sources_by_policy() -> None:
    bank = Bank(
        server(
            {
                "holding_registers": [
                    entry("hold", 1),
                    entry("zero", 2, stale_policy="zero"),
                    entry("gone", 4, stale_policy="exception"),
                    entry("other", 5, "/other"),
                    entry("cmd", 6, stale_policy="exception"),
                ]
            }
        ),
        now=0.0,
    )
    assert bank.read(3, 4, 1) == 11  # nothing was ever said
    bank.commit(LS, {"hold": 1, "zero": 2, "gone": 4, "cmd": 6}, now=1.0)
    bank.commit("/other", {"other": 5}, now=6.9)
    assert words(bank, 3, 1, 6) == [1, 2, 0, 4, 5, 6]
    assert bank.check(6.0) == []
    (event,) = bank.check(7.0)
    assert (event.severity, LS in event.message) == (ALARM, True)
    assert bank.check(7.5) == []
    assert words(bank, 3, 1, 2) == [1, 0]
    assert bank.read(3, 4, 1) == 11
    assert bank.read(3, 3, 2) == 11
    assert words(bank, 3, 5, 1) == [5]
    assert bank.write(6, 6, (9,)) == [Written(LS, "cmd", 9)]
    assert words(bank, 3, 6, 1) == [9]  # a command is no reading
    assert [e.severity for e in bank.commit(LS, {"gone": 8}, now=8.0)] == [STATUS]
    assert words(bank, 3, 1, 4) == [1, 2, 0, 8]


def test_nothing_is_ever_stale_when_that_is_off() -> None:
    bank = seed(stale_after_ms=0)
    assert words(bank, 4, 2007, 1) == [0]
    assert bank.check(1e6) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20))
def test_wide_values_are_never_torn(numbers: list[int]) -> None:
    bank = Bank(
        server({"input_registers": [entry("a", 1, size=2), entry("b", 9, size=2, byte_swap=True)]}), now=0.0
    )
    for number in numbers:
        before = bank.read(4, 1, 10)
        bank.commit(LS, {"a": number, "b": number}, now=1.0)
        after = bank.read(4, 1, 10)
        assert isinstance(before, bytes)
        assert after == payload(number >> 16, number & 0xFFFF) + bytes(12) + payload(
            number & 0xFFFF, number >> 16
        )
