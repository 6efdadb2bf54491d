"""Expanded files load to the same again, and say everything that was inherited."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ess_actors.config.json_reader import parse, read
from ess_actors.config.modbus_expanded import expanded_files
from ess_actors.config.modbus_files import any_from
from ess_actors.core.findings import Finding, Severity
from ess_actors.core.points import ClientMap, Component
from ess_actors.core.server_points import ServerMap
from tests.config.fuzz_config import ROOT

FILES = sorted([*ROOT.glob("configs/*/modbus_*/*.json"), *ROOT.glob("tests/cases/*/*.[jJ][sS][oO][nN]")])
TOLD_AGAIN = {"C01", "C02", "C03", "C04", "C06", "C08", "C14", "C21", "C27", "V06", "V07", "file-missing"}
"""What a file still has when everything else is worked out."""


def reloaded(tree: object) -> tuple[object, list[Finding]]:
    found = any_from(parse(json.dumps(tree), "again.json"), Path("again.json"))
    (one,) = found.clients or (found.server,)
    return one, list(found.findings)


def comparable(one: object) -> object:
    """Without what only tells where it was written: names of files, and numbers of groups."""
    if isinstance(one, ServerMap):
        return replace(one, stem="", file="")
    assert isinstance(one, ClientMap)
    return replace(one, stem="", file="", components=tuple(map(_without_groups, one.components)))


def _without_groups(component: Component) -> Component:
    points = tuple(replace(p, register=replace(p.register, group=0)) for p in component.points)
    return replace(component, points=points, group_kinds=())


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_an_expanded_file_loads_to_the_same(file: Path) -> None:
    found = any_from(read(file), file)
    maps = [*found.clients, *([found.server] if found.server else [])]
    trees = expanded_files([found])
    assert len(trees) == len(maps)
    for one, tree in zip(maps, trees, strict=True):
        again, findings = reloaded(tree)
        assert comparable(again) == comparable(one)
        assert {f.code for f in findings if f.severity > Severity.NOTE} <= TOLD_AGAIN | {"C25"}
