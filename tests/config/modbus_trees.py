"""Client files as trees or texts, and what the real loader makes of them."""

import json
from pathlib import Path

from ess_actors.config.json_reader import parse
from ess_actors.config.modbus_client import client_from
from ess_actors.config.modbus_files import any_from
from ess_actors.core.findings import Finding
from ess_actors.core.points import ClientMap, Component

MARK = "☞"
"""In a text: the finding is expected to stand here."""


def load(tree: object) -> tuple[list[ClientMap], list[Finding]]:
    text = tree if isinstance(tree, str) else json.dumps(tree)
    return client_from(parse(text, "plant.json"), Path("plant.json"))


def client(*components: dict, **connection: object) -> dict:
    return {"connection": {"ip_address": "10.0.0.9", **connection}, "components": list(components)}


def holding(*points: dict, **keys: object) -> dict:
    return {"type": "Holding", "map": list(points), **keys}


def one(component: dict, **connection: object) -> tuple[Component, list[str]]:
    maps, findings = load(client(component, **connection))
    assert len(maps) == 1, findings
    return maps[0].components[0], [finding.code for finding in findings]


def codes(*points: dict, **keys: object) -> list[str]:
    return one({"id": "c", "registers": [holding(*points)], **keys})[1]


def marked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without marks, and the (line, column) of each."""
    pieces = text.split(MARK)
    places, before = [], ""
    for piece in pieces[:-1]:
        before += piece
        places.append((before.count("\n") + 1, len(before) - before.rfind("\n")))
    return "".join(pieces), places


def found_in(text: str) -> list[Finding]:
    """Findings of a text as a file of whatever kind it is."""
    return list(any_from(parse(text, "plant.json"), Path("plant.json")).findings)
