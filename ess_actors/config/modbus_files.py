"""Any Modbus file, whatever its name says: its kind and what was read from it."""

from dataclasses import dataclass
from pathlib import Path

from ess_actors.config.json_positions import Document
from ess_actors.config.json_reader import read
from ess_actors.config.modbus_client import client_from, load_client
from ess_actors.config.modbus_kind import Kind, kind_of
from ess_actors.config.modbus_server import load_server, server_from
from ess_actors.core.findings import Finding
from ess_actors.core.points import ClientMap, ServerMap

__all__ = ["Kind", "ModbusFile", "any_from", "kind_of", "load_any", "load_client", "load_server"]


@dataclass(frozen=True, slots=True)
class ModbusFile:
    """What a file turned out to be; clients and server are empty when a finding is FATAL."""

    kind: Kind
    clients: tuple[ClientMap, ...]
    server: ServerMap | None
    findings: tuple[Finding, ...]


def load_any(path: Path | str) -> ModbusFile:
    """Read a file as what its structure says it is."""
    return any_from(read(path), Path(path))


def any_from(document: Document, path: Path) -> ModbusFile:
    """The same for a document that was read already."""
    kind = kind_of(document.value)
    if kind is Kind.SERVER:
        server, findings = server_from(document, path)
        return ModbusFile(kind, (), server, tuple(findings))
    clients, findings = client_from(document, path)
    return ModbusFile(kind, tuple(clients), None, tuple(findings))
