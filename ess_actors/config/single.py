"""One instance by its start file alone: no site.json, no devices; a site of one is made around it."""

from pathlib import Path
from typing import Final

from ess_actors.config.documents import Source, child, missing_file, read_csv, read_folder, read_object, trees
from ess_actors.config.modbus_kind import Kind, kind_of
from ess_actors.config.site import SITE_FILE, Instance, Site, load_site
from ess_actors.config.site_engine import lint_instance
from ess_actors.config.start_file import BASICS, StartFile, load_start
from ess_actors.core.clear_places import ClearPlace, clear_places
from ess_actors.core.errors import ConfigError
from ess_actors.core.ess import Ess
from ess_actors.core.findings import Finding, Severity, in_order
from ess_actors.core.messages import SITE_WIDE_ACTORS
from ess_actors.core.roles import Role
from ess_actors.core.site_access import SiteAccess

API_HOST: Final = "127.0.0.1"
API_PORT: Final = 8300
_HINT: Final = "create it, or say with -d where the documents are"


def is_start_file(path: Path) -> bool:
    """Whether the path is meant as a start file: one file, and not that of a site."""
    if path.is_dir() or (path.name == SITE_FILE and not path.is_file()):
        return False
    if path.is_file():
        source, _ = read_object(path, "")
        return path.name != SITE_FILE if source is None else BASICS in source.tree or not _site(source)
    return path.suffix == ".json"


def load(path: Path, documents: Path | None = None) -> tuple[Site | None, list[Finding]]:
    """The site of a folder or a site.json, or of one start file; and every finding."""
    if documents is not None or is_start_file(path):
        return load_single(path, documents)
    return load_site(path)


def documents_of(start: Path) -> Path:
    """Where the documents of a start file are when nobody says: beside it, in a folder of its name, else loose."""
    own = start.with_suffix("")
    return own if own != start and own.is_dir() else start.parent


def load_single(file: Path, documents: Path | None = None) -> tuple[Site | None, list[Finding]]:
    """The site of one instance and every finding in its start file and in all of its documents.

    None when one is FATAL. Raises nothing for what a file may contain.
    """
    if not file.is_file():
        return None, [missing_file(file, "check the name")]
    start, findings = load_start(file)
    folder = documents or documents_of(file)
    if not folder.is_dir():
        return None, in_order([*findings, missing_file(folder, _HINT)])
    sources, broken, found = read_folder(folder)
    loose = folder.resolve() == file.parent.resolve()
    if loose:  # nobody set this folder apart for documents
        broken -= {file.stem}
        found = [one for one in found if one.file != str(folder / file.name)]
        sources = {name: one for name, one in sources.items() if not _apart(one)}
    findings += [*found, *lint_instance(start, sources, broken, folder)]
    if start is not None and start.name in SITE_WIDE_ACTORS:
        text = f"the instance name {start.name!r} is the id of an actor that every site has"
        place = child("$", BASICS, "EssName")
        findings.append(start.source.finding(Severity.FATAL, "name-taken", place, text, "change EssName"))
    if loose:
        findings = [one for one in findings if one.code != "document-unused"]
    if start is None or any(finding.severity is Severity.FATAL for finding in findings):
        return None, in_order(findings)
    instance = Instance(
        name=start.name,
        start=start.source.tree,
        documents=trees(sources),
        documents_folder=folder,
        subscriptions=start.subscriptions,
        clients=(),
        servers=(),
        csv=read_csv(folder),
        clears=_clears(start, sources, folder),
    )
    # A tool of development on its own host: there is no site file that could ask for a login.
    access = SiteAccess(loopback=Role.ENGINEER)
    site = Site(start.name, file.parent, (instance,), API_HOST, API_PORT, {}, (), access=access)
    return site, in_order(findings)


def _clears(start: StartFile, sources: dict[str, Source], folder: Path) -> tuple[ClearPlace, ...]:
    """Where a clear is ordered; nowhere when the documents do not load, which was told."""
    try:
        ess = Ess(start.source.tree, trees(sources), now=0.0, wall=0.0, csv=read_csv(folder))
    except ConfigError:
        return ()
    return clear_places(ess.engine)


def _apart(source: Source) -> bool:
    """Whether the file is evidently no document: another start file, or a site. A register list may be one."""
    return BASICS in source.tree or "instances" in source.tree


def _site(source: Source) -> bool:
    """Whether the file tells of a whole site, or of devices."""
    return "instances" in source.tree or kind_of(source.tree) is not Kind.UNKNOWN
