"""A site that believes it is protected and is not must not start: every mistake is named with its line."""

from pathlib import Path

import pytest

from ess_actors.core.findings import Severity
from ess_actors.core.lease import EmergencyStop, SafeList, SiteHeartbeat
from tests.config.site_on_disk import SiteOnDisk

PLACE = '"modbus_servers": ["modbus_server/site.json"]}'


def guarded(folder: Path, members: str) -> SiteOnDisk:
    site = SiteOnDisk(folder)
    site.edit("site.json", PLACE, f"{PLACE[:-1]},\n{members}}}")
    return site


def devices(safe: str, more: str = "") -> str:
    return f'"devices": {{"bms_1": {{\n"safe": {safe}{more}}}}}'


GOOD = devices('{"ess_1/bms_info/soc": 0}', ', "lease_ms": 500')


def test_sound_members_become_lists_of_uris(tmp_path: Path) -> None:
    members = (
        GOOD
        + ', "site_heartbeat": {"uri": "/site/ess_1/ess_ls/soc", "timeout_s": 5, "action": "alarm"}'
        + ', "emergency_stop": {"uri": "/components/ess_1/bms_info/soc", "value": 7}'
    )
    site, findings = guarded(tmp_path, members).load()
    assert site is not None, findings
    first, second = site.instances
    assert first.safe == (SafeList("bms_1", 0.5, {"/components/ess_1/bms_info/soc": 0}),)
    assert first.heartbeat == SiteHeartbeat("/site/ess_1/ess_ls/soc", 5.0, holds=False)
    assert first.emergency == EmergencyStop("/components/ess_1/bms_info/soc", 7)
    assert second.safe == () and second.heartbeat is None


@pytest.mark.parametrize(
    ("members", "line", "said"),
    [
        (devices('{"ess_1/bms_info/sox": 0}'), '"safe"', "use ess_1/bms_info/soc"),
        (devices('{"ess_1/bms_info/soc": 70000}'), '"safe"', "does not fit"),
        (devices('{"ess_1/bms_info/soc": "much"}'), '"safe"', "does not fit"),
        (devices('{"ess_1/bms_info/soc": 0}').replace("bms_1", "pcs"), '"devices"', "no client file"),
        (devices("{}"), '"safe"', "at least 1"),
        (devices('{"ess_1/bms_info/soc": 0}', ', "lease_ms": 10'), '"lease_ms"', "lease_ms"),
        (devices('{"ess_1/bms_info/soc": 0}', ', "leas_ms": 500'), '"leas_ms"', "known are safe, lease_ms"),
        (
            GOOD + ',\n"site_heartbeat": {"uri": "/site/ess_9/hs/life"}',
            '"site_heartbeat"',
            "will never have a value",
        ),
        (
            GOOD + ',\n"emergency_stop": {"uri": "/components/ess_1/bms_info/stop"}',
            '"emergency_stop"',
            "no point 'stop'",
        ),
        (devices('{"ess_1/bms_info/soc": null}'), '"safe"', "a number, a text, true or false"),
        (devices('{"ess_1/bms_info/soc": -1}'), '"safe"', "cut to the range"),
        (devices('{"/components/ess_1/bms_info/soc": 0}'), '"safe"', "use ess_1/bms_info/soc"),
        (devices('["ess_1/bms_info/soc"]'), '"safe"', "'safe': input should be a valid dictionary"),
        ('"devices": {"bms_1": {\n"lease_ms": 500}}', '"devices"', "'safe' is missing add it"),
        (devices('{"ess_1/bms_info/soc": 0}', ', "lease_ms": 60001'), '"lease_ms"', "range"),
        (devices('{"ess_1/bms_info/soc": 0}', ', "lease_ms": "500"'), '"lease_ms"', "valid integer"),
        (
            GOOD + ',\n"site_heartbeat": {"uri": "/site/ess_1/ess_ls/soq"}',
            '"site_heartbeat"',
            "no variable 'soq', so nothing would ever be seen use soc",
        ),
        (
            GOOD + ',\n"emergency_stop": {"uri": "/status/bms_1/STOP"}',
            '"emergency_stop"',
            "no variable 'STOP'",
        ),
        (GOOD + ',\n"site_heartbeat": {"uri": "site/ess_1"}', '"site_heartbeat"', "with the slash in front"),
        (
            GOOD + ',\n"site_heartbeat": {"uri": "/site/ess_1/ess_ls/soc", "timeout_s": 0.1}',
            '"timeout_s"',
            "use a number in the range",
        ),
        (
            GOOD + ',\n"site_heartbeat": {"uri": "/site/ess_1/ess_ls/soc", "timeout": 1}',
            '"timeout"',
            "known are uri, timeout_s, action",
        ),
        (
            GOOD + ',\n"site_heartbeat": {"uri": "/site/ess_1/ess_ls/soc", "action": "stop"}',
            '"action"',
            "'safe' or 'alarm'",
        ),
        (
            GOOD + ',\n"emergency_stop": {"uri": "/components/ess_1/bms_info/soc", "value": [1]}',
            '"emergency_stop"',
            "a number, a text, true or false",
        ),
        (
            GOOD + ',\n"emergency_stop": {"uri": "/components/ess_1/bms_info/soc", "value": "hit"}',
            '"emergency_stop"',
            "is never 'hit'",
        ),
        (
            GOOD + ',\n"emergency_stop": {"uri": "/components/ess_1/bms_info/soc", "value": 70000}',
            '"emergency_stop"',
            "write the value that the point has while the stop is hit",
        ),
    ],
)
def test_a_mistake_is_fatal_and_has_its_place(tmp_path: Path, members: str, line: str, said: str) -> None:
    disk = guarded(tmp_path, members)
    site, findings = disk.load()
    fatal = [finding for finding in findings if finding.severity is Severity.FATAL]
    assert site is None and len(fatal) == 1, findings
    assert said in f"{fatal[0].text} {fatal[0].hint}"
    assert disk.where(fatal[0]) == ("site.json", disk.line("site.json", line))


