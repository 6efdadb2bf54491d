"""Who may connect to a listener, and whose place a newcomer takes when all are taken."""

import ipaddress
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Final

from ess_actors.modbus.listener_session import Session

IDLE_S: Final = 30.0
"""A connection without a complete request for this long gives way to a new one."""
MUTE_S: Final = 2.0
"""The same for a connection that never sent one."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(texts: Iterable[str]) -> tuple[Network, ...] | None:
    """The networks that may connect; None = all. A text that is no network admits nobody."""
    wanted = tuple(texts)
    if not wanted:
        return None
    found = []
    for text in wanted:
        try:
            found.append(ipaddress.ip_network(text.strip(), strict=False))
        except ValueError:
            continue
    return tuple(found)


def allows(allowed: tuple[Network, ...] | None, peer: object) -> bool:
    """Whether the address text `peer` lies in one of the networks."""
    if allowed is None:
        return True
    try:
        address = ipaddress.ip_address(str(peer).partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in allowed)


def who_gives_way(sessions: Collection[Session], peer: str, now: float) -> Session | None:
    """Whose place a connection from `peer` takes when there is no free one; None = nobody's.

    First one that never asked anything, then the one that was silent longest, if that is long; else, so that
    one address cannot keep all others out, the most silent one of an address that has two places more.
    """
    by_silence = sorted(sessions, key=lambda session: session.heard_at)
    for session in by_silence:
        if now - session.heard_at >= (IDLE_S if session.asked else MUTE_S):
            return session
    places = Counter(session.peer for session in sessions)
    address, most = max(places.items(), key=lambda item: item[1], default=("", 0))
    if most >= places[peer] + 2:
        return next(session for session in by_silence if session.peer == address)
    return None
