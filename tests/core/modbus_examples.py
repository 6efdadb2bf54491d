"""Components and servers written as files would write them, read by the real loader, for the Modbus tests."""

import json
from pathlib import Path

from ess_actors.config.json_reader import parse
from ess_actors.config.modbus_client import client_from
from ess_actors.config.modbus_server import server_from
from ess_actors.core.component import ComponentState
from ess_actors.core.points import Component, Point
from ess_actors.core.polling import Block
from ess_actors.core.server_points import ServerMap

SERIOUS = ("error", "fatal")
WALL = 1_700_000_000.5


def component(groups: list[dict], **keys: object) -> Component:
    """One component of these groups; the connection is plain TCP."""
    tree = {
        "connection": {"ip_address": "127.0.0.1"},
        "components": [{"id": "c", "registers": groups, **keys}],
    }
    maps, findings = client_from(parse(json.dumps(tree), "c.json"), Path("c.json"))
    assert maps, findings
    return maps[0].components[0]


def holding(*points: dict, **keys: object) -> Component:
    """One component with one holding group."""
    return component([{"type": "Holding", "map": list(points)}], **keys)


def point(table: str = "Holding", **keys: object) -> Point:
    """The one point of these keys (its first one when it is a register of bits)."""
    found = component([{"type": table, "map": [{"id": "p", "offset": 7, **keys}]}])
    return found.points[0]


def server(registers: object, **system: object) -> ServerMap:
    """A server of these registers."""
    tree = {"system": {"id": "/site_controller", **system}, "registers": registers}
    found, findings = server_from(parse(json.dumps(tree), "s.json"), Path("s.json"))
    assert found is not None, findings
    return found


def words(text: str) -> tuple[int, ...]:
    """`0001 86A1` -> (1, 0x86A1)."""
    return tuple(int(word, 16) for word in text.split())


def payload(*numbers: int) -> bytes:
    """Words as they come on the wire."""
    return b"".join(number.to_bytes(2, "big") for number in numbers)


def blocks(state: ComponentState) -> list[Block]:
    """The requests of a component as planned now."""
    return [block for cycle in state.cycles for block in cycle.blocks]


def two_blocks(**keys: object) -> ComponentState:
    """soc and soh at 1 and 2, far away from `far`."""
    found = holding(
        {"id": "soc", "offset": 1, "scale": 10},
        {"id": "soh", "offset": 2},
        {"id": "far", "offset": 90},
        **keys,
    )
    return ComponentState(found, now=0.0)
