"""The verbs of `ess-actors` against a real operator API."""

import json
from importlib import import_module

import click
import pytest
from click.testing import CliRunner, Result

from ess_actors.cli.group import VERBS, group
from ess_actors.cli.tables import branches


def ess(*words: str) -> Result:
    return CliRunner().invoke(group, words)


def test_every_verb_of_the_list_is_a_command_with_a_help():
    for verb in VERBS:
        assert isinstance(import_module(f"ess_actors.cli.{verb.replace('-', '_')}").command, click.Command)
        assert "Usage: " in ess(verb, "--help").stdout


def test_the_help_lists_the_verbs_and_the_exit_codes():
    text = ess("--help").stdout
    assert all(f"\n  {verb} " in text for verb in VERBS)
    assert "Exit codes" in text


def test_unknown_verb_is_a_usage_error():
    result = ess("explode")
    assert result.exit_code == 2 and "explode" in result.stderr


def test_get_prints_the_value_as_json(site):
    result = ess("get", "/ess_1/status/bms_1/SOC")
    assert (result.exit_code, result.stdout) == (0, "55.5\n")


def test_get_of_nothing_names_what_is_near_and_exits_1(site):
    result = ess("get", "/ess_1/status/bms_1/Soc")
    assert result.exit_code == 1 and result.stdout == ""
    assert "not_found" in result.stderr and "/status/bms_1:SOC" in result.stderr


def test_set_sends_the_body_and_prints_the_reply(site):
    result = ess("set", "/ess_1/t/x", ' {"value": 2.50, "unit": "A"} ')
    assert (result.exit_code, result.stdout) == (0, '{"x":{"value":2.5,"unit":"A"}}\n')
    assert site.plant.values["/ess_1/t/x"] == b'{"value":2.5,"unit":"A"}'


def test_set_of_what_was_not_there_says_that_it_is_new(site):
    assert "was not there before" in ess("set", "/ess_1/status/bms_1/Soc", "5").stderr
    assert ess("set", "/ess_1/status/bms_1/Soc", "6").stderr == ""


def test_a_negative_number_is_a_body_not_a_flag(site):
    assert ess("set", "/ess_1/t/x", "-5").exit_code == 0
    assert site.plant.values["/ess_1/t/x"] == b"-5"


@pytest.mark.parametrize("body", ["Clear", '{"a":1', "NaN", '1,"uri":"/other"', ""])
def test_a_body_that_is_no_json_is_refused_before_it_is_sent(site, body):
    result = ess("set", "/ess_1/t/x", body)
    assert result.exit_code == 1 and "bad_" in result.stderr
    assert site.plant.messages == []


def test_the_remedy_for_a_bare_word_shows_the_quotes(site):
    assert "'\"Clear\"'" in ess("set", "/ess_1/t/x", "Clear").stderr


def test_pub_prints_nothing(site):
    result = ess("pub", "/ess_1/t", '{"x":1}')
    assert (result.exit_code, result.stdout) == (0, "")
    assert [(m.method, m.uri, m.body) for m in site.plant.messages] == [("pub", "/ess_1/t", b'{"x":1}')]


def test_orders_reach_the_actor_of_that_id(site):
    result = ess("restart", "ess_1/pcs")
    assert (result.exit_code, json.loads(result.stdout)["id"]) == (0, "ess_1/pcs")
    assert ess("stop", "ess_1").exit_code == 0
    assert ess("start", "ess_1").exit_code == 0
    assert site.plant.orders == [("ess_1/pcs", "restart"), ("ess_1", "stop"), ("ess_1", "start")]


def test_a_refused_order_exits_1_with_the_reason(site):
    result = ess("stop", "web")
    assert result.exit_code == 1 and "it serves you" in result.stderr


def test_an_unknown_actor_exits_1_and_names_near_ones(site):
    result = ess("restart", "pcs")
    assert result.exit_code == 1 and "ess_1/pcs" in result.stderr
    assert result.stderr.count("ess_1/pcs") == 1


