"""The start file of an instance: its name, its first document, what it hears and what it drops."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ess_actors.config.documents import Source, child, read_object
from ess_actors.core.access import RESERVED, Access, split_subscriptions, valid_name
from ess_actors.core.findings import Finding, Severity

BASICS: Final = "/sysconfig/default"
BLOCKED: Final = "/blockeduris/"
METHODS: Final = ("pub", "set", "get")

SEED_SLIP: Final = "subs-no-slash"
"""A piece of Subs without a slash, as the first dual-BMS notes have it: such a site runs as its authors know it,
since the piece never was heard. A warning names it; as an error it would fail the check of every such site."""


@dataclass(frozen=True, slots=True)
class StartFile:
    """A start file that can be used."""

    source: Source
    name: str
    config: str
    subscriptions: tuple[str, ...]
    """What the instance hears, its own name first."""
    access: Access
    """What it drops of that at the start."""


def load_start(file: Path) -> tuple[StartFile | None, list[Finding]]:
    """The start file and everything found in it; None when something FATAL is among that."""
    source, findings = read_object(file, "create it, or correct `start` in site.json")
    if source is None:
        return None, findings
    findings = [*findings, *_block_lists(source)]
    basics = source.tree.get(BASICS)
    path = child("$", BASICS)
    if not isinstance(basics, dict):
        text = f"the table {BASICS} is missing"
        hint = "add it with the members Subs, Config and EssName"
        return None, [*findings, source.finding(Severity.FATAL, "start-incomplete", path, text, hint)]
    texts: dict[str, str] = {}
    for member in ("Subs", "Config", "EssName"):
        value = _bare(basics.get(member))
        if isinstance(value, str) and (value or member == "Subs"):
            texts[member] = value
            continue
        what = "is missing" if member not in basics else "is not a text"
        place = child(path, member)
        text, hint = f"{member} {what}", f'write it as "{member}": "..."'
        findings.append(source.finding(Severity.FATAL, "start-incomplete", place, text, hint))
    if len(texts) < 3:
        return None, findings
    name = texts["EssName"]
    findings += _name(source, child(path, "EssName"), name)
    subscriptions, problems = split_subscriptions(texts["Subs"], name)
    for problem in problems:
        severity = Severity.WARNING if problem.code == SEED_SLIP else problem.severity
        place = child(path, "Subs")
        findings.append(source.finding(severity, problem.code, place, problem.text, problem.hint))
    access = Access(name)
    access.block({method: _blocked(source.tree.get(BLOCKED + method)) for method in METHODS})
    return StartFile(source, name, texts["Config"], subscriptions, access), findings


def _name(source: Source, path: str, name: str) -> list[Finding]:
    if "/" in name:
        text = f"the instance name {name!r} contains a slash, so no message could be addressed to it"
        return [source.finding(Severity.FATAL, "name-unusable", path, text, "use letters, digits and _")]
    if name in RESERVED:
        text = f"the instance name {name!r} is a word of the uri syntax"
        return [source.finding(Severity.ERROR, "name-reserved", path, text, "choose another name")]
    if not valid_name(name):
        text = f"the instance name {name!r} has characters other than letters, digits and _"
        return [source.finding(Severity.ERROR, "name-characters", path, text, "use only those")]
    return []


def _blocked(entries: object) -> dict[str, bool]:
    """The entries of one block list that are usable."""
    values = {uri: _bare(value) for uri, value in entries.items()} if isinstance(entries, dict) else {}
    return {uri: value for uri, value in values.items() if isinstance(value, bool)}


def _bare(value: object) -> object:
    return value.get("value") if isinstance(value, dict) else value


def _block_lists(source: Source) -> list[Finding]:
    """Block lists for methods that do not exist, and entries that are neither true nor false."""
    findings = []
    for table, entries in source.tree.items():
        if not table.startswith(BLOCKED):
            continue
        path = child("$", table)
        if table.removeprefix(BLOCKED) not in METHODS:
            text = f"{table} blocks nothing: there is no such method"
            hint = f"use one of {', '.join(BLOCKED + method for method in METHODS)}"
            findings.append(source.finding(Severity.WARNING, "block-method", path, text, hint))
        for uri, other in _siblings(_blocked(entries)):
            text = f"{uri} is blocked, {other} is not, though other entries name that level"
            hint = f"add {other} if its publication is meant too"
            findings.append(source.finding(Severity.NOTE, "block-sibling", child(path, uri), text, hint))
        for uri, value in entries.items() if isinstance(entries, dict) else ():
            if not isinstance(_bare(value), bool):
                text = f"the entry {uri} is neither true nor false and blocks nothing"
                hint = "write true to drop, false to let pass"
                findings.append(source.finding(Severity.ERROR, "block-value", child(path, uri), text, hint))
    return findings


def _siblings(entries: Mapping[str, bool]) -> Iterator[tuple[str, str]]:
    """Blocked `/assets/ess_1` and, beside an entry such as `/assets/ess/summary`, `/assets/ess/ess_1`, of
    which no entry speaks."""
    levels = {entry.rpartition("/")[0] for entry in entries}
    for uri in [uri for uri, dropped in entries.items() if dropped]:
        above, _, name = uri.rpartition("/")
        level = f"{above}/{name.rpartition('_')[0]}"
        other = f"{level}/{name}"
        if above and level in levels and not any(other.startswith(entry) for entry in entries):
            yield uri, other
