"""The alarm desk over real instances and routers: one list, orders split and joined, clears with their result."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest

from ess_actors.actors.settings import WebSettings
from ess_actors.actors.web_alarms import SiteAlarms, joined
from ess_actors.core.alarm_history import TransitionFilter
from ess_actors.core.audit import Entry
from ess_actors.core.clear_places import clear_places
from ess_actors.core.control import Answer as Stored
from ess_actors.core.errors import RequestError
from ess_actors.core.journaled import Record
from ess_actors.core.messages import Message
from ess_actors.core.uri import covers
from ess_actors.store.journal import open_journal
from ess_actors.store.transitions import search
from ess_actors.web.bridge import Answer, By
from tests.journeys.bus import Bus
from tests.journeys.devices import Devices

T = TypeVar("T")
EVE = By("eve", "10.0.0.7")
HOT = "ess_2:fault:/faults/bms_2:BMS_2_MaxCellTemp"
LOW = "ess_1:fault:/faults/bms_1:BMS_1_MinCellVoltage"


class Office:
    """An alarm desk whose questions go over the bus; time on the bus passes while it waits."""

    def __init__(self, bus: Bus, journal: Path) -> None:
        self.bus = bus
        self.audit: list[Entry] = []
        self._journal = journal
        self._asked = 0
        self._heard = 0
        clears = tuple(place for ess in bus.instances.values() for place in clear_places(ess.engine))
        settings = WebSettings(
            "site", "127.0.0.1", 1, "1", tuple(bus.instances), {}, False, {}, clears=clears
        )
        self.desk = SiteAlarms(settings, self._ask, self._ticketed, self.audit.append)

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        async def life() -> T:
            passing = asyncio.create_task(self._pass())
            try:
                return await work()
            finally:
                passing.cancel()

        return asyncio.run(life())

    def order(self, verb: str, ids: list[str] | None, **more: Any) -> tuple[int, dict[str, Any]]:
        return self.run(lambda: self.desk.order(verb, ids, EVE, **more))

    def clear(self, asset: str = "") -> tuple[int, dict[str, Any]]:
        return self.run(lambda: self.desk.clear(asset, EVE))

    def listed(self) -> dict[str, Any]:
        return self.run(self.desk.listed)

    def states(self) -> dict[str, str]:
        return {alarm["id"]: alarm["state"] for alarm in self.listed()["alarms"]}

    async def _pass(self) -> None:
        while True:
            self.bus.run(0.1)
            self._tell()
            await asyncio.sleep(0)

    def _tell(self) -> None:
        fresh, self._heard = self.bus.log[self._heard :], len(self.bus.log)
        for message in fresh:
            if message.method == "pub" and covers("/alarm_router", message.uri):
                self.desk.heard(message)

    async def _ask(self, message: Message) -> Answer:
        self._asked += 1
        corr, before = f"web-{self._asked}", len(self.bus.log)
        self.bus._route("web", [message._replace(corr=corr)])
        until = self.bus.now + 3.0
        while self.bus.now < until:
            for answer in self.bus.log[before:]:
                if answer.corr == corr and answer.sender != "web":
                    return Answer(answer.status, answer.body)
            await asyncio.sleep(0)
        return Answer("no_answer", b'{"text":"no answer within 3 s"}')

    async def _ticketed(self, request: Callable[[int], Any]) -> Stored:
        found, problem = search(self._journal, request(1).wanted)
        return Stored(
            1, "no_answer" if problem else "", {"text": problem} if problem else [(n, *s) for n, s in found]
        )


@pytest.fixture
def bus() -> Bus:
    return Bus("dual_bms", ("ess_1", "ess_2"))


@pytest.fixture
def devices(bus: Bus) -> Devices:
    devices = Devices(bus, {"bms_1": "ess_1", "bms_2": "ess_2"}, "ess_1")
    bus.run(3.0)
    return devices


@pytest.fixture
def office(bus: Bus, devices: Devices, tmp_path: Path) -> Office:
    """Two faults stand, that of the second battery first."""
    devices.change("bms_2", f_max_cell_temp=True)
    bus.run(1.0)
    devices.change("bms_1", f_min_cell_voltage=True)
    bus.run(1.5)
    office = Office(bus, tmp_path / "journal.sqlite")
    assert office.states() == dict.fromkeys((LOW, HOT), "unacknowledged_active")
    return office


def test_what_two_instances_tell_is_one_list_with_one_first_out(office: Office) -> None:
    body = office.listed()
    assert [(a["id"], a["instance"], a["first_out"]) for a in body["alarms"]] == [
        (LOW, "ess_1", False),
        (HOT, "ess_2", True),
    ]
    assert (body["unknown"], {a["quality"] for a in body["alarms"]}) == ([], {"GOOD"})


def test_many_who_ask_at_once_cost_the_routers_one_question(office: Office) -> None:
    before = office._asked

    async def pages() -> list[dict[str, Any]]:
        return await asyncio.gather(*(office.desk.listed() for _ in range(50)))

    assert [len(page["alarms"]) for page in office.run(pages)] == [2] * 50
    assert office._asked == before + 2

    async def acknowledged() -> tuple[dict[str, Any], dict[str, Any]]:
        early = asyncio.create_task(office.desk.listed())
        await asyncio.sleep(0)
        await office.desk.order("ack", None, EVE)
        return await early, await office.desk.listed()

    late = office.run(acknowledged)[1]
    assert {alarm["state"] for alarm in late["alarms"]} == {"acknowledged_active"}, (
        "an order is seen behind it"
    )


def test_an_order_goes_to_each_instance_and_its_answers_are_one(office: Office) -> None:
    code, body = office.order("ack", [LOW, HOT, "ess_9:fault:/x:y", "ess_1:fault:/x:y"])
    assert (code, body["status"]) == (200, "partly")
    assert body["results"] == {
        LOW: "acknowledged",
        HOT: "acknowledged",
        "ess_1:fault:/x:y": "not found",
        "ess_9:fault:/x:y": "not found: an id begins with its instance, there are ess_1, ess_2",
    }
    assert body["text"] == "2 of 4 not found; 2 of 4 acknowledged"
    assert set(office.states().values()) == {"acknowledged_active"}


def test_every_order_is_an_audit_row_with_who_where_before_after_and_result(office: Office) -> None:
    office.order("shelve", [HOT], minutes=5, why="sensor")
    (row,) = office.audit
    assert (row.who, row.origin, row.uri) == ("eve", "10.0.0.7", "/alarms/shelve")
    assert orjson.loads(row.old) == {HOT: "unacknowledged_active"}
    assert orjson.loads(row.new) == {"verb": "shelve", "minutes": 5, "why": "sensor", "ids": [HOT]}
    assert row.result == "ok: 1 of 1 shelved"
    (alarm,) = [a for a in office.listed()["alarms"] if a["id"] == HOT]
    assert (alarm["shelved"]["by"], alarm["shelved"]["why"]) == ("eve", "sensor")
    office.order("unshelve", [HOT])
    assert orjson.loads(office.audit[1].old) == {HOT: "shelved"}
    assert office.states()[HOT] == "unacknowledged_active"


def test_all_are_acknowledged_once_and_the_second_time_nothing_is_left(office: Office) -> None:
    code, body = office.order("ack", None)
    assert (code, body["results"]) == (200, {LOW: "acknowledged", HOT: "acknowledged"})
    assert body["text"] == "2 of 2 acknowledged"
    code, body = office.order("ack", None)
    assert (code, body["status"], body["text"]) == (200, "ok", "nothing to be done")


def test_what_cannot_be_done_is_refused_with_the_routers_reason(office: Office) -> None:
    code, body = office.order("unshelve", ["ess_1:fault:/x:y"])
    assert (code, body["error"], body["status"]) == (404, "not_found", "refused")
    code, body = office.order("shelve", [HOT], minutes=5)
    assert (code, body["error"]) == (409, "refused") and "reason" in body["text"]
    assert office.audit[1].result.startswith("refused: ")


def test_an_instance_that_is_silent_is_named_and_its_alarms_are_uncertain(office: Office) -> None:
    office.bus.lose("ess_2")
    office.bus.run(6.0)
    body = office.listed()
    assert body["unknown"] == ["ess_2"]
    told = {alarm["id"]: alarm for alarm in body["alarms"]}
    assert told[HOT]["quality"] == "UNCERTAIN" and told[LOW]["quality"] == "GOOD"
    assert "not known" in told["ess_2:alarm:ess_2/alarms"]["message"]
    code, body = office.order("ack", [LOW, HOT])
    assert (code, body["status"], body["unknown"]) == (200, "partly", ["ess_2"])
    assert body["results"] == {LOW: "acknowledged", HOT: "not known: ess_2 does not answer"}
    code, body = office.order("ack", [HOT])
    assert (code, body["error"]) == (504, "no_answer")
    assert office.audit[-1].result == "refused: 1 of 1 not known; ess_2 does not answer"


def test_nobody_there_is_an_error_and_no_empty_list(office: Office) -> None:
    office.bus.lose("ess_1")
    office.bus.lose("ess_2")
    with pytest.raises(RequestError, match="no alarm router"):
        office.listed()


def test_a_clear_waits_for_its_result_and_says_who_ordered_it(office: Office, devices: Devices) -> None:
    devices.change("bms_1", f_min_cell_voltage=False)
    devices.change("bms_2", f_max_cell_temp=False)
    office.bus.run(1.5)
    code, body = office.clear()
    assert (code, body["text"]) == (200, "2 of 2 cleared")
    assert (body["by"], body["origin"], body["asked"], body["answered"]) == ("eve", "10.0.0.7", 2, 2)
    assert {one["instance"]: one["outcome"] for one in body["members"]} == {
        "ess_1": "cleared",
        "ess_2": "cleared",
    }
    assert office.states() == {}
    (row,) = office.audit
    assert (row.uri, row.result) == ("/alarms/clear", "2 of 2 cleared")
    assert set(orjson.loads(row.old)) == {LOW, HOT}


def test_a_clear_names_what_is_still_active_and_who_did_not_answer(office: Office, devices: Devices) -> None:
    devices.change("bms_1", f_min_cell_voltage=False)
    office.bus.run(1.5)
    code, body = office.clear("ess")
    assert code == 200 and "1 of 2 cleared" in body["text"] and "still active" in body["text"]
    office.bus.lose("ess_2")
    code, body = office.clear()
    assert code == 200 and "ess_2" in body["text"]
    assert {one["instance"]: one["outcome"] for one in body["members"]}["ess_2"] == "no answer in time"


def test_a_clear_of_what_has_none_names_what_has(office: Office) -> None:
    code, body = office.clear("pump")
    assert (code, body["error"]) == (404, "not_found")
    assert body["near"][0] == "ess" and "pump" in str(body["text"])


def test_with_the_first_instance_down_a_clear_of_the_whole_is_not_one_of_the_rest(office: Office) -> None:
    office.bus.lose("ess_1")
    code, body = office.clear()
    assert (code, body["error"]) == (504, "unknown_outcome") and "ess_1" in str(body["text"])
    assert office.bus.sent("set", "/ess_2/faults/ess/clear_faults") == []


def test_an_asset_that_the_documents_do_not_clear_alone_is_refused_at_once(office: Office) -> None:
    code, body = office.clear("pcs")
    assert (code, body["error"], body["near"]) == (404, "not_found", ["ess"])
    assert "process_sys_alarm" in str(body["text"]) and office.audit[0].result == body["text"]
    assert office.bus.sent("set", "/ess_1/faults/pcs/clear_faults") == []


def test_the_standing_list_and_the_counts_follow_what_the_routers_publish(office: Office) -> None:
    office.order("ack", [LOW])
    assert office.desk.state_of(LOW) == "acknowledged_active"
    office.desk._gauges(time.time())
    series = office.desk.meter.snapshot()
    assert dict(series["ess_alarm_transitions_total"])["ess_1", "acknowledged_active"] == (1.0,)
    assert standing(series) == {("ess_1", "acknowledged_active"): 1, ("ess_2", "unacknowledged_active"): 1}
    office.order("ack", [HOT])
    office.desk._gauges(time.time())
    found = standing(office.desk.meter.snapshot())
    assert found["ess_2", "unacknowledged_active"] == 0, "a series does not keep what is over"


def standing(series: Any) -> dict[tuple[str, str], float]:
    """Instance and state -> alarms, whatever their priority."""
    return {(labels[0], labels[2]): values[0] for labels, values in series["ess_alarm_active"]}


def test_figures_of_the_last_day_are_there_again_after_a_restart(bus: Bus, tmp_path: Path) -> None:
    now = time.time()
    told = {
        "kind": "transition",
        "id": HOT,
        "from": "normal",
        "to": "unacknowledged_active",
        "priority": "high",
    }
    times = [now - 90_000, *(now - 300 + n / 100 for n in range(4500))]
    records = [
        Record(at, "alarm", "ess_2/alarms", "/alarm_router/ess_2", "", orjson.dumps({**told, "at": at}))
        for at in times
    ]
    journal, _ = open_journal(tmp_path / "journal.sqlite", now)

    def restarted(*heard: Record) -> dict[str, Any]:
        office = Office(bus, tmp_path / "journal.sqlite")

        async def life() -> dict[str, Any]:
            for record in heard:
                office.desk.heard(Message("pub", record.uri, record.body))
            living = asyncio.create_task(office.desk.run())
            try:
                return await office.desk.figures()
            finally:
                living.cancel()

        return office.run(life)

    assert journal.append(records[:12]) == ""
    # What is heard while the journal is read may be in it already.
    figures = restarted(records[11], records[12])
    assert (figures["per_10_min"], figures["top"]) == (12, [{"id": HOT, "count": 12}])
    assert figures["flood"]["now"] and figures["complete"]
    assert journal.append(records[12:]) == ""
    assert restarted()["top"] == [{"id": HOT, "count": 4500}], "more than one page of the journal"
    office = Office(bus, tmp_path / "journal.sqlite")
    found = office.run(lambda: office.desk.history(TransitionFilter(limit=2)))
    assert [row["time"] for row in found] == [times[-1], times[-2]]
    journal.close()


def test_without_a_journal_figures_begin_now_and_say_so(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ess_actors.actors.web_alarms._RECALL_LIMIT_S", 0.01)
    figures = office.run(office.desk.figures)
    assert (figures["complete"], figures["standing"]) == (False, 2)
    with pytest.raises(RequestError, match="journal"):
        office.run(lambda: office.desk.history(TransitionFilter()))


def test_the_word_of_an_alarms_own_instance_counts() -> None:
    copy = {"instance": "ess_2", "source": "/x:y", "type": "fault", "since": 1.0, "state": "latched", "leader": False,
            "consequence_of": [], "consequence_window_s": 0.0, "cause": None}  # fmt: skip
    own = {**copy, "state": "acknowledged_active"}
    (found,) = joined({"ess_1": [copy], "ess_2": [own]}, [])
    assert (found["id"], found["state"]) == ("ess_2:fault:/x:y", "acknowledged_active")
    (found,) = joined({"ess_1": [copy]}, ["ess_2"])
    assert (found["state"], found["quality"]) == ("latched", "UNCERTAIN")
