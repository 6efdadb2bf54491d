"""`ess-actors trace` and `ess-actors functions`: what people and programs read."""

import json

import pytest
from click.testing import CliRunner, Result

from ess_actors.cli.functions import one_liners
from ess_actors.cli.group import group
from tests.cli.conftest import ACTORS

TRACED = {
    "uri": "/t:x", "value": 3, "previous": 2, "kind": "number", "quality": "BAD", "changed": False,
    "changed_at": 1000.0, "read_by": "ess_1/bms_1", "locked": True, "also": ["/components:x"],
    "shares_value_with": [], "gate": {"open": True, "why": ""},
    "written_by": [{"from": "/t:in", "place": "onSet[0].remap[0]", "kind": "remap", "to": "/t:x",
                    "open": False, "why": "/t:gate is false"}],
    "writes": [{"from": "/t:x", "place": "onSet[0].remap[0]", "kind": "remap", "to": "/ess_2/t:y",
                "bus": "set", "open": True, "why": ""}],
    "recorded_since": 1000.0,
    "changes": [{"n": 1, "time": 1000.5, "value": 3, "by": "set /ess_1/t/x from web"}],
}  # fmt: skip
SENT = {
    "uri": "/ess_1/t:x",
    "sent_by": [{**TRACED["writes"][0], "from": "/u:z", "to": "/ess_1/t:x"}],
}


def run(*words: str) -> Result:
    return CliRunner().invoke(group, list(words))


@pytest.fixture
def traced(site, monkeypatch):
    """ess_1 has the variable, ess_2 sends to it."""
    rows = [{**row, "kind": "ess" if row["id"] == "ess_1" else ""} for row in ACTORS]
    rows.append({**rows[-1], "id": "ess_2", "kind": "ess"})
    monkeypatch.setattr("tests.cli.conftest.ACTORS", rows)
    site.plant.values["/ess_1/trace/t/x"] = json.dumps(TRACED).encode()
    site.plant.values["/ess_2/trace/ess_1/t/x"] = json.dumps(SENT).encode()
    return site


@pytest.mark.parametrize("uri", ["/ess_1/t/x", "/ess_1/t:x", "/t:x", "/t/x/"])
def test_a_trace_for_people(traced, uri):
    result = run("trace", uri)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "/t:x in ess_1"
    assert "  value       3  (number, BAD)" in lines
    assert "  read by     ess_1/bms_1" in lines
    assert "    /t:in  remap onSet[0].remap[0] -> /t:x  closed (/t:gate is false)" in lines
    assert "    ess_2 /u:z  remap onSet[0].remap[0] -> set /ess_1/t:x  open" in lines
    assert "    remap onSet[0].remap[0] -> set /ess_2/t:y  open" in lines
    assert lines[-1].endswith("  3  by set /ess_1/t/x from web")


def test_a_trace_for_programs(traced):
    (line,) = run("trace", "/ess_1/t/x", "--json").output.splitlines()
    told = json.loads(line)
    assert told["instance"] == "ess_1" and told["written_by"] == TRACED["written_by"]
    assert told["sent_by"][0]["instance"] == "ess_2"


def test_a_trace_of_nothing_ends_with_1_and_near_names(traced):
    result = run("trace", "/ess_1/t/y")
    assert result.exit_code == 1 and "not_found" in result.output


def test_following_prints_what_is_new_until_it_is_ended(traced, monkeypatch):
    rounds = iter([1, 2])

    def pause(_: float) -> None:
        if next(rounds, None) is None:
            raise KeyboardInterrupt
        changes = [*TRACED["changes"], {"n": 2, "time": 1001.0, "value": 4, "by": "the scheduler"}]
        traced.plant.values["/ess_1/trace/t/x@changes"] = json.dumps({**TRACED, "changes": changes}).encode()

    monkeypatch.setattr("time.sleep", pause)
    result = run("trace", "/t:x", "--follow")
    assert result.exit_code == 0, result.output
    assert result.output.count("by the scheduler") == 1
    assert result.output.count("by set /ess_1/t/x from web") == 1


def test_every_function_has_its_line():
    known = one_liners()
    assert {"CalculateVar", "process_sys_alarm", "RunPub", "HandleCmd"} <= set(known)
    assert [name for name, text in known.items() if not text or len(text) > 160] == []
    result = run("functions")
    assert result.exit_code == 0
    assert len(result.output.splitlines()) == len(known) + 1
    assert json.loads(run("functions", "--json").output) == known
