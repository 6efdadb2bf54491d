"""The short form of the chaos suite: two minutes of faults on the dual-BMS site, and nothing lost or left over."""

import json
import subprocess
from collections import Counter

from tests.system.running_site import BIN, REPOSITORY

MINUTES = "2"


def test_two_minutes_of_faults_lose_nothing_and_leave_nothing(tmp_path):
    report_file = tmp_path / "chaos.json"
    done = subprocess.run(
        [BIN / "ess-actors", "chaos", REPOSITORY / "configs/dual_bms", "--minutes", MINUTES, "--seed", "1",
         "--json", report_file],
        capture_output=True, text=True, timeout=400, env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert report_file.exists(), done.stdout + done.stderr
    report = json.loads(report_file.read_text())
    total = report["summary"]
    assert total["times"] == len(report["trials"]) >= 10
    assert len(Counter(fault.split()[0] for trial in report["trials"] for fault in trial["faults"])) >= 5
    assert total["commands_done"] > 0
    assert total["transitions"] > 0
    faultless = (
        "commands_lost", "commands_twice", "two_writers", "orphans", "manual_restarts", "not_recovered",
        "safe_never", "stale_as_good", "transitions_lost", "transitions_disordered",
    )  # fmt: skip
    assert {name: total[name] for name in faultless} == dict.fromkeys(faultless, 0), done.stdout
    # Who ends the site waits for what its clients have to write; only their own deaths leave it to the next start.
    ended = [trial for trial in report["trials"] if trial["exit_code"] == 1 and len(trial["faults"]) == 1]
    assert ended, "no fault of the drawn ones ended the site"
    for trial in ended:
        assert all(safe <= trial["detected_s"] for safe in trial["safe_s"].values()), trial
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("ess-chaos-*")) == []