def test_an_input_of_the_device_has_no_safe_value(tmp_path: Path) -> None:
    disk = guarded(tmp_path, GOOD)
    disk.edit("modbus_client/bms_1.json", '"type": "Holding"', '"type": "Input"')
    site, findings = disk.load()
    assert site is None and any("input of the device" in finding.text for finding in findings)


def test_a_watched_stop_without_anything_to_hold_is_told(tmp_path: Path) -> None:
    disk = guarded(tmp_path, '"emergency_stop": {"uri": "/components/ess_1/bms_info/soc"}')
    site, findings = disk.load()
    assert site is not None and "safe-idle" in {finding.code for finding in findings}


def overlapping(folder: Path, first: int, second: int) -> tuple[SiteOnDisk, str]:
    """A site whose two points of one register have these safe values."""
    safe = f'{{"ess_1/bms_info/soc": {first},\n"ess_1/bms_info/low": {second}}}'
    disk = guarded(folder, devices(safe))
    disk.edit(
        "modbus_client/bms_1.json",
        '{"id": "soc", "offset": 0}',
        '{"id": "soc", "offset": 0}, {"id": "low", "offset": 0}',
    )
    return disk, '"ess_1/bms_info/low"'


def test_points_of_one_register_cannot_have_contrary_safe_values(tmp_path: Path) -> None:
    disk, line = overlapping(tmp_path, 1, 2)
    site, findings = disk.load()
    fatal = [finding for finding in findings if finding.severity is Severity.FATAL]
    assert site is None and len(fatal) == 1, findings
    assert "cannot hold both" in fatal[0].text
    assert disk.where(fatal[0]) == ("site.json", disk.line("site.json", line))


def test_points_of_one_register_may_agree(tmp_path: Path) -> None:
    disk, _ = overlapping(tmp_path, 2, 2)
    site, findings = disk.load()
    assert site is not None, findings


def test_a_value_that_is_rounded_on_its_way_is_told(tmp_path: Path) -> None:
    disk = guarded(tmp_path, devices('{"ess_1/bms_info/soc": 0.4}'))
    site, findings = disk.load()
    found = [finding for finding in findings if finding.code == "safe-rounded"]
    assert site is not None and "would get 0" in found[0].text
    assert disk.where(found[0]) == ("site.json", disk.line("site.json", '"safe"'))


def test_a_device_that_another_instance_serves_is_not_protected_by_this_one(tmp_path: Path) -> None:
    disk = SiteOnDisk(tmp_path)
    second = '"modbus_clients": ["modbus_client/bms_2.json"]}'
    safe = GOOD.replace("ess_1", "ess_2").replace("bms_1", "bms_2")
    disk.edit("site.json", second, f"{second[:-1]},\n{safe}}}")
    assert disk.load()[0] is not None
    disk.edit("modbus_client/bms_2.json", "10.0.0.2", "10.0.0.1")
    site, findings = disk.load()
    fatal = [finding for finding in findings if finding.severity is Severity.FATAL]
    assert site is None and len(fatal) == 1, findings
    assert "ess_1.json" in fatal[0].text and "under one instance" in fatal[0].hint
    assert disk.where(fatal[0]) == ("site.json", disk.line("site.json", '"devices"'))


def test_a_heartbeat_that_the_site_server_takes_need_not_stand_in_a_document(tmp_path: Path) -> None:
    disk = guarded(tmp_path, GOOD + ', "site_heartbeat": {"uri": "/site/ess_1/ess_ls/clear_faults"}')
    disk.edit("modbus_server/site.json", '"uri": "/site/ess_1/ess_hs"', '"uri": "/site/ess_1/ess_ls"')
    site, findings = disk.load()
    assert site is not None, findings
