"""The wait and the texts that Thespian is given instead of its own do what those did."""

import errno
import fcntl
import os
import selectors
import socket
from types import SimpleNamespace

import pytest
from thespian.system.transport import ReceiveEnvelope, TransmitIntent
from thespian.system.transport.TCPTransport import TCPTransport

from ess_actors.actors.sparing_transport import OnePoll

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


def ready(selector, *watched, timeout=0.0):
    """Descriptor and event of all that are ready, as either kind of selector tells it."""
    for one, event in watched:
        selector.register(one, event)
    found = sorted((key.fd, event) for key, event in selector.select(timeout))
    selector.close()
    return found


def full(one):
    """A socket that takes no more."""
    one.setblocking(False)
    while True:
        try:
            one.send(bytes(65536))
        except BlockingIOError:
            return one


@pytest.fixture
def pair():
    near, far = socket.socketpair()
    with near, far:
        yield near, far


@pytest.mark.parametrize("make", [OnePoll, selectors.DefaultSelector], ids=["ours", "the library's"])
class TestReady:
    def test_what_came_can_be_read_and_a_free_socket_be_written_to(self, make, pair):
        near, far = pair
        assert ready(make(), (near.fileno(), READ)) == []
        assert ready(make(), (near.fileno(), WRITE)) == [(near.fileno(), WRITE)]
        far.send(b"1")
        assert ready(make(), (near.fileno(), READ), (far.fileno(), READ)) == [(near.fileno(), READ)]

    def test_a_full_socket_is_not_ready(self, make, pair):
        near, _ = pair
        assert ready(make(), (full(near).fileno(), WRITE), timeout=0.001) == []

    @pytest.mark.parametrize("event", [READ, WRITE])
    def test_a_connection_that_the_other_side_has_ended_is_ready(self, make, pair, event):
        near, far = pair
        full(near)
        far.close()
        assert ready(make(), (near.fileno(), event), timeout=None) == [(near.fileno(), event)]

    @pytest.mark.parametrize("event", [READ, WRITE])
    def test_a_connection_that_is_refused_is_ready(self, make, event):
        with socket.socket() as nobody, socket.socket() as one:
            nobody.bind(("127.0.0.1", 0))
            one.setblocking(False)
            one.connect_ex(nobody.getsockname())
            assert ready(make(), (one.fileno(), event), timeout=None) == [(one.fileno(), event)]

    def test_a_descriptor_that_is_closed_is_an_error(self, make, pair):
        number = fcntl.fcntl(pair[0], fcntl.F_DUPFD, 500)
        os.close(number)
        with pytest.raises(OSError, match="Bad file descriptor") as error:
            ready(make(), (pair[1].fileno(), READ), (number, READ))
        assert error.value.errno == errno.EBADF

    def test_what_never_was_a_descriptor_is_an_error(self, make):
        with pytest.raises(ValueError, match=r"-1|negative"):
            ready(make(), (-1, READ))


class Told:
    """Counts how often a text is made of it."""

    def __init__(self):
        self.times = 0

    def __str__(self):
        self.times += 1
        return "the message"


@pytest.mark.parametrize("make", [ReceiveEnvelope, TransmitIntent])
def test_a_message_becomes_a_text_when_somebody_reads_it(make):
    message = Told()
    text = make("an address", message).identify()
    assert message.times == 0
    assert "the message" in str(text) and "the message" in str(make("an address", message))
    assert message.times > 0


@pytest.mark.parametrize(
    ("size", "step"), [(10, TCPTransport._XMITStepWaitForAck), (50_000_000, TCPTransport._XMITStepSendData)]
)
def test_the_answer_is_waited_for_as_soon_as_all_is_sent(pair, size, step):
    transport = TCPTransport.__new__(TCPTransport)
    pair[0].setblocking(False)
    intent = SimpleNamespace(
        socket=pair[0], serMsg=bytes(size), amtSent=0, stage=TCPTransport._XMITStepSendData
    )
    assert transport._nextTransmitStep(intent) is True
    assert intent.stage == step
