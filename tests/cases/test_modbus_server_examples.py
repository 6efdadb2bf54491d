"""The acceptance examples of the Modbus specification that the bank of a site server decides, by number."""

from pathlib import Path

from ess_actors.core.bank import Bank, Written
from tests.cases.modbus_case import load, server

LS, HS = "/site/ess_1/ess_ls", "/site/ess_1/ess_hs"


def bank_of(folder: Path, registers: object, **system: object) -> tuple[Bank, list[str]]:
    loaded = load(folder, server(registers, **system))
    assert loaded.server is not None
    return Bank(loaded.server, now=0.0), [finding.code for finding in loaded.findings]


def words(bank: Bank, function: int, address: int, count: int, unit: int = 255) -> list[int]:
    found = bank.read(function, address, count, unit)
    assert isinstance(found, bytes), found
    return [int.from_bytes(found[n : n + 2], "big") for n in range(0, len(found), 2)]


def note_map() -> dict:
    plain = {"size": 1, "uri": LS}
    faults = [f"fault {n}" for n in range(19)]
    return {
        "input_registers": [
            {"id": "dischargeable_energy", "offset": 2003, "scale": 10, **plain},
            {"id": "chargeable_power", "offset": 2004, "signed": True, **plain},
            {"id": "dischargeable_power", "offset": 2005, "signed": True, **plain},
            {
                "id": "system_state",
                "offset": 2006,
                "bit_strings": ["Stop", "Run", "Fault", "Standby"],
                **plain,
            },
            {"id": "com_status", "offset": 2007, "bit_strings": ["A", "B", "C", "D", "B"], **plain},
            {"id": "ems_alarms", "offset": 2008, "bit_strings": [f"alarm {n}" for n in range(8)], **plain},
            {"id": "ess_faults", "offset": 2009, "bit_strings": faults, **plain},
            {"id": "ess_alarms", "offset": 2010, "bit_strings": faults[:11], **plain},
        ]
    }


def note_bank(folder: Path) -> Bank:
    bit = {"uri": LS, "id": "com_status", "entry_uri": LS, "bit": 2}
    bank, codes = bank_of(folder, note_map(), stale_bits=[bit])
    assert codes == ["V07", "V06"]
    return bank


def test_a28_silence_is_shown_from_the_first_second(tmp_path: Path) -> None:
    bank = note_bank(tmp_path)
    for now in (0.5, 5.0, 60.0):
        bank.check(now)
        assert words(bank, 4, 2003, 8) == [0, 0, 0, 0, 4, 0, 0, 0]
    assert bank.sources.unheard() == [LS]


def test_a29_a_publication_fills_the_map(tmp_path: Path) -> None:
    bank = note_bank(tmp_path)
    body = {"dischargeable_energy": 1234.5, "chargeable_power": -70000, "ess_faults": 33}
    bank.commit(LS, body, now=1.0)
    assert words(bank, 4, 2003, 8) == [12345, 0x8000, 0, 0, 0, 0, 33, 0]
    assert bank.per_entry[LS, "chargeable_power", "clamped"] == 1
    bank.commit("/site/ess_ls", {"ess_faults": 1}, now=2.0)
    assert words(bank, 4, 2009, 1) == [33]


def test_a30_a_list_of_bits_is_a_mask(tmp_path: Path) -> None:
    bank, _ = bank_of(tmp_path, {"input_registers": [{"id": "f", "offset": 1, "bit_field": True, "uri": HS}]})
    bits = [{"value": 1, "string": "a"}, {"value": 4, "string": "b"}, {"value": 11, "string": "c"}]
    bank.commit(HS, {"f": bits}, now=1.0)
    assert words(bank, 4, 1, 1) == [0x0812]


def orders(folder: Path) -> Bank:
    entries = [
        {"id": "active_power_setpoint", "offset": 1005, "signed": True, "scale": 10, "uri": HS},
        {"id": "mode", "offset": 1006, "uri": HS},
        {"id": "limit", "offset": 1007, "size": 2, "uri": HS},
    ]
    return bank_of(folder, {"holding_registers": entries})[0]


def test_a31_a_write_of_two_words_is_two_orders(tmp_path: Path) -> None:
    bank = orders(tmp_path)
    expected = [Written(HS, "active_power_setpoint", -250.0), Written(HS, "mode", 1)]
    assert bank.write(16, 1005, (0xF63C, 1)) == expected
    assert bank.write(16, 1005, (0xF63C, 1)) == expected


def test_a32_half_a_value_is_refused(tmp_path: Path) -> None:
    bank = orders(tmp_path)
    bank.write(16, 1007, (1, 2))
    assert bank.write(6, 1008, (9,)) == 2
    assert bank.write(6, 1007, (9,)) == 2
    assert words(bank, 3, 1007, 2) == [1, 2]


def test_a33_a_wide_value_is_never_torn(tmp_path: Path) -> None:
    bank, _ = bank_of(tmp_path, {"input_registers": [{"id": "u", "offset": 1, "size": 2, "uri": HS}]})
    bank.commit(HS, {"u": 0x0000FFFF}, now=1.0)
    seen = set()
    for n in range(100_000):
        if n % 10 == 0:
            bank.commit(HS, {"u": 0xFFFF0000 if n % 20 else 0x0000FFFF}, now=1.0)
        seen.add(bank.read(4, 1, 2))
    assert seen == {bytes.fromhex("0000FFFF"), bytes.fromhex("FFFF0000")}


def test_a34_a_silent_entry_is_refused_and_its_neighbour_read(tmp_path: Path) -> None:
    entries = [
        {"id": "a", "offset": 1, "uri": LS, "stale_policy": "exception"},
        {"id": "b", "offset": 2, "uri": HS},
    ]
    bank, _ = bank_of(tmp_path, {"input_registers": entries})
    bank.commit(LS, {"a": 5}, now=1.0)
    bank.commit(HS, {"b": 6}, now=6.5)
    bank.check(7.0)
    assert bank.read(4, 1, 1) == 11
    assert words(bank, 4, 2, 1) == [6]


def test_a35_units_are_independent(tmp_path: Path) -> None:
    units = [
        {"device_id": n, "holding_registers": [{"id": "a", "offset": 1, "uri": f"/site/{n}"}]} for n in (2, 7)
    ]
    bank, _ = bank_of(tmp_path, units)
    bank.commit("/site/2", {"a": 22}, now=1.0)
    bank.commit("/site/7", {"a": 77}, now=1.0)
    assert (words(bank, 3, 1, 1, 2), words(bank, 3, 1, 1, 7)) == ([22], [77])
    assert bank.read(3, 1, 1, 9) == 11
