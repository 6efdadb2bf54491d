"""A site recorded while devices fail, actors die and operators act: replayed, each instance sends the same bytes."""

import subprocess
from pathlib import Path

from tests.system.running_site import BIN, REPOSITORY, RunningSite
from tests.waiting import wait_for

LS = "/ess_1/site/ess_1/ess_ls"


def test_both_instances_send_again_what_they_sent(tmp_path):
    record = tmp_path / "record"
    site = RunningSite(tmp_path / "state", options=("--record", str(record)))
    try:
        wait_for("values of both BMS", lambda: site.get(f"{LS}/totals_quality") == 0, 30)
        site.set("/ess_1/site/ess_1/ess_hs/active_power_setpoint", 200)
        site.sim_set("bms_2", {"ess_2/bms_info/f_soh": True})
        wait_for("a fault", lambda: site.get(f"{LS}/fault_count"), 20)
        for lost in ("ess_1/alarms", "ess_1/bms_1", "ess_2"):
            old = site.kill(lost)
            wait_for(f"{lost} to be back", lambda lost=lost, old=old: site.is_back(lost, old), 30)
        site.message("set", "/ess_1/t/odd", {"text": 'ä "quoted"\n', "list": [1, 2], "number": 0.1})
        site.get("/ess_1/")
        wait_for("values of both BMS again", lambda: site.get(f"{LS}/totals_quality") == 0, 30)
        assert site.stop() == 0
    finally:
        site.end()
    for name, lives in (("ess_1", 1), ("ess_2", 2)):
        log = record / f"{name}.jsonl"
        first, again = (_replayed(name, log, seed) for seed in ("1", "2"))
        assert first.stdout == again.stdout
        assert first.stdout.count(b"\n") > 20
        calls = log.read_bytes().count(b"\n") - lives
        assert first.stderr.decode() == f"{calls} calls in {lives} lives\n"
        assert first.returncode == 0, "each call was followed by what the running instance sent"


def _replayed(name: str, log: Path, seed: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [BIN / "ess-actors", "replay", REPOSITORY / "configs/dual_bms" / name, log],
        env={"PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo"},
        capture_output=True,
        timeout=120,
        check=False,
    )
