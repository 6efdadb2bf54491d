"""Where the files of deploy/ are, what is exposed to them, and the foreign programs that judge them."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ess_actors.core.metrics import METRICS, Kind

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
DASHBOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text())
    for path in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
}

OUTER = {"job", "instance"}
"""What a scrape adds to every series."""
SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\{([^}]*)\}")
LABEL = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)")
GROUPING = re.compile(r"\b(?:by|on) \(([^)]*)\)")
_NAME = re.compile(r"(?<![\w:$])[a-z_]+(?::[a-z0-9_:]+|(?<=ess)_[a-z0-9_]+)")

Rule = dict[str, str]


def program(name: str, package: str) -> str:
    """Path of a foreign program; fails with what to install when it is not there."""
    found = shutil.which(name, path="/usr/local/bin:/usr/bin:/usr/local/sbin:/usr/sbin:/bin:/sbin")
    assert found, f"{name} is missing; on Debian: apt-get install --no-install-recommends {package}"
    return found


def promtool(*words: str | Path, stdin: str | None = None) -> tuple[int, str]:
    """Exit code and everything promtool said."""
    command = [program("promtool", "prometheus"), *map(str, words)]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def rules(file: str) -> list[Rule]:
    """The rules of a file by a scan of its lines: each `- alert:` or `- record:` with its keys, `expr` in one line."""
    found: list[Rule] = []
    key = ""
    for line in (PROMETHEUS / file).read_text().splitlines():
        if match := re.fullmatch(r"      - (alert|record): ([\w:]+)", line):
            found.append({match[1]: match[2]})
        elif found and (match := re.fullmatch(r" {8,10}(\w+):(?: (.*))?", line)):
            key = match[1]
            found[-1][key] = (match[2] or "").removeprefix(">-").strip()
        elif found and line.startswith("          ") and key == "expr":
            found[-1][key] = f"{found[-1][key]} {line.strip()}".strip()
    return found


ALERTS = rules("alerts.yml")
RECORDED = {rule["record"]: rule["expr"] for rule in rules("recording.yml")}


def names_in(expression: str) -> set[str]:
    """Every series an expression asks for, recorded ones as they are recorded."""
    return set(_NAME.findall(re.sub(r'"[^"]*"', '""', expression)))


def exposed(name: str) -> str:
    """The row of the table a series name belongs to, the name itself when to none."""
    stem = re.sub(r"_(bucket|sum|count)$", "", name)
    return stem if stem in METRICS and METRICS[stem].kind is Kind.HISTOGRAM else name


def labels_of(name: str) -> set[str]:
    """The labels a series has after the scrape or the recording; KeyError when there is no such series."""
    if name in RECORDED:
        return {*GROUPING.findall(RECORDED[name])[0].split(", ")} - {"le"}
    return OUTER | {*METRICS[exposed(name)].labels}


def metrics_in(expression: str) -> set[str]:
    """The rows of the table that an expression needs, through recorded series too."""
    names = names_in(expression)
    through = [metrics_in(RECORDED[name]) for name in names if name in RECORDED]
    return {exposed(name) for name in names if name not in RECORDED}.union(*through)


def wrong_with(expression: str) -> list[str]:
    """Names and labels of an expression that are not exposed."""
    names = names_in(expression)
    wrong = [name for name in names if name not in RECORDED and exposed(name) not in METRICS]
    if wrong:
        return wrong
    plain = re.sub(r'"[^"]*"', '""', expression)
    for name, inside in SELECTOR.findall(plain):
        if name in names:
            known = labels_of(name) | {"le"}
            wrong += [f"{name}: {label}" for label in LABEL.findall(inside) if label not in known]
    some = set().union(*map(labels_of, names)) | OUTER | {"le"}
    for group in GROUPING.findall(plain):
        wrong += [f"by {label}" for label in re.split(r",\s*", group) if label not in some]
    return wrong
