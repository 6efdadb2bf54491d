"""What open pages are sent: one look at the tree for all of them, a snapshot, then the last of what changed."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import orjson
import pytest

from ess_actors.core.messages import Message
from ess_actors.core.metrics import Meter
from ess_actors.web.answers import Refusal
from ess_actors.web.bridge import Source
from ess_actors.web.live import MAX_PAGES_OF_ONE, Hub
from ess_actors.web.live_figures import Figures
from ess_actors.web.live_topics import tables_of, topic_of
from tests.web.conftest import SmallSite

LIMIT_S = 10.0


class LiveSite(SmallSite):
    """One instance with a table of values, and an alarm list that counts how often it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.values = {"/ess_1/ui/assets": b'{"bms_1":{"summary":{"name":"BMS 1","soc":{"value":55.5}}}}'}
        self.values["/ess_1/browse/t"] = b'{"uri":"/t","variables":[]}'
        self.asked = 0
        self.alarm_desk = self

    def status(self) -> dict[str, object]:
        return {"site": "small", "actors": [{"id": "ess_1", "kind": "ess"}, {"id": "web", "kind": "web"}]}

    async def listed(self) -> dict[str, object]:
        self.asked += 1
        return {"alarms": [{"id": self.asked}]}


class Page:
    """One open page: the events that it was sent."""

    def __init__(self, hub: Hub, *topics: str) -> None:
        self._hub, self._topics = hub, list(topics)
        hub.join(self._topics, "anna at 127.0.0.1")
        self._chunks: AsyncIterator[bytes] = hub.stream(self._topics)
        self._events: list[dict[str, Any]] = []

    async def event(self, topic: str) -> dict[str, Any]:
        """The next one of this topic."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                while self._events:
                    event = self._events.pop(0)
                    if event["topic"] == topic:
                        return event
                chunk = (await anext(self._chunks)).decode()
                self._events += [orjson.loads(b[6:]) for b in chunk.split("\n\n") if b.startswith("data: ")]

    def leave(self) -> None:
        self._hub.leave(self._topics, "anna at 127.0.0.1")


def pub(site: SmallSite, uri: str, body: object, sender: str = "ess_1") -> None:
    site.publish(Message("pub", uri, orjson.dumps(body), sender=sender))


def run(job: Coroutine[Any, Any, None]) -> None:
    asyncio.run(job)


def test_a_page_gets_a_snapshot_and_then_only_what_changed() -> None:
    async def job() -> None:
        site = LiveSite()
        page = Page(Hub(site), "uri:/assets")
        first = await page.event("uri:/assets")
        assert first["snapshot"]
        summary = {"name": "BMS 1", "soc": {"value": 55.5}}
        assert first["body"] == [{"from": "ess_1", "uri": "/assets/bms_1/summary", "body": summary}]
        pub(site, "/assets/bms_1/summary", {"soc": {"value": 1}})
        pub(site, "/assets/bms_1/summary", {"soc": {"value": 2}})
        pub(site, "/assets/bms_1/rack_01", {"soc": {"value": 3}})
        second = await page.event("uri:/assets")
        assert not second["snapshot"]
        told = {one["uri"]: one["body"]["soc"]["value"] for one in second["body"]}
        assert told == {"/assets/bms_1/summary": 2, "/assets/bms_1/rack_01": 3}
        pub(site, "/assets/bms_1/rack_01", {"soc": {"value": 3}})
        pub(site, "/assets/bms_1/rack_02", {"soc": {"value": 4}})
        third = await page.event("uri:/assets")
        assert [one["uri"] for one in third["body"]] == ["/assets/bms_1/rack_02"]
        page.leave()

    run(job())


def test_nobody_takes_the_room_of_all() -> None:
    async def job() -> None:
        hub = Hub(LiveSite())
        pages = [Page(hub, "status") for _ in range(MAX_PAGES_OF_ONE)]
        assert "anna at 127.0.0.1 has 100 pages open" in hub.room_for(["status"], "anna at 127.0.0.1")
        assert hub.room_for(["status"], "bert at 127.0.0.1") == ""
        assert "250 may be" in hub.room_for([f"table:/ess_1/t{n}" for n in range(300)], "bert at 127.0.0.1")
        pages[0].leave()
        assert hub.room_for(["status"], "anna at 127.0.0.1") == ""
        for page in pages[1:]:
            page.leave()

    run(job())


def test_fifty_pages_cost_the_tree_what_one_costs() -> None:
    async def job() -> None:
        site = LiveSite()
        hub = Hub(site)
        pages = [Page(hub, "uri:/assets", "status", "alarms") for _ in range(50)]
        for page in pages:
            await page.event("uri:/assets")
        assert sorted(tuple(one.prefixes) for one in site.listeners) == [("/alarm_router",), ("/assets",)]
        assert [message.uri for message in site.seen] == ["/ess_1/ui/assets"]
        for page in pages:
            page.leave()
        assert site.listeners == [] and hub.pages == 0

    run(job())


def test_a_page_that_comes_later_gets_everything_and_a_slow_one_the_last_state() -> None:
    async def job() -> None:
        site = LiveSite()
        hub = Hub(site)
        slow, quick = Page(hub, "uri:/assets"), Page(hub, "uri:/assets")
        await slow.event("uri:/assets")
        await quick.event("uri:/assets")
        for value in range(1, 4):
            pub(site, "/assets/ess/summary", {"soc": value})
            assert (await quick.event("uri:/assets"))["body"][0]["body"] == {"soc": value}
        assert (await slow.event("uri:/assets"))["body"][0]["body"] == {"soc": 3}
        late = Page(hub, "uri:/assets")
        assert len((await late.event("uri:/assets"))["body"]) == 2

    run(job())


def test_alarms_are_looked_at_when_a_router_tells() -> None:
    async def job() -> None:
        site = LiveSite()
        page = Page(Hub(site), "alarms")
        seen = (await page.event("alarms"))["body"]["alarms"][0]["id"]
        pub(site, "/alarm_router/ess_1", {"kind": "transition"})
        assert (await page.event("alarms"))["body"]["alarms"][0]["id"] > seen
        page.leave()

    run(job())


def test_a_table_and_what_is_wrong_with_it() -> None:
    async def job() -> None:
        page = Page(Hub(LiveSite()), "table:/ess_1/t", "table:/ess_1/nope")
        assert (await page.event("table:/ess_1/t"))["body"] == {"uri": "/t", "variables": []}
        page.leave()
        page = Page(Hub(LiveSite()), "table:/ess_1/nope")
        assert (await page.event("table:/ess_1/nope"))["body"]["error"] == "not_found"
        page.leave()

    run(job())


def test_something_is_heard_all_the_time() -> None:
    async def job() -> None:
        page = Page(Hub(LiveSite()), "status")
        ticks = [await page.event("tick") for _ in range(3)]
        assert ticks[0]["time"] < ticks[1]["time"] < ticks[2]["time"]
        page.leave()

    run(job())


@pytest.mark.parametrize("name", ["", "nothing", "uri:", "uri:no slash", "table:", "alarms:x", "status:"])
def test_a_topic_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(Refusal) as refused:
        topic_of(name, LiveSite(), int)
    assert refused.value.code == 400


def test_tables_inside_answers() -> None:
    flat = {"/t/a": {"x": {"value": 1}}, "/t/b": {"y": {"value": 2}}}
    assert dict(tables_of("/t", flat)) == flat
    nested = {"a": {"b": {"name": "B", "x": {"value": 1}}, "c": {"y": {"value": 2}}}}
    assert dict(tables_of("/assets", nested)) == {
        "/assets/a/b": {"name": "B", "x": {"value": 1}},
        "/assets/a/c": {"y": {"value": 2}},
    }
    assert list(tables_of("/t", "none")) == []


def test_figures_of_an_actor_and_its_device() -> None:
    figures, meter = Figures(), Meter()
    status = {"actors": [{"id": "ess_1/pcs"}, {"id": "other"}]}

    def row(age_s: float = 1.0, generation: int = 1) -> dict[str, Any]:
        sources = {"ess_1/pcs": Source(meter.snapshot(), age_s, generation)}
        return figures.added(status, sources)["actors"][0]  # type: ignore[index, no-any-return]

    meter.gauge("ess_point_age_seconds", "ess_1/pcs", value=0.5)
    meter.observe("ess_message_latency_seconds", "ess_1/pcs", seconds=0.1)
    meter.gauge("ess_safe_state", "ess_1/pcs", "lease", value=0.0)
    told = row()
    assert (told["latency_ms"], told["point_age_s"], told["safe"]) == (100.0, 0.5, None)
    for _ in range(3):
        meter.observe("ess_message_latency_seconds", "ess_1/pcs", seconds=0.002)
    meter.gauge("ess_safe_state", "ess_1/pcs", "lease", value=1.0)
    told = row()
    assert (told["latency_ms"], told["safe"]) == (2.0, "lease")
    assert row()["latency_ms"] == 2.0  # nothing came in between
    assert row(age_s=20.0)["point_age_s"] == 20.5  # who does not report does not read
