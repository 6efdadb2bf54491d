"""What actors say to each other at the same time arrives whole and in order, and what is out of date does no harm."""

import pytest

from ess_actors.actors.supervisor import SupervisorActor
from ess_actors.core.control import Directory, Entry, Heartbeat, Query
from ess_actors.core.metrics import Meter
from tests.actors.chatting import MANY, Parent
from tests.actors.small_tree import small_tree
from tests.waiting import wait_for


@pytest.fixture
def tree(tmp_path):
    with small_tree(Parent, None, tmp_path) as tree:
        wait_for("the child to run", lambda: told(tree))
        yield tree


def told(tree):
    """(what the parent heard, what the child heard, who is in the child's directory)."""
    system, parent = tree
    with system.private() as asker:
        return asker.ask(parent, Query(), 10)


def test_two_that_talk_at_the_same_time_hear_each_other_in_order(tree):
    system, parent = tree
    system.tell(parent, "talk")
    everything = list(range(MANY))

    def both_heard_all() -> bool:
        up, down, _ = told(tree)
        # In order all the time, not only in the end.
        assert (up, down) == (everything[: len(up)], everything[: len(down)])
        return len(up) == len(down) == MANY

    wait_for("both to have heard all", both_heard_all)


@pytest.mark.parametrize(
    ("after", "gone"),
    [
        ((1, "a"), set()),
        ((2, "a"), {"ess_1/pcs"}),
        ((1, "b"), {"ess_1/pcs"}),  # its parent runs anew, and counts from one again
        (None, {"ess_1/pcs"}),
    ],
)
def test_who_runs_anew_gets_a_flow_of_its_own(after, gone):
    actor = SupervisorActor.__new__(SupervisorActor)
    actor.meter = Meter()
    actor.name_self("supervisor")
    actor._go_by((Entry("ess_1/pcs", 1, "a", ()),))
    (first,) = actor._outbox.offer("ess_1/pcs", [("a frame",)], 1.0)
    assert actor._go_by((Entry("ess_1/pcs", *after, ()),) if after else ()) == gone
    (second,) = actor._outbox.offer("ess_1/pcs", [("a frame",)], 2.0)
    assert (first.number, second.number) == (1, 1 if gone else 2)


def test_a_directory_that_comes_behind_a_later_one_is_ignored(tree):
    system, parent = tree
    system.tell(parent, "late")
    wait_for("the later directory", lambda: told(tree)[2] == ["child", "parent"])
    assert told(tree)[2] == ["child", "parent"]


@pytest.mark.parametrize(
    ("edition", "at", "again"),
    [(7, 20.0, False), (6, 20.0, True), (6, 10.9, False), (0, 11.0, True)],
    ids=["up to date", "missed one", "it may be on its way", "missed all"],
)
def test_who_goes_by_an_old_directory_is_told_again(edition, at, again):
    supervisor, sent = SupervisorActor.__new__(SupervisorActor), []
    supervisor.send = lambda address, message: sent.append((address, message))
    supervisor._published = (Entry("web", 1, "address of web", ()), Entry("ess_1", 1, "of ess_1", ()))
    supervisor.edition, supervisor._renewed_at = 7, 10.0
    supervisor._tell_again(Heartbeat("ess_1", 1, 1, at, 0.0, 0, {}, edition))
    assert sent == ([("of ess_1", Directory(supervisor._published, 7))] if again else [])
