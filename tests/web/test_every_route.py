"""No way around the door: every route and method without credentials, odd paths, upgrades; and the table itself."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ess_actors.core.roles import Role
from ess_actors.core.site_access import SiteAccess
from ess_actors.web.answers import json_answer
from ess_actors.web.openapi import document
from ess_actors.web.served import METHODS, OPEN_WRITES, Served, routes_of
from tests.web.access_site import LoginSite

ODD = ("PUT", "PATCH", "OPTIONS", "TRACE", "HEAD", "PROPFIND")
OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override")
STEPS = (
    {},
    {"authorization": "Bearer guessed"},
    {"cookie": "ess_session_8300=guessed; __Host-ess_session_8300=x"},
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoginSite]:
    one = LoginSite(tmp_path, monkeypatch)
    yield one
    one.close()


def table(site: LoginSite) -> tuple[Served, ...]:
    served: tuple[Served, ...] = site.served.app.state.served
    return served


def filled(path: str) -> str:
    """With something that exists where a name belongs."""
    values = {"actor_id:path": "ess_1/pcs", "verb": "restart", "stem": "bms_1", "name": "vera"}
    return re.sub(r"{([^}]+)}", lambda found: values.get(found[1], "x"), path)


def changed(site: LoginSite) -> object:
    """Everything that a write could have changed."""
    small = site.served.site
    kept = site.do(lambda: (site.store.users(), [token.name for token in site.store.tokens()]))
    return kept, dict(small.states), dict(small.restarts), len(small.seen), len(small.writers)


def test_nothing_answers_or_changes_without_credentials(site):
    rows = {(row.method, row.path): row for row in table(site)}
    paths = sorted({row.path for row in rows.values()})
    assert len(rows) > 25 and len(paths) > 18
    before = changed(site)
    for path in paths:
        for method in (*METHODS, *ODD):
            row = rows.get((method, path))
            for more in STEPS:
                answer = site.client.request(
                    method, filled(path), headers=more, content=b'{"method":"set","uri":"/x","body":1}'
                )
                where = f"{method} {path} {more} -> {answer.status_code}"
                if row is None and method == "HEAD":
                    row = rows.get(("GET", path))
                if row is None or (method == "HEAD" and row.stream):
                    assert answer.status_code in (404, 405), where
                elif row.role is Role.ANYBODY:
                    assert answer.status_code in ((400,) if path in OPEN_WRITES else (200, 404)), where
                else:
                    assert answer.status_code == 401, where
    assert changed(site) == before


@pytest.mark.parametrize("header", OVERRIDES)
def test_no_header_makes_a_write_of_a_read(site, header):
    before = changed(site)
    for path in ("/healthz", "/metrics", "/api/login"):
        for method in ("POST", "DELETE"):
            site.client.get(path, headers={header: method}, params={"_method": method})
    with site.program("viewer") as viewer:
        before = changed(site)
        assert viewer.get("/api/users/vera", headers={header: "DELETE"}).status_code == 405
        assert viewer.get("/api/sim/bms_1/points", headers={header: "POST"}).status_code == 200
    assert changed(site) == before


ODD_PATHS = (
    "//api/message", "/api//message", "/api/message/", "/api/./message", "/api/x/../message", "/api/..;/api/message",
    "/api/message;x", "/api/message%00", "/api/message%20", "/API/MESSAGE", "/%61pi/message", "/api%2fmessage",
    "/api/%2e%2e/api/message", "/healthz/../api/message", "/healthz%2f..%2fapi%2fmessage", "/metrics/..%2fapi/message",
    "/page/../api/message", "http://127.0.0.1/api/message", "/api/message?x=/healthz", "/api/message%3f",
    "\\api\\message",
)  # fmt: skip


@pytest.mark.parametrize("path", ODD_PATHS)
def test_no_spelling_of_a_path_leads_past_the_door(site, path):
    body = b'{"method":"set","uri":"/ess_1/x","body":1}'
    for more in ("", "X-Original-URL: /api/message\r\n", "X-Rewrite-URL: /api/message\r\n"):
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{more}Content-Length: {len(body)}\r\n\r\n"
        code = raw(site, head.encode() + body)
        assert code in (400, 401, 403, 404, 405), (path, more, code)
    assert site.served.site.seen == [] and site.served.site.writers == []


def test_two_requests_in_one_are_two(site):
    body = b'{"method":"set","uri":"/ess_1/x","body":1}'
    hidden = b"POST /api/message HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )
    for head in (
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ):
        raw(site, head + hidden)
    assert site.served.site.seen == []


@pytest.mark.parametrize("path", ["/api/listen", "/api/message", "/api/status", "/ws"])
def test_a_websocket_is_no_way_in(site, path):
    head = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert raw(site, head.encode()) in (401, 404, 405)


def raw(site: LoginSite, request: bytes) -> int:
    """The status of the first answer to these bytes."""
    with socket.create_connection((site.served.host, site.served.port), 5) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return int(answer.split()[1]) if answer else 400


# --- the table -------------------------------------------------------------------------------------------------


async def nothing(_: Any) -> Any:
    return json_answer(200, {})


def test_nothing_is_served_that_names_no_role():
    with pytest.raises(TypeError, match="role"):
        Served("GET", "/x", endpoint=nothing, summary="no role")  # type: ignore[call-arg]
    from starlette.routing import Route

    for wrong, kind in (
        (Route("/x", nothing), TypeError),
        (Served("GET", "/x", "viewer", nothing, "a word is no role"), ValueError),
        (Served("POST", "/x", Role.ANYBODY, nothing, "a write for everybody"), ValueError),
        (Served("PATCH", "/x", Role.ENGINEER, nothing, "a method nobody thought of"), ValueError),
    ):
        with pytest.raises(kind):
            routes_of([wrong], lambda row: row.endpoint)  # type: ignore[list-item]
    row = Served("GET", "/x", Role.VIEWER, nothing, "twice")
    with pytest.raises(ValueError, match="twice"):
        routes_of([row, row], lambda one: one.endpoint)


def test_the_app_serves_its_table_and_nothing_else(site):
    served = {(method, route.path) for route in site.served.app.routes for method in route.methods} - {
        ("HEAD", row.path) for row in table(site)
    }
    assert served == {(row.method, row.path) for row in table(site)}
    described = document(table(site))
    paths: Any = described["paths"]
    operations = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    assert len(operations) == len(table(site))
    names = [operation["operationId"] for methods in paths.values() for operation in methods.values()]
    assert len(names) == len(set(names))


def test_every_write_needs_more_than_looking():
    """Messages and one's own login are open to viewers: what they may do there is in test_access."""
    looked = {"/api/message", "/api/send", "/api/logout", "/api/password", "/api/login"}
    from ess_actors.web.access import Access
    from ess_actors.web.app import create_app
    from ess_actors.web.exposition import Exposition
    from tests.web.conftest import SmallSite

    small = SmallSite()
    exposition = Exposition(small.status, small.snapshots, "1")
    app = create_app(small, small.meter, exposition, Access(SiteAccess()))
    for row in app.state.served:
        if row.method != "GET" and row.path not in looked:
            assert row.role >= Role.OPERATOR, row.path


def test_a_refused_large_body_still_gets_its_answer(site):
    answer = httpx.post(f"{site.url}/api/message", content=b"x" * 200_000, trust_env=False)
    assert answer.status_code == 401
