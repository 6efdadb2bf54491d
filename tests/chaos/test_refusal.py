"""Faults are injected only where every device is simulated."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from ess_actors.chaos.candidates import alarms, commands, witnesses
from ess_actors.chaos.stage import device_point, playable, safe_devices
from ess_actors.cli.group import group
from ess_actors.core.errors import ConfigError

DUAL = Path(__file__).parents[2] / "configs/dual_bms"


@pytest.fixture
def copy(tmp_path):
    folder = tmp_path / "site"
    shutil.copytree(DUAL, folder)
    return folder


def changed(folder, change):
    file = folder / "site.json"
    tree = json.loads(file.read_text())
    change(tree)
    file.write_text(json.dumps(tree))


def test_a_site_with_one_device_that_has_no_model_is_refused(copy):
    changed(copy, lambda tree: tree["sim"].pop("bms_2"))
    with pytest.raises(ConfigError, match="bms_2: no model under `sim`"):
        playable(copy)


def test_a_site_on_its_devices_is_refused_and_nothing_is_started(copy, monkeypatch):
    changed(copy, lambda tree: tree.pop("sim"))
    monkeypatch.setattr("ess_actors.chaos.injecting.keep_root_in_bounds", lambda: None)
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("something was started"))
    answer = CliRunner().invoke(group, ["chaos", str(copy), "--minutes", "1"])
    assert answer.exit_code == 2
    assert "never into a site on its devices" in answer.output


def test_client_files_that_are_not_the_sites_own_are_refused(copy, tmp_path):
    shutil.move(copy / "modbus_client/pcs.json", tmp_path / "pcs.json")
    changed(copy, lambda tree: tree["instances"][0]["modbus_clients"].__setitem__(1, "../pcs.json"))
    with pytest.raises(ConfigError, match="pcs: serial lines, TLS"):
        playable(copy)


def test_probes_keep_away_from_what_matters():
    site = playable(DUAL)
    safe = safe_devices(site)
    kept = {path for one in safe for path in one.values}
    moved = {"ess_1/bms_info/soc", "ess_1/pcs_controls/start_stop", "ess_1/pcs_controls/controller_heartbeat"}
    assert not {probe.path for probe in commands(site, safe)} & (kept | moved)
    assert {probe.stem for probe in witnesses(site)} == {"bms_1", "bms_2", "pcs"}
    stops = {one.emergency.uri for one in site.instances if one.emergency}
    assert not {probe.uri for probe in alarms(site)} & stops


def test_a_point_on_the_bus_is_found_in_its_device():
    site = playable(DUAL)
    assert device_point(site, "/components/ess_2/bms_info/soc") == ("bms_2", "ess_2/bms_info/soc")
    assert device_point(site, "/status/ess/EmergencyStop") == ("", "")
