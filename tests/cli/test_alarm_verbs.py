"""The verbs about alarms against a real operator API: tables, orders, names that mean one alarm, exit codes."""

import json
import time

import pytest
from click.testing import CliRunner, Result

from ess_actors.cli.group import group
from ess_actors.cli.spans import seconds_in
from ess_actors.core.alarm_history import Transition
from tests.alarm_desk import T0

FAN, SPEED, HOT = (
    "ess_1:alarm:/alarms/pcs:Fan",
    "ess_1:alarm:/alarms/pcs:FanSpeed",
    "ess_2:fault:/faults/bms_2:BMS_2_OverTemp",
)


def ess(*words: str, color: bool = False) -> Result:
    return CliRunner().invoke(group, words, color=color)


def steps(count: int) -> list[Transition]:
    return [
        Transition(T0 + n, HOT, "ess_2", "/faults/bms_2:BMS_2_OverTemp", "normal", "unacknowledged_active",
                   "", "", '"Trip"', "high")
        for n in range(count)
    ]  # fmt: skip


# --- the list -------------------------------------------------------------------------------------------------


def test_what_needs_somebody_comes_first_and_the_shelf_says_until_when_by_whom_and_why(site):
    lines = ess("alarms").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["PRIORITY", "high", "medium", "low"]
    assert "unacknowledged active" in lines[1] and lines[1].endswith("first out")
    assert lines[3].endswith("by eve: sensor is being replaced")


def test_columns_that_nobody_fills_are_left_out(site):
    site.plant.alarm_desk.alarms = site.plant.alarm_desk.alarms[1:2]
    assert "REMARK" not in ess("alarms").stdout


def test_colour_is_for_terminals_and_for_what_needs_somebody(site):
    assert "\x1b" not in ess("alarms").stdout
    lines = ess("alarms", color=True).stdout.splitlines()
    assert ["\x1b[31mhigh" in lines[1], "\x1b[33mmedium" in lines[2], "\x1b" in lines[3]] == [
        True,
        True,
        False,
    ]


def test_the_list_as_json_is_an_alarm_a_line(site):
    records = [json.loads(line) for line in ess("alarms", "--json").stdout.splitlines()]
    assert [record["id"] for record in records] == [FAN, SPEED, HOT]


def test_no_alarms_says_so_and_a_flood_is_named(site):
    site.plant.alarm_desk.flood = True
    assert "alarm flood" in ess("alarms").stdout
    site.plant.alarm_desk.alarms, site.plant.alarm_desk.flood = [], False
    assert ess("alarms").stdout == "no alarms\n"


# --- history and report ---------------------------------------------------------------------------------------


def test_the_history_ends_with_the_newest_and_passes_its_filters_on(site):
    desk = site.plant.alarm_desk
    desk.steps = steps(3)
    lines = ess("alarms", "--history", "--limit", "2").stdout.splitlines()
    assert lines[0].split() == ["TIME", "PRIORITY", "TYPE", "INSTANCE", "SOURCE", "FROM", "TO", "VALUE"]
    assert [line.split()[1][-6:] for line in lines[1:]] == ["01.000", "02.000"]
    before = time.time()
    words = ("--since", "12h", "--until", "2026-11-23T14:00", "--instance", "ess_2", "--priority", "high")
    assert ess("alarms", "--history", *words, "--text", "temp").exit_code == 0
    wanted = desk.wanted[-1]
    assert (wanted.instance, wanted.priority, wanted.text, wanted.limit) == ("ess_2", "high", "temp", 100)
    assert wanted.since == pytest.approx(before - 12 * 3600, abs=60)
    assert time.localtime(wanted.until)[:5] == (2026, 11, 23, 14, 0)


def test_the_history_as_json_and_an_empty_one(site):
    assert ess("alarms", "--history").stdout == "no steps\n"
    site.plant.alarm_desk.steps = steps(2)
    records = [json.loads(line) for line in ess("alarms", "--history", "--json").stdout.splitlines()]
    assert [record["time"] for record in records] == [T0, T0 + 1]


def test_the_report_reads_the_figures(site):
    site.plant.alarm_desk.steps = steps(12)
    text = ess("alarms", "--report").stdout
    lines = {line.split("  ")[0]: line for line in text.splitlines()}
    assert lines["alarms in the last 10 minutes"].endswith("12 (manageable: 2)")
    assert "1, " in lines["floods in 24 hours"] and "one since" in lines["floods in 24 hours"]
    assert "still, at most 12 in 10 minutes" in text
    assert f"    12  {HOT}" in text
    assert "2 standing, 1 unacknowledged, 1 shelved" in lines["now"]
    assert lines["chattering"].endswith(" 1")
    assert "█ 12 alarms, at most 12 an hour" in text


def test_the_report_of_a_quiet_site_and_as_json(site):
    site.plant.alarm_desk.alarms = []
    text = ess("alarms", "--report").stdout
    assert "most frequent in 24 hours      none" in text and "0.0 % of the time" in text
    assert json.loads(ess("alarms", "--report", "--json").stdout)["standing"] == 0


@pytest.mark.parametrize(
    "words", [("--report", "--history"), ("--text", "x"), ("--history", "--since", "never")]
)
def test_views_and_times_that_make_no_sense_are_usage_errors(site, words):
    assert ess("alarms", *words).exit_code == 2


