"""The worked examples of the engine language: each is a story of its own; and the single actions, line by line."""

from pathlib import Path
from typing import Any

import pytest

from ess_actors.core.errors import ConfigError
from tests.core.engine_bench import Bench, on_set
from tests.core.engine_lines import LINES, Line

STORIES = Path(__file__).parents[1] / "cases" / "engine"
EXAMPLES = {
    1: (
        "pieces_of_subs_without_a_slash_are_ignored_and_empty_ones_are_nothing",
        "an_instance_hears_whole_segments_of_its_own_name_and_of_each_subscription",
    ),
    2: ("components_are_asked_with_the_prefix_and_unprefixed_their_client_answers",),
    3: ("the_longest_block_entry_decides",),
    4: ("a_block_is_lifted_at_run_time_and_the_next_message_passes",),
    5: ("a_set_of_one_variable_is_answered_with_its_name_and_what_was_sent",),
    6: ("a_text_for_a_number_is_echoed_counted_and_not_stored",),
    7: ("a_do_not_disturb_value_changes_params_and_fires_nothing",),
    8: (
        "an_item_gate_that_does_not_exist_is_open_and_a_closed_one_is_not",
        "enabled_true_opens_an_item_whose_gate_is_closed",
    ),
    9: ("an_item_with_if_changed_rests_while_the_set_variable_stays_the_same",),
    10: ("in_av_reads_a_param_of_another_variable",),
    11: ("a_remap_onto_itself_is_refused_and_with_use_av_writes_without_a_second_run",),
    12: ("an_enum_with_masks_reads_each_nibble_of_a_word",),
    13: ("an_enum_without_a_match_writes_the_default_of_its_variable",),
    14: ("an_enum_line_without_a_mask_sees_the_whole_number_beside_one_with_a_mask",),
    15: ("bitset_counts_its_bits_from_one",),
    16: ("limits_clamp_between_two_variables",),
    17: ("a_bit_of_the_site_word_is_set_and_stays_when_the_text_is_normal_again",),
    18: ("a_vlink_shares_one_value_in_both_directions",),
    19: ("calculations_follow_their_operation_or_expression",),
    20: ("an_aggregation_adds_up_the_racks_of_its_manager_and_is_scaled",),
    21: ("a_limits_monitor_alarms_once_holds_between_its_limits_and_recovers",),
    22: ("a_fault_is_latched_until_clear_and_is_told_again_after_it",),
    23: ("a_clear_at_the_first_instance_empties_the_list_of_the_second_with_one_set",),
    24: ("two_instances_that_mirror_a_variable_stop_after_eight_sends",),
    25: (
        "a_publication_every_second_with_an_offset_comes_a_quarter_past",
        "a_ui_publication_rests_without_listeners_and_comes_at_once_with_the_first",
    ),
    26: ("a_mistyped_name_is_told_to_the_operator_with_what_is_near_and_the_bus_hears_nothing",),
}


def test_every_worked_example_is_a_story() -> None:
    assert list(EXAMPLES) == list(range(1, 27))
    told = [name for names in EXAMPLES.values() for name in names]
    assert [name for name in told if not (STORIES / name / "expected.jsonl").exists()] == []


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_line(line: Line) -> None:
    bench = Bench(line.given)
    for uri, body in line.steps:
        bench.set(uri, body)
    assert {reference: bench.value(reference) for reference in line.then} == line.then
    assert [(name, bench.count(name)) for name, _ in line.counted] == list(line.counted)


def test_a_value_link_may_be_a_param_of_the_variable_itself() -> None:
    linked = {"soc": {"value": 0, "vlink": "/status/bms:Soc"}}
    bench = Bench({"/status/bms": {"Soc": 5}, "/assets/ess/summary": linked})
    bench.set("/status/bms/Soc", 71)
    assert bench.get("/assets/ess/summary/soc") == 71
    bench.set("/assets/ess/summary/soc", 70)
    assert bench.get("/status/bms/Soc") == 70


@pytest.mark.parametrize(
    ("operation", "operands", "result"),
    [
        ("pctOf", [40, 0.25], 30),
        ("%", [-17, 5], -2),
        ("and", [True, 1, 2], False),
        ("avg", [1, 2, 6], 3),
        ("/", [1, 0], 0),
        (">", [2, 3], True),
        ("<", [2, 3], False),
        ("max", [2, 3], 3),
        ("stddev", [2, 4], 1),
    ],
)
def test_19_operations(operation: str, operands: list[Any], result: Any) -> None:
    names = {f"variable{i}": f"/t:v{i}" for i in range(1, len(operands) + 1)}
    start = False if isinstance(result, bool) else 999
    calculation = {"value": start, "operation": operation, "numVars": len(operands), **names}
    tables = {
        "/t": {f"v{i}": value for i, value in enumerate(operands, 1)},
        "/r": {"r": calculation, "go": on_set({"func": [{"func": "CalculateVar", "var": "/r:r"}]})},
    }
    assert Bench(tables).value("/r:r") == result


def test_all_fatal_problems_come_together() -> None:
    with pytest.raises(ConfigError) as error:
        Bench(
            {"/config/load": {"a": {"value": False, "options": [{"file": "gone"}, {"load": "b"}]}}},
            a={},
            start={"/config/cfile": {"other": False}},
        )
    assert sorted(finding.code for finding in error.value.args) == [
        "document-missing",
        "document-missing",
        "loader-unknown",
    ]
