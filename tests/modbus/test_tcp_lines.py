"""Which kind of link an endpoint gets."""

import subprocess
import sys

import pytest

from ess_actors.core.points import Endpoint, Serial, Tls
from ess_actors.modbus.lines import open_link
from ess_actors.modbus.pool import Pool

SERIAL = Serial(device="/dev/ttyNONE")
TLS = Tls(certificate="a.pem", key="b.pem", authorities="c.pem")


@pytest.mark.parametrize(
    ("endpoint", "kind", "capacity"),
    [
        (Endpoint(name="x", host="h"), "TcpLink", 1),
        (Endpoint(name="x", host="h", max_in_flight=4), "TcpLink", 4),
        (Endpoint(name="x", host="h", rtu=True, max_in_flight=4), "RtuOverTcpLink", 1),
        (Endpoint(name="x", host="h", tls=TLS, max_in_flight=4), "TlsLink", 1),
        (Endpoint(name="x", serial=SERIAL, max_connections=4, max_in_flight=4), "SerialLink", 1),
    ],
)
def test_a_single_link(endpoint: Endpoint, kind: str, capacity: int) -> None:
    link = open_link(endpoint)
    assert type(link).__name__ == kind
    assert link.place == endpoint.place and link.capacity == capacity
    assert not link.connected


@pytest.mark.parametrize(
    ("endpoint", "kind", "capacity"),
    [
        (Endpoint(name="x", host="h", max_connections=3, max_in_flight=2), "TcpLink", 6),
        (Endpoint(name="x", host="h", max_connections=2, tls=TLS), "TlsLink", 2),
        (Endpoint(name="x", host="h", max_connections=2, rtu=True), "RtuOverTcpLink", 2),
    ],
)
def test_several_connections(endpoint: Endpoint, kind: str, capacity: int) -> None:
    pool = open_link(endpoint)
    assert isinstance(pool, Pool)
    assert [type(link).__name__ for link in pool.links] == [kind] * endpoint.max_connections
    assert pool.place == endpoint.place and pool.capacity == capacity


def test_plain_tcp_does_not_load_the_library() -> None:
    program = (
        "import sys; from ess_actors.core.points import Endpoint; from ess_actors.modbus.lines import open_link;"
        "open_link(Endpoint(name='x', host='h')); sys.exit('pymodbus' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=30).returncode == 0
