"""The history actor in a process of its own: killed, stopped, without a database, with a real server that dies."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from thespian.actors import ActorSystem

from ess_actors.actors.history import HistoryActor
from ess_actors.core.control import HistoryPoints, HistoryTrend, Query
from ess_actors.core.flow import MOST_WAITING, WINDOW
from ess_actors.core.history_keeping import Keeping
from ess_actors.core.messages import Message
from ess_actors.core.metrics import Meter
from tests.actors.historian import Historian, Load
from tests.actors.small_tree import small_tree
from tests.store.postgres_server import PostgresServer
from tests.waiting import wait_for

URI = "/components/ess_1/bms_info"


class Plant:
    """The tree with one history actor, seen from outside."""

    def __init__(self, system: ActorSystem, bus: Any, folder: Path) -> None:
        self.system, self.bus, self.folder = system, bus, folder
        self._tickets = 0

    def told(self) -> Any:
        with self.system.private() as asker:
            return asker.ask(self.bus, Query(), 5)

    def state(self) -> tuple[str, int, str]:
        return self.told()[0]

    def runs(self) -> int:
        state, pid, _ = self.state()
        return pid if state == "RUNNING" else 0

    def total(self, metric: str, *labels: str) -> float:
        rows = self.told()[2].get(metric, [])
        return sum(values[0] for found, values in rows if set(labels) <= set(found))

    def publish(self, value: float, marks: dict[str, int] | None = None) -> None:
        body = orjson.dumps({"soc": value})
        self.system.tell(self.bus, Message("pub", URI, body, quality=marks))

    def ask(self, question: Callable[[int], Any]) -> Any:
        self._tickets += 1
        self.system.tell(self.bus, question(self._tickets))
        return wait_for("an answer", lambda: self.told()[1].get(self._tickets))

    def values(self) -> list[float | None]:
        """What the point had in the last ten minutes, in order."""
        now = time.time()
        answer = self.ask(lambda ticket: HistoryTrend((f"{URI}/soc",), now - 600, now + 5, 5000, ticket))
        if answer.status:
            return []
        return [row[2] for row in orjson.loads(answer.body)["series"][0]["rows"]]


@pytest.fixture
def plant(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Plant]:
    keeping = getattr(request, "param", Keeping())
    with small_tree(Historian, keeping, tmp_path) as (system, bus):
        found = Plant(system, bus, tmp_path)
        wait_for("the history actor", found.runs)
        yield found


def test_what_is_published_is_kept_over_a_kill_and_an_orderly_end(plant: Plant) -> None:
    plant.publish(1.0)
    plant.publish(2.0, {"soc": 1})
    wait_for("both readings", lambda: plant.values() == [1.0, 2.0])
    pid = plant.runs()
    os.kill(pid, signal.SIGKILL)
    wait_for("the next life", lambda: plant.runs() not in (0, pid))
    plant.publish(3.0)
    # What was not watched is not told as if the value had stood.
    wait_for("its reading", lambda: plant.values() == [1.0, 2.0, None, 3.0])
    answer = plant.ask(lambda ticket: HistoryPoints("SOC bms", 10, ticket))
    found = orjson.loads(answer.body)
    assert found["found"] == 1 and found["points"][0] == {
        "point": f"{URI}/soc", "last": pytest.approx(time.time(), abs=60), "value": 3.0, "quality": 0,
    }  # fmt: skip
    nothing = plant.ask(lambda ticket: HistoryTrend((f"{URI}/sco",), 0, 9, 9, ticket))
    assert nothing.status == "not_found" and f"{URI}/soc" in nothing.body["near"]


def test_a_history_that_stands_still_costs_its_senders_nothing(plant: Plant) -> None:
    pid = plant.runs()
    plant.publish(1.0)
    wait_for("a reading", lambda: plant.total("ess_history_samples_total") >= 1)
    os.kill(pid, signal.SIGSTOP)
    try:
        before = plant.told()[5]
        plant.system.tell(plant.bus, Load(240, 5, 6.0))
        # 1,440 messages, of which a window holds 512: what does not go waits with the sender, bounded, which goes on.
        wait_for("messages that wait", lambda: plant.told()[4] > 0, 10)
        waiting = wait_for("most of them", lambda: (n := plant.told()[4]) >= 60 and n, 20)
        assert waiting <= MOST_WAITING + WINDOW
        assert plant.told()[0][0] == "RUNNING" and plant.told()[5] >= before
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for("it to go on", lambda: plant.told()[4] == 0 and plant.total("ess_history_samples_total") > 100)


def test_a_place_that_refuses_loses_nothing_until_it_is_back(plant: Plant) -> None:
    plant.publish(1.0)
    wait_for("a reading", lambda: plant.values() == [1.0])
    other = sqlite3.connect(plant.folder / "history.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    plant.publish(2.0)
    heard = wait_for("the alarm", lambda: [m for m in plant.told()[3] if b"history" in m[2]])
    assert b"locked" in heard[0][2] and plant.runs()
    other.execute("ROLLBACK")
    other.close()
    wait_for("the reading that waited", lambda: plant.values() == [1.0, 2.0])
    wait_for("the end of it", lambda: any(b"written again" in m[2] for m in plant.told()[3]))
    assert plant.total("ess_history_dropped_total") == 0


def test_a_file_that_breaks_in_use_is_set_aside_and_history_goes_on(plant: Plant) -> None:
    plant.publish(1.0)
    wait_for("a reading", lambda: plant.values() == [1.0])
    file = plant.folder / "history.sqlite"
    pid = plant.runs()
    os.kill(pid, signal.SIGKILL)
    for beside in ("-wal", "-shm"):
        file.with_name(file.name + beside).unlink(missing_ok=True)
    file.write_bytes(b"not a database " * 1000)
    wait_for("the next life", lambda: plant.runs() not in (0, pid))
    plant.publish(2.0)
    wait_for("its reading", lambda: plant.values() == [2.0])
    assert list(plant.folder.glob("history.sqlite.broken-*"))


def test_a_server_that_is_not_there_dies_and_returns(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path)
    try:
        server.kill()
        folder = tmp_path / "site"
        folder.mkdir()
        with small_tree(Historian, Keeping(database=server.url), folder) as (system, bus):
            plant = Plant(system, bus, folder)
            wait_for("the history actor", plant.runs)
            plant.publish(1.0)
            wait_for("the alarm", lambda: any(b"tried again" in m[2] for m in plant.told()[3]))
            server.start()
            wait_for("what waited", lambda: plant.values() == [1.0])
            server.kill()
            plant.publish(2.0)
            wait_for("the next alarm", lambda: sum(b"tried again" in m[2] for m in plant.told()[3]) == 2)
            server.start()
            wait_for("what waited again", lambda: plant.values() == [1.0, 2.0])
            assert plant.state()[0] == "RUNNING" and plant.total("ess_history_dropped_total") == 0
    finally:
        server.end()


def test_no_reason_for_a_loss_hides_another_one():
    actor = HistoryActor.__new__(HistoryActor)
    actor.actor_id, actor.meter, actor._io_meter, actor._lost = "history", Meter(), Meter(), {}
    actor._count("failed", 3)
    actor._count_overload()
    rows = dict(actor.snapshot()["ess_history_dropped_total"])
    assert rows == {("history", "failed"): (3,), ("history", "overload"): (1,)}
