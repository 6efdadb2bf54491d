"""`fims_send` and `fims_listen` as plant scripts call them: real processes, flags, output, exit codes."""

import ast
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from ess_actors.cli.fims_listen import record_text
from ess_actors.cli.fims_send import UsageError, parse


def send(*words: str, api: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({"ESS_ACTORS_API": api} if api else {})}
    command = [sys.executable, "-m", "ess_actors.cli.fims_send", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_get_prints_the_bare_reply(site):
    done = send("-m", "get", "-r", "/me", "-u", "/ess_1/status/bms_1/SOC")
    assert (done.returncode, done.stdout, done.stderr) == (0, "55.5\n", "")


def test_set_with_a_replyto_prints_the_echo_and_passes_the_replyto(site):
    done = send("-u", "/ess_1/t/x", "-r", "/4711", '  {"value": 3}  ', "-m", "set")
    assert (done.returncode, done.stdout) == (0, '{"x":{"value":3}}\n')
    assert site.plant.messages[0].replyto == "/4711"


def test_set_without_a_replyto_prints_nothing(site):
    done = send("-m", "set", "-u", "/ess_1/t/x", "-5")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert site.plant.values["/ess_1/t/x"] == b"-5"


def test_pub_and_post_go_out_as_such(site):
    assert send("-mpub", "-u/ess_1/t", '{"x":1}').returncode == 0
    assert send("-m", "post", "-u", "/events", '{"message":"hi"}').returncode == 0
    assert [m.method for m in site.plant.messages] == ["pub", "post"]


def test_the_body_comes_from_a_file(site, tmp_path):
    file = tmp_path / "body.json"
    file.write_text('\ufeff{\n  "x": [1, 2],\n  "y": "ü"\n}\n', encoding="utf-8")
    assert send("-m", "set", "-f", str(file), "-u", "/ess_1/t").returncode == 0
    assert json.loads(site.plant.values["/ess_1/t"]) == {"x": [1, 2], "y": "ü"}


def test_nothing_found_exits_1_with_a_message(site):
    done = send("-m", "get", "-r", "/me", "-u", "/ess_1/nope")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("fims_send: not_found: ")


def test_a_body_that_is_no_json_exits_1(site):
    done = send("-m", "set", "-u", "/ess_1/t/x", "Clear")
    assert done.returncode == 1 and "not JSON" in done.stderr
    assert [one.body for one in site.plant.messages] == [b"Clear"], "whoever hears it counts it"


def test_a_missing_file_exits_1(site, tmp_path):
    done = send("-m", "set", "-u", "/t", "-f", str(tmp_path / "none.json"))
    assert done.returncode == 1 and "none.json" in done.stderr


def test_nothing_running_exits_2(nowhere):
    done = send("-m", "get", "-u", "/x", api=nowhere)
    assert done.returncode == 2
    assert done.stderr == (
        f"fims_send: nothing answers at {nowhere}; start a site with `ess-actors run SITE_DIR`"
        " or say where with ESS_ACTORS_API\n"
    )


@pytest.mark.parametrize(
    "words",
    [[], ["-m", "set"], ["-u", "/x"], ["-m", "delete", "-u", "/x"], ["-m", "set", "-u", "/x", "1", "2"],
     ["-m", "set", "-u", "/x", "-f", "file", "1"], ["-m", "get", "-u"], ["-m", "get", "-u", "/x", "-x"]],
)  # fmt: skip
def test_wrong_flags_are_refused(words):
    with pytest.raises(UsageError):
        parse(words)


def listening(site, *words: str) -> subprocess.Popen[str]:
    """A running fims_listen whose subscription stands."""
    command = [sys.executable, "-m", "ess_actors.cli.fims_listen", *words]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    if not site.plant.listening.wait(20):
        process.kill()
        raise AssertionError(process.communicate())
    return process


def test_listen_prints_records_and_ends_with_ctrl_c(site):
    process = listening(site, "-u", "/ess_1/t", "-u", "/other")
    try:
        assert send("-m", "set", "-r", "/me", "-u", "/ess_1/t/x", '{"value":1}').returncode == 0
        assert send("-m", "set", "-u", "/ess_1/t2/x", "2").returncode == 0
        assert send("-m", "pub", "-u", "/other/y", "[]").returncode == 0
        lines = [process.stdout.readline() for _ in range(12)]
        process.send_signal(signal.SIGINT)
        rest, complaint = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert lines[:4] == [
        "Method:       set\n",
        "Uri:          /ess_1/t/x\n",
        "ReplyTo:      /me\n",
        'Body:         {"value":1}\n',
    ]
    assert re.fullmatch(r"Timestamp:    \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\n", lines[4])
    assert lines[5] == "\n"
    assert lines[6:8] == ["Method:       pub\n", "Uri:          /other/y\n"]
    assert (process.returncode, rest, complaint) == (0, "", "")


def test_listen_ends_when_its_reader_closes_the_pipe(site):
    process = listening(site)
    try:
        assert send("-m", "pub", "-u", "/a", "1").returncode == 0
        assert process.stdout.readline() == "Method:       pub\n"
        process.stdout.close()
        for _ in range(2):
            assert send("-m", "pub", "-u", "/a", "2").returncode == 0
        assert process.wait(20) == 0
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_a_record_without_reply_and_body_keeps_its_lines():
    text = record_text({"method": "get", "uri": "/a", "replyto": "", "body": None, "time": 0})
    assert text.splitlines()[:4] == ["Method:       get", "Uri:          /a", "ReplyTo:", "Body:"]
    assert text.endswith("\n\n")


def test_a_body_behind_two_dashes_is_a_body(site):
    assert send("-m", "set", "-u", "/ess_1/t/x", "--", "-5").returncode == 0
    assert site.plant.values["/ess_1/t/x"] == b"-5"


def test_a_body_cannot_smuggle_anything_else_in(site):
    done = send("-m", "set", "-u", "/ess_1/t/x", '1,"replyto":"/y"')
    assert done.returncode == 1
    # Whoever hears it counts it as the rubbish it is.
    assert [(one.replyto, one.body) for one in site.plant.messages] == [("", b'1,"replyto":"/y"')]


def test_del_needs_no_body(site):
    assert send("-m", "del", "-u", "/ess_1/t/x").returncode == 0
    assert [(m.method, m.body) for m in site.plant.messages] == [("del", b"")]


def test_uris_and_bodies_travel_whole(site):
    uri, body = "/ess_1/t ü%&=#?+".replace(" ", "_"), '"Grüße, 100 % & mehr"'
    done = send("-m", "set", "-r", "/$$", "-u", uri, body)
    assert (done.returncode, done.stderr) == (0, "")
    (message,) = site.plant.messages
    assert (message.uri, message.body.decode(), message.replyto) == (uri, body, "/$$")


def test_a_document_of_several_megabytes_goes_through(site, tmp_path):
    file = tmp_path / "large.json"
    file.write_text(json.dumps({f"/t{n}": {"x": "y" * 1000} for n in range(4000)}))
    assert send("-m", "set", "-f", str(file), "-u", "/ess_1/cfg/cfile/ess/large").returncode == 0
    assert len(site.plant.values["/ess_1/cfg/cfile/ess/large"]) > 4_000_000


def test_a_send_imports_nothing_heavy(site):
    """Scripts call it a thousand times: these modules would cost more than the message."""
    code = (
        "import sys; before = set(sys.modules); from ess_actors.cli.fims_send import main;"
        "main(['-m', 'get', '-r', '/me', '-u', '/ess_1/status/bms_1/SOC']);"
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    reply, loaded = done.stdout.splitlines()
    assert reply == "55.5"
    heavy = {"json", "http.client", "socket", "ssl", "argparse", "dataclasses", "click", "orjson", "signal"}
    assert heavy.isdisjoint(ast.literal_eval(loaded))
