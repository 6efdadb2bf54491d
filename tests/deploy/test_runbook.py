"""Every alert, every alarm of the shipped documents and every alarm of our own code has its entry in the runbook."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from ess_actors.core.ess import Ess
from ess_actors.core.functions.alarms import kind_of_source
from ess_actors.core.trace_edges import edges
from ess_actors.core.uri import parse_reference
from tests.deploy.places import ALERTS, DEPLOY
from tests.deploy.told_alarms import texts
from tests.journeys.bus import WALL, shipped_site

RUNBOOK = DEPLOY / "runbook"
SITES = ("dual_bms", "triple")
PARTS = ("Means", "Done by itself", "Look at", "Do", "Cleared")
WORDS = {"com_status", "ems_alarms", "ess_faults", "ess_alarms"}


def entries(file: str) -> dict[str, str]:
    """Heading -> what stands below it, of the headings that are entries."""
    parts = re.split(r"^#{2,3} (.+)$", (RUNBOOK / file).read_text(), flags=re.M)
    return {
        heading: text for heading, text in zip(parts[1::2], parts[2::2], strict=True) if "- Means:" in text
    }


def numbered(name: str) -> str:
    """The name with N for the number of a device or an instance."""
    return re.sub(r"_\d+", "_N", name)


@cache
def booted(site: str) -> tuple[Ess, ...]:
    """The instances of a shipped site, loaded as the launch command would load them."""
    found = []
    for instance in shipped_site(site).instances:
        ess = Ess(instance.start, instance.documents, now=0.0, wall=WALL)
        ess.boot(0.0, WALL)
        found.append(ess)
    return tuple(found)


def raised(site: str) -> Iterator[tuple[str, str]]:
    """(fault or alarm, name in the runbook) of everything that the documents of a site can raise, as loaded."""
    for ess in booted(site):
        for edge in edges(ess.engine):
            if (
                edge.kind == "process_sys_alarm"
                and edge.source is not None
                and edge.item.get("inValue") != "Clear"
            ):
                yield kind_of_source(edge.source), numbered(edge.source.name)
            elif edge.kind == "CheckMonitorVar" and edge.source is not None:
                watched = parse_reference(edge.source.name)
                found = ess.engine.map.find(watched.table, watched.name)
                assert found is not None, edge.source.name
                name = numbered(f"{watched.table.rpartition('/')[2]}:{watched.name}")
                for kind, switch in (("alarm", "AlarmTimeout"), ("fault", "FaultTimeout")):
                    if found.number(switch) or found.number(f"Max{switch}") or found.number(f"Min{switch}"):
                        yield kind, name
            elif edge.kind not in KINDS:
                raise AssertionError(f"{edge.kind} is new in {site}: can it raise an alarm? {edge.source}")


KINDS = {
    "scheduler", "limits", "remap", "CalculateVar", "RunMonitor", "SchedItemOpts", "RunPub", "CheckMonitorVar",
    "process_sys_alarm",
}  # fmt: skip


def bits(site: str) -> Iterator[tuple[str, int, str]]:
    """(word, bit, name in the runbook) of every bit of the site controller's words that the documents set."""
    for ess in booted(site):
        for edge in edges(ess.engine):
            match = re.fullmatch(r"/site/\w+/ess_ls:(\w+)\[(\d+)\]", edge.target)
            if match and match[1] in WORDS and edge.source is not None:
                asset, name = edge.source.table.rpartition("/")[2], edge.source.name
                yield (
                    match[1],
                    int(match[2]),
                    f"{asset}:{name}" if match[1] == "com_status" else numbered(name),
                )


def in_the_plant_book() -> set[tuple[str, str]]:
    found = set()
    for heading in entries("plant.md"):
        match = re.fullmatch(r"(.+) \(((?:fault|alarm)(?:, alarm)?)\)", heading)
        assert match, f"{heading}: says not whether it is a fault or an alarm"
        found |= {(kind, name) for name in match[1].split(", ") for kind in match[2].split(", ")}
    return found


def test_every_alarm_of_the_shipped_documents_has_its_entry_and_every_entry_its_alarm() -> None:
    told = {one for site in SITES for one in raised(site)}
    assert len(told) >= 35
    book = in_the_plant_book()
    assert (sorted(told - book), sorted(book - told)) == ([], [])


def test_every_bit_of_the_site_words_is_in_the_table() -> None:
    rows = re.findall(r"^\| ([\w, ]+) \| ([\d, ]+) \| ([\w:]+) \|$", (RUNBOOK / "plant.md").read_text(), re.M)
    table = {(w, int(b), name) for words, at, name in rows for w in words.split(", ") for b in at.split(", ")}
    set_by = {one for site in SITES for one in bits(site)}
    assert len(set_by) >= 50
    assert set_by == table


def test_every_alarm_of_our_own_code_has_its_entry_and_every_entry_its_alarm() -> None:
    told = texts()
    assert len(told) >= 25
    book = re.findall(r"^- Told: `(.+)`$", (RUNBOOK / "controller.md").read_text(), re.M)
    assert len(book) == len(set(book))
    assert (sorted(told - {*book}), sorted({*book} - told)) == ([], [])


def test_every_alert_leads_to_its_entry_and_every_entry_has_its_alert() -> None:
    assert list(entries("alerts.md")) == [rule["alert"] for rule in ALERTS]
    for rule in ALERTS:
        wanted = f"file:///opt/ess-actors/deploy/runbook/alerts.md#{rule['alert']}"
        assert rule["runbook_url"] == f'"{wanted}"'


@pytest.mark.parametrize("file", ["alerts.md", "controller.md", "plant.md"])
def test_every_entry_says_all_there_is_to_say(file: str) -> None:
    for heading, text in entries(file).items():
        said = re.findall(r"^- (.+?): ", text, re.M)
        assert [part for part in said if part != "Told"] == list(PARTS), heading


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as they are made by those who show it."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "path", [DEPLOY / "README.md", *sorted(RUNBOOK.glob("*.md"))], ids=lambda path: path.name
)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", path.read_text())
    assert links or path.name == "README.md"
    for link in links:
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
