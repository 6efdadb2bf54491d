"""The server as a guest of somebody's loop: bound sockets, prompt stops, clear refusals, no signals."""

import asyncio
import signal
import socket
import threading
from typing import Any

import httpx
import pytest
import uvloop

from ess_actors.core.errors import ConfigError
from ess_actors.core.messages import Message
from ess_actors.web import server
from ess_actors.web.server import GRACE_S, bind
from tests.waiting import wait_for


def stopped(served: Any) -> bool:
    """Stops the server, which waits for GRACE_S twice at most; whether it had to cut."""
    assert 2 * GRACE_S < 1.0
    served.run(served.server.stop())
    wait_for("the server to end", lambda: served.server.ended)
    return served.server.was_cut


def test_a_port_in_use_is_said_clearly() -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"cannot listen on 127\.0\.0\.1:{port}.*--api HOST:PORT"):
            bind("127.0.0.1", port)


def test_a_host_that_is_none_is_said_clearly() -> None:
    with pytest.raises(ConfigError, match=r"correct api\.host"):
        bind("256.1.1.1.invalid", 80)


def test_a_port_can_be_had_again_at_once(served: Any) -> None:
    served.client.get("/healthz")
    served.run(served.server.stop())
    bind("127.0.0.1", served.port).close()


def test_the_signals_of_the_process_are_left_alone(served: Any) -> None:
    assert served.client.get("/healthz").status_code == 200
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


BOTH_LOOPS = pytest.mark.parametrize(
    "served", [asyncio.new_event_loop, uvloop.new_event_loop], indirect=True, ids=["asyncio", "uvloop"]
)


@BOTH_LOOPS
def test_it_stops_within_a_second_with_open_streams_and_ends_them(served: Any) -> None:
    ended: list[str] = []
    listening = threading.Barrier(4)

    def listen() -> None:
        with served.client.stream("GET", "/api/listen") as answer:
            lines = answer.iter_lines()
            next(lines)
            listening.wait(5)
            ended.extend(line for line in lines if line and not line.startswith(":"))

    threads = [threading.Thread(target=listen) for _ in range(3)]
    for thread in threads:
        thread.start()
    listening.wait(5)
    stopped(served)
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
    assert ended == [] and served.site.listeners == []
    with pytest.raises(httpx.ConnectError):
        served.client.get("/healthz")


@BOTH_LOOPS
def test_it_stops_within_a_second_while_a_listener_does_not_read(served: Any) -> None:
    with served.client.stream("GET", "/api/listen") as answer:
        lines = answer.iter_lines()  # Dropping the iterator would close the stream.
        next(lines)
        body = b'"' + b"x" * 1_000_000 + b'"'

        def flood() -> None:
            for _ in range(50):
                served.site.publish(Message("pub", "/x", body))

        served.call(flood)
        (listener,) = served.site.listeners
        server = served.server._servers[0]
        wait_for("a full socket", lambda: any(c.flow.write_paused for c in server.server_state.connections))
        assert listener.waiting > 0
        assert stopped(served)
    assert served.site.listeners == []


@BOTH_LOOPS
def test_it_stops_within_a_second_while_a_request_never_ends(served: Any) -> None:
    outcome: list[str] = []

    def ask() -> None:
        try:
            served.client.post("/api/message", json={"method": "get", "uri": "/silent"})
        except httpx.HTTPError as problem:
            outcome.append(type(problem).__name__)

    thread = threading.Thread(target=ask)
    thread.start()
    wait_for("the request", lambda: served.site.seen)
    assert stopped(served)
    thread.join(5)
    assert not thread.is_alive() and len(outcome) == 1


def test_nothing_is_left_on_the_loop_after_a_stop(served: Any) -> None:
    served.client.get("/healthz")
    served.run(served.server.stop())
    served.run(served.server.stop())
    served.run(served.server.wait())

    async def others() -> int:
        return len(asyncio.all_tasks() - {asyncio.current_task()})

    assert served.run(others()) == 0


def test_bytes_that_are_not_http_do_no_harm(served: Any) -> None:
    for garbage in (b"\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\x01", b"GET\r\n\r\n", b"\xff" * 100_000):
        with socket.create_connection((served.host, served.port), 5) as client:
            client.sendall(garbage)
            client.shutdown(socket.SHUT_WR)
            client.settimeout(5)
            try:
                while client.recv(65536):
                    pass
            except ConnectionResetError:
                pass
    assert served.client.get("/healthz").status_code == 200


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: "])
def test_a_head_that_does_not_come_costs_no_connection_for_long(
    served: Any, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(server, "HEAD_LIMIT_S", 0.2)
    whole = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for before in (b"", whole) if sent else (b"",):
        with socket.create_connection((served.host, served.port), 10) as client:
            client.settimeout(10)
            client.sendall(before)
            while before and not client.recv(65536).endswith(b"}"):
                pass
            client.sendall(sent)
            assert client.recv(65536) == b"", "it is closed by the server"
    assert served.client.get("/healthz").status_code == 200


def test_a_body_behind_its_refusal_keeps_no_connection(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_LIMIT_S", 0.2)
    with socket.create_connection((served.host, served.port), 10) as client:
        client.settimeout(10)
        client.sendall(b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n")
        assert b"404" in client.recv(65536)
        client.sendall(b"12345")
        while client.recv(65536):
            pass


def test_an_answer_may_take_longer_than_the_head_of_its_request(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEAD_LIMIT_S", 0.5)
    with served.client.stream("GET", "/api/listen") as answer:
        lines = answer.iter_lines()
        assert [line for line in (next(lines) for _ in range(4)) if line.startswith(":")], (
            "said once a second"
        )
    assert served.client.get("/healthz").status_code == 200
