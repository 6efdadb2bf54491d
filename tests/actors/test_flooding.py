"""A receiver that is stuck or behind stalls nobody else, and gets everything in the end: in real processes."""

import os
import signal

import pytest

from ess_actors.core.control import Query
from tests.actors.flooding import Parent
from tests.actors.small_tree import small_tree
from tests.waiting import wait_for

MANY = 3000


@pytest.fixture
def tree(tmp_path):
    with small_tree(Parent, None, tmp_path) as tree:
        yield tree


def asked(tree):
    """(reports by id, what the children told, messages that wait)."""
    system, parent = tree
    with system.private() as asker:
        reports, told, backlog = asker.ask(parent, Query(), 10) or ((), [], 0)
    return {report.id: report for report in reports}, told, backlog


def running(tree):
    reports = asked(tree)[0]
    return reports if reports and all(r.state == "RUNNING" for r in reports.values()) else None


def test_a_stuck_receiver_does_not_stall_the_sender_and_loses_nothing(tree):
    system, parent = tree
    slow = wait_for("both to run", lambda: running(tree))["slow"].pid
    os.kill(slow, signal.SIGSTOP)
    system.tell(parent, ("slow", MANY))
    system.tell(parent, ("quick", 100))
    # The sender answers, and the other receiver is served, while thousands wait for the stuck one.
    wait_for("the quick one to have all", lambda: ["quick", 100, True] in asked(tree)[1])
    assert asked(tree)[2] > MANY / 2
    os.kill(slow, signal.SIGCONT)
    wait_for("the slow one to have all", lambda: any(name == "slow" for name, *_ in asked(tree)[1]))
    reports, told, backlog = asked(tree)
    assert ["slow", MANY, True] in told and backlog == 0, (told, backlog, reports["slow"].pid == slow)
