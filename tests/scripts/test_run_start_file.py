"""`ess-actors run START_FILE` before anything is started: what is wrong is told, all of it, and nothing runs."""

import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent
START = '{"/sysconfig/default": {"EssName": "ess_1", "Subs": ":/a:b", "Config": "first"}}'


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "ess-actors"), "run", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_errors_of_all_documents_are_told_with_file_and_line_and_nothing_starts(tmp_path):
    (tmp_path / "start.json").write_text(START)
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "first.json").write_text('{"/config/cfile": {"second": false}}')
    (docs / "second.json").write_text('{"/t": {"x": 1},\n "/u": }')
    (docs / "third.json").write_text('{\n\n"/t" {}}')
    done = run(tmp_path / "start.json", "-d", docs, "--state-dir", tmp_path / "state")
    assert done.returncode == 2 and done.stdout == ""
    assert "second.json:2:" in done.stderr and "third.json:3:" in done.stderr
    assert "start.json:1:" in done.stderr and "subs-no-slash" in done.stderr
    assert "nothing was started" in done.stderr and not (tmp_path / "state").exists()


def test_there_is_nothing_to_simulate(tmp_path):
    (tmp_path / "start.json").write_text(START)
    (tmp_path / "first.json").write_text("{}")
    done = run(tmp_path / "start.json", "--sim", "--state-dir", tmp_path / "state")
    assert done.returncode == 2 and "--sim" in done.stderr


def test_a_file_that_is_not_there_is_named(tmp_path):
    done = run(tmp_path / "start.json")
    assert done.returncode == 2 and "start.json" in done.stderr and "it does not exist" in done.stderr
