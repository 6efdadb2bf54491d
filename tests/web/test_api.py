"""The operator API over real HTTP: what works, and what every wrong request is told."""

from typing import Any

import httpx
import orjson
import pytest

from ess_actors.web.answers import message_answer, near
from ess_actors.web.bridge import Answer

JSON = {"content-type": "application/json"}


def refused(answer: httpx.Response, code: int, error: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["error"]) == (code, error), body
    assert len(body["text"]) > 10
    assert answer.headers["content-type"] == "application/json"
    return body


def test_health_and_status(served: Any) -> None:
    assert served.client.get("/healthz").json() == {"status": "ok"}
    status = served.client.get("/api/status").json()
    assert [row["id"] for row in status["actors"]][:2] == ["ess_1", "ess_1/bms_1"]


def test_ready_only_when_the_bridge_says_so(served: Any) -> None:
    assert served.client.get("/readyz").json()["ready"] is True
    served.site.states["ess_1/pcs"] = "BACKOFF"
    body = refused(served.client.get("/readyz"), 503, "not_ready")
    assert [row["id"] for row in body["missing"]] == ["ess_1/pcs"]
    assert "ess_1/pcs is BACKOFF" in body["text"]
    assert served.client.get("/healthz").status_code == 200


def test_a_set_is_stored_and_read_back_with_its_numbers_intact(served: Any) -> None:
    value = {"value": 12.340000000000001, "big": 2**63, "text": "ü", "none": None}
    message = {"method": "set", "uri": "/assets//pcs/limits/", "body": value, "replyto": "/me"}
    assert served.client.post("/api/message", json=message).json() == {"reply": value}
    sent = served.site.seen[-1]
    assert (sent.method, sent.uri, sent.replyto, sent.explain) == ("set", "/assets/pcs/limits", "/me", True)
    answer = served.client.post("/api/message", json={"method": "get", "uri": "/assets/pcs/limits"})
    assert answer.json() == {"reply": value}
    assert served.site.seen[-1].body == b""


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}])
def test_every_json_value_is_a_body(served: Any, value: object) -> None:
    answer = served.client.post("/api/message", json={"method": "pub", "uri": "/x", "body": value})
    assert answer.json() == {"reply": value}


def test_an_unknown_uri_gets_near_names(served: Any) -> None:
    answer = served.client.post("/api/message", json={"method": "get", "uri": "/assets/ess/summary/sok"})
    assert refused(answer, 404, "not_found")["near"] == ["/assets/ess/summary/soc"]


def test_a_blocked_uri_is_refused_with_the_way_out(served: Any) -> None:
    answer = served.client.post(
        "/api/message", json={"method": "set", "uri": "/assets/ess/limits", "body": 1}
    )
    assert "/blockeduris" in refused(answer, 403, "blocked")["text"]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "bad_json"),
        (b"{not json", "bad_json"),
        (b"[1]", "bad_json"),
        (b"\xff\xfe", "bad_json"),
        (b'{"uri":"/x"}', "bad_request"),
        (b'{"method":"get"}', "bad_request"),
        (b'{"method":"set","uri":"/x"}', "bad_request"),
        (b'{"method":7,"uri":"/x"}', "bad_request"),
        (b'{"method":"get","uri":"/x","reply_to":"/y"}', "bad_request"),
        (b'{"method":"delete","uri":"/x"}', "bad_method"),
        (b'{"method":"get","uri":"x"}', "bad_uri"),
        (b'{"method":"get","uri":"/x\\n"}', "bad_uri"),
        (b'{"method":"get","uri":"/x","replyto":"y"}', "bad_uri"),
    ],
)
def test_a_message_that_is_none_is_told_what_to_do(served: Any, content: bytes, error: str) -> None:
    refused(served.client.post("/api/message", content=content, headers=JSON), 400, error)
    assert served.site.seen == []


@pytest.mark.parametrize("size", [1024 * 1024, 6 * 1024 * 1024])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_one_mebibyte_is_refused_readably(served: Any, size: int, chunked: bool) -> None:
    content = b'{"method":"pub","uri":"/x","body":"' + b"x" * size + b'"}'
    sent = iter([content[:70000], content[70000:]]) if chunked else content
    refused(served.client.post("/api/message", content=sent, headers=JSON), 413, "too_large")


