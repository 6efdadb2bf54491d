"""One file by itself: whatever kind it is, everything that can be found in it alone."""

from pathlib import Path
from typing import Final

from ess_actors.config.documents import child, read_object
from ess_actors.config.modbus_client import load_client
from ess_actors.config.modbus_kind import Kind, kind_of
from ess_actors.config.modbus_server import load_server
from ess_actors.config.site import SITE_FILE, load_site
from ess_actors.config.start_file import BASICS, load_start
from ess_actors.core.findings import Finding, Severity

CLIENTS: Final = (Kind.CLIENT, Kind.LEGACY_CLIENT)


def check_path(path: Path) -> list[Finding]:
    """The findings of a site's folder, or of one file of any kind."""
    if path.is_dir() or (path.name == SITE_FILE and _is_site(path)):
        return load_site(path)[1]
    return _check_file(path)


def _is_site(file: Path) -> bool:
    """A Modbus server's file may be called site.json too."""
    source, _ = read_object(file, "check the name")
    return source is None or kind_of(source.tree) is Kind.UNKNOWN


def _check_file(file: Path) -> list[Finding]:
    source, findings = read_object(file, "check the name")
    if source is None:
        return findings
    if BASICS in source.tree:
        return load_start(file)[1]
    kind = kind_of(source.tree)
    if kind is Kind.SERVER:
        return load_server(file)[1]
    if kind in CLIENTS or not any(key.startswith(("/", "#")) for key in source.tree):
        return load_client(file)[1]
    text = "a document of an instance: only its JSON was checked"
    table = next(iter(source.tree))
    hint = "check the folder of its site to have its tables, actions and references checked"
    return [*findings, source.finding(Severity.NOTE, "document-alone", child("$", table), text, hint)]
