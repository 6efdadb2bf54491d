"""`ess-actors listen`, and what the client makes of a stream or of something that is no operator API."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from ess_actors.cli.address import parse_address
from ess_actors.cli.api_client import Api
from ess_actors.cli.errors import NothingRuns
from ess_actors.cli.group import group
from ess_actors.cli.listen import line_of


@contextmanager
def answering(reply: bytes) -> Iterator[str]:
    """A listener that answers one connection with these bytes, whatever is asked, and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def once() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(reply)

        thread = threading.Thread(target=once, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join(10)


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnope\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
    ],
)
def test_something_else_at_the_address_is_said(reply):
    with answering(reply) as address, pytest.raises(NothingRuns, match="is no operator API"):
        Api(parse_address(address)).get("/api/status")


def test_an_answer_that_breaks_off_is_said():
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
    with answering(reply) as address, pytest.raises(NothingRuns, match="broke off"):
        Api(parse_address(address)).get("/api/status")


def test_silence_is_a_time_out():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(NothingRuns, match="no answer"):
            Api(parse_address(address), timeout_s=0.05).get("/api/status")


def test_a_stream_is_read_event_by_event():
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    body = (
        b': hello\n\ndata: {"uri":"/a"}\n\n: alive\n\nevent: dropped\ndata: {"dropped":3}\n\n'
        b'data: {"uri":\ndata: "/b"}\n\ndata: {"uri":"/half"'
    )
    with answering(head + body) as address:
        records = list(Api(parse_address(address)).listen(["/"]))
    assert records == [{"uri": "/a"}, {"dropped": 3}, {"uri": "/b"}]


def test_the_end_of_the_stream_is_said_and_exits_2():
    with answering(b"HTTP/1.1 200 OK\r\n\r\n") as address:
        result = CliRunner().invoke(group, ["listen", "--api", address])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "ess-actors: the site ended the stream\n"


@pytest.mark.parametrize("text", ["[::1]:8300", "http://[::1]:8300/"])
def test_addresses_of_version_6_keep_their_colons(text):
    assert parse_address(text) == ("::1", 8300)
    assert str(parse_address(text)) == "[::1]:8300"


def test_a_line_has_time_method_uri_body_and_replyto():
    record = {"method": "set", "uri": "/a", "body": {"x": 1}, "replyto": "/me", "time": 1_763_800_000.25}
    assert line_of(record)[9:] == '250 set  /a {"x":1} -> /me'


def test_listen_prints_one_line_per_message_until_ctrl_c(site):
    command = [sys.executable, "-m", "ess_actors", "listen", "/ess_1", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert site.plant.listening.wait(20)
        assert site.plant.streams[0].prefixes == ("/ess_1",)
        Api(parse_address(site.address)).message("pub", "/ess_1/t", '{"x":1}')
        record = json.loads(process.stdout.readline())
        os.kill(process.pid, signal.SIGINT)
        rest, complaint = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert (record["method"], record["uri"], record["body"]) == ("pub", "/ess_1/t", {"x": 1})
    assert (process.returncode, rest, complaint) == (0, "", "")