def test_a_body_just_below_the_limit_is_taken(served: Any) -> None:
    body = "x" * (1024 * 1024 - 100)
    answer = served.client.post("/api/message", json={"method": "pub", "uri": "/x", "body": body})
    assert answer.json() == {"reply": body}


@pytest.mark.parametrize("path", ["ess_1/bms_1", "ess_1%2Fbms_1"])
def test_orders_reach_actors_whose_id_has_slashes(served: Any, path: str) -> None:
    assert served.client.post(f"/api/actors/{path}/stop").json() == {"id": "ess_1/bms_1", "state": "STOPPED"}
    assert served.client.post(f"/api/actors/{path}/start").json()["state"] == "RUNNING"
    assert served.client.post(f"/api/actors/{path}/restart").status_code == 200
    assert served.site.restarts["ess_1/bms_1"] == 1
    refused(served.client.post(f"/api/actors/{path}/start"), 409, "running")


def test_an_unknown_actor_gets_near_names_and_an_unknown_order_the_known_ones(served: Any) -> None:
    body = refused(served.client.post("/api/actors/ess_1/bms_2/restart"), 404, "not_found")
    assert {"ess_1/bms_1", "ess_2/bms_2"} <= set(body["near"])
    assert (
        refused(served.client.post("/api/actors/bms_2/restart"), 404, "not_found")["near"][0] == "ess_2/bms_2"
    )
    assert (
        "restart, stop, start"
        in refused(served.client.post("/api/actors/ess_1/kill"), 400, "bad_verb")["text"]
    )


@pytest.mark.parametrize(
    ("status", "code"),
    [("no_answer", 504), ("not_running", 503), ("bad_value", 400), ("already_running", 409), ("odd", 502)],
)
def test_every_status_of_an_answer_gets_a_code_and_keeps_what_was_said(status: str, code: int) -> None:
    answer = message_answer(Answer(status, b'{"error":"inner","text":"say why","near":["/a"]}'))
    assert answer.status_code == code
    assert orjson.loads(answer.body) == {"error": status, "text": "say why", "near": ["/a"]}
    for body in (b"", b"[1]", b"not json"):
        tree = orjson.loads(message_answer(Answer(status, body)).body)
        assert tree["error"] == status and tree["text"]


def test_near_always_offers_something_known() -> None:
    assert near("zzz", ["a", "b"]) == ["a", "b"]
    assert near("ess_1", ["ess_1/pcs", "web"])[0] == "ess_1/pcs"
    assert near("x", []) == []


def test_simulator_orders_are_checked_before_they_are_passed_on(served: Any) -> None:
    post = served.client.post
    assert post("/api/sim/bms_1/points", json={"info/soc": 50}).json() == {"set": {"info/soc": 50}}
    assert post("/api/sim/bms_1/fault", json={"kind": "delay", "seconds": 1}).json()["fault"]["seconds"] == 1
    assert refused(post("/api/sim/bms_9/points", json={"a/b": 1}), 404, "refused")["near"] == ["bms_1"]
    refused(post("/api/sim/bms_1/points", json={}), 400, "bad_request")
    assert (
        "freeze" in refused(post("/api/sim/bms_1/fault", json={"kind": "melt"}), 400, "bad_request")["text"]
    )
    refused(post("/api/sim/bms_1/fault", json={"kind": ["offline"]}), 400, "bad_request")


def test_alarms_and_journal(served: Any) -> None:
    assert served.client.get("/api/alarms").json()["alarms"][0]["severity"] == 4
    for number in range(3):
        served.client.post("/api/message", json={"method": "pub", "uri": f"/n/{number}", "body": number})
    records = served.client.get("/api/journal?limit=2").json()["records"]
    assert records == [{"uri": "/n/2"}, {"uri": "/n/1"}]
    padded = ("000", "000000001" + "9" * 30, "0" * 5000 + "10001")
    for limit in ("0", "-1", "x", "10001", "²", "9" * 5000, *padded):
        refused(served.client.get("/api/journal", params={"limit": limit}), 400, "bad_limit")


def test_what_is_not_served_is_listed(served: Any) -> None:
    assert "GET /api/status" in refused(served.client.get("/api/nothing"), 404, "not_found")["routes"]
    refused(served.client.get("/api/message"), 405, "method_not_allowed")
    refused(served.client.post("/healthz"), 405, "method_not_allowed")


