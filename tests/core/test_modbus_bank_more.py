"""The site server's registers: commit counters, values it does not take, commands that stand, an edited file."""

import struct
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.bank import Bank, Written
from ess_actors.core.bank_sources import NEVER_HEARD_S
from ess_actors.core.codec import Codec, Shape
from ess_actors.core.events import ALARM, STATUS
from ess_actors.core.points import Table
from ess_actors.core.server_points import ANY_UNIT, ServerEntry, ServerMap, StaleBit, StalePolicy

LS, HS = "/site/ess_1/ess_ls", "/site/ess_1/ess_hs"
COIL = Codec(shape=Shape.BIT, size=0, order=(), bits=1)


def entry(name: str, address: int, uri: str = LS, **settings: Any) -> ServerEntry:
    size = settings.pop("size", 1)
    own = {
        key: settings.pop(key)
        for key in ("unit", "table", "policy", "commit_counter", "high_word_address", "bit_word")
        if key in settings
    }
    order = settings.pop("order", tuple(range(size)))
    codec = settings.pop("codec", None) or Codec(size=size, bits=16 * size, order=order, **settings)
    return ServerEntry(
        id=name, uri=uri, address=address, codec=codec, **{"unit": ANY_UNIT, "table": Table.HOLDING, **own}
    )


def served(*entries: ServerEntry, **system: Any) -> ServerMap:
    return ServerMap(
        stem="site", file="site.json", system_id="site", host="", port=0, entries=entries, **system
    )


def bank(*entries: ServerEntry, **system: Any) -> Bank:
    return Bank(served(*entries, **system), now=0.0)


def words(of: Bank, address: int, count: int, function: int = 3) -> tuple[int, ...]:
    found = of.read(function, address, count)
    assert isinstance(found, bytes), f"exception {found}"
    return struct.unpack(f">{count}H", found)


# --- commit counters --------------------------------------------------------------------------------------------


def test_commit_counters_frame_a_map_and_wrap_at_their_width() -> None:
    held = bank(
        entry("first", 0, "", commit_counter=True),
        entry("soc", 1),
        entry("last", 2, "", commit_counter=True),
        entry("wide", 3, "", size=2, order=(1, 0), commit_counter=True),
    )
    assert held.sources.uris == (LS,), "a counter has no source"
    held.counters["commits"] = 65534
    for number, expected in enumerate((65535, 0, 1), 65535):
        held.commit(LS, {"soc": number & 7}, now=1.0)
        assert words(held, 0, 5) == (expected, number & 7, expected, number & 0xFFFF, number >> 16)
    held.commit(LS, {"soc": 65537 & 7}, now=1.0)
    assert words(held, 0, 1) == (2,), "a body that says the same again is a commit too"
    held.commit("/nobody", {"soc": 1}, now=1.0)
    assert words(held, 0, 1) == (2,)


@pytest.mark.parametrize("request_", [(6, 0, (7,)), (16, 0, (7, 8)), (22, 0, (0, 7))])
def test_no_master_writes_a_commit_counter(request_: tuple[int, int, tuple[int, ...]]) -> None:
    held = bank(entry("count", 0, "", commit_counter=True), entry("mode", 1))
    assert held.write(*request_) == 2
    assert words(held, 0, 2) == (0, 0)
    assert held.write(6, 1, (9,)) == [Written(LS, "mode", 9)]


# --- values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["true", "1", "Run", None, [], {"x": 1}, float("inf"), float("nan")])
@pytest.mark.parametrize("kind", ["coil", "bool", "enum", "field", "number", "float", "bits"])
def test_what_is_no_value_changes_nothing_and_is_counted(kind: str, value: object) -> None:
    if kind == "field" and value == []:
        return  # no bit at all is a value of a bit field
    shapes: dict[str, ServerEntry] = {
        "coil": entry("x", 0, table=Table.COIL, codec=COIL),
        "bool": entry("x", 0, shape=Shape.BIT),
        "enum": entry("x", 0, shape=Shape.ENUM),
        "field": entry("x", 0, shape=Shape.FIELD),
        "number": entry("x", 0),
        "float": entry("x", 0, size=2, is_float=True),
        "bits": entry("x", 0, bit_word=True),
    }
    held = bank(shapes[kind])
    held.commit(LS, {"x": 1}, now=1.0)
    before = held.words(LS, "x")
    for again in range(2):
        held.commit(LS, {"x": value}, now=1.0)
        assert held.words(LS, "x") == before
        assert held.counters["bad_value"] == again + 1
    assert held.per_entry[LS, "x", "bad_value"] == 2


