"""`ess-actors replay` as a user calls it: what it prints, what it remarks, and its exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ess_actors.core.ess import Ess
from ess_actors.core.messages import Message
from ess_actors.core.recording import Call, birth_line, call_line, carry_out, digest_of

ESS_ACTORS = Path(sys.executable).parent / "ess-actors"
START = {"/sysconfig/default": {"Subs": ":/shared/all", "Config": "main", "EssName": "ess_9"}}
MAIN = {
    "/t": {"x": {"value": 0, "actions": {"onSet": [{"remap": [{"fims": "set", "uri": "/b/t:x"}]}]}}},
    "/faults/ess_9": {
        "Hot": {"value": "Normal", "type": "fault", "actions": {"onSet": [{"func": [{"func": "process_sys_alarm"}]}]}}
    },
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A start file with its document, and a recording of an instance made from them."""
    (tmp_path / "start.json").write_text(json.dumps(START))
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "main.json").write_text(json.dumps(MAIN))
    ess = Ess(START, {"main": MAIN}, now=5.0, wall=1e9)
    calls = [Call("boot", 5.0, 1e9)]
    calls += [Call("handle", 6.0 + n, 1e9 + n, Message("set", "/ess_9/t/x", b"%d" % n)) for n in range(3)]
    calls.append(Call("handle", 9.5, 1e9 + 9, Message("set", "/ess_9/faults/ess_9/Hot", b'"Trip"')))
    lines = [birth_line("ess_9", digest_of(START, {"main": MAIN}, {}), 5.0, 1e9)]
    lines += [call_line(call, carry_out(ess, call)) for call in calls]
    (tmp_path / "ess_9.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    return tmp_path


def replay(folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [ESS_ACTORS, "replay", "start.json", "ess_9.jsonl", "-d", "documents"]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, timeout=30, check=False
    )


def test_hash_order_and_zone_of_the_machine_change_nothing(folder):
    once = replay(folder, PYTHONHASHSEED="1", TZ="Asia/Tokyo")
    again = replay(folder, PYTHONHASHSEED="2", TZ="America/St_Johns")
    assert (once.returncode, once.stderr) == (0, b"5 calls in 1 lives\n")
    assert once.stdout == again.stdout
    sent = [json.loads(line) for line in once.stdout.splitlines()]
    assert [m["body"] for m in sent if m["uri"] == "/b/t"] == [
        f'{{"x":{{"value":{n}}}}}' for n in (0, 0, 1, 2)
    ]
    assert any("[09/09/2001 01:46:49]" in m["body"] for m in sent if m["uri"] == "/events")


def test_other_documents_are_told_and_what_they_change_is_shown(folder):
    changed = json.loads(json.dumps(MAIN).replace("/b/t:x", "/c/t:x"))
    (folder / "documents" / "main.json").write_text(json.dumps(changed))
    done = replay(folder)
    assert done.returncode == 1
    assert b"made from other documents" in done.stderr
    assert b"4 calls were followed by other messages than recorded: 1, 2, 3, 4" in done.stderr
    assert b'"uri":"/c/t"' in done.stdout


def test_a_gap_is_told(folder):
    log = folder / "ess_9.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([*lines[:3], b'{"what":"gap","lines":1}\n', *lines[4:]]))
    done = replay(folder)
    assert done.returncode == 0
    assert b"1 calls are not in the recording" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", b"no recording"),
        (b"plain text\n", b"no recording"),
        (b'{"what":"tick","now":1,"wall":1}\n', b"ess_9.jsonl:1: no instance was made"),
        (b'{"what":"made","format":7}\n', b"format 7"),
    ],
)
def test_what_is_no_recording_ends_with_2(folder, text, said):
    (folder / "ess_9.jsonl").write_bytes(text)
    done = replay(folder)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in done.stderr


def test_an_instance_the_site_does_not_have_ends_with_2(folder):
    site = Path(__file__).parents[2] / "configs/dual_bms"
    done = subprocess.run(
        [ESS_ACTORS, "replay", site / "ess_3", folder / "ess_9.jsonl"], capture_output=True, timeout=30, check=False
    )  # fmt: skip
    assert done.returncode == 2
    assert b"no instance 'ess_3'; it has ess_1, ess_2" in done.stderr
