"""Alarms over real HTTP: what reaches the desk, and what every wrong request is told."""

from typing import Any

import httpx
import pytest

from ess_actors.core.alarm_history import Transition, TransitionFilter
from tests.alarm_desk import T0
from tests.web.test_api import refused

HOT = "ess_2:fault:/faults/bms_2:BMS_2_OverTemp"


def post(served: Any, path: str, body: object, **headers: str) -> httpx.Response:
    answer: httpx.Response = served.client.post(f"/api/alarms{path}", json=body, headers=headers)
    return answer


def test_the_list_has_what_readers_of_old_look_for_and_what_is_not_known(served: Any) -> None:
    served.site.alarm_desk.unknown = ["ess_3"]
    body = served.client.get("/api/alarms").json()
    assert (body["flood"], body["unknown"]) == (False, ["ess_3"])
    old = {"instance", "type", "severity", "asset", "source", "message", "value", "state", "since", "count"}
    assert old <= body["alarms"][0].keys()


@pytest.mark.parametrize(
    ("verb", "more"),
    [
        ("ack", {}),
        ("shelve", {"minutes": 30, "why": " sensor "}),
        ("unshelve", {}),
        ("out_of_service", {"why": "sensor"}),
        ("in_service", {}),
    ],
)
def test_an_order_reaches_the_desk_with_who_and_from_where(
    served: Any, verb: str, more: dict[str, Any]
) -> None:
    answer = post(served, f"/{verb}", {"ids": [HOT, HOT], **more}, **{"X-Operator": "eve"})
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "results": {HOT: "done"}, "text": "1 of 1 done"}
    ((asked, ids, by, minutes, why),) = served.site.alarm_desk.calls
    assert (asked, ids, minutes, why) == (verb, [HOT], more.get("minutes"), more.get("why", "").strip())
    assert by == ("eve", "127.0.0.1")


def test_all_may_be_acknowledged_at_once_but_not_shelved(served: Any) -> None:
    assert post(served, "/ack", {"all": True}).json()["status"] == "ok"
    assert served.site.alarm_desk.calls[0][:2] == ("ack", None)
    refused(post(served, "/shelve", {"all": True, "minutes": 1, "why": "x"}), 400, "bad_request")
    assert len(served.site.alarm_desk.calls) == 1


@pytest.mark.parametrize(
    ("path", "body", "word"),
    [
        ("/ack", {}, "no alarm given"),
        ("/ack", {"ids": []}, "no alarm given"),
        ("/ack", {"ids": "x"}, "no alarm given"),
        ("/ack", {"ids": [7]}, "no alarm given"),
        ("/ack", {"ids": [""]}, "no alarm given"),
        ("/ack", {"ids": ["x"], "all": True}, "one of them"),
        ("/ack", {"all": 1}, "one of them"),
        ("/ack", {"ids": ["x"], "why": "y"}, "unknown member why"),
        ("/ack", {"ids": ["x"] * 10_001}, "too many"),
        ("/shelve", {"ids": ["x"], "why": "y"}, "ends by itself"),
        ("/shelve", {"ids": ["x"], "why": "y", "minutes": 0}, "ends by itself"),
        ("/shelve", {"ids": ["x"], "why": "y", "minutes": 10_081}, "ends by itself"),
        ("/shelve", {"ids": ["x"], "why": "y", "minutes": True}, "ends by itself"),
        ("/shelve", {"ids": ["x"], "minutes": 1}, "why is missing"),
        ("/shelve", {"ids": ["x"], "minutes": 1, "why": " "}, "why is missing"),
        ("/shelve", {"ids": ["x"], "minutes": 1, "why": 7}, "make it a string"),
        ("/shelve", {"ids": ["x"], "minutes": 1, "why": "y" * 501}, "shorten"),
        ("/out_of_service", {"ids": ["x"]}, "why is missing"),
        ("/clear", {"asset": "a/b"}, "is none"),
        ("/clear", {"asset": 7}, "make it a string"),
        ("/clear", {"assets": "ess"}, "unknown member"),
    ],
)
def test_what_is_no_order_is_refused_with_the_way_out(
    served: Any, path: str, body: object, word: str
) -> None:
    assert word in refused(post(served, path, body), 400, "bad_request")["text"]
    assert served.site.alarm_desk.calls == []