def test_a_list_of_bits_reaches_the_high_word() -> None:
    held = bank(entry("faults", 5, shape=Shape.FIELD, high_word_address=9))
    held.commit(LS, {"faults": [{"value": 1}, {"value": 17}, {"value": 31}]}, now=1.0)
    assert words(held, 5, 5) == (2, 0, 0, 0, 0x8002)
    assert held.counters["lost_bits"] == 0
    held.commit(LS, {"faults": [{"value": 0}, {"value": 32}]}, now=1.0)
    assert words(held, 5, 5) == (1, 0, 0, 0, 0)
    assert held.counters["lost_bits"] == 1


def test_an_entry_with_a_high_word_is_written_whole_or_not_at_all() -> None:
    held = bank(entry("faults", 5, high_word_address=7), entry("between", 6))
    assert held.write(6, 5, (1,)) == 2 and held.write(6, 7, (1,)) == 2
    assert held.write(16, 5, (3, 4, 5)) == [Written(LS, "faults", 5 << 16 | 3), Written(LS, "between", 4)]
    assert words(held, 5, 3) == (3, 4, 5)


def test_the_same_id_in_two_sections_is_updated_by_one_publication() -> None:
    held = bank(entry("soc", 1, scale=10), entry("soc", 7, table=Table.INPUT))
    held.commit(LS, {"soc": 55.5}, now=1.0)
    assert words(held, 1, 1) == (555,) and words(held, 7, 1, 4) == (55,)
    held.write(6, 1, (100,))
    assert words(held, 1, 1) == (100,) and words(held, 7, 1, 4) == (55,)
    held.commit(LS, {"soc": 55.5}, now=1.0)
    assert words(held, 1, 1) == (555,), "the same value said again takes the place of what a master wrote"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-(2**70), 2**70),
            st.floats(),
            st.text(max_size=3),
            st.lists(st.dictionaries(st.sampled_from(("value", "string")), st.integers(-1, 70)), max_size=3),
            st.dictionaries(st.just("value"), st.integers(-5, 70000)),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_no_value_ever_breaks_the_image(values: list[object]) -> None:
    kinds = [
        entry("a", 0),
        entry("a", 1, signed=True, scale=-10, shift=3),
        entry("a", 2, size=2, is_float=True, scale=0.1),
        entry("a", 4, size=4, order=(3, 1, 0, 2)),
        entry("a", 8, shape=Shape.ENUM),
        entry("a", 9, shape=Shape.FIELD, high_word_address=20),
        entry("a", 10, bit_word=True),
        entry("a", 11, shape=Shape.BIT),
        entry("a", 0, table=Table.COIL, codec=replace(COIL, inverted=True)),
    ]
    held, plain = bank(*kinds), bank(*kinds)
    for value in values:
        held.commit(LS, {"a": value}, now=1.0)
        assert len(words(held, 0, 21)) == 21 and held.read(1, 0, 1) in (b"\0", b"\1")
    for value in values:
        plain.commit(LS, {"a": value}, now=1.0)
        plain._sent[LS].clear()
    assert words(held, 0, 21) == words(plain, 0, 21), "leaving out what did not change changes nothing"


# --- silence ----------------------------------------------------------------------------------------------------


def test_what_a_master_wrote_is_exempt_until_the_source_says_otherwise() -> None:
    policies = (("zero", StalePolicy.ZERO), ("gone", StalePolicy.EXCEPTION))
    held = bank(
        *(entry(name, place, policy=policy) for place, (name, policy) in enumerate(policies)),
        *(
            entry("c" + name, place, table=Table.COIL, codec=COIL, policy=policy)
            for place, (name, policy) in enumerate(policies)
        ),
    )
    held.commit(LS, {"zero": 5, "gone": 6, "czero": 1, "cgone": 1}, now=1.0)
    held.check(7.0)
    assert words(held, 0, 1) == (0,) and held.read(3, 1, 1) == 11
    assert held.read(1, 0, 1) == b"\0" and held.read(1, 1, 1) == 11
    assert held.write(16, 0, (8, 9)) and held.write(15, 0, (1, 1))
    assert words(held, 0, 2) == (8, 9) and held.read(1, 0, 2) == b"\1\1"
    held.commit(LS, {"zero": 5, "gone": 6, "czero": 1, "cgone": 0}, now=8.0)
    assert words(held, 0, 2) == (5, 6) and held.read(1, 0, 2) == b"\1\0"
    held.check(14.0)
    assert words(held, 0, 1) == (0,) and held.read(3, 1, 1) == 11


