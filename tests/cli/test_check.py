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

SITE = """{"name": "one", "instances": [{"start": "start.json", "documents": "docs"}],
 "access": {"loopback": "engineer"}}"""


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
    findings = [record for record in records if "summary" not in record]
    assert {record["code"] for record in findings} >= {"subs-no-slash", "V06"}
    wanted = {"file", "line", "column", "severity", "code", "path", "text", "hint"}
    assert all(set(record) == wanted for record in findings)
    assert records[len(findings) :] == [
        {
            "summary": True,
            "file": str(folder / "server.json"),
            "kind": "server",
            "entries": 1,
            "registers": 1,
            "tables": {"input": 1},
            "units": 1,
            "sources": 1,
        }
    ]


def test_programs_get_the_load_of_a_client(folder):
    result = check(folder / "client.json", folder / "start.json", "--json")
    *_, last = [json.loads(line) for line in result.stdout.splitlines()]
    assert last == {
        "summary": True,
        "file": str(folder / "client.json"),
        "kind": "client",
        "connections": 1,
        "components": 1,
        "points": 1,
        "requests_per_cycle": 1,
        "points_per_second": 1.0,
        "bytes_per_second": 23.0,
    }


def test_people_get_a_line_about_every_modbus_file(folder):
    result = check(folder / "client.json", folder / "server.json", folder / "start.json")
    client, server, total = result.stdout.splitlines()[-3:]
    assert client == (
        f"{folder}/client.json: client, 1 component, 1 point, 1 read request per cycle, 1 points/s, 23 bytes/s"
    )
    assert server == f"{folder}/server.json: server, 1 entry in 1 register, 1 unit, 1 source"
    assert total.endswith("2 errors, 1 warning, 1 note")


def test_a_file_that_cannot_be_loaded_has_no_size(folder):
    (folder / "broken.json").write_text('{"connection": {}}')
    result = check(folder / "broken.json", "--json")
    assert result.exit_code == 2
    assert [json.loads(line)["code"] for line in result.stdout.splitlines()] == ["S02"]


def test_names_of_files_do_not_matter(folder):
    (folder / "client.json").rename(folder / "site_server.json")
    (folder / "server.json").rename(folder / "site.json")
    result = check(folder / "site_server.json", folder / "site.json")
    assert "site_server.json: client, 1 component" in result.stdout
    assert "site.json: server, 1 entry" in result.stdout


def test_what_is_no_object_is_no_modbus_file(folder):
    (folder / "list.json").write_text("[1]")
    result = check(folder / "list.json")
    assert result.exit_code == 2
    assert f"{folder}/list.json:1:1: fatal S01 $: the top level is no object" in result.stdout
    result = check(folder / "absent.json")
    assert (result.exit_code, "absent.json: fatal file-missing" in result.stdout) == (2, True)


def test_twenty_notes_of_a_kind_are_five_lines_for_people_and_twenty_for_programs(folder):
    points = ", ".join(f'{{"id": "p{n}", "offset": {n}, "colour": 1}}' for n in range(20))
    text = CLIENT.replace('{"id": "soc", "offset": 0, "scale": "ten"}', points)
    (folder / "client.json").write_text(text)
    assert check(folder / "client.json").stdout.count(" S03 ") == 5
    assert "and 15 more of S03" in check(folder / "client.json").stdout
    assert check(folder / "client.json", "--json").stdout.count('"S03"') == 20


def test_an_expanded_file_goes_to_standard_output_alone(folder):
    text = CLIENT.replace(
        '"id": "ess_1/bms_info",', '"id": "r#", "device_id_range": {"begin": 1, "end": 2, "replace": "#"},'
    )
    (folder / "client.json").write_text(text)
    result = check(folder / "client.json", "--expanded")
    assert result.exit_code == 1
    tree = json.loads(result.stdout)
    assert [(one["id"], one["device_id"]) for one in tree["components"]] == [("r01", 1), ("r02", 2)]
    assert tree["components"][1]["registers"] == [{"type": "Holding", "map": [{"id": "soc", "offset": 0}]}]
    assert " S04 " in result.stderr
    assert "2 components" in result.stderr
    (folder / "again.json").write_text(result.stdout)
    assert check(folder / "again.json").exit_code == 0
    both = json.loads(check(folder / "client.json", folder / "server.json", "--expanded").stdout)
    assert [list(one) for one in both] == [["connection", "components"], ["system", "registers"]]
    with_findings = check(folder / "client.json", "--expanded", "--json")
    assert json.loads(with_findings.stdout) == tree
    assert all(json.loads(line) for line in with_findings.stderr.splitlines())


def test_help_says_what_the_bytes_are_and_how_objects_differ():
    text = " ".join(check("--help").stdout.split())
    assert "bytes are those of Modbus frames both ways with headers and checksums" in text
    assert 'a finding, or with "summary": true the figures of one Modbus file' in text


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


def test_two_files_that_differ_about_one_endpoint_are_told(tmp_path: Path) -> None:
    for name, timeout in (("a", 0.5), ("b", 0.7), ("c", 0.5)):
        tree = {
            "connection": {"ip_address": "10.0.0.7", "transfer_timeout": timeout},
            "components": [
                {"id": name, "registers": [{"type": "holding", "map": [{"id": "x", "offset": 1}]}]}
            ],
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(tree, indent=1))
    files = [str(tmp_path / f"{name}.json") for name in "abc"]
    found = CliRunner().invoke(group, ["check", "--json", *files])
    told = [row for row in map(json.loads, found.output.splitlines()) if row.get("code") == "C22"]
    assert [(row["file"], row["line"], row["severity"]) for row in told] == [(files[1], 2, "warning")]
