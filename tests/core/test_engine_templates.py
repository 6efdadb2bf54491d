"""Templates against a plain oracle: how many expansions, which names, which owners; and what they refuse."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.templates import LIMIT, Spent, Template, TemplateError, TooMuch, expand
from tests.core.engine_bench import Bench

Level = dict[str, int]
LEVEL = st.fixed_dictionaries(
    {
        "from": st.integers(-5, 20),
        "to": st.integers(-5, 20),
        "step": st.integers(1, 4),
        "mult": st.integers(-3, 3),
        "add": st.integers(-10, 10),
    }
)


def made(levels: list[Level]) -> list[Template]:
    """Level n replaces ##Ln## by its number and names the table after all levels down to itself."""
    result = []
    for depth, level in enumerate(levels):
        below = "".join(f"/##L{n}##" for n in range(depth + 1))
        option: dict[str, Any] = {"reps": [{"replace": f"##L{depth}##", "with": "{:d}"}]}
        option["amname"] = f"m{depth}_" + "_".join(f"##L{n}##" for n in range(depth + 1))
        result.append(Template([(f"t{depth}", {f"/x{below}": {"v": 1}})], option, level))
    return result


def numbers(level: Level) -> list[int]:
    found, index = [], level["from"]
    while index <= level["to"]:
        found.append(index * level["mult"] + level["add"])
        index += level["step"]
    return found


@settings(max_examples=200, deadline=None)
@given(st.lists(LEVEL, min_size=1, max_size=3))
def test_every_level_is_expanded_for_every_index_of_the_outer_ones(levels: list[Level]) -> None:
    ranges = [numbers(level) for level in levels]
    wanted = [path for depth in range(1, len(levels) + 1) for path in product(*ranges[:depth])]
    if len(wanted) > LIMIT:
        with pytest.raises(TooMuch):
            list(expand(made(levels), Spent()))
        return
    spent = Spent()
    found = list(expand(made(levels), spent))
    assert spent.count == len(found) == len(wanted)
    tables = [table for one in found for table in one.tree]
    assert sorted(tables) == sorted("/x" + "".join(f"/{number}" for number in path) for path in wanted)
    for one in found:
        (table,) = one.tree
        path = table.split("/")[2:]
        own = f"m{len(path) - 1}_" + "_".join(path)
        above = f"m{len(path) - 2}_" + "_".join(path[:-1]) if len(path) > 1 else ""
        assert one.owner == (own, "", above)
        assert one.names[table][0] == "/x" + "".join(f"/##L{n}##" for n in range(len(path)))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text("abcxyz_", min_size=1, max_size=6), min_size=1, max_size=8),
    st.integers(0, 9),
    st.integers(0, 9),
)
def test_entries_of_with_ids_are_taken_by_number(ids: list[str], first: int, last: int) -> None:
    option = {"reps": [{"replace": "##N##", "withIds": ids, "mult": 7, "add": 3}]}
    level = Template([("t", {"/x/##N##": {"v": 1}})], option, {"from": first, "to": last})
    if first <= last and last >= len(ids):
        with pytest.raises(TemplateError):
            list(expand([level], Spent()))
    else:
        names = [table for one in expand([level], Spent()) for table in one.tree]
        assert names == [f"/x/{name}" for name in ids[first : last + 1]]


@pytest.mark.parametrize(
    ("option", "ranges"),
    [
        ({"reps": {}}, {}),
        ({"reps": [{"with": "x"}]}, {}),
        ({"reps": [{"replace": "", "with": "x"}]}, {}),
        ({"reps": [{"replace": "x", "with": 3}]}, {}),
        ({"reps": [{"replace": "x", "mult": "3"}]}, {}),
        ({"amname": 3}, {}),
        ({}, {"from": True}),
        ({}, {"step": 0}),
        ({}, {"step": -1}),
    ],
)
def test_what_is_no_template_option(option: dict[str, Any], ranges: dict[str, Any]) -> None:
    with pytest.raises(TemplateError, match=r"."):
        Template([("t", {"/x": {"v": 1}})], option, ranges)


