"""JSON files whose members are tables: read with positions, so that a finding can name its line."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ess_actors.config.json_reader import read
from ess_actors.core.document_text import Document
from ess_actors.core.findings import Finding, Severity
from ess_actors.core.json_positions import Positions


@dataclass(frozen=True, slots=True)
class Source:
    """One file that was read: its tree and where everything stands in it."""

    file: str
    tree: dict[str, object]
    positions: Positions
    md5: str = ""
    """Checksum of its bytes."""

    def finding(self, severity: Severity, code: str, path: str, text: str, hint: str) -> Finding:
        """A finding at `path`, or at the nearest enclosing member that is really there."""
        line, column = self.positions.nearest(path)
        return Finding(severity, code, self.file, line, column, path, text, hint)


def child(path: str, *keys: str | int) -> str:
    """The JSON path below `path`, written as the reader writes it: child("$", "a", 2) is `$.a[2]`."""
    return path + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)


def missing_file(file: Path, hint: str) -> Finding:
    """The finding for a file that is named but not there."""
    return Finding(Severity.FATAL, "file-missing", str(file), 0, 0, "", "it does not exist", hint)


def read_object(file: Path, hint: str) -> tuple[Source | None, list[Finding]]:
    """A file that must hold one JSON object. None when it does not, and then there is a FATAL finding.

    Of two equal keys the last one counts. `hint` says what to do when the file is not there.
    """
    if not file.is_file():
        return None, [missing_file(file, hint)]
    document = read(file, last_wins=True)
    if isinstance(document.value, dict):
        return Source(str(file), document.value, document.positions, document.md5), document.findings
    if not any(finding.severity is Severity.FATAL for finding in document.findings):
        text = "the file holds no JSON object"
        line, column = document.positions.nearest("$")
        wrong = Finding(
            Severity.FATAL, "no-object", str(file), line, column, "$", text, "enclose its members in { and }"
        )
        return None, [*document.findings, wrong]
    return None, document.findings


def read_folder(folder: Path) -> tuple[dict[str, Source], frozenset[str], list[Finding]]:
    """Every `*.json` of a folder by its stem, the stems that could not be read, and all findings."""
    sources: dict[str, Source] = {}
    broken: set[str] = set()
    findings: list[Finding] = []
    if not folder.is_dir():
        hint = "create the folder with the documents of the instance, or correct `documents` in site.json"
        return {}, frozenset(), [missing_file(folder, hint)]
    for file in sorted(folder.glob("*.json")):
        source, found = read_object(file, "check the name")
        findings += found
        if source is None:
            broken.add(file.stem)
        else:
            sources[file.stem] = source
    return sources, frozenset(broken), findings


def read_csv(folder: Path) -> dict[str, str]:
    """The texts of the `*.csv` tables of a folder by stem; what is no UTF-8 in them is replaced."""
    files = sorted(file for file in folder.glob("*.csv") if file.is_file())
    return {file.stem: file.read_text(encoding="utf-8-sig", errors="replace") for file in files}


def trees(sources: Mapping[str, Source]) -> dict[str, dict[str, object]]:
    """The bare documents, as the engine takes them."""
    return {name: Document.of(source.tree, source.md5) for name, source in sources.items()}
