"""Who gets a message."""

from typing import NamedTuple

from ess_actors.core.directory import Router
from ess_actors.core.messages import Message, from_wire, to_wire


class Line(NamedTuple):
    actor_id: str
    subscriptions: tuple[str, ...]


LINES = [
    Line("ess_1", ("/ess_1", "/components/ess_1", "/site/ess_1", "/shared")),
    Line("ess_1/bms_1", ("set:/components/ess_1/bms_info", "get:/components/ess_1/bms_info")),
    Line("ess_1/site", ("pub:/site/ess_1/ess_ls", "/interfaces/site")),
    Line("ess_2", ("/ess_2", "/components/ess_2", "/shared/ess_2")),
    Line("web", ("/",)),
]


def recipients(message: Message, sender: str = "store") -> list[str]:
    router: Router[Line] = Router(sender)
    router.renew(LINES)
    return [line.actor_id for line in router.recipients(message)]


def test_whole_segments_are_compared():
    assert recipients(Message("set", "/ess_1/x")) == ["ess_1", "web"]
    assert recipients(Message("set", "/ess_11/x")) == ["web"]


def test_the_most_specific_subscriber_comes_first():
    assert recipients(Message("set", "/components/ess_1/bms_info/soc")) == ["ess_1/bms_1", "ess_1", "web"]
    assert recipients(Message("set", "/shared/ess_2/x")) == ["ess_2", "ess_1", "web"]


def test_a_subscription_may_be_for_one_method():
    assert recipients(Message("pub", "/site/ess_1/ess_ls")) == ["ess_1/site", "ess_1", "web"]
    assert recipients(Message("set", "/site/ess_1/ess_ls")) == ["ess_1", "web"]


def test_nobody_hears_himself_unless_he_names_himself():
    assert recipients(Message("pub", "/site/ess_1/ess_ls"), sender="ess_1") == ["ess_1/site", "web"]
    assert recipients(Message("set", "/ess_1/x"), sender="ess_1") == ["ess_1", "web"]


def test_an_answer_reaches_the_asker_whatever_he_subscribes_to():
    assert recipients(Message("set", "/me", to="ess_2")) == ["ess_2", "web"]
    assert recipients(Message("set", "", to="ess_2")) == ["ess_2"]


def test_a_new_edition_replaces_the_old_one():
    router: Router[Line] = Router("store")
    router.renew(LINES)
    assert router.recipients(Message("set", "/ess_2/x"))
    router.renew([])
    assert router.recipients(Message("set", "/ess_2/x")) == ()


def test_many_foreign_uris_do_not_fill_the_memory():
    router: Router[Line] = Router("store")
    router.renew(LINES)
    for number in range(10_000):
        router.recipients(Message("set", f"/ess_1/{number}"))
    assert len(router._remembered) <= 4096


def test_the_wire_form_is_flat_and_keeps_everything():
    message = Message("set", "/a", b"1", "/b", 2, "c", {"x": 2}, "q", True, "bad", "ess_1", "web")
    frame = to_wire(message, "ess_2", 12.5)
    assert from_wire(frame) == (message, "ess_2", 12.5)
    assert all(type(part) in (int, float, str, bytes, bool, dict) for part in frame)
