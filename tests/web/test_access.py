"""Who gets in, by what, and how far; what browsers are kept from; what is written down about it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ess_actors.core.roles import Role
from ess_actors.core.site_access import SiteAccess
from tests.web.access_site import LoginSite
from tests.web.test_api import refused

SET = {"method": "set", "uri": "/ess_1/limits", "body": 1}
STEER = {"method": "set", "uri": "/site/ess_1/ess_hs/x", "body": 1}
GET = {"method": "get", "uri": "/assets/ess/summary/soc"}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoginSite]:
    one = LoginSite(tmp_path, monkeypatch)
    yield one
    one.close()


@pytest.fixture
def open_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoginSite]:
    one = LoginSite(tmp_path, monkeypatch, SiteAccess(loopback=Role.ENGINEER, metrics_login=True))
    yield one
    one.close()


def test_without_a_login_only_health_and_metrics_answer(site):
    for path in ("/healthz", "/readyz", "/metrics"):
        assert site.client.get(path).status_code == 200
    for path in ("/api/status", "/api/me", "/openapi.json", "/api/listen", "/api/users"):
        answer = site.client.get(path)
        assert "ess-actors login" in refused(answer, 401, "login_needed")["text"]
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("how", ["page", "program"])
def test_each_role_may_do_what_it_may(site, how):
    names = {"viewer": "vera", "operator": "otto", "engineer": "emma"}
    for role, name in names.items():
        with site.page(name) if how == "page" else site.program(role) as client:
            may = [
                client.get("/api/status"), client.post("/api/message", json=GET),
                client.post("/api/message", json=STEER), client.post("/api/actors/ess_1/restart"),
                client.post("/api/message", json=SET), client.post("/api/actors/ess_1/stop"),
                client.post("/api/sim/bms_1/points", json={"a/b": 1}), client.get("/api/users"),
            ]  # fmt: skip
            codes = [answer.status_code for answer in may]
            least = {"viewer": 2, "operator": 4, "engineer": 8}[role]
            assert codes == [200] * least + [403] * (8 - least), (role, codes)
            for answer in may[least:]:
                assert refused(answer, 403, "forbidden")["role"] == role


def test_me_tells_who_one_is(site):
    with site.page("otto") as page, site.program("viewer") as program:
        me = page.get("/api/me").json()
        assert (me["user"], me["role"], me["via"]) == ("otto", "operator", "session")
        assert me["csrf"] == page.headers["x-csrf"]
        assert program.get("/api/me").json()["via"] == "token"
    launcher = {"authorization": "Bearer launch-word"}
    assert site.client.get("/api/me", headers=launcher).json()["role"] == "viewer"


def test_a_cookie_alone_changes_nothing(site):
    with site.page("emma") as page:
        cookie = page.cookies.jar
        (one,) = list(cookie)
        assert one.has_nonstandard_attr("HttpOnly") and one.get_nonstandard_attr("SameSite") == "strict"
        assert not one.secure and page.post("/api/message", json=SET).status_code == 200
        for word in ("", "0" * 32, "ü".encode()):
            refused(page.post("/api/message", json=SET, headers={"x-csrf": word}), 403, "foreign_origin")
        for name, value in (
            ("origin", "http://evil.example"), ("origin", "null"), ("origin", site.url.replace("http", "ftp")),
            ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"),
        ):  # fmt: skip
            refused(page.post("/api/message", json=SET, headers={name: value}), 403, "foreign_origin")
        assert len(site.served.site.seen) == 1, "the one with the right word"


def test_logout_ends_the_login_and_a_guess_is_none(site):
    with site.page("emma") as page:
        assert page.post("/api/logout").status_code == 200
        refused(page.get("/api/status"), 401, "login_needed")
    for word in ("Bearer x", "Bearer", "Basic ZW1tYTp4", "x", "Bearer ess_" + "a" * 43):
        refused(site.client.get("/api/status", headers={"authorization": word}), 401, "login_needed")
    refused(site.client.get("/api/status", headers={"cookie": "ess_session_8300=x"}), 401, "login_needed")


def test_a_revoked_token_ends_at_once_and_is_not_replaced_by_loopback(open_site):
    with open_site.program("engineer") as program:
        assert program.delete("/api/tokens/engineer-0").status_code == 200
        refused(program.get("/api/status"), 401, "login_needed")
    assert open_site.client.get("/api/status").status_code == 200


def test_loopback_is_trusted_only_where_it_speaks_for_itself(open_site):
    get = open_site.client.get
    assert get("/api/me").json() == {"user": "loopback", "role": "engineer", "via": "loopback", "csrf": ""}
    for name in ("x-forwarded-for", "forwarded", "x-real-ip", "via"):
        refused(get("/api/status", headers={name: "127.0.0.1"}), 401, "login_needed")
    for host in ("evil.example", "evil.example:8300", "127.0.0.1.evil.example", "[::1", ""):
        refused(get("/api/status", headers={"host": host}), 403, "foreign_origin")
    for host in ("localhost:9", "127.0.0.1", "[::1]:8300"):
        assert get("/api/status", headers={"host": host}).status_code == 200


def test_a_page_elsewhere_gets_nothing_from_a_trusted_host(open_site):
    for mode, site, code in (
        ("no-cors", "cross-site", 403), ("cors", "same-site", 403),
        ("navigate", "cross-site", 200), ("cors", "none", 200),
    ):  # fmt: skip
        headers = {"sec-fetch-site": site, "sec-fetch-mode": mode}
        assert open_site.client.get("/api/status", headers=headers).status_code == code
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    refused(open_site.client.post("/api/message", json=SET, headers=headers), 403, "foreign_origin")


def test_a_host_that_is_none_is_no_defect(site, open_site):
    for one in (site, open_site):
        for method, path in (("POST", "/api/message"), ("GET", "/nothing"), ("DELETE", "/api/users/vera")):
            for host in ("[::1", "a b", "x" * 5000, "]", "@:"):
                answer = one.client.request(method, path, headers={"host": host})
                assert answer.status_code in (400, 401, 403, 404), (path, host, answer.text)


def test_metrics_may_be_closed(open_site):
    headers = {"x-forwarded-for": "10.0.0.1"}
    refused(open_site.client.get("/metrics", headers=headers), 401, "login_needed")
    assert open_site.client.get("/metrics").status_code == 200
    assert open_site.client.get("/healthz", headers=headers).status_code == 200


def test_every_change_and_refusal_is_written_down_with_user_and_address(site):
    with site.page("otto") as page, site.program("engineer") as program:
        page.post("/api/message", json=SET)
        site.client.post("/api/message", json=SET)
        program.post("/api/users", json={"name": "anna", "role": "viewer", "password": "anna-looks-on"})
        page.post("/api/logout")
    site.login("otto", "not-his-password")
    told = [(by.who, by.origin, uri, result) for by, uri, _, result in site.rows]
    assert told == [
        ("otto", "127.0.0.1", "/access/login", "ok"),
        ("otto", "127.0.0.1", "/ess_1/limits", "forbidden"),
        ("", "127.0.0.1", "/api/message", "login_needed"),
        ("token engineer-0", "127.0.0.1", "/access/users/anna", "ok"),
        ("otto", "127.0.0.1", "/access/logout", "ok"),
        ("otto", "127.0.0.1", "/access/login", "wrong user or password"),
    ]
    assert not any("password" in new and "-" in new for _, _, new, _ in site.rows)
    site.rows.clear()
    for _ in range(50):
        site.client.post("/api/message", json=SET)
    assert len(site.rows) < 15


def test_what_a_trusted_program_says_of_itself_is_no_users_name(open_site):
    post = open_site.client.post
    post("/api/message", json=SET, headers={"x-operator": "anna"})
    post("/api/message", json=SET, headers={"x-operator": "emma"})
    post("/api/message", json=SET, headers={"x-operator": "token scada"})
    post("/api/message", json=SET)
    said = [by.who for _, by in open_site.served.site.writers]
    assert said == ["anna", "emma (loopback)", "token scada (loopback)", "loopback"]


def test_every_answer_tells_browsers_what_not_to_do(site):
    for path in ("/healthz", "/nothing", "/api/status"):
        headers = site.client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store" and "access-control-allow-origin" not in headers


def test_a_stream_ends_with_the_login_it_began_with(site, monkeypatch):
    monkeypatch.setattr("ess_actors.web.guard.LOOK_S", 0.02)
    with site.page("vera") as page, page.stream("GET", "/api/listen") as answer:
        lines = answer.iter_lines()
        assert next(lines) == ": listening"
        site.do(site.store.change_user, "vera", 2.0)
        with pytest.raises(httpx.RemoteProtocolError):
            list(lines)
    assert site.served.site.listeners == []


def test_an_operator_writes_values_and_no_actions(site):
    """Whoever may give a variable actions may write anything through them."""
    pwn = {"value": 1, "actions": {"onSet": [{"remap": [{"uri": "/config/x"}]}]}}
    start = "/site/ess_1/ess_hs/start_stop"
    with site.program("operator") as operator:
        for uri, body in (
            (start, pwn), ("/site/ess_1/ess_hs", {"new": pwn}), (f"{start}@enable", False),
            ("/site/ess_1/ess_hs", {"start_stop@enable": False}), ("/ess_1/faults/bms_1/clear_faults", pwn),
        ):  # fmt: skip
            message = {"method": "set", "uri": uri, "body": body}
            refused(operator.post("/api/message", json=message), 403, "forbidden")
            query = {"method": "set", "uri": uri}
            refused(operator.post("/api/send", params=query, json=body), 403, "forbidden")
        for body in (207, {"value": 207}):
            answer = operator.post("/api/message", json={"method": "set", "uri": start, "body": body})
            assert answer.status_code == 200


def test_who_plays_with_a_simulated_device_is_in_the_audit(site: LoginSite) -> None:
    emma = site.page("emma")
    site.rows.clear()
    assert emma.post(f"{site.url}/api/sim/bms_1/points", json={"info/soc": 50}).status_code == 200
    assert emma.post(f"{site.url}/api/sim/bms_9/points", json={"a/b": 1}).status_code == 404
    told = [(by.who, by.origin, uri, new, result) for by, uri, new, result in site.rows]
    assert told == [
        ("emma", "127.0.0.1", "/sim/bms_1", '{"info/soc":50}', "ok"),
        ("emma", "127.0.0.1", "/sim/bms_9", '{"a/b":1}', "refused"),
    ]
