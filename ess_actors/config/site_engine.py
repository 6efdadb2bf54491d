"""What the engine finds in the documents of an instance, with the file and line of each finding."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from ess_actors.config.documents import Source, child, missing_file, trees
from ess_actors.config.start_file import BASICS, StartFile
from ess_actors.core.ess import Ess
from ess_actors.core.findings import Finding, Severity
from ess_actors.core.remarks import Remark

SAVED: Final = "saved_registers"
"""The document that is loaded without being named."""


def lint_instance(start: StartFile, sources: Mapping[str, Source], folder: Path) -> list[Finding]:
    """The findings of the documents of `folder` taken together; all of them could be read."""
    if start.config not in sources:
        hint = f"create it, or correct Config in {start.source.file}"
        return [missing_file(folder / f"{start.config}.json", hint)]
    found = list(placed(Ess.lint(start.source.tree, trees(sources)), start.source, sources))
    if any(finding.severity is Severity.FATAL for finding in found):
        return found
    return [*found, *_unused(start, sources)]


def _unused(start: StartFile, sources: Mapping[str, Source]) -> Iterator[Finding]:
    """Documents that lie in the folder but that no other one names, so that all they say is lost."""
    trial = Ess(start.source.tree, trees(sources), now=0.0, wall=0.0)
    trial.boot(0.0, 0.0)
    used = {start.config, SAVED}
    for table in ("/config/cfile", "/config/ctmpl"):
        if (loaded := trial.engine.map.tables.get(table)) is not None:
            used.update(loaded.variables)
    for name, source in sources.items():
        if name not in used:
            text = "no document names this one, so nothing of it is loaded"
            hint = "name it in /config/cfile or in a loader of /config/load, or remove it"
            yield source.finding(Severity.WARNING, "document-unused", "$", text, hint)


def placed(remarks: Iterable[Remark], start: Source, sources: Mapping[str, Source]) -> Iterable[Finding]:
    """Remarks of the engine as findings; what the start file's own check has said already is left out."""
    seen = set()
    for remark in remarks:
        source = sources.get(remark.document) or _holder(remark.path, start, sources)
        if source is start and remark.path.startswith(child("$", BASICS)):
            continue
        finding = source.finding(remark.severity, remark.code, remark.path, remark.text, remark.hint)
        if finding not in seen:
            seen.add(finding)
            yield finding


def _holder(path: str, start: Source, sources: Mapping[str, Source]) -> Source:
    """Where a table stands that all documents share, such as /config/cfile: the start file first."""
    return next((one for one in (start, *sources.values()) if path in one.positions), start)
