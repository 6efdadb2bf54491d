"""What a Modbus file is, judged by its structure alone: file names lie."""

from enum import Enum

from ess_actors.config.modbus_report import Report


class Kind(Enum):
    """The kinds of section 1.1, first matching row wins."""

    CLIENT = "client"
    LEGACY_CLIENT = "legacy single-component client"
    SERVER = "server"
    ECHO = "legacy echo runtime file"
    UNKNOWN = "unknown"


SECTIONS = {
    "coils": "coils",
    "coil": "coils",
    "discrete_inputs": "discrete_inputs",
    "discrete_input": "discrete_inputs",
    "discretes": "discrete_inputs",
    "input_registers": "input_registers",
    "input_register": "input_registers",
    "input": "input_registers",
    "holding_registers": "holding_registers",
    "holding_register": "holding_registers",
    "holding": "holding_registers",
}
"""Lower-case section name of a server -> its proper name."""


def kind_of(tree: object, report: Report | None = None) -> Kind:
    """Kind of a parsed file. With `report`, what makes it unusable (S01, S02) is said there."""
    if not isinstance(tree, dict):
        return _unknown(report, "the top level is no object")
    keys: dict[str, object] = {}
    for key, value in tree.items():
        keys.setdefault(key.lower(), value)
    if isinstance(keys.get("components"), list):
        return Kind.CLIENT
    if "connection" in keys:
        if report:
            report.fatal("S02", "$", "a connection but no components", "add the list 'components'")
        return Kind.UNKNOWN
    system, registers = keys.get("system"), keys.get("registers")
    if isinstance(system, dict):
        protocol = next((value for key, value in system.items() if key.lower() == "protocol"), "")
        if "dnp" in str(protocol).lower():
            return _unknown(report, f"the protocol is {protocol}, not Modbus")
        if isinstance(registers, dict) or registers == []:
            return Kind.SERVER
        if isinstance(registers, list):
            names = [{key.lower() for key in element} for element in registers if isinstance(element, dict)]
            if any("map" in found for found in names):
                return Kind.LEGACY_CLIENT
            if any(found & SECTIONS.keys() for found in names):
                return Kind.SERVER
    if isinstance(keys.get("outputs"), list):
        if report:
            hint = "start the simulator from the client file"
            report.fatal("S01", "$", "a legacy echo runtime file, not used here", hint)
        return Kind.ECHO
    if isinstance(system, dict) and registers is None:
        if report:
            report.fatal("S02", "$", "a server without registers", "add the object 'registers'")
        return Kind.UNKNOWN
    return _unknown(report, "neither a Modbus client nor a server")


def _unknown(report: Report | None, text: str) -> Kind:
    if report:
        hint = "a client has 'connection' and 'components', a server 'system' and 'registers'"
        report.fatal("S01", "$", text, hint)
    return Kind.UNKNOWN
