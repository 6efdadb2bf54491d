"""Any Modbus file, whatever its name says: its kind and what was read from it."""

from dataclasses import dataclass
from pathlib import Path

from ess_actors.config.modbus_client import client_from
from ess_actors.config.modbus_kind import Kind, kind_of
from ess_actors.config.modbus_server import server_from
from ess_actors.core.findings import Finding
from ess_actors.core.json_positions import Document
from ess_actors.core.points import ClientMap
from ess_actors.core.server_points import ServerMap


@dataclass(frozen=True, slots=True)
class ModbusFile:
    """What a file turned out to be; clients and server are empty when a finding is FATAL."""

    kind: Kind
    clients: tuple[ClientMap, ...]
    server: ServerMap | None
    findings: tuple[Finding, ...]


def any_from(document: Document, path: Path) -> ModbusFile:
    """What a document that was read says, as what its structure shows it to be."""
    kind = kind_of(document.value)
    if kind is Kind.SERVER:
        server, findings = server_from(document, path)
        return ModbusFile(kind, (), server, tuple(findings))
    clients, findings = client_from(document, path)
    return ModbusFile(kind, tuple(clients), None, tuple(findings))
