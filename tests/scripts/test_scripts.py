"""Every script of this folder, run as a plant runs it: bash, fims_send, fims_listen, a tree of processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.ports import free_port
from tests.system.running_site import RunningSite
from tests.waiting import wait_for

pytestmark = pytest.mark.system
HERE = Path(__file__).parent
BIN = Path(sys.executable).parent


def scripts(folder: str) -> list[str]:
    return sorted(file.name for file in (HERE / folder).glob("*.sh"))


def run(script: Path, api: str, scratch: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "ESS_ACTORS_API": api,
        "TMPDIR": str(scratch),
    }
    done = subprocess.run(
        ["bash", str(script)], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a tree with the one instance of plant/ess_1.json."""
    folder = tmp_path_factory.mktemp("lone")
    api, output = f"127.0.0.1:{free_port()}", folder / "output.txt"
    command = [str(BIN / "ess-actors"), "run", str(HERE / "plant/ess_1.json"), "--api", api]
    with output.open("w") as file:
        process = subprocess.Popen([*command, "--state-dir", str(folder / "state")], stdout=file, stderr=file)
    try:
        wait_for("READY", lambda: process.poll() is not None or "READY" in output.read_text(), 30)
        assert f"READY http://{api}\n" in output.read_text()
        yield api
        below = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0, output.read_text()
        assert not [one for one in below if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
        text = output.read_text()
        assert text.endswith("\nstopped\n") and "Traceback" not in text and "warning" not in text, text
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the dual-BMS site on simulators."""
    site = RunningSite(tmp_path_factory.mktemp("site"))
    try:
        yield site.api
    finally:
        site.end()


@pytest.mark.parametrize("script", scripts("single"))
def test_a_script_against_one_instance(lone: str, script: str, tmp_path: Path) -> None:
    run(HERE / "single" / script, lone, tmp_path)


@pytest.mark.parametrize("script", scripts("site"))
def test_a_script_against_a_site_on_simulators(simulated: str, script: str, tmp_path: Path) -> None:
    run(HERE / "site" / script, simulated, tmp_path)
