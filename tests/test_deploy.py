"""deploy/: rules and dashboard name only what is exposed, and the unit keeps its promises."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest

from ess_actors.core.metrics import METRICS, Kind

DEPLOY = Path(__file__).parent.parent / "deploy"
UNIT = DEPLOY / "systemd" / "ess-actors@.service"

RULES = (DEPLOY / "prometheus" / "alerts.yml").read_text()
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())

NAME = re.compile(r"\bess_[a-z_]+")
SELECTOR = re.compile(r"\b(ess_[a-z_]+)\{([^}]*)\}")
LABEL = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)")
GROUPING = re.compile(r"\bby \(([^)]*)\)")

# What a scrape adds to every series.
OUTER = {"job", "instance"}


def rules() -> list[dict[str, str]]:
    """The rules by a scan of the lines: each `- alert:` with its keys, `expr` folded to one line."""
    found: list[dict[str, str]] = []
    key = ""
    for line in RULES.splitlines():
        if match := re.fullmatch(r"      - alert: (\w+)", line):
            found.append({"alert": match[1]})
        elif found and (match := re.fullmatch(r" {8,10}(\w+):(?: (.*))?", line)):
            key = match[1]
            found[-1][key] = (match[2] or "").removeprefix(">-").strip()
        elif found and line.startswith("          ") and key == "expr":
            found[-1][key] = f"{found[-1][key]} {line.strip()}".strip()
    return found


def dashboard_expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def exposed(name: str) -> str:
    """The row of the table a series name belongs to, the name itself when to none."""
    stem = re.sub(r"_(bucket|sum|count)$", "", name)
    return stem if stem in METRICS and METRICS[stem].kind is Kind.HISTOGRAM else name


def wrong_with(expression: str) -> list[str]:
    """Names and labels of an expression that the table does not have."""
    plain = re.sub(r'"[^"]*"', '""', expression)
    names = {exposed(name) for name in NAME.findall(plain)}
    wrong = [name for name in names if name not in METRICS]
    if wrong:
        return wrong
    for name, inside in SELECTOR.findall(plain):
        metric = METRICS[exposed(name)]
        wrong += [
            f"{name}: {label}" for label in LABEL.findall(inside) if label not in OUTER | {*metric.labels}
        ]
    some = set().union(*(METRICS[name].labels for name in names)) | OUTER | {"le"}
    for group in GROUPING.findall(plain):
        wrong += [f"by {label}" for label in re.split(r",\s*", group) if label not in some]
    return wrong


def test_the_check_itself_finds_wrong_names_and_labels() -> None:
    assert wrong_with("ess_no_such == 0") == ["ess_no_such"]
    assert wrong_with('ess_actor_up{device="x"}') == ["ess_actor_up: device"]
    assert wrong_with("sum by (device) (ess_actor_up)") == ["by device"]
    assert wrong_with("ess_messages_total_bucket") == ["ess_messages_total_bucket"]
    assert wrong_with('sum by (actor, le) (rate(ess_message_latency_seconds_bucket{job="ess"}[5m]))') == []


def test_every_rule_is_complete_and_uses_what_is_exposed() -> None:
    found = rules()
    assert len(found) == RULES.count("alert:") >= 12
    assert len({rule["alert"] for rule in found}) == len(found)
    for rule in found:
        assert wrong_with(rule["expr"]) == [], rule["alert"]
        assert re.fullmatch(r"\{severity: (critical|warning)\}", rule["labels"]), rule["alert"]
        assert rule["summary"] and rule["description"], rule["alert"]
        assert re.search(r"[<>=]=? ?[\d.]", rule["expr"]), f"{rule['alert']} compares with nothing"
        assert NAME.search(rule["expr"]) or rule["expr"].startswith("up{")


def test_the_text_of_a_rule_uses_only_labels_its_expression_keeps() -> None:
    for rule in rules():
        groups = GROUPING.findall(rule["expr"])
        names = [exposed(name) for name in NAME.findall(rule["expr"])]
        kept = {*groups[0].split(", ")} if groups else OUTER.union(*(METRICS[name].labels for name in names))
        used = set(re.findall(r"\$labels\.(\w+)", rule["summary"] + rule["description"]))
        assert used <= kept, rule["alert"]


def test_the_dashboard_uses_what_is_exposed_and_no_data_source_of_its_own() -> None:
    expressions = list(dashboard_expressions())
    assert len(expressions) >= 15
    for expression in expressions:
        assert wrong_with(expression) == [], expression
    assert "label_values(ess_build_info, instance)" in json.dumps(DASHBOARD["templating"])
    sources = {
        item["datasource"]["uid"] for panel in DASHBOARD["panels"] for item in (panel, *panel["targets"])
    }
    assert sources == {"${datasource}"}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_every_row_of_the_table_is_seen_by_somebody() -> None:
    everything = " ".join([*dashboard_expressions(), RULES, json.dumps(DASHBOARD["templating"])])
    assert {exposed(name) for name in NAME.findall(everything)} >= set(METRICS)


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.yml")), ids=lambda path: path.name)
def test_yaml_files_are_written_plainly(path: Path) -> None:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        content = line.lstrip(" ")
        assert "\t" not in line, number
        assert (len(line) - len(content)) % 2 == 0, number
        if content and not content.startswith("#"):
            assert content.startswith("- ") or ":" in content or "(" in content, number
            assert content.count('"') % 2 == 0, number


def unit() -> RawConfigParser:
    parser = RawConfigParser(strict=False, comment_prefixes=("#",), delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(UNIT.read_text())
    return parser


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Type", "notify"),
        ("NotifyAccess", "main"),
        ("WatchdogSec", "20"),
        ("User", "ess-actors"),
        ("Restart", "on-failure"),
        ("RestartPreventExitStatus", "2"),
        ("KillMode", "control-group"),
        ("CapabilityBoundingSet", "CAP_NET_BIND_SERVICE"),
        ("AmbientCapabilities", "CAP_NET_BIND_SERVICE"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("RestrictNamespaces", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("LockPersonality", "yes"),
        ("StateDirectory", "ess-actors/%i"),
    ],
)
def test_the_unit_says(key: str, value: str) -> None:
    assert unit()["Service"][key] == value


def test_the_unit_runs_one_site_with_its_api_on_loopback() -> None:
    service = unit()["Service"]
    assert re.search(
        r"ess-actors run /etc/ess-actors/%i --state-dir /var/lib/ess-actors/%i ", service["ExecStart"]
    )
    assert service["ExecStart"].endswith("$ESS_ACTORS_OPTIONS")
    assert "--api 127.0.0.1:8300" in service["Environment"]
    assert unit()["Install"]["WantedBy"] == "multi-user.target"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_itself_accepts_the_unit_and_finds_it_hardened(tmp_path: Path) -> None:
    # The program is not installed here: the unit is checked with one that exists.
    text = UNIT.read_text().replace("/opt/ess-actors/.venv/bin/ess-actors", "/bin/true")
    path = tmp_path / "ess-actors@site.service"
    path.write_text(text)
    checked = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, timeout=60)
    complaints = [line for line in checked.stderr.splitlines() if "ess-actors@" in line]
    assert complaints == []
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", path],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert judged.returncode == 0, judged.stdout.splitlines()[-1:]