# --- orders ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [HOT, "BMS_2_OverTemp", "overtemp", "over_temp", "bms_2 over", "fault:/faults/bms_2"]
)
def test_any_part_that_one_alarm_has_means_it(site, name):
    result = ess("ack", name)
    assert (result.exit_code, result.stdout) == (0, f"{HOT}: done\n1 of 1 done\n")
    assert site.plant.alarm_desk.calls[0][:2] == ("ack", [HOT])


def test_a_whole_name_is_meant_although_it_is_part_of_another(site):
    assert ess("ack", "fan", "fanspeed", FAN).exit_code == 0
    assert site.plant.alarm_desk.calls[0][1] == [FAN, SPEED]


def test_a_part_that_several_have_names_the_candidates_and_orders_nothing(site):
    result = ess("ack", "pcs")
    assert result.exit_code == 1 and "ambiguous" in result.stderr
    assert FAN in result.stderr and SPEED in result.stderr
    assert site.plant.alarm_desk.calls == []


def test_an_unknown_name_gets_near_ones(site):
    result = ess("shelve", "BMS_2_OverTmp", "--for", "30m", "--why", "x")
    assert result.exit_code == 1 and "not_found" in result.stderr and HOT in result.stderr
    site.plant.alarm_desk.alarms = []
    assert "nothing stands" in ess("ack", "fan").stderr
    assert site.plant.alarm_desk.calls == []


def test_all_is_said_or_names_are_given(site):
    assert ess("ack", "--all").exit_code == 0
    assert site.plant.alarm_desk.calls[0][:2] == ("ack", None)
    assert ess("ack").exit_code == 2
    assert ess("ack", "fan", "--all").exit_code == 2


def test_shelving_needs_an_end_and_a_reason(site):
    assert ess("shelve", "overtemp", "--for", "1.5h", "--why", "sensor").exit_code == 0
    verb, ids, _, minutes, why = site.plant.alarm_desk.calls[0]
    assert (verb, ids, minutes, why) == ("shelve", [HOT], 90.0, "sensor")
    assert ess("shelve", "overtemp", "--why", "sensor").exit_code == 2
    assert ess("shelve", "overtemp", "--for", "30m").exit_code == 2
    assert ess("shelve", "overtemp", "--for", "long", "--why", "x").exit_code == 2
    result = ess("shelve", "overtemp", "--for", "30d", "--why", "x")
    assert result.exit_code == 2 and "a week" in result.stderr


def test_unshelve_as_json(site):
    result = ess("unshelve", "fan", "--json")
    assert (result.exit_code, json.loads(result.stdout)["results"]) == (0, {FAN: "done"})


def test_an_order_that_was_done_in_part_exits_1(site, monkeypatch):
    async def order(*_: object, **__: object) -> tuple[int, dict[str, object]]:
        return 200, {"status": "partly", "results": {HOT: "done"}, "text": "1 of 2", "unknown": ["ess_1"]}

    monkeypatch.setattr(site.plant.alarm_desk, "order", order)
    result = ess("ack", "--all")
    assert result.exit_code == 1 and result.stdout.endswith("1 of 2\n")


# --- clear ----------------------------------------------------------------------------------------------------


def cleared(**more: object) -> dict[str, object]:
    member = {"instance": "ess_1", "outcome": "cleared", "remaining": [], "because": ""}
    return {"text": "15 of 15 cleared", "members": [member], "devices": {"/components/x": "ok"}, **more}


def test_a_clear_prints_its_result(site):
    site.plant.alarm_desk.clear_result = 200, cleared()
    result = ess("clear-faults", "bms_1")
    assert result.exit_code == 0 and result.stdout.startswith("15 of 15 cleared\n")
    assert site.plant.alarm_desk.calls[0][:2] == ("clear", "bms_1")
    assert json.loads(ess("clear-faults", "--json").stdout)["text"] == "15 of 15 cleared"
    assert site.plant.alarm_desk.calls[1][:2] == ("clear", "")


@pytest.mark.parametrize(
    "more",
    [
        {
            "members": [
                {
                    "instance": "ess_2",
                    "outcome": "still active",
                    "remaining": ["/x:y"],
                    "because": "not normal",
                }
            ]
        },
        {
            "members": [
                {"instance": "ess_2", "outcome": "no answer in time", "remaining": [], "because": "silent"}
            ]
        },
        {"devices": {"/components/x": "timeout"}},
    ],
)
def test_a_clear_that_left_something_exits_1(site, more):
    site.plant.alarm_desk.clear_result = 200, cleared(**more)
    result = ess("clear-faults")
    assert result.exit_code == 1 and ("ess_2" in result.stdout or "timeout" in result.stdout)
    assert ess("clear-faults", "--json").exit_code == 1


def test_a_clear_that_nothing_does_exits_1_with_the_reason(site):
    result = ess("clear-faults")
    assert result.exit_code == 1 and "nothing clears it" in result.stderr


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), (" 1.5 H", 5400), ("2d", 172_800), ("30", None), ("m", None), ("-5m", None)],
)
def test_spans(text: str, seconds: float | None) -> None:
    assert seconds_in(text) == seconds