def test_an_unknown_alarm_is_an_error_that_still_says_what_came_of_each(served: Any) -> None:
    body = refused(post(served, "/ack", {"ids": ["ess_9:x:y"]}), 404, "not_found")
    assert (body["status"], body["results"]) == ("refused", {"ess_9:x:y": "not found"})
    assert post(served, "/ack", {"ids": ["ess_9:x:y", HOT]}).json()["status"] == "partly"


def test_a_clear_gives_its_result_and_its_refusal(served: Any) -> None:
    desk = served.site.alarm_desk
    refused(post(served, "/clear", {}), 404, "not_found")
    desk.clear_result = 200, {"text": "14 of 15 cleared", "members": []}
    assert post(served, "/clear", {"asset": "bms_1"}).json()["text"] == "14 of 15 cleared"
    assert [call[:2] for call in desk.calls] == [("clear", ""), ("clear", "bms_1")]


def test_orders_of_a_foreign_page_are_refused(served: Any) -> None:
    for path in ("ack", "shelve", "unshelve", "out_of_service", "in_service", "clear"):
        refused(post(served, f"/{path}", {"all": True}, Origin="http://evil.example"), 403, "foreign_origin")
    assert served.site.alarm_desk.calls == []


def test_figures_are_those_of_the_desk(served: Any) -> None:
    desk = served.site.alarm_desk
    desk.steps = [
        Transition(T0 + n, f"a{n}", "ess_1", "x", "normal", "unacknowledged_active", "", "", "", "low")
        for n in range(11)
    ]
    body = served.client.get("/api/alarms/figures").json()
    assert (body["per_10_min"], body["per_operator_hour"], body["flood"]["now"]) == (11, 11.0, True)
    assert {
        "at",
        "flood",
        "top",
        "chattering",
        "stale",
        "standing",
        "shelved",
        "suppressed",
        "out_of_service",
    } <= set(body)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, TransitionFilter()),
        ({"since": "100", "until": "200.5"}, TransitionFilter(100.0, 200.5)),
        ({"since": "2026-11-23T14:00:00+01:00"}, TransitionFilter(1795438800.0)),
        (
            {"instance": "ess_2", "priority": "high", "text": "temp", "limit": "7"},
            TransitionFilter(None, None, "ess_2", "high", "temp", 7),
        ),
    ],
)
def test_history_is_asked_for_by_every_filter(
    served: Any, query: dict[str, str], wanted: TransitionFilter
) -> None:
    step = Transition(T0, "ess_1:alarm:x", "ess_1", "x", "normal", "shelved", "eve", "why", "2.5", "low")
    served.site.alarm_desk.steps = [step]
    answer = served.client.get("/api/alarms/history", params=query)
    assert answer.json() == {"transitions": [step.as_row()]}
    assert served.site.alarm_desk.wanted == [wanted]


def test_a_time_zone_whose_plus_sign_was_not_escaped_is_understood(served: Any) -> None:
    assert served.client.get("/api/alarms/history?since=2026-11-23T14:00:00+01:00").status_code == 200
    assert served.site.alarm_desk.wanted[0].since == 1795438800.0


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("since=yesterday", "bad_time"),
        ("until=nan", "bad_time"),
        ("since=-1", "bad_time"),
        ("since=1e300", "bad_time"),
        ("priority=urgent", "bad_request"),
        ("limit=0", "bad_limit"),
        ("limit=10001", "bad_limit"),
    ],
)
def test_wrong_filters_are_refused(served: Any, query: str, error: str) -> None:
    refused(served.client.get(f"/api/alarms/history?{query}"), 400, error)
    assert served.site.alarm_desk.wanted == []


def test_without_the_store_there_is_no_history_and_the_answer_says_so(served: Any) -> None:
    answer = served.client.get("/api/alarms/history", params={"text": "the store is away"})
    assert "store" in refused(answer, 504, "no_answer")["text"]
