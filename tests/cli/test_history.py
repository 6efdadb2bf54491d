"""`ess-actors history` against an operator API."""

import json

import pytest
from click.testing import CliRunner

from ess_actors.cli.group import group
from ess_actors.core.errors import RequestError
from tests.cli.conftest import Running
from tests.web.small_history import NOW, SOC


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(group, ["history", *arguments])
    return done.exit_code, done.output


def test_a_table_of_what_a_point_had(site: Running) -> None:
    code, text = run(SOC, "--since", "2000d")
    assert code == 0 and text.splitlines()[0].startswith(f"{SOC}  (")
    code, text = run(SOC, "--since", "2025-11-22T08:26:00+00:00", "--until", "2025-11-22T08:27:00+00:00")
    lines = [line.split()[2:] for line in text.splitlines()[2:]]
    assert code == 0 and lines == [
        ["55.5", "55.5", "55.5", "GOOD"], ["-", "-", "-", "BAD"], ["56", "56", "56", "UNCERTAIN"],
    ]  # fmt: skip
    (trend,) = site.plant.history.asked[1:]
    assert (trend.since, trend.until, trend.samples) == (NOW - 60, NOW, 60)


def test_for_programs(site: Running) -> None:
    span = ("--since", "2025-11-22T08:26:00+00:00", "--until", "2025-11-22T08:27:00+00:00")
    one = json.loads(run(SOC, *span, "--json")[1])
    assert one["point"] == SOC and len(one["rows"]) == 3
    lines = run(SOC, *span, "--csv")[1].splitlines()
    assert lines[0].startswith("point,time") and len(lines) == 4


def test_points_are_listed(site: Running) -> None:
    code, text = run("--find", "soc")
    assert code == 0 and text.split()[4:7] == [SOC, "56", "UNCERTAIN"]
    assert json.loads(run("--json")[1])["point"] == SOC
    assert run("--find", "nothing") == (0, "no point\n")


def test_refusals(site: Running) -> None:
    code, text = run(SOC, "--since", "yesterday")
    assert code == 2 and "write 30m, 12h or 7d" in text
    assert run("--csv")[0] == 2 and run(SOC, "--since", "1h", "--until", "2h")[0] == 2
    site.plant.history.problem = RequestError("not_found", "history has no such point")
    assert run(SOC) == (1, "ess-actors: not_found: history has no such point\n")


def test_where_nothing_runs(nowhere: str) -> None:
    code, text = run(SOC, "--api", nowhere)
    assert code == 2 and "nothing answers" in text


@pytest.mark.parametrize("text", ["5", "1y", "", "-1h"])
def test_no_time(site: Running, text: str) -> None:
    assert run(SOC, "--since", text)[0] == 2