def test_status_draws_the_tree(site):
    lines = ess("status").stdout.splitlines()
    assert lines[0] == "bench: degraded"
    rows = {line.split("  ")[0].strip(): line for line in lines[3:]}
    assert list(rows) == ["supervisor", "ess_1", "├─ bms_1", "└─ pcs", "web"]
    assert rows["ess_1"].split() == ["ess_1", "RUNNING", "101", "0", "-", "1m05s", "3.2", "61.5"]
    assert rows["└─ pcs"].split()[2:5] == ["FAILED", "-", "5"]
    assert rows["└─ pcs"].endswith("OSError: no route")
    assert rows["├─ bms_1"].endswith("next try in 4s; boom") and " 2/4 " in rows["├─ bms_1"]
    assert " 2h05m " in rows["supervisor"] and " 2d07h " in rows["web"]


def test_status_as_json_is_what_the_site_said(site):
    status = json.loads(ess("status", "--json").stdout)
    assert status["site"] == "bench" and len(status["actors"]) == 5


def test_a_tree_of_three_levels_is_drawn_with_its_strokes():
    ids = ["a", "a/b", "a/b/c", "a/b/d", "a/e", "a/e/f", "g"]
    assert branches(ids) == ["a", "├─ b", "│  ├─ c", "│  └─ d", "└─ e", "   └─ f", "g"]


def test_the_journal_ends_with_the_newest(site):
    lines = ess("journal", "--limit", "3").stdout.splitlines()
    assert [line.rpartition(": ")[2] for line in lines] == ["event 7", "event 8", "event 9"]
    assert all(" fault   ess_1->pcs: " in line for line in lines)
    last = json.loads(ess("journal", "--limit", "1", "--json").stdout)
    assert last["id"] == 9


def test_sim_set_reads_values_as_json_or_text(site):
    result = ess("sim", "set", "bms_1", "ess_1/bms_info/soc=55", "bms_info/mode=Run", "bms_info/i=-1.5")
    assert result.exit_code == 0, result.stderr
    points = {"ess_1/bms_info/soc": 55, "bms_info/mode": "Run", "bms_info/i": -1.5}
    assert site.plant.simulated == [("bms_1", points)]


def test_sim_fault_passes_its_numbers(site):
    assert ess("sim", "fault", "bms_1", "delay", "--ms", "800").exit_code == 0
    assert ess("sim", "fault", "bms_1", "none").exit_code == 0
    assert site.plant.simulated == [("bms_1", {"kind": "delay", "ms": 800}), ("bms_1", {"kind": "none"})]


@pytest.mark.parametrize(
    "words", [("set", "bms_1", "soc"), ("set", "bms_1", "soc=5"), ("fault", "bms_1", "x")]
)
def test_sim_refuses_what_it_does_not_understand(site, words):
    assert ess("sim", *words).exit_code == 2
    assert site.plant.simulated == []


VERBS_OF_A_RUNNING_SITE = [
    ("status",),
    ("get", "/x"),
    ("set", "/x", "1"),
    ("pub", "/x", "1"),
    ("listen",),
    ("alarms",),
    ("ack", "x"),
    ("shelve", "x", "--for", "30m", "--why", "y"),
    ("unshelve", "x"),
    ("clear-faults",),
    ("journal",),
    ("restart", "ess_1"),
    ("sim", "fault", "bms_1", "none"),
]


@pytest.mark.parametrize("words", VERBS_OF_A_RUNNING_SITE, ids=lambda words: words[0])
def test_when_nothing_runs_there_every_verb_exits_2_with_one_line(nowhere, words):
    result = ess(*words, "--api", nowhere)
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.splitlines() == [
        f"ess-actors: nothing answers at {nowhere}; start a site with `ess-actors run SITE_DIR`"
        " or say where with --api"
    ]


@pytest.mark.parametrize("address", ["8300", "localhost", "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:²"])
def test_an_address_that_is_none_is_a_usage_error(address):
    result = ess("status", "--api", address)
    assert result.exit_code == 2 and "HOST:PORT" in result.stderr


def test_a_site_without_tls_is_said_to_have_none(site):
    result = ess("status", "--api", f"https://{site.address}")
    assert result.exit_code == 2 and "speaks no TLS; leave the https:// away" in result.stderr
