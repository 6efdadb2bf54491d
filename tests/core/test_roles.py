"""Which role a message of the bus needs, and that an answer is a write too."""

import pytest

from ess_actors.core.roles import ROLE_WORDS, Role, is_plain, role_for_message, role_of
from ess_actors.core.site_access import SiteAccess, is_loopback

V, O, E = Role.VIEWER, Role.OPERATOR, Role.ENGINEER  # noqa: E741


@pytest.mark.parametrize(
    ("method", "uri", "replyto", "needed"),
    [
        ("get", "/ess_1/status", "", V),
        ("get", "/ess_1/status", "/ess_1/control", E),  # the answer is a set of that uri
        ("get", "/ess_1/status", "/site/me", E),
        ("set", "/site/ess_1/ess_hs/heartbeat", "", O),
        ("pub", "/site", "", O),
        ("pub", "//site//ess_1/", "", O),
        ("post", "/site/ess_1", "", E),
        ("del", "/site/ess_1", "", E),
        ("set", "/siteX/ess_1", "", E),
        ("set", "/ess_1/site/ess_1", "", E),
        ("set", "/ess_1/faults/bms_1/clear_faults", "", O),
        ("set", "/faults/bms_1:clear_faults", "", O),
        ("set", "/ess_1/faults/bms_1/over_temp", "", E),
        ("set", "/components/ess_1/bms_ctl/clear_faults", "", E),
        ("set", "/faults/clear_faults", "", E),
        ("set", "/site/x", "/components/ess_1", E),
        ("set", "/ess_1/blockeduris", "", E),
    ],
)
def test_the_role_follows_method_and_uri(method, uri, replyto, needed):
    assert role_for_message(method, uri, replyto) is needed


@pytest.mark.parametrize("body", [1, "x", None, {}, {"value": 1}, {"a": 1, "b": {"value": True}}])
def test_a_body_of_values_is_plain(body):
    assert is_plain(body)


@pytest.mark.parametrize(
    "body",
    [[1], {"value": 1, "actions": {}}, {"a": {"value": 1, "unit": "V"}}, {"a": {"value": 1, "params": {}}},
     {"a@enable": 1}, {"a": {}}, {"a": {"value": {"actions": {}}}}, {"a": [{"value": 1}]},
     {"actions": {"onSet": []}, "value": 1}],
)  # fmt: skip
def test_whatever_may_say_more_is_not(body):
    assert not is_plain(body)


def test_roles_are_ordered_and_have_words():
    assert Role.ANYBODY < V < O < E
    assert [role_of(word) for word in ROLE_WORDS] == [V, O, E]
    for word in ("anybody", "admin", "", "VIEWER"):
        with pytest.raises(ValueError, match="viewer, operator, engineer"):
            role_of(word)


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", True), ("localhost", True),
     ("10.0.0.1", False), ("::ffff:10.0.0.1", False), ("0.0.0.0", False), ("fe80::1%eth0", False), ("", False)],
)  # fmt: skip
def test_what_is_this_host(host, own):
    assert is_loopback(host) is own


def test_when_a_login_is_needed():
    assert SiteAccess().needs_login("127.0.0.1")
    assert not SiteAccess(loopback=E).needs_login("127.0.0.1")
    assert SiteAccess(loopback=E).needs_login("0.0.0.0")
    assert SiteAccess(loopback=O).needs_login("127.0.0.1")
