"""Thespian on 127.0.0.1 only: it unpickles whatever arrives, so nobody else may reach it. Import before thespian.

Thespian binds its listening sockets to every interface and has no setting for it (THESPIAN_BASE_IPADDR changes the
advertised address, not the bind), so the one place that chooses the bind address is replaced here. The launcher's
`exposed_sockets` check proves it on the running processes and refuses to go on otherwise.
"""

import os
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import psutil

LOOPBACK = "127.0.0.1"

# Read by Thespian when it is imported or when a system starts; children inherit them by fork.
os.environ["THESPIAN_BASE_IPADDR"] = LOOPBACK
# More than 20 unsent messages to one stuck actor would stall those to all others.
os.environ.setdefault("THESPIAN_MAX_PENDING_TRANSMITS", "200")
os.environ.setdefault("THESPIAN_TRANSMIT_TIMEOUT_PERIOD", "0:10")

import thespian.system.transport as transport  # noqa: E402
import thespian.system.transport.IPBase as ip_base  # noqa: E402

_original_init = ip_base.IPActorAddress.__init__


def _loopback_init(self: Any, *args: Any, **kwargs: Any) -> None:
    _original_init(self, *args, **kwargs)
    if self.bindname[0] in ("", "0.0.0.0", "::"):
        self.bindname = (LOOPBACK, *self.bindname[1:])


def bind_loopback_only() -> None:
    """Replace the bind address of every Thespian socket of this process and of all it forks. Twice is once."""
    ip_base.IPActorAddress.__init__ = _loopback_init


def keep_for(seconds: float) -> None:
    """What cannot be sent is kept so long at least; to be called before the actor system starts.

    When an actor may hang for longer than Thespian keeps what is meant for it, some of that is lost and some is not.
    """
    transport.DEFAULT_MAX_TRANSMIT_PERIOD = max(
        transport.DEFAULT_MAX_TRANSMIT_PERIOD, timedelta(seconds=seconds)
    )


def exposed_sockets(processes: Iterable[psutil.Process], allowed_ports: set[int]) -> list[str]:
    """Listening sockets of `processes` that others could reach and nobody configured, as `name pid ip:port`."""
    found = []
    for process in processes:
        try:
            connections = process.net_connections(kind="tcp")
            name = process.name()
        except psutil.NoSuchProcess:
            continue  # it ended meanwhile: it listens no more
        found += [
            f"{name} ({process.pid}) {c.laddr.ip}:{c.laddr.port}"
            for c in connections
            if c.status == psutil.CONN_LISTEN
            and c.laddr.ip not in (LOOPBACK, "::1")
            and c.laddr.port not in allowed_ports
        ]
    return found


bind_loopback_only()
