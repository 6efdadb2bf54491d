"""The systemd unit keeps its promises, and systemd itself finds it hardened."""

import re
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

from tests.deploy.places import DEPLOY, program

UNIT = DEPLOY / "systemd" / "ess-actors@.service"


def unit() -> RawConfigParser:
    parser = RawConfigParser(strict=False, comment_prefixes=("#",), delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(UNIT.read_text())
    return parser


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Type", "notify"),
        ("NotifyAccess", "main"),
        ("WatchdogSec", "20"),
        ("User", "ess-actors"),
        ("Restart", "on-failure"),
        ("RestartPreventExitStatus", "2"),
        ("KillMode", "control-group"),
        ("CapabilityBoundingSet", "CAP_NET_BIND_SERVICE"),
        ("AmbientCapabilities", "CAP_NET_BIND_SERVICE"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("RestrictNamespaces", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("LockPersonality", "yes"),
        ("StateDirectory", "ess-actors/%i"),
    ],
)
def test_the_unit_says(key: str, value: str) -> None:
    assert unit()["Service"][key] == value


def test_the_unit_runs_one_site_with_its_api_on_loopback() -> None:
    service = unit()["Service"]
    assert re.search(
        r"ess-actors run /etc/ess-actors/%i --state-dir /var/lib/ess-actors/%i ", service["ExecStart"]
    )
    assert service["ExecStart"].endswith("$ESS_ACTORS_OPTIONS")
    assert "--api 127.0.0.1:8300" in service["Environment"]
    assert unit()["Install"]["WantedBy"] == "multi-user.target"


def test_restarts_are_limited_and_the_limit_can_be_reached() -> None:
    """Ten starts of 2 s each must fit into the window, or the limit is none."""
    limits, service = unit()["Unit"], unit()["Service"]
    assert int(limits["StartLimitIntervalSec"]) > int(limits["StartLimitBurst"]) * (
        int(service["RestartSec"]) + 15
    )


def test_systemd_itself_accepts_the_unit_and_finds_it_hardened(tmp_path: Path) -> None:
    analyze = program("systemd-analyze", "systemd")
    # The program is not installed here: the unit is checked with one that exists.
    text = UNIT.read_text().replace("/opt/ess-actors/.venv/bin/ess-actors", "/bin/true")
    path = tmp_path / "ess-actors@site.service"
    path.write_text(text)
    checked = subprocess.run([analyze, "verify", path], capture_output=True, text=True, timeout=60)
    complaints = [line for line in checked.stderr.splitlines() if "ess-actors@" in line]
    assert complaints == []
    judged = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=20", "--no-pager", path],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert judged.returncode == 0, judged.stdout.splitlines()[-1:]
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", judged.stdout)
    assert exposure is not None and float(exposure[1]) <= 2.0
