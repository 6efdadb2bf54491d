"""Event streams read for real: what is sent, how they end, what a slow reader is told."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from ess_actors.core.messages import Message
from ess_actors.web.app import MAX_STREAMS
from ess_actors.web.sse import record
from tests.waiting import wait_for


class Stream:
    """One open event stream; its first line has been read, so the subscription stands."""

    def __init__(self, served: Any, query: str = "") -> None:
        self._context = served.client.stream("GET", f"/api/listen{query}")
        self.answer: httpx.Response = self._context.__enter__()
        self._lines: Iterator[str] = self.answer.iter_lines()
        assert self.line() == ": listening"

    def line(self) -> str:
        """The next line that is not empty."""
        return next(line for line in self._lines if line)

    def event(self) -> dict[str, Any]:
        line = next(line for line in self._lines if line.startswith("data: "))
        tree: dict[str, Any] = orjson.loads(line.removeprefix("data: "))
        return tree

    def rest(self) -> list[str]:
        return list(self._lines)

    def close(self) -> None:
        self._context.__exit__(None, None, None)


def test_messages_below_the_asked_uris_arrive_in_order(served: Any) -> None:
    stream = Stream(served, "?uri=/assets/bms_1&uri=/events/")
    assert served.site.listeners[0].prefixes == ["/assets/bms_1", "/events"]
    for uri, body in (("/assets/bms_1/soc", 1), ("/assets/bms_10", 2), ("/events", {"a": [3]})):
        served.client.post("/api/message", json={"method": "pub", "uri": uri, "body": body})
    before = time.time()
    first, second = stream.event(), stream.event()
    assert (first["method"], first["uri"], first["body"]) == ("pub", "/assets/bms_1/soc", 1)
    assert second["body"] == {"a": [3]}
    assert abs(first["time"] - before) < 60
    assert stream.answer.headers["content-type"].startswith("text/event-stream")
    stream.close()


def test_without_a_uri_everything_arrives(served: Any) -> None:
    stream = Stream(served)
    served.client.post("/api/message", json={"method": "set", "uri": "/any", "body": None, "replyto": "/r"})
    event = stream.event()
    assert (event["uri"], event["replyto"], event["body"]) == ("/any", "/r", None)
    stream.close()


def test_a_silent_stream_is_kept_alive(served: Any) -> None:
    stream = Stream(served)
    assert [stream.line(), stream.line()] == [": alive", ": alive"]
    served.client.post("/api/message", json={"method": "pub", "uri": "/late", "body": 1})
    assert stream.event()["uri"] == "/late"
    stream.close()


def test_when_the_client_goes_its_subscription_goes(served: Any) -> None:
    stream = Stream(served)
    assert len(served.site.listeners) == 1
    stream.close()
    wait_for("the listener to be gone", lambda: served.site.listeners == [])
    wait_for("the count", lambda: dict(served.site.meter.snapshot()["ess_listeners"]) == {("web",): (0.0,)})


def test_when_the_bridge_ends_the_stream_the_client_sees_its_end(served: Any) -> None:
    stream = Stream(served)
    served.call(served.site.listeners[0].end)
    assert [line for line in stream.rest() if line and not line.startswith(":")] == []
    wait_for("the listener to be gone", lambda: served.site.listeners == [])


def test_a_slow_reader_is_told_how_much_it_missed(served: Any) -> None:
    served.site.queue_size = 3
    stream = Stream(served)

    def burst() -> None:
        for number in range(10):
            served.site.publish(Message("pub", f"/n/{number}", b"1"))

    served.call(burst)
    events = [stream.event() for _ in range(3)]
    assert [event["uri"] for event in events] == ["/n/7", "/n/8", "/n/9"]
    assert [event.get("dropped") for event in events] == [7, None, None]
    stream.close()


def test_a_client_that_never_reads_does_not_hold_up_the_others(served: Any) -> None:
    stuck, reading = Stream(served), Stream(served)
    body = orjson.dumps("x" * 100_000)

    def flood() -> None:
        for number in range(200):
            served.site.publish(Message("pub", f"/n/{number}", body))

    for _ in range(3):
        served.call(flood)
        assert reading.event()["body"] == "x" * 100_000
        assert served.client.get("/healthz").status_code == 200
    stuck.close()
    reading.close()
    wait_for("the listener to be gone", lambda: served.site.listeners == [])


def test_a_bad_uri_is_refused(served: Any) -> None:
    answer = served.client.get("/api/listen?uri=assets")
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_uri")
    assert served.site.listeners == []


def test_streams_are_bounded(served: Any) -> None:
    limits = httpx.Limits(max_connections=None)
    with httpx.Client(base_url=served.url, limits=limits, trust_env=False) as served.client:
        streams = [Stream(served) for _ in range(MAX_STREAMS)]
        answer = served.client.get("/api/listen")
        assert (answer.status_code, answer.json()["error"]) == (503, "too_many_listeners")
        streams.pop().close()
        wait_for("one to leave", lambda: len(served.site.listeners) == MAX_STREAMS - 1)
        streams.append(Stream(served))
        for stream in streams:
            stream.close()


@pytest.mark.parametrize(
    ("body", "shown"),
    [(b"", None), (b'{\n "a": 1\r\n}', {"a": 1}), (b"not\njson", "not\njson"), (b"1.50", 1.5)],
)
def test_a_record_is_one_line_whatever_the_body(body: bytes, shown: object) -> None:
    message = Message("pub", "/x", body, quality={"soc": 2}, sender="ess_1")
    raw = record(message, 12.5)
    assert raw.startswith(b"data: ") and raw.endswith(b"\n\n") and raw.count(b"\n") == 2
    tree = orjson.loads(raw[6:])
    assert tree == {
        "method": "pub",
        "uri": "/x",
        "replyto": "",
        "body": shown,
        "time": 12.5,
        "sender": "ess_1",
        "quality": {"soc": 2},
    }