def test_the_limit_counts_every_level() -> None:
    ten_thousand = made([{"from": 1, "to": 100}, {"from": 1, "to": 99}])
    assert len(list(expand(ten_thousand, Spent()))) == LIMIT
    with pytest.raises(TooMuch):
        list(expand(made([{"from": 1, "to": 100}, {"from": 1, "to": 100}]), Spent()))


@pytest.mark.parametrize(
    "with_", ["{:400000000d}", "{0.__class__}", "{:{0}}", "{", "}", "{!r}", "{1}", "{:f}"]
)
def test_a_format_is_one_of_whole_numbers(with_: str) -> None:
    option = {"reps": [{"replace": "##N##", "with": with_}]}
    with pytest.raises(TemplateError, match="whole number"):
        Template([("t", {"/x": {"v": "##N##"}})], option, {"from": 1, "to": 1})


@pytest.mark.parametrize(
    ("with_", "text"), [("{}", "7"), ("{:03d}", "007"), ("a{0:2d}_{{{:X}}}", "a 7_{7}"), ("none", "none")]
)
def test_formats_of_whole_numbers(with_: str, text: str) -> None:
    option = {"reps": [{"replace": "##N##", "with": with_}]}
    level = Template([("t", {"/x": {"v": "##N##"}})], option, {"from": 7, "to": 7})
    assert [one.tree for one in expand([level], Spent())] == [{"/x": {"v": text}}]


@pytest.mark.parametrize("key", ["from", "to", "mult", "add", "step"])
def test_numbers_of_a_range_are_bounded(key: str) -> None:
    with pytest.raises(TemplateError, match=key):
        Template([("t", {"/x": {"v": 1}})], {}, {key: 1e300})


def test_replacements_that_grow_are_cut_off_before_they_are_made() -> None:
    option = {"reps": [{"replace": "A", "with": "AA"}] * 60}
    with pytest.raises(TooMuch, match="4194304"):
        list(expand([Template([("t", {"/x": {"v": "A"}})], option, {"from": 1, "to": 1})], Spent()))


def test_all_expansions_together_are_bounded() -> None:
    level = Template([("t", {"/x": {"v": "a" * 1_000_000}})], {"reps": []}, {"from": 1, "to": 100})
    with pytest.raises(TooMuch, match="67108864"):
        list(expand([level], Spent()))


def test_levels_are_bounded() -> None:
    with pytest.raises(TooMuch, match="51"):
        list(expand([Template([("t", {})], {}, {"from": 1, "to": 1})] * 51, Spent()))


def test_replacements_that_break_the_document_are_told_as_such() -> None:
    for text in ('"', "\\"):
        option = {"reps": [{"replace": "v", "with": text}]}
        with pytest.raises(TemplateError, match="unreadable"):
            list(expand([Template([("t", {"/x": {"v": 1}})], option, {"from": 1, "to": 1})], Spent()))


def test_a_replacement_may_take_the_quotes_of_a_text_and_so_make_a_number() -> None:
    option = {"reps": [{"replace": '"##V##"', "with": "{:d}", "mult": 10}]}
    level = Template([("t", {"/x": {"v": "##V##"}})], option, {"from": 4, "to": 4})
    assert [one.tree for one in expand([level], Spent())] == [{"/x": {"v": 40}}]


def test_instances_of_an_outer_level_are_parents_too() -> None:
    options = [
        {
            "tmpl": "rack",
            "amname": "",
            "ainame": "rack_##R##",
            "from": 1,
            "to": 2,
            "reps": [{"replace": "##R##"}],
        },
        {"tmpl": "module", "ainame": "module_##M##", "from": 1, "to": 2, "reps": [{"replace": "##M##"}]},
    ]
    tables = {"/config/load": {"l": {"value": False, "file": "own", "new_options": options}}}
    bench = Bench(tables, own={}, rack={"/r##R##": {"v": 1}}, module={"/r##R##/m##M##": {"v": 1}})
    racks = bench.ess.engine.assets.root.instances
    assert list(racks) == ["rack_1", "rack_2"]
    assert [list(rack.instances) for rack in racks.values()] == [["module_1", "module_2"]] * 2
