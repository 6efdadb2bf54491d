"""Load every folder of Modbus files, feed its devices and masters, and compare what comes out with what is expected.

`expected_findings.jsonl`: every finding of every file, in order; texts are free, a hint must be there. A finding
stands at the value its path names, that of a comment, a comma or a second key at that itself.
Clients: `words.json` holds the devices' tables (hexadecimal words, or bits) by unit, table and first address, what
is `unanswered`, and `later` changes, one cycle each; `expected_pubs.json` the publication after the last cycle;
`sets.jsonl` orders, the writes [unit, function, address, words] they cause and their replies [status, value].
Servers: `pubs.jsonl`, `writes.jsonl` (masters, with the set messages they cause) and `expected_words.json` (masters'
reads) happen at their second. `expected_settings.json` states what keys without an effect on values lead to.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ess_actors.config.json_reader import read
from ess_actors.config.site_file import check
from ess_actors.core.bank import Bank
from ess_actors.core.component import ComponentState
from ess_actors.core.points import ClientMap
from tests.cases.modbus_case import (
    Case,
    Device,
    differences,
    folders,
    plain,
    publications,
    read_json,
    read_lines,
    same,
)
from tests.cases.modbus_oracle import values

ALL = folders("expected_findings.jsonl")
CLIENTS = folders("words.json")
SERVERS = folders("expected_words.json")
GOLDEN = ("file", "severity", "code", "line", "column", "path")


def name_of(folder: Path) -> str:
    return folder.name


def test_there_are_enough_folders() -> None:
    assert len(CLIENTS) >= 14
    assert len(SERVERS) >= 7


@pytest.mark.parametrize("folder", ALL, ids=name_of)
def test_findings(folder: Path) -> None:
    found = [finding.as_json() | {"file": Path(finding.file).name} for finding in Case(folder).findings]
    expected = read_lines(folder / "expected_findings.jsonl")
    golden = [{key: one[key] for key in GOLDEN} for one in found]
    assert [one for one, stated in zip(found, golden, strict=True) if stated not in expected] == []
    assert [one for one in expected if one not in golden] == []
    assert golden == expected


@pytest.mark.parametrize("folder", ALL, ids=name_of)
def test_every_finding_says_what_to_do_and_the_check_command_finds_the_same(folder: Path) -> None:
    case = Case(folder)
    assert [str(finding) for finding in case.findings if not (finding.text and finding.hint)] == []
    assert [f for path in case.files for f in check(path).findings] == case.findings


@pytest.mark.parametrize("folder", folders("expected_pubs.json"), ids=name_of)
def test_publications(folder: Path) -> None:
    found = publications(Case(folder))
    expected = {
        uri: one if isinstance(one, list) else [one]
        for uri, one in read_json(folder / "expected_pubs.json").items()
    }
    assert list(found) == list(expected)
    for uri, published in expected.items():
        for one, wanted in zip(found[uri], published, strict=True):
            body, full = one["body"], wanted["body"]
            assert isinstance(body, dict)
            wrong = {key: body.get(key) for key in full if not same(body.get(key), full[key])}
            assert wrong == {}, {key: full[key] for key in wrong}
            assert [key for key in body if not key.endswith("_time_ms")] == [
                key for key in full if not key.endswith("_time_ms")
            ]
            assert set(body) == set(full)
            assert one["marks"] == wanted["marks"]


@pytest.mark.parametrize("folder", folders("words.json"), ids=name_of)
def test_every_point_of_a_device_has_words(folder: Path) -> None:
    content = read_json(folder / "words.json")
    device = Device(content)
    missing = [
        (component.uri, point.id, place)
        for component in Case(folder).components
        for point in component.points
        for place in range(point.address, point.address + point.size)
        if not device.holds(point.unit, point.table.name.lower(), place)
    ]
    assert missing == []


def component_of(case: Case, uri: str) -> tuple[ComponentState, str]:
    covering = [c for c in case.components if uri == c.uri or uri.startswith(c.uri + "/")]
    component = max(covering, key=lambda c: len(c.uri))
    return ComponentState(component, now=0.0), uri[len(component.uri) :]


@pytest.mark.parametrize("folder", folders("sets.jsonl"), ids=name_of)
def test_sets(folder: Path) -> None:
    case, device = Case(folder), Device(read_json(folder / "words.json"))
    for line in read_lines(folder / "sets.jsonl"):
        state, rest = component_of(case, line["set"])
        jobs, replies = state.jobs(rest, line["body"])
        writes = []
        for job in jobs:
            table = {1: "coil", 3: "holding"}[job.read_function]
            now = [device.word(job.unit, table, job.address + n) for n in range(job.count)]
            request = job.request(now if job.needs_read else None)
            width = 1 if table == "coil" else 4
            words = " ".join(f"{word:0{width}X}" for word in request.words)
            writes.append([request.unit, request.function, request.address, words])
            replies = {**replies, **job.written(request)}
        assert writes == line["writes"], line
        answered = {
            name: [reply["status"], *([reply["value"]] if "value" in reply else [])]
            for name, reply in replies.items()
        }
        assert {name: answered[name] for name in line["replies"]} == line["replies"], line
        assert set(answered) == set(line["replies"])


@pytest.mark.parametrize("folder", folders("expected_settings.json"), ids=name_of)
def test_settings(folder: Path) -> None:
    case, text = Case(folder), (folder / "expected_settings.json").read_text(encoding="utf-8")
    expected = json.loads(text.replace("{folder}", str(folder)))
    maps: list[ClientMap] = [found for one in case.loaded.values() for found in one.clients]
    found: dict[str, object] = {"endpoints": [plain(one.endpoint) for one in maps]}
    found["components"] = {c.uri: plain(c) for c in reversed(case.components)}
    found["points"] = {
        f"{c.uri}/{p.id}": plain(p) for c in reversed(case.components) for p in reversed(c.points)
    }
    found["stems"] = [one.stem for one in maps]
    if "server" in expected:
        found["server"] = plain(case.server)
        found["entries"] = {f"{e.uri}/{e.id}": plain(e) for e in reversed(case.server.entries)}
    assert differences(found, expected) == []


def happenings(folder: Path) -> Iterator[tuple[float, int, dict]]:
    for place, name in enumerate(("pubs.jsonl", "writes.jsonl")):
        if (folder / name).exists():
            yield from ((line["at"], place, line) for line in read_lines(folder / name))
    reads = read_json(folder / "expected_words.json")["reads"]
    yield from ((line["at"], 2, line) for line in reads)


def show(payload: bytes, function: int) -> str:
    if function <= 2:
        return " ".join(str(bit) for bit in payload)
    return payload.hex(" ", 2).upper()


@pytest.mark.parametrize("folder", SERVERS, ids=name_of)
def test_servers(folder: Path) -> None:
    case = Case(folder)
    bank = case.bank
    for at, place, line in sorted(happenings(folder), key=lambda one: one[:2]):
        bank.check(at)
        if place == 0:
            bank.commit(line["uri"], line["body"], at)
        elif place == 1:
            _write(bank, line)
        else:
            _read(bank, line)


def _write(bank: Bank, line: dict) -> None:
    words = tuple(int(word, 16) for word in line["words"].split())
    result = bank.write(line["function"], line["address"], words, line["unit"])
    if isinstance(result, int):
        assert {"exception": result} == {"exception": line.get("exception")}, line
        return
    assert [[f"{one.uri}/{one.id}", {"value": one.value}] for one in result] == line.get("sets"), line
    for one, (_, body) in zip(result, line["sets"], strict=True):
        assert same(one.value, body["value"]), line


def _read(bank: Bank, line: dict) -> None:
    result = bank.read(line["function"], line["address"], line["count"], line["unit"])
    if isinstance(result, int):
        assert {"exception": result} == {"exception": line.get("exception")}, line
    else:
        assert show(result, line["function"]) == line.get("words"), line


STATUS = ("heartbeat_state", "modbus_heartbeat", "watchdog_state", "component_connected", "Timestamp")
EXPANDED = ("hvac_units_of_several_halls_come_from_one_template",)
"""Folders with an ip_range, which the second reading does not know."""


@pytest.mark.parametrize(
    "folder", [one for one in folders("expected_pubs.json") if one.name not in EXPANDED], ids=name_of
)
def test_a_second_reading_of_the_files_expects_the_same(folder: Path) -> None:
    content = read_json(folder / "words.json")
    device = Device(content)
    for later in content.get("later", ()):
        device.change(later)
    case = Case(folder)
    found: dict[str, list[dict]] = {}
    for path in case.files:
        document = read(path)
        if isinstance(document.value, dict) and case.loaded[path.name].clients:
            for uri, shown in values(document.value, device.word):
                found.setdefault(uri, []).append(shown)
    for uri, published in read_json(folder / "expected_pubs.json").items():
        for one, wanted in zip(
            found[uri], published if isinstance(published, list) else [published], strict=True
        ):
            body, marks = wanted["body"], wanted["marks"] or {}
            absent = [name for name in one if name not in body]
            assert [name for name in absent if name not in marks and "*" not in marks] == []
            shown = {name: value for name, value in one.items() if name in body}
            assert same(shown, {name: body[name] for name in body if name in one}), uri
            assert [
                name for name in body if name not in one and name not in STATUS and "_time_ms" not in name
            ] == []
