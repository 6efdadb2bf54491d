"""The folders of Modbus files together hold every code, key, kind and tolerated irregularity of the specification."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ess_actors.config.json_reader import read
from ess_actors.config.modbus_files import Kind
from ess_actors.core.findings import Severity
from tests.cases.modbus_case import Case, folders, read_lines

CODES = {
    "P01": "fatal",
    "P02": "warning",
    "P03": "warning",
    "P04": "warning",
    "P05": "note warning",
    "P06": "note",
    "P07": "note",
    "S01": "fatal",
    "S02": "fatal",
    "S03": "note",
    "S04": "note warning error",
    "S05": "warning error",
    "C01": "error",
    "C02": "error",
    "C03": "warning",
    "C04": "warning",
    "C05": "warning",
    "C06": "note",
    "C07": "note",
    "C08": "warning",
    "C09": "error",
    "C10": "warning",
    "C11": "error",
    "C12": "error",
    "C13": "warning",
    "C14": "error",
    "C15": "error",
    "C16": "error",
    "C17": "error",
    "C18": "note",
    "C19": "error",
    "C20": "error",
    "C21": "error",
    "C22": "warning",
    "C23": "note",
    "C24": "error",
    "C25": "warning",
    "C26": "error",
    "V01": "warning",
    "V02": "error",
    "V03": "error",
    "V04": "warning",
    "V05": "error",
    "V06": "error",
    "V07": "warning",
}
"""Every code, and the severities it may have: a text as `data_bits` is a note, an unknown service a warning."""

OURS = {"C27": "note", "file-missing": "error"}
"""Codes beyond the specification: holes inside a group, certificates that are not there."""

INHERITED = "frequency device_id off_by_one byte_swap multi_write_op_code debounce format max_gap_registers"
INHERITED += " inter_message_delay_ms verify_writes publish_quality reassert"
VALUES = "signed scale shift enum bit_field individual_bits bit_strings name unit"
KEYS = {
    "connection": f"""{INHERITED} name id ip_address serial_device port service baud_rate parity data_bits stop_bits
        connection_timeout transfer_timeout max_num_connections max_in_flight max_register_group_size max_bit_size
        allow_gaps auto_disable bad_point_retry_s allow_multi_sets force_multi_sets reconnect_min_s reconnect_max_s
        stats_pub_uri stats_pub_frequency tls framer ip_range allow_multi_gets force_multi_gets data_buffer_size
        dbi_save_frequency_seconds pub_sync sync_percent query_first protocol local_id ip_address1 device_id_string""",
    "component": f"""{INHERITED} id component_id offset_time heartbeat_enabled component_heartbeat_read_uri
        component_heartbeat_write_uri modbus_heartbeat_timeout_ms component_heartbeat_timeout_ms
        component_heartbeat_max_value watchdog_enabled watchdog_uri watchdog_frequency_ms watchdog_alarm_timeout_ms
        watchdog_fault_timeout_ms watchdog_recovery_timeout_ms watchdog_recovery_time_ms add_timings word_order
        registers device_id_range component_offset_range hex_start comment offset start_offset twins_id echo_id
        uri type map""",
    "group": """type starting_offset number_of_registers map device_id byte_swap word_order multi_write_op_code format
        frequency verify_writes reassert decode_offset_range note hex_offset""",
    "point": f"""{VALUES} id offset size float invert_mask word_order random_enum packed_register bit_ranges use_bool
        debounce frequency byte_swap multi_write_op_code format verify_writes reassert units echo_id individual_enums
        enum_field repeat_of_offset bool uri twins_id deadband normal_set bitfield_type heartbeat_enabled offset_time
        component_heartbeat_read_uri""",
    "child": f"{VALUES} id starting_bit_pos number_of_bits",
    "range": "begin end replace step",
    "tls": "certificate key authorities server_name",
    "system": """id ip_address serial_device baud_rate parity data_bits stop_bits port service device_id byte_swap
        word_order stale_after_ms stale_policy stale_bits max_clients allow_from idle_timeout_s tls bypass_init name
        protocol version off_by_one server_delay eth_dev low_debug dbi_save_frequency_seconds""",
    "stale bit": "uri id entry_uri bit",
    "unit": "coils discrete_inputs input_registers holding_registers device_id uri stale_policy",
    "entry": """id offset uri size signed float scale shift byte_swap word_order bool bit_field enum random_enum
        bit_strings individual_bits invert_mask packed_register name unit stale_policy commit_counter""",
}
SPACED = {
    "connection": (
        "device protocol",
        "device protocol version",
        "device name",
        "device id",
        "device id string",
    ),
    "system": ("connection name", "standard version"),
    "group": ("hex offset", "hex ofset"),
}
"""Keys with blanks."""

SECTIONS = ("coils", "discrete_inputs", "input_registers", "holding_registers")
ROWS = {
    "client": ("files_whose_names_lie_are_known_by_their_structure", "units_client.json"),
    "connection without components": (
        "files_without_what_they_need_are_refused_and_say_why",
        "no_components.json",
    ),
    "DNP3": ("a_dnp3_file_is_refused_as_such", "outstation_server.json"),
    "legacy": ("a_legacy_rack_file_is_one_component", "rack_7_modbus.json"),
    "server": ("the_site_server_of_a_dual_bms_plant_shows_silence_in_its_status_word", "site_server.json"),
    "several units": ("two_units_with_equal_offsets_are_two_worlds", "two_blocks_server.json"),
    "empty registers": ("a_server_without_registers_loads_and_says_so", "reserved.json"),
    "echo": ("a_legacy_echo_file_is_recognised_and_not_used", "bms_echo.json"),
    "anything else": ("files_without_what_they_need_are_refused_and_say_why", "of_another_program.json"),
}
KINDS = {
    "client": Kind.CLIENT,
    "legacy": Kind.LEGACY_CLIENT,
    "server": Kind.SERVER,
    "several units": Kind.SERVER,
    "empty registers": Kind.SERVER,
    "echo": Kind.ECHO,
}

FORMS = {
    "a comment to the end of the line": ("P05", r"//"),
    "a comment in marks": ("P05", r"/\*"),
    "a closed note": ("P05", r"<<[^\n]*>>"),
    "a note to the end of the line": ("P05", r"<<(?![^\n]*>>)"),
    "a bracketed elision": ("P05", r"\[\s*\.\.\.\s*\]"),
    "an elision": ("P05", r"\.\.\."),
    "a comma before a brace": ("P02", r",\s*\}"),
    "a comma before a bracket": ("P02", r",\s*\]"),
    "text behind the end": ("P03", r"."),
    "a key twice": ("P04", r'"[a-z_]+"\s*:'),
    "another spelling of the same key": ("P04", r"[^\":]+[,}\s]"),
    "a key in other case": ("P06", r"."),
    "tabs, CRLF or a mark at the begin": ("P07", r"."),
    "single quotes": ("P01", r"'"),
    "a Python word": ("P01", r"True"),
    "NaN": ("P01", r"NaN"),
    "Infinity": ("P01", r"-Infinity"),
    "a hexadecimal number": ("P01", r"0x"),
    "a missing comma": ("P01", r"\s*\n\s*\{"),
    "a missing colon": ("P01", r"\{"),
    "a string that never ends": ("P01", r'"[^"\n]*\n'),
    "the wrong closer": ("P01", r"\]"),
    "a file that is cut off": ("P01", r"\Z"),
}


@cache
def trees() -> tuple[tuple[Path, Any], ...]:
    """Every file that can be read at all."""
    paths = [path for folder in folders("expected_findings.jsonl") for path in Case(folder).files]
    return tuple((path, found) for path in paths if isinstance(found := read(path).value, dict))


def members(value: object) -> Iterator[dict[str, Any]]:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, Mapping):
            yield {key.lower(): inner for key, inner in one.items()}


def levels() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of every file with the name of its level."""
    for _, tree in trees():
        (top,) = members(tree)
        if "components" in top:
            yield from (("connection", one) for one in members(top.get("connection")))
            for component in members(top["components"]):
                yield "component", component
                yield from groups(component.get("registers"))
            continue
        yield from (("system", one) for one in members(top.get("system")))
        for unit in members(top.get("registers", {})):
            if "map" in unit:
                yield from groups([unit])
            else:
                yield "unit", unit
                yield from (("entry", one) for section in SECTIONS for one in members(unit.get(section, [])))


