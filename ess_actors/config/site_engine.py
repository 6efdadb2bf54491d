"""What the engine finds in the documents of an instance, with the file and line of each finding."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from ess_actors.config.documents import Source, child, missing_file, trees
from ess_actors.config.start_file import BASICS, StartFile
from ess_actors.core.ess import Ess
from ess_actors.core.findings import Finding
from ess_actors.core.remarks import Remark


def lint_instance(start: StartFile, sources: Mapping[str, Source], folder: Path) -> list[Finding]:
    """The findings of the documents of `folder` taken together; all of them could be read."""
    if start.config not in sources:
        hint = f"create it, or correct Config in {start.source.file}"
        return [missing_file(folder / f"{start.config}.json", hint)]
    return list(placed(Ess.lint(start.source.tree, trees(sources)), start.source, sources))


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
