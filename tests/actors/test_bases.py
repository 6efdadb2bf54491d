"""What the base classes promise, on real processes: one crash with its reason, death with the parent, loopback."""

import os
import signal
import socket
from datetime import timedelta

import psutil
import pytest
from thespian.system import transport

from ess_actors.actors import loopback
from ess_actors.core.control import Query
from tests.actors.crashing import Parent
from tests.actors.small_tree import small_tree
from tests.waiting import ended, wait_for


@pytest.fixture
def tree(tmp_path):
    with small_tree(Parent, None, tmp_path) as started:
        yield started


def reports(tree) -> dict:
    system, parent = tree
    with system.private() as asker:
        return {report.id: report for report in asker.ask(parent, Query(), 5) or ()}


def all_running(tree) -> dict | None:
    found = reports(tree)
    return found if found and all(r.state == "RUNNING" for r in found.values()) else None


def test_a_crash_is_one_crash_with_its_reason_and_a_restart(tree):
    system, parent = tree
    first = wait_for("both to run", lambda: all_running(tree))
    system.tell(parent, "fail")
    wait_for("both to have crashed", lambda: all(r.last_error for r in reports(tree).values()))
    second = wait_for("both to run again", lambda: all_running(tree))
    # "time 1": the message was not given to the actor a second time, as Thespian does with an exception.
    assert second["child"].last_error.startswith("ValueError: as told, time 1 (crashing.py:")
    assert second["io"].last_error.startswith("OSError: the thread failed (crashing.py:")
    assert {r.restarts for r in second.values()} == {1}
    assert first["child"].pid != second["child"].pid


def test_children_die_with_a_killed_parent(tree):
    children = [r.pid for r in wait_for("both to run", lambda: all_running(tree)).values()]
    os.kill(psutil.Process(children[0]).ppid(), signal.SIGKILL)
    wait_for("the children to be gone", lambda: all(map(ended, children)))


def test_a_killed_child_is_reported_with_the_signal(tree):
    pid = wait_for("both to run", lambda: all_running(tree))["child"].pid
    os.kill(pid, signal.SIGKILL)
    wait_for("the restart", lambda: (r := all_running(tree)) and r["child"].pid != pid)
    assert reports(tree)["child"].last_error == "killed by SIGKILL"


def test_a_process_that_the_system_refuses_is_tried_again_and_nobody_else_is_taken_for_it(tree):
    system, parent = tree
    first = wait_for("both to run", lambda: all_running(tree))
    system.tell(parent, ("forks fail", 3))
    os.kill(first["child"].pid, signal.SIGKILL)
    wait_for("the third refusal", lambda: reports(tree)["child"].restarts >= 3)
    second = wait_for("both to run", lambda: all_running(tree))
    assert second["child"].pid not in (first["child"].pid, first["io"].pid)
    assert second["child"].last_error.startswith("no process could be started for it")
    assert (second["io"].pid, second["io"].restarts) == (first["io"].pid, 0)


def test_children_that_die_together_all_come_back(tree):
    """Thespian tells of one of them only, now and then."""
    for _ in range(12):
        before = {r.pid for r in wait_for("all to run", lambda: all_running(tree)).values()}
        for pid in before:
            os.kill(pid, signal.SIGKILL)

        def replaced(before=before):
            found = all_running(tree)
            return found and not before & {r.pid for r in found.values()}

        wait_for("new processes of all", replaced, 20)


def test_thespian_listens_on_loopback_only_and_the_check_sees_a_breach(tree):
    wait_for("both to run", lambda: all_running(tree))
    child = psutil.Process(all_running(tree)["child"].pid)
    mine = [psutil.Process(), child, child.parent(), child.parent().parent()]
    assert sum(len(p.net_connections("tcp")) for p in mine) >= len(mine)
    assert loopback.exposed_sockets(mine, set()) == []
    with socket.create_server(("0.0.0.0", 0)) as open_to_all:
        port = open_to_all.getsockname()[1]
        (found,) = loopback.exposed_sockets([psutil.Process()], set())
        assert f"0.0.0.0:{port}" in found
        assert loopback.exposed_sockets([psutil.Process()], {port}) == []


def test_what_cannot_be_sent_is_kept_for_as_long_as_a_receiver_may_hang(monkeypatch):
    monkeypatch.setattr(transport, "DEFAULT_MAX_TRANSMIT_PERIOD", timedelta(seconds=10))
    for hung_after_s, kept_s in ((1.2, 10), (30.0, 60), (1.2, 60)):
        loopback.keep_for(2 * hung_after_s)
        assert transport.TransmitIntent("an address", "a message").delay() > timedelta(seconds=kept_s - 1)
        assert timedelta(seconds=kept_s) == transport.DEFAULT_MAX_TRANSMIT_PERIOD