def test_a_defect_behind_the_bridge_is_one_answer_and_the_server_goes_on(served: Any) -> None:
    body = refused(
        served.client.post("/api/message", json={"method": "get", "uri": "/defect"}), 500, "internal"
    )
    assert "ZeroDivisionError" in body["text"]
    assert served.client.get("/healthz").status_code == 200


def test_a_page_of_another_site_may_not_write(served: Any) -> None:
    message = {"method": "pub", "uri": "/x", "body": 1}

    def posted(origin: str, host: str) -> httpx.Response:
        headers = {"origin": origin, "host": host}
        answer: httpx.Response = served.client.post("/api/message", json=message, headers=headers)
        return answer

    own = f"{served.host}:{served.port}"
    refused(posted("http://evil.example", own), 403, "foreign_origin")
    refused(posted("http://evil.example", "evil.example"), 403, "foreign_origin")
    refused(posted("null", own), 403, "foreign_origin")
    assert posted(served.url, own).status_code == 200
    assert served.client.get("/api/status", headers={"origin": "http://evil.example"}).status_code == 200


def test_answers_are_counted_by_code(served: Any) -> None:
    for path in ("/healthz", "/healthz", "/nothing"):
        served.client.get(path)
    counted = dict(served.site.meter.snapshot()["ess_http_requests_total"])
    assert counted == {("web", "200"): (2.0,), ("web", "404"): (1.0,)}


def test_a_message_may_be_sent_as_a_bare_body(served: Any) -> None:
    post = served.client.post
    query = {"method": "set", "uri": "/t/x", "replyto": "/me"}
    answer = post("/api/send", params=query, content=b'\xef\xbb\xbf  {"value": 1.50}\n')
    assert answer.status_code == 200
    (message,) = served.site.seen
    assert (message.method, message.uri, message.replyto) == ("set", "/t/x", "/me")
    assert orjson.loads(message.body) == {"value": 1.5} and orjson.loads(answer.content) is not None
    refused(post("/api/send", params=query, content=b"Clear"), 400, "bad_body")
    refused(post("/api/send", params=query, content=b'1,"uri":"/y"'), 400, "bad_body")
    refused(post("/api/send", params=query), 400, "bad_request")
    refused(post("/api/send", params={"method": "set"}, content=b"1"), 400, "bad_request")
    refused(post("/api/send", params={**query, "method": "drop"}, content=b"1"), 400, "bad_method")
    # What is no JSON is refused here, and counted by whoever hears it.
    assert [one.body for one in served.site.seen] == [b'{"value":1.50}', b"Clear", b'1,"uri":"/y"']


def test_what_is_sent_to_nobody_is_sent_all_the_same(served: Any) -> None:
    post = served.client.post
    for status in ("no_subscriber", "not_found", "blocked"):
        served.site.answer = Answer(status, b'{"text":"nobody"}')
        for method in ("set", "pub", "post"):
            answer = post("/api/send", params={"method": method, "uri": "/no"}, content=b"1")
            assert (answer.status_code, answer.content) == (200, b"")
        for query in ({"method": "get"}, {"method": "set", "replyto": "/me"}):
            assert post("/api/send", params={"uri": "/no", **query}, content=b"1").status_code >= 400
        assert post("/api/message", json={"method": "set", "uri": "/no", "body": 1}).status_code >= 400
    served.site.answer = Answer("refused", b"{}")
    assert post("/api/send", params={"method": "set", "uri": "/no"}, content=b"1").status_code == 409


def test_an_accepted_document_brings_its_findings(served: Any) -> None:
    said = b'{"reply":{"/t":{}},"findings":[{"code":"c"}]}'
    served.site.answer = Answer("flawed", said)
    query = {"method": "set", "uri": "/ess_1/cfg/cfile/a/d"}
    answer = served.client.post("/api/send", params=query, content=b' {"/t":{},}\n')
    assert (answer.status_code, answer.content) == (202, said)
    assert served.site.seen[-1].body == b' {"/t":{},}\n', "its checksum is that of what was sent"
    answer = served.client.post("/api/message", json={**query, "body": {}})
    assert (answer.status_code, answer.json()) == (200, orjson.loads(said))


def test_a_bare_body_travels_as_it_was_written(served: Any) -> None:
    query = {"method": "set", "uri": "/t/x"}
    for sent, got in ((b" -1.5e3\n", b"-1.5e3"), (b'{ "a b" :\n "c \\" d" }', b'{"a b":"c \\" d"}')):
        served.client.post("/api/send", params=query, content=sent)
        assert served.site.seen[-1].body == got
