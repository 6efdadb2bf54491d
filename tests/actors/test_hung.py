"""A hung actor is a dead one, whatever of it hangs; and what the decisions of a supervisor do to real processes."""

import os
import signal
from typing import Any

import pytest

from ess_actors.core.control import Order, Query
from tests.actors.hanging import HangingParent
from tests.actors.small_tree import small_tree
from tests.waiting import ended, wait_for


@pytest.fixture
def tree(tmp_path):
    with small_tree(HangingParent, 0.8, tmp_path) as started:
        yield started


def asked(tree: Any, question: object) -> dict[str, Any]:
    system, parent = tree
    with system.private() as asker:
        return {report.id: report for report in asker.ask(parent, question, 5) or ()}


def running(tree: Any, child_id: str, question: object = None) -> Any:
    """The report of a child once it runs."""

    def found() -> Any:
        report = asked(tree, question or Query()).get(child_id)
        return report if report is not None and report.state == "RUNNING" else None

    return wait_for(f"{child_id} to run", found)


def replaced(tree: Any, child_id: str, pid: int) -> Any:
    def found() -> Any:
        report = asked(tree, Query()).get(child_id)
        return report if report and report.state == "RUNNING" and report.pid != pid else None

    return wait_for(f"{child_id} to be replaced", found)


@pytest.mark.parametrize("child_id", ["loop", "io", "work"])
def test_an_actor_that_hangs_is_ended_and_comes_back(tree, child_id):
    system, parent = tree
    others = {i: running(tree, i).pid for i in ("loop", "io", "work", "top") if i != child_id}
    before = running(tree, child_id)
    system.tell(parent, ("hang", child_id))
    after = replaced(tree, child_id, before.pid)
    assert ended(before.pid) and after.restarts == 1
    assert after.last_error.startswith("hung: no progress for ")
    assert {i: running(tree, i).pid for i in others} == others


def test_an_actor_that_is_stopped_by_a_signal_is_killed_and_comes_back(tree):
    before = running(tree, "loop")
    os.kill(before.pid, signal.SIGSTOP)
    after = replaced(tree, "loop", before.pid)
    assert ended(before.pid) and "hung" in after.last_error


def test_an_actor_that_is_halted_in_its_start_is_replaced_as_soon_as_one_that_runs(tree):
    after = wait_for(
        "it to run", lambda: asked(tree, Query())["start"].state == "RUNNING" and running(tree, "start"), 8
    )
    assert after.restarts == 1 and after.last_error.startswith("hung: halted in its start")


def test_actors_that_have_nothing_to_do_are_left_alone(tree):
    system, parent = tree
    before = {i: running(tree, i).pid for i in ("loop", "io", "work", "top")}
    # By the time two others have hung one after the other everybody was looked at often.
    for child_id in ("loop", "io"):
        system.tell(parent, ("hang", child_id))
        replaced(tree, child_id, before[child_id])
    assert [running(tree, i).pid for i in ("work", "top")] == [before["work"], before["top"]]


def test_a_significant_child_that_is_given_up_fails_its_supervisor(tree):
    system, parent = tree
    before = running(tree, "top")
    below = {i: running(tree, i, ("ask", "top")).pid for i in ("top/below", "top/vital")}
    system.tell(parent, ("fail", "top/vital"))
    after = replaced(tree, "top", before.pid)
    assert "SignificantChildFailed: top/vital is FAILED: ValueError: as told (hanging.py:" in after.last_error
    wait_for("its children to be gone", lambda: all(map(ended, below.values())))
    assert running(tree, "top/below", ("ask", "top")).pid != below["top/below"]


def test_a_child_that_can_be_done_without_fails_alone(tree):
    system, parent = tree
    before = running(tree, "top").pid
    running(tree, "top/below", ("ask", "top"))
    system.tell(parent, ("fail", "top/below"))
    wait_for("the restart", lambda: asked(tree, ("ask", "top"))["top/below"].restarts == 1)
    assert running(tree, "top").pid == before


def test_what_an_operator_stopped_stays_stopped_when_its_parent_restarts(tree):
    system, parent = tree
    before = running(tree, "top").pid
    running(tree, "top/below", ("ask", "top"))
    with system.private() as asker:
        asker.tell(parent, Order("top/below", "stop", 1))
    wait_for("STOPPED", lambda: asked(tree, ("ask", "top"))["top/below"].state == "STOPPED")
    os.kill(before, signal.SIGKILL)
    replaced(tree, "top", before)
    running(tree, "top/vital", ("ask", "top"))
    report = asked(tree, ("ask", "top"))["top/below"]
    assert (report.state, report.stopped_by, report.generation) == ("STOPPED", "operator", 0)