def groups(registers: object) -> Iterator[tuple[str, dict[str, Any]]]:
    for group in members(registers or []):
        yield "group", group
        for point in members(group.get("map", [])):
            yield "point", point
            yield from (("child", one) for one in members(point.get("bit_ranges", [])))


def occurring() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {level: set() for level in KEYS}
    inner = {"tls": "tls", "stale_bits": "stale bit"}
    for level, one in levels():
        found[level] |= one.keys()
        for key, value in one.items():
            name = inner.get(key, "range" if key.endswith("_range") else "")
            if name:
                found[name] |= {key for member in members(value) for key in member}
    return found


def test_every_code_is_found_and_no_other() -> None:
    found: dict[str, set[str]] = {}
    for folder in folders("expected_findings.jsonl"):
        for line in read_lines(folder / "expected_findings.jsonl"):
            found.setdefault(line["code"], set()).add(line["severity"])
    assert {code: set(severities.split()) for code, severities in {**CODES, **OURS}.items()} == found


def test_the_loader_says_the_same_codes() -> None:
    found = {f.code for folder in folders("expected_findings.jsonl") for f in Case(folder).findings}
    assert found == {*CODES, *OURS}


@pytest.mark.parametrize("level", KEYS)
def test_every_key_occurs(level: str) -> None:
    wanted = {*KEYS[level].split(), *SPACED.get(level, ())}
    assert wanted - occurring()[level] == set()


