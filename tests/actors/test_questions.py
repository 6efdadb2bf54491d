"""Whose answer counts: for a set of a device only that of the actor that speaks with it."""

import asyncio

import orjson

from ess_actors.actors.settings import WebSettings
from ess_actors.actors.web_bridge import ActorBridge
from ess_actors.actors.web_questions import unheard
from ess_actors.core.messages import Message
from ess_actors.web.bridge import Answer

OWNER, COPY = "ess_2/bms_2", "ess_2"


def asked(
    recipients: list[str], answers: dict[str, str], method: str = "set", gone: frozenset[str] = frozenset()
) -> Answer:
    """What an operator is told: the message goes to `recipients`, these answer with a status, those die."""

    async def body() -> Answer:
        sent: list[Message] = []
        settings = WebSettings(
            "site", "127.0.0.1", 1, "1", ("ess_2",), {}, False, {"/components/ess_2/bms_info": OWNER}
        )
        bridge = ActorBridge(settings, sent.append)
        told = asyncio.create_task(bridge.message(Message(method, "/components/ess_2/bms_info/sp", b"1")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        (message,) = [message for message in sent if message.method == method]
        bridge.asked(message, recipients)
        for sender, status in answers.items():
            bridge.deliver(message._replace(sender=sender, status=status, body=b"1"))
        bridge.lost(gone)
        return await told

    return asyncio.run(body())


def test_a_copy_does_not_answer_for_a_device_whose_actor_is_stopped() -> None:
    assert asked([COPY], {COPY: ""}).status == "not_running"


def test_a_copy_does_not_answer_for_a_device_whose_actor_just_died() -> None:
    assert asked([OWNER, COPY], {COPY: ""}).status == "no_answer"


def test_the_actor_of_the_device_answers() -> None:
    assert asked([OWNER, COPY], {OWNER: "", COPY: ""}).status == ""
    assert asked([OWNER, COPY], {OWNER: "refused", COPY: ""}).status == "refused"


def test_a_copy_may_be_looked_at() -> None:
    assert asked([COPY], {COPY: ""}, method="get").status == ""


def test_a_write_whose_actor_dies_is_answered_at_once_its_outcome_unknown() -> None:
    found = asked([OWNER, COPY], {COPY: ""}, gone=frozenset({OWNER}))
    assert found.status == "unknown_outcome" and OWNER in found.body.decode()
    assert asked([COPY], {}, method="get", gone=frozenset({COPY})).status == "no_answer"


def test_an_answer_that_came_before_its_actor_died_counts() -> None:
    assert asked([OWNER, COPY], {OWNER: "", COPY: ""}, gone=frozenset({OWNER})).status == ""


def test_what_nobody_hears_is_explained_with_the_name_in_front():
    answer = unheard("/t/x", ("ess_1", "ess_2"))
    told = orjson.loads(answer.body)
    assert answer.status == "no_subscriber" and "write /ess_1/..." in told["text"]
    assert told["near"] == ["/ess_1/t/x", "/ess_2/t/x"]


def test_listeners_hear_messages_and_not_the_answers_of_the_operator_api():
    async def heard() -> list[str]:
        settings = WebSettings("site", "127.0.0.1", 1, "1", ("ess_1",), {}, False, {})
        bridge = ActorBridge(settings, lambda _: None)
        listener = bridge.listen(["/"])
        set_ = Message("set", "/ess_1/t", b"1")
        bridge.asked(set_, ["ess_1"])
        bridge.asked(Message("get", "/ess_1/t", replyto="/web/old"), ["ess_1"])
        for uri in ("", "/web/old", "/me"):
            bridge.deliver(set_._replace(uri=uri, sender="ess_1"))
        flawed = Message("set", "/me", b'{"reply":{"a":1},"findings":[]}', sender="ess_1", status="flawed")
        bridge.deliver(flawed)
        found = [await anext(listener) for _ in range(3)]
        assert found[-1].body == b'{"a":1}'
        listener.close()
        return [one.uri for one in found] + [one.uri async for one in listener]

    assert asyncio.run(heard()) == ["/ess_1/t", "/me", "/me"]
