"""`ess-actors check`: what is printed and the exit code, for a site, for single files and for programs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ess_actors.cli.group import group

CLIENT = """{
  "connection": {"ip_address": "10.0.0.1"},
  "components": [
    {"id": "ess_1/bms_info", "registers": [
      {"type": "Holding", "map": [
        {"id": "soc", "offset": 0, "scale": "ten"}]}]}]
}
"""

SERVER = """{
  "system": {"id": "/site", "port": 1502},
  "registers": {"input_registers": [
    {"id": "faults", "offset": 1, "uri": "/site/ess_1/ess_ls", "bit_strings": [NAMES]}]}
}
""".replace("NAMES", ", ".join(f'"f{n}"' for n in range(19)))

START = '{"/sysconfig/default": {"Subs": ":/a:b", "Config": "init", "EssName": "ess_1"}}'

SITE = '{"name": "one", "instances": [{"start": "start.json", "documents": "docs"}]}'


def check(*words: str | Path) -> Result:
    return CliRunner().invoke(group, ["check", *map(str, words)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    files = {"site.json": SITE, "start.json": START, "docs/init.json": '{"/t": {"x": 1}}'}
    files |= {"client.json": CLIENT, "server.json": SERVER}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_site_with_a_warning_exits_0_and_shows_it(folder):
    result = check(folder)
    assert result.exit_code == 0, result.stdout
    lines = result.stdout.splitlines()
    assert (
        lines[0].startswith(f"{folder}/start.json:1:") and ": warning subs-no-slash $./sysconfig" in lines[0]
    )
    assert lines[-1] == f"{folder}: 1 warning"


def test_a_site_that_cannot_run_exits_2(folder):
    (folder / "docs" / "init.json").unlink()
    result = check(folder)
    assert result.exit_code == 2 and f"{folder}/docs/init.json: fatal file-missing" in result.stdout


def test_a_folder_without_a_site_exits_2(tmp_path):
    result = check(tmp_path)
    assert result.exit_code == 2 and "site.json: fatal file-missing" in result.stdout


def test_a_client_file_alone_is_checked_as_one(folder):
    result = check(folder / "client.json")
    assert result.exit_code == 1
    [line] = [line for line in result.stdout.splitlines() if " S04 " in line]
    place = f"{folder}/client.json:6:45: error S04 $.components[0].registers[0].map[0].scale: "
    assert line.startswith(place)


def test_a_server_file_alone_tells_the_names_that_are_lost(folder):
    result = check(folder / "server.json")
    assert result.exit_code == 1
    [line] = [line for line in result.stdout.splitlines() if " V06 " in line]
    assert all(name in line for name in ("f16", "f17", "f18"))


def test_a_start_file_and_a_document_alone(folder):
    assert check(folder / "start.json").exit_code == 0
    result = check(folder / "docs" / "init.json")
    assert result.exit_code == 0 and "note document-alone" in result.stdout


def test_several_paths_give_one_list_and_the_worst_code(folder):
    (folder / "broken.json").write_text('{"a" 1}')
    result = check(folder / "start.json", folder / "client.json", folder / "broken.json")
    assert result.exit_code == 2
    assert all(f"/{name}.json:" in result.stdout for name in ("start", "client", "broken"))


def test_programs_get_an_object_per_line_and_nothing_else(folder):
    result = check(folder, folder / "server.json", "--json")
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert {record["code"] for record in records} >= {"subs-no-slash", "V06"}
    wanted = {"file", "line", "column", "severity", "code", "path", "text", "hint"}
    assert all(set(record) == wanted for record in records)


def test_the_shipped_sites_have_no_fatal_finding():
    for name in ("dual_bms", "triple"):
        result = check(Path(__file__).parents[2] / "configs" / name)
        assert result.exit_code < 2, result.stdout


def test_checking_starts_nothing_and_needs_no_actor_system(folder):
    code = (
        "import sys, click.testing; from ess_actors.cli.group import group;"
        f"click.testing.CliRunner().invoke(group, ['check', {str(folder)!r}], catch_exceptions=False);"
        "print([name for name in ('thespian', 'starlette', 'uvicorn', 'pymodbus') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=dict(os.environ),
    )
    assert done.stdout == "[]\n"
