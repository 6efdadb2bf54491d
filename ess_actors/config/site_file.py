"""Files by themselves: whatever kind they are, everything that can be found without a site."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ess_actors.config.documents import child, missing_file
from ess_actors.config.json_reader import read
from ess_actors.config.modbus_files import ModbusFile, any_from
from ess_actors.config.modbus_kind import Kind, kind_of
from ess_actors.config.single import documents_of, load_single
from ess_actors.config.site import SITE_FILE, load_site
from ess_actors.config.start_file import BASICS, load_start
from ess_actors.core.findings import Finding, Severity
from ess_actors.core.json_positions import Document
from ess_actors.core.points import ClientMap

_HINT: Final = "check the name"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found, and for a Modbus file what it says."""

    findings: tuple[Finding, ...]
    modbus: ModbusFile | None = None


def check_together(paths: Sequence[Path], documents: Path | None = None) -> dict[Path, Checked]:
    """Several folders and files, and what the files say differently of one endpoint (C22).

    `documents` is the folder of the documents of start files.
    """
    checked = {path: check(path, documents) for path in paths}
    first: dict[tuple[str, int], ClientMap] = {}
    for path, one in checked.items():
        for client in one.modbus.clients if one.modbus is not None else ():
            other = first.setdefault(client.endpoint.address, client)
            if replace(client.endpoint, name="") == replace(other.endpoint, name=""):
                continue
            line, column = read(path).positions.nearest("$.connection")
            text = f"{client.endpoint.place} has other connection settings in {other.file}"
            hint = "in one site the first file wins; give both the same settings"
            place = (client.file, line, column, "$.connection")
            told = Finding(Severity.WARNING, "C22", *place, text, hint)
            checked[path] = replace(one, findings=(*one.findings, told))
    return checked


def check(path: Path, documents: Path | None = None) -> Checked:
    """Check a site's folder, or one file of any kind; a start file with its documents, where they are found."""
    if path.is_dir():
        return Checked(tuple(load_site(path)[1]))
    if not path.is_file():
        return Checked((missing_file(path, _HINT),))
    document = read(path)
    # A Modbus file may be called site.json too.
    if path.name == SITE_FILE and kind_of(document.value) is Kind.UNKNOWN:
        return Checked(tuple(load_site(path)[1]))
    if isinstance(document.value, dict) and BASICS in document.value:
        return Checked(_with_documents(path, documents))
    return check_document(path, document)


def _with_documents(path: Path, documents: Path | None) -> tuple[Finding, ...]:
    start, findings = load_start(path)
    folder = documents or documents_of(path)
    if documents is not None or start is None or (folder / f"{start.config}.json").is_file():
        return tuple(load_single(path, folder)[1])
    text = f"only the start file was checked: {folder} has no {start.config}.json"
    hint = "check the folder of its site, or say with -d where its documents are"
    place = child("$", BASICS, "Config")
    return (*findings, start.source.finding(Severity.NOTE, "start-alone", place, text, hint))


def check_document(path: Path, document: Document) -> Checked:
    """The same for one file that was read already."""
    tree = document.value
    if isinstance(tree, dict) and BASICS in tree:
        return Checked(tuple(load_start(path)[1]))
    if (
        isinstance(tree, dict)
        and kind_of(tree) is Kind.UNKNOWN
        and any(key.startswith(("/", "#")) for key in tree)
    ):
        at = child("$", next(iter(tree)))
        line, column = document.positions.nearest(at)
        text = "a document of an instance: only its JSON was checked"
        hint = "check the folder of its site to have its tables, actions and references checked"
        told = Finding(Severity.NOTE, "document-alone", str(path), line, column, at, text, hint)
        return Checked((*document.findings, told))
    found = any_from(document, path)
    return Checked(found.findings, found)
