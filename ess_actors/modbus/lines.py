"""Which kind of link an endpoint needs."""

import time
from collections.abc import Callable

from ess_actors.core.points import Endpoint
from ess_actors.modbus.link import KeptLink, Link, OnState, ignore_state
from ess_actors.modbus.pool import Pool
from ess_actors.modbus.tcp_link import TcpLink


def open_link(
    endpoint: Endpoint,
    *,
    on_state: OnState = ignore_state,
    clock: Callable[[], float] = time.monotonic,
) -> Link:
    """The link to `endpoint`, not started yet; a pool of them where it names several connections."""
    kind = _kind(endpoint)
    if endpoint.max_connections > 1 and endpoint.serial is None:
        return Pool(endpoint, kind, on_state=on_state, clock=clock)
    return kind(endpoint, on_state=on_state, clock=clock)


def _kind(endpoint: Endpoint) -> type[KeptLink]:
    # The library behind the other lines is loaded for them only.
    if endpoint.serial is not None:
        from ess_actors.modbus.rtu_link import SerialLink

        return SerialLink
    if endpoint.tls is not None:
        from ess_actors.modbus.tls_link import TlsLink

        return TlsLink
    if endpoint.rtu:
        from ess_actors.modbus.rtu_link import RtuOverTcpLink

        return RtuOverTcpLink
    return TcpLink