@pytest.mark.parametrize("row", ROWS)
def test_every_kind_of_file_is_there(row: str) -> None:
    name, file = ROWS[row]
    (folder,) = (folder for folder in folders("expected_findings.jsonl") if folder.name == name)
    loaded = Case(folder).loaded[file]
    assert loaded.kind is KINDS.get(row, Kind.UNKNOWN)
    refused = any(finding.severity is Severity.FATAL for finding in loaded.findings)
    assert refused is (row not in KINDS or row == "echo")


@pytest.mark.parametrize("form", FORMS)
def test_every_irregular_form_is_there(form: str) -> None:
    code, pattern = FORMS[form]
    places = []
    for folder in folders("expected_findings.jsonl"):
        for line in read_lines(folder / "expected_findings.jsonl"):
            if line["code"] == code and line["line"]:
                text = (folder / line["file"]).read_bytes().decode().replace("\r\n", "\n")
                lines = text.splitlines(keepends=True)
                at = sum(map(len, lines[: line["line"] - 1])) + line["column"] - 1
                if re.match(pattern, text[at:]):
                    places.append((folder.name, line["line"]))
    assert places != []


def test_the_marks_of_a_windows_file_are_all_there() -> None:
    contents = [
        path.read_bytes() for folder in folders("expected_findings.jsonl") for path in Case(folder).files
    ]
    assert any(content.startswith(b"\xef\xbb\xbf") for content in contents)
    assert any(b"\r\n" in content for content in contents)
    assert any(b"\t" in content for content in contents)
    assert b"" in contents


def test_two_files_have_hundreds_of_points() -> None:
    large = [
        path
        for folder in folders("expected_pubs.json")
        for path, one in Case(folder).loaded.items()
        if sum(len(component.points) for found in one.clients for component in found.components) >= 300
    ]
    assert len(large) >= 2
