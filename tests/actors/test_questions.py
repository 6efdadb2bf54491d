"""Whose answer counts: for a set of a device only that of the actor that speaks with it."""

import asyncio

from ess_actors.actors.settings import WebSettings
from ess_actors.actors.web_bridge import ActorBridge
from ess_actors.core.messages import Message
from ess_actors.web.bridge import Answer

OWNER, COPY = "ess_2/bms_2", "ess_2"


def asked(recipients: list[str], answers: dict[str, str], method: str = "set") -> Answer:
    """What an operator is told: the message goes to `recipients`, and these answer with a status."""

    async def body() -> Answer:
        sent: list[Message] = []
        settings = WebSettings(
            "site", "127.0.0.1", 1, "1", ("ess_2",), {}, False, {"/components/ess_2/bms_info": OWNER}
        )
        bridge = ActorBridge(settings, sent.append)
        told = asyncio.create_task(bridge.message(Message(method, "/components/ess_2/bms_info/sp", b"1")))
        await asyncio.sleep(0)
        (message,) = sent
        bridge.asked(message, recipients)
        for sender, status in answers.items():
            bridge.deliver(message._replace(sender=sender, status=status, body=b"1"))
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
