"""Thespian's admin or logger is halted by a signal: the site is ended like at its death, not left half alive."""

import os
import signal

import psutil
import pytest

from tests.system.running_site import RunningSite
from tests.waiting import wait_for


@pytest.mark.parametrize("victim", ["admin", "logger"])
def test_a_halted_root_ends_the_site(tmp_path, victim):
    site = RunningSite(tmp_path)
    try:
        admin = psutil.Process(site.pid("supervisor")).ppid()
        found = [p.pid for p in site.processes() if " ".join(p.cmdline()).startswith("logger ")]
        os.kill(admin if victim == "admin" else found[0], signal.SIGSTOP)
        assert site.process.wait(30) == 1
        assert f"Thespian's {victim} (process " in site.output.read_text()
        wait_for("every process to be gone", lambda: not site.left_over())
    finally:
        site.end()
