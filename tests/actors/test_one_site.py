"""The lock of a site: who holds it is told, and one that is only dying is waited for."""

import json
import os
import subprocess
import sys
import threading

import pytest

from ess_actors.actors.one_site import only_one
from ess_actors.core.errors import ConfigError

_HOLD = """
import os, sys
from pathlib import Path
from ess_actors.actors.one_site import only_one
lock = only_one(Path(sys.argv[1]), {"api": "127.0.0.1:1"})
lock.__enter__()
if os.fork():
    os._exit(0)
os.close(1)
sys.stdin.read()
"""


def test_a_second_one_is_told_who_holds_it(tmp_path):
    with (
        only_one(tmp_path, {"api": "127.0.0.1:8300"}),
        pytest.raises(ConfigError, match=f"process {os.getpid()}, operator API http://127.0.0.1:8300"),
        only_one(tmp_path, {}),
    ):
        pass
    with only_one(tmp_path, {}):
        pass


def test_a_tree_whose_launch_command_is_dead_is_waited_for(tmp_path):
    """A child of the holder has inherited the lock and ends while somebody waits for it."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None and holder.stdout is not None
    assert holder.stdout.read() == b"" and holder.wait(20) == 0
    letting_go = threading.Timer(0.1, holder.stdin.close)
    letting_go.start()
    with only_one(tmp_path, {"api": "b"}):
        assert json.loads((tmp_path / "lock").read_text()) == {"pid": os.getpid(), "api": "b"}
    letting_go.join()
    holder.stdout.close()


def test_a_run_that_was_broken_off_is_known_to_the_next_one(tmp_path):
    with only_one(tmp_path, {}) as first:
        assert not first.broken_off
    with only_one(tmp_path, {}) as second:
        assert second.broken_off
        second.ended()
    with only_one(tmp_path, {}) as third:
        assert not third.broken_off
