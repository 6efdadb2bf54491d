"""A recording never makes the actor wait, and says what is missing in it."""

import errno
import json
import os
from pathlib import Path

import pytest

from ess_actors.actors import recorder as module
from ess_actors.actors.recorder import Recorder
from ess_actors.core.messages import Message
from ess_actors.core.recording import Call
from tests.waiting import wait_for

MADE = b'{"what":"made"}'


def _calls(count: int) -> list[Call]:
    return [Call("handle", float(n), 0.0, Message("set", f"/t/{n}", b"1")) for n in range(count)]


def _lines(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def test_lines_are_kept_in_order_and_a_second_life_is_appended(tmp_path):
    file = tmp_path / "ess_1.jsonl"
    for _ in range(2):
        recorder = Recorder(file, lambda: MADE)
        for call in _calls(1200):
            recorder.keep(call, [])
        recorder.close()
    life = ["made", *(f"/t/{n}" for n in range(1200))]
    assert [line.get("message", {}).get("uri", line["what"]) for line in _lines(file)] == life * 2


def test_a_line_that_was_cut_short_stays_alone(tmp_path):
    file = tmp_path / "ess_1.jsonl"
    file.write_bytes(b'{"what":"made"}\n{"what":"ti')
    Recorder(file, lambda: MADE).close()
    assert file.read_bytes() == b'{"what":"made"}\n{"what":"ti\n{"what":"made"}\n'


def test_what_finds_no_room_is_told_where_it_is_missing(tmp_path, monkeypatch):
    file = tmp_path / "ess_1.jsonl"
    held = module.threading.Event()

    def first() -> bytes:
        held.wait(10)
        return MADE

    monkeypatch.setattr(module, "MOST_WAITING", 3)
    recorder = Recorder(file, first)
    calls = _calls(20)
    for call in calls[:9]:
        recorder.keep(call, [])
    monkeypatch.setattr(module, "MOST_WAITING", 100)
    recorder.keep(calls[9], [])
    held.set()
    recorder.close()
    lines = _lines(file)
    kept = [line["what"] for line in lines]
    gap = lines[kept.index("gap")]["lines"]
    assert kept == ["made", *["handle"] * (9 - gap), "gap", "handle"]
    assert gap in (6, 7), "the thread may have taken the first line off the queue already"
    assert lines[-1]["message"]["uri"] == "/t/9"


def test_a_full_disk_costs_lines_and_says_how_many(tmp_path, monkeypatch):
    file = tmp_path / "ess_1.jsonl"
    write, full = os.write, True

    def fail(descriptor: int, text: bytes) -> int:
        if not full:
            return write(descriptor, text)
        if len(text) > 10:
            return write(descriptor, text[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.os, "write", fail)
    done = module.threading.Event()
    recorder = Recorder(file, lambda: MADE)
    recorder._waiting.put(lambda: (done.set(), b'{"what":"tick"}')[1])
    assert done.wait(10)
    wait_for("both lines to be given up", lambda: recorder._unwritten == 2)
    full = False
    recorder.keep(_calls(1)[0], [])
    recorder.close()
    *torn, gap, last = file.read_bytes().splitlines()
    assert json.loads(gap) == {"what": "gap", "lines": 2}
    assert json.loads(last)["what"] == "handle"
    assert torn


def test_a_folder_that_is_not_there_is_an_error_at_once(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        Recorder(tmp_path / "none" / "ess_1.jsonl", lambda: MADE)
