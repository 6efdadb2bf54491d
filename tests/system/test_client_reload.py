"""A running site whose client files change: read anew on demand, without an interruption where nothing is new."""

from pathlib import Path

import pytest

from tests.config.site_on_disk import CLIENT, SiteOnDisk
from tests.system.running_site import RunningSite
from tests.waiting import wait_for

INFO_1, INFO_2 = "/components/ess_1/bms_info", "/components/ess_2/bms_info"


@pytest.fixture
def files(tmp_path: Path) -> SiteOnDisk:
    """Two client files that name one device: unit 1 and unit 2 behind it."""
    found = SiteOnDisk(tmp_path / "site")
    found.write(
        "modbus_client/bms_2.json",
        CLIENT.replace("_N", "_2")
        .replace("10.0.0.N", "10.0.0.1")
        .replace('"device_id": 1', '"device_id": 2'),
    )
    return found


@pytest.fixture
def pair(files: SiteOnDisk, tmp_path: Path):
    site = RunningSite(tmp_path / "state", files.folder)
    yield site
    site.end()


def test_one_actor_serves_both_files_and_reads_them_anew(pair: RunningSite, files: SiteOnDisk) -> None:
    assert [one for one in pair.actors() if "/bms" in one] == ["ess_1/bms_1"]
    wait_for("both units", lambda: "soc" in (pair.get(INFO_1) or {}) and "soc" in (pair.get(INFO_2) or {}))
    pair.set(f"{INFO_1}/soc/_force", 12)
    reply = pair.set(f"{INFO_1}/_reload", True)
    assert reply["status"] == "ok" and reply["changed"] == []
    assert pair.get(f"{INFO_1}/soc") == 12

    files.edit("modbus_client/bms_2.json", '{"id": "soc", "offset": 0}', '{"id": "soh", "offset": 0}')
    reply = pair.set(f"{INFO_2}/soc/_reload", True)
    assert reply["status"] == "ok" and reply["changed"] == ["ess_2/bms_info"]
    wait_for("the new point", lambda: "soh" in (pair.get(INFO_2) or {}))

    files.edit("modbus_client/bms_1.json", '"device_id": 1,', '"device_id": 1')
    answer = pair.message("set", f"{INFO_1}/_reload", True)
    assert answer.status_code >= 400 and "P01" in answer.text and "bms_1.json:4:" in answer.text
    assert pair.get(f"{INFO_1}/soc") == 12, "the old configuration goes on"
    link = pair.get(f"{INFO_1}/_stats")["link"]
    assert link["connects"] == 1, "one socket for both files, over all of this"
