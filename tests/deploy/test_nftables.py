"""The loopback rule in a real network namespace: whom the kernel lets through, user by user."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.places import DEPLOY, program

RULES = DEPLOY / "nftables" / "ess-actors.nft"
SERVICE = 12_345


def test_only_the_service_and_root_reach_the_ports_of_the_actors(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be several users")
    unshare, nft = program("unshare", "util-linux"), program("nft", "nftables")
    program("ip", "iproute2")
    refused = subprocess.run([unshare, "-n", "true"], capture_output=True, text=True, timeout=20)
    if refused.returncode:
        pytest.skip(f"the kernel gives no network namespace: {refused.stderr.strip()}")
    text = RULES.read_text()
    named = 'define service = "ess-actors"'
    assert text.count(named) == 1
    rules = tmp_path / "rules.nft"
    rules.write_text(text.replace(named, f"define service = {SERVICE}"))
    script = Path(__file__).parent / "loopback_users.py"
    command = [unshare, "-n", sys.executable, str(script), nft, str(rules), str(SERVICE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "nobody reaches an actor without the rule": True,
        "service reaches 21000": True,
        "root reaches 21000": True,
        "nobody reaches 21000": False,
        "another reaches 21000": False,
        "service reaches 45000": True,
        "root reaches 45000": True,
        "nobody reaches 45000": False,
        "another reaches 45000": False,
        "nobody reaches an actor over IPv6": False,
        "service reaches an actor over IPv6": True,
        "refused by the rule": True,
        "nobody reaches the open port": True,
        "nobody reaches somebody else's port": True,
        "service reaches somebody else's port": True,
        "nobody reaches an actor under a flood": False,
        "service reaches an actor under a flood": True,
    }


def test_the_rule_leaves_open_what_the_shipped_files_serve() -> None:
    unit = (DEPLOY / "systemd" / "ess-actors@.service").read_text()
    opened = RULES.read_text().split("define open_ports = {")[1].split("}")[0]
    ports = {int(port) for port in opened.split(",")}
    shipped = {int(unit.split("--api 127.0.0.1:")[1].split('"')[0])}
    for site in (DEPLOY.parent / "configs").glob("*/site.json"):
        shipped.add(json.loads(site.read_text())["api"]["port"])
        for server in site.parent.glob("modbus_server/*.json"):
            shipped.add(json.loads(server.read_text())["system"]["port"])
    assert ports >= shipped | {502}
