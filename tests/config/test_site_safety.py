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
