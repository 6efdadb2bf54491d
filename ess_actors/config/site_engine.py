"""What the engine finds in the documents of an instance, with the file and line of each finding."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from ess_actors.config.documents import Source, child, missing_file, read_csv, trees
from ess_actors.config.start_file import BASICS, StartFile
from ess_actors.core.ess import Ess
from ess_actors.core.findings import Finding, Severity
from ess_actors.core.loader import SAVED, Loader, Tree
from ess_actors.core.remarks import Remark, Remarks

_LACKING: Final = frozenset({"file-missing", "document-missing", "loader-unknown"})
"""With one of these nobody knows what else would be loaded."""
_PLACEHOLDER: Final = re.compile(r"##\w+##")
_LEFT_OPEN: Final = frozenset({"loader-unknown", "unknown-asset", "missing-variable", "unknown-manager"})
"""What a document that could not be read may well bring."""


def lint_instance(
    start: StartFile | None, sources: Mapping[str, Source], broken: frozenset[str], folder: Path
) -> list[Finding]:
    """The findings of the documents of `folder` taken together. Those of `broken` could not be read: what
    they would have brought is not missed."""
    documents = {**{name: {} for name in broken}, **trees(sources)}
    asked: set[str] = {SAVED}
    found: list[Finding] = []
    if start is not None and start.config not in documents:
        hint = f"create it, or correct Config in {start.source.file}"
        found = [missing_file(folder / f"{start.config}.json", hint)]
    if start is not None:
        found += placed(_trial(start, documents, read_csv(folder), asked), start.source, sources)
    if start is None or broken:
        found = [one for one in found if one.code not in _LEFT_OPEN]
    elif any(finding.code in _LACKING for finding in found):
        found = [one for one in found if one.severity is Severity.FATAL or one.code not in _LEFT_OPEN]
    else:
        return [*found, *_unused(sources, asked)]
    return [*found, *_alone(start, sources, documents, asked)]


def _trial(
    start: StartFile, documents: Mapping[str, Tree], csv: Mapping[str, str], asked: set[str]
) -> list[Remark]:
    """What a start would find; `asked` gets the names of the documents it asked for."""
    loader = Loader(documents, Remarks())
    loader.plan(start.source.tree, start.config)
    asked |= loader.asked | {start.config}
    return Ess.lint(start.source.tree, documents, csv=csv)


def _alone(
    start: StartFile | None, sources: Mapping[str, Source], documents: Mapping[str, Tree], asked: set[str]
) -> Iterator[Finding]:
    """What is wrong in documents that nothing readable names: each for itself. Of templates and lists of
    registers, which are no documents by themselves, only what forbids a start."""
    for name, source in sources.items():
        if name in asked:
            continue
        basics = {"EssName": start.name if start is not None else "ess", "Subs": "", "Config": name}
        for one in Ess.lint({BASICS: basics}, documents):
            told = one.severity is Severity.FATAL or _loaded_as_it_is(source.tree)
            if told and one.document == name and one.code not in _LEFT_OPEN:
                yield source.finding(one.severity, one.code, one.path, one.text, one.hint)


def _loaded_as_it_is(tree: Tree) -> bool:
    """Whether a document has tables and no placeholders."""
    return any(key.startswith(("/", "#")) for key in tree) and not _PLACEHOLDER.search(json.dumps(tree))


def _unused(sources: Mapping[str, Source], used: set[str]) -> Iterator[Finding]:
    """Documents that lie in the folder but that no other one names, so that all they say is lost."""
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
