"""A pickle that was not sent by this tree runs nothing, whoever on this machine sends it; the tree goes on."""

import os
import pickle
import socket

import psutil
import pytest

from ess_actors.actors.seal import SIZE, Seal
from ess_actors.core.control import Query
from tests.actors.flooding import Parent
from tests.actors.small_tree import small_tree
from tests.waiting import wait_for


class Deed:
    """When it is unpickled, a folder is made."""

    def __init__(self, place: str) -> None:
        self.place = place

    def __reduce__(self):
        return os.mkdir, (self.place,)


def test_a_frame_with_a_foreign_or_no_hash_is_not_unpickled(tmp_path):
    ours, theirs = Seal(b"k" * 32), Seal(b"x" * 32)
    assert ours.loads(ours.dumps(("a", {"b": 1.5}))) == ("a", {"b": 1.5})
    deed = Deed(str(tmp_path / "done"))
    good = ours.dumps(1)
    for frame in (
        pickle.dumps(deed),
        theirs.dumps(deed),
        good[:-1],
        good[:SIZE],
        b"",
        good[:SIZE] + pickle.dumps(deed),
    ):
        assert ours.loads(frame) is None
    assert ours.refused == 6 and not (tmp_path / "done").exists()


def listening(process: psutil.Process) -> set[int]:
    return {c.laddr.port for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN}


@pytest.fixture
def tree(tmp_path):
    with small_tree(Parent, None, tmp_path) as tree:
        yield tree


def test_every_port_of_a_running_tree_refuses_what_is_not_sealed(tree, tmp_path):
    system, parent = tree
    with system.private() as asker:

        def running():
            reports = asker.ask(parent, Query(), 10)[0]
            return len(reports) == 2 and all(r.state == "RUNNING" for r in reports) and reports

        before = wait_for("both to run", running)
        root = psutil.Process(before[0].pid).parent().parent()
        ports = {p for process in (root, *root.children(recursive=True)) for p in listening(process)}
        # The asker's own, which its children inherit, is read only while somebody asks.
        ports -= listening(psutil.Process())
        assert len(ports) >= 5, "admin, logger, parent and two children"
        frame = pickle.dumps((None, Deed(str(tmp_path / "done"))))
        for port in ports:
            with socket.create_connection(("127.0.0.1", port), 5) as intruder:
                intruder.sendall(b"%d>%b" % (len(frame), frame))
                # It is told that the frame was damaged, or dropped; then the connection is closed.
                while intruder.recv(1000):
                    pass
        system.tell(parent, ("quick", 10))
        wait_for("the tree to work", lambda: ["quick", 10, True] in asker.ask(parent, Query(), 10)[1])
        assert {r.pid for r in running()} == {r.pid for r in before}
    assert not (tmp_path / "done").exists()
