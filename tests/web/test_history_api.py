"""Trends over HTTP: JSON, CSV, limits, and what is said when there are none."""

import csv
import io
import time

import pytest

from ess_actors.core.errors import RequestError
from tests.web.conftest import Served
from tests.web.small_history import NOW, SOC

ROWS = [[NOW - 10, 55.5, 55.5, 55.5, 0], [NOW - 5, None, None, None, 2], [NOW - 2, 56.0, 56.0, 56.0, 1]]


def test_a_trend_as_json_and_as_csv(served: Served) -> None:
    query = {"point": SOC, "since": str(NOW - 60), "until": str(NOW), "samples": "10"}
    answer = served.client.get("/api/history", params=query)
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
    assert answer.json() == {"series": [{"point": SOC, "resolution_s": 0, "rows": ROWS}]}
    answer = served.client.get("/api/history.csv", params=query)
    assert answer.headers["content-type"].startswith("text/csv")
    assert "history.csv" in answer.headers["content-disposition"]
    titles, *lines = csv.reader(io.StringIO(answer.text))
    assert titles == ["point", "time", "unix_s", "min", "mean", "max", "quality"]
    assert [line[3:] for line in lines] == [
        ["55.5"] * 3 + ["GOOD"],
        ["", "", "", "BAD"],
        ["56.0"] * 3 + ["UNCERTAIN"],
    ]
    assert lines[0][:3] == [SOC, "2025-11-22T08:26:50.000+00:00", str(NOW - 10)]


def test_what_is_not_given_is_the_last_hour_in_600_rows(served: Served) -> None:
    served.client.get("/api/history", params={"point": [SOC, SOC, "/x/y"]})
    (trend,) = served.site.history.asked
    assert list(trend.points) == [SOC, "/x/y"] and trend.samples == 600
    assert trend.until == pytest.approx(time.time(), abs=60) and trend.until - trend.since == pytest.approx(
        3600
    )


def test_points_are_listed_with_what_they_have(served: Served) -> None:
    answer = served.client.get("/api/history/points", params={"text": "soc", "limit": "5"}).json()
    assert answer == {"points": [{"point": SOC, "last": NOW, "value": 56.0, "quality": 1}], "found": 1}
    assert served.client.get("/api/history/points", params={"text": "volts"}).json()["points"] == []
    assert served.client.get("/api/history/points", params={"limit": "0"}).status_code == 400


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({}, "bad_request"),
        ({"point": [f"/x/p{n}" for n in range(21)]}, "bad_request"),
        ({"point": "soc"}, "bad_uri"),
        ({"point": SOC, "samples": "5001"}, "bad_limit"),
        ({"point": [f"/x/p{n}" for n in range(9)], "samples": "5000"}, "too_large"),
        ({"point": SOC, "since": "yesterday"}, "bad_time"),
        ({"point": SOC, "since": "nan"}, "bad_time"),
        ({"point": SOC, "since": "-1"}, "bad_time"),
        ({"point": SOC, "since": "1e300"}, "bad_time"),
        ({"point": SOC, "since": "200", "until": "200"}, "bad_time"),
    ],
)
@pytest.mark.parametrize("path", ["/api/history", "/api/history.csv"])
def test_what_cannot_be_asked_for(served: Served, path: str, query: dict[str, object], error: str) -> None:
    answer = served.client.get(path, params=query)
    assert answer.status_code == 400 and answer.json()["error"] == error and answer.json()["text"]
    assert not served.site.history.asked


@pytest.mark.parametrize(
    ("status", "code"),
    [("no_history", 404), ("not_found", 404), ("history_away", 503), ("busy", 503), ("no_answer", 504)],
)
def test_what_history_says_is_passed_on(served: Served, status: str, code: int) -> None:
    served.site.history.problem = RequestError(status, "why, and what to do")
    answer = served.client.get("/api/history", params={"point": SOC})
    assert answer.status_code == code
    assert answer.json() == {"error": status, "text": "why, and what to do"}