def test_stale_bits_of_several_sources_and_widths() -> None:
    bits = (
        StaleBit(source=LS, entry_uri=HS, entry_id="status", bit=0),
        StaleBit(source="/b", entry_uri=HS, entry_id="status", bit=15),
        StaleBit(source="/b", entry_uri=HS, entry_id="wide", bit=17),
        StaleBit(source="/b", entry_uri=HS, entry_id="narrow", bit=40),
        StaleBit(source="/b", entry_uri=HS, entry_id="split", bit=16),
    )
    held = bank(
        entry("soc", 0),
        entry("b", 1, "/b"),
        entry("status", 2, HS),
        entry("wide", 3, HS, size=2, order=(1, 0)),
        entry("narrow", 5, HS),
        entry("split", 6, HS, high_word_address=7),
        stale_bits=bits,
    )
    assert words(held, 2, 6) == (0x8001, 0, 2, 0, 0, 1)
    held.commit(HS, {"status": 6, "wide": 1, "narrow": 3, "split": 0x30005}, now=1.0)
    assert words(held, 2, 6) == (0x8007, 1, 2, 3, 5, 3)
    held.commit("/b", {"b": 1}, now=2.0)
    assert words(held, 2, 6) == (7, 1, 0, 3, 5, 3)
    held.commit(LS, {"soc": 1}, now=3.0)
    assert words(held, 2, 6) == (6, 1, 0, 3, 5, 3)


def test_a_source_that_was_never_heard_is_told_once() -> None:
    held = bank(entry("soc", 0))
    assert held.check(NEVER_HEARD_S) == []
    (event,) = held.check(NEVER_HEARD_S + 0.1)
    assert event.severity == ALARM and LS in event.message
    assert held.check(1000.0) == []
    (event,) = held.commit(LS, {"soc": 1}, now=1000.0)
    assert event.severity == STATUS


# --- an edited file ---------------------------------------------------------------------------------------------


def test_an_edited_file_keeps_the_values_of_entries_that_stay() -> None:
    old = bank(
        entry("soc", 0, scale=10, policy=StalePolicy.EXCEPTION),
        entry("power", 1),
        entry("mode", 2, "/b"),
        entry("split", 10, high_word_address=12),
        entry("count", 20, "", commit_counter=True),
    )
    old.commit(LS, {"soc": 50, "power": 7, "split": 0x20003}, now=10.0)
    old.write(6, 2, (4,))
    new = bank(
        entry("soc", 5, scale=10, policy=StalePolicy.EXCEPTION),
        entry("power", 6, scale=10),
        entry("mode", 2, "/b"),
        entry("split", 10, high_word_address=13),
        entry("count", 0, "", size=2, commit_counter=True),
        entry("more", 30, "/c"),
    )
    new.adopt(old)
    assert words(new, 5, 2) == (500, 0), "moved; another scale is another entry"
    assert words(new, 2, 1) == (4,) and words(new, 10, 4) == (3, 0, 0, 2) and words(new, 0, 2) == (0, 1)
    assert new.sources.stale == {"/b", "/c"} and new.sources.ages(12.0) == {LS: 2.0, "/b": None, "/c": None}
    new.commit(LS, {"soc": 50, "power": 7}, now=12.0)
    assert words(new, 5, 2) == (500, 70)
    assert new.counters["commits"] == 2


def test_a_file_without_entries_answers_and_refuses() -> None:
    held = bank()
    assert held.read(3, 0, 1) == 2 and held.read(3, 0, 126) == 3 and held.write(6, 0, (1,)) == 2
    assert held.commit(LS, {"soc": 1}, now=1.0) == [] and held.check(100.0) == []


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 30),
    st.integers(-1, 70000),
    st.lists(st.integers(0, 65535), max_size=130),
    st.integers(0, 255),
)
def test_no_request_ever_breaks_the_image(function: int, address: int, numbers: list[int], unit: int) -> None:
    held = bank(
        entry("a", 3), entry("f", 4, size=2, is_float=True), entry("c", 3, table=Table.COIL, codec=COIL)
    )
    before = held.read(3, 3, 3)
    if function == 15:
        numbers = [number & 1 for number in numbers]
    if function == 22:
        numbers = [*numbers[:2], 0, 0][:2]
    result = held.write(function, address, numbers, unit)
    assert isinstance(result, list) or (result in (1, 2, 3) and held.read(3, 3, 3) == before)
    read = held.read(function, address, len(numbers), unit)
    assert isinstance(read, bytes) or read in (1, 2, 3)
