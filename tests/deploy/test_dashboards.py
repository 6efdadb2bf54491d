"""Dashboards use what is exposed, lie on the grid, and are found by a Grafana that is provisioned with our files."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.places import DASHBOARDS, DEPLOY, wrong_with

PROVISIONING = DEPLOY / "grafana" / "provisioning"
BOARDS = pytest.mark.parametrize("name", DASHBOARDS)
OWN = {"__rate_interval", "__range", "__interval"}


def expressions(name: str) -> Iterator[str]:
    for panel in DASHBOARDS[name]["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


def variables(name: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in DASHBOARDS[name]["templating"]["list"]}


def test_there_is_one_for_the_plant_and_one_for_the_actors() -> None:
    assert set(DASHBOARDS) == {"ess_plant", "ess_actors"}
    assert len({board["uid"] for board in DASHBOARDS.values()}) == len(DASHBOARDS)
    uids = {board["uid"] for board in DASHBOARDS.values()}
    for board in DASHBOARDS.values():
        assert board["title"] and board["schemaVersion"] >= 36
        assert {link["url"].removeprefix("/d/") for link in board["links"]} == uids - {board["uid"]}


@BOARDS
def test_every_expression_names_only_what_is_exposed(name: str) -> None:
    assert len(list(expressions(name))) >= 15
    for expression in expressions(name):
        assert wrong_with(expression) == [], expression
        used = set(re.findall(r"\$(\w+)", expression))
        assert used <= {*variables(name)} | OWN, expression
        assert 'instance=~"$instance"' in expression, f"{expression} mixes sites"


@BOARDS
def test_every_variable_is_used_and_asks_for_what_is_exposed(name: str) -> None:
    text = json.dumps(DASHBOARDS[name])
    for variable, one in variables(name).items():
        assert f"${{{variable}}}" in text or re.search(rf"\${variable}\b", text), variable
        if "definition" in one:
            match = re.fullmatch(r"label_values\((.+), (\w+)\)", one["definition"])
            assert match and one["query"]["query"] == one["definition"]
            assert wrong_with(f"sum by ({match[2]}) ({match[1]})") == []


@BOARDS
def test_the_data_source_is_the_variable_everywhere(name: str) -> None:
    found = []

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if "datasource" in node:
                found.append(node["datasource"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(DASHBOARDS[name])
    uids = {one["uid"] if isinstance(one, dict) else one for one in found}
    assert uids == {"${datasource}"}
    assert variables(name)["datasource"]["query"] == "prometheus"


@BOARDS
def test_panels_have_ids_of_their_own_and_do_not_overlap(name: str) -> None:
    panels = DASHBOARDS[name]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert cells and not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
        refs = [target["refId"] for target in panel.get("targets", ())]
        assert len(set(refs)) == len(refs)
        assert panel["title"]


def test_provisioning_names_the_folder_that_the_readme_copies_to_and_the_data_source() -> None:
    boards = (PROVISIONING / "dashboards" / "ess.yml").read_text()
    path = re.search(r"path: (\S+)", boards)
    assert path and f"deploy/grafana/dashboards/*.json {path[1]}" in (DEPLOY / "README.md").read_text()
    source = (PROVISIONING / "datasources" / "ess.yml").read_text()
    assert "type: prometheus" in source and "timeInterval: 5s" in source
