"""A few actors of the real bases below a parent of a test's own, in real processes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from thespian.actors import ActorSystem

from ess_actors.core.control import Boot
from tests.ports import free_port
from tests.waiting import ended, wait_for


@contextmanager
def small_tree(parent_class: type, settings: Any, folder: Path) -> Iterator[tuple[ActorSystem, Any]]:
    """(system, parent address) once the parent answered to Boot; ended with everything below it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THESPLOG_FILE", str(folder / "thespian.log"))
        system = ActorSystem("multiprocTCPBase", {"Admin Port": free_port()}, transientUnique=True)
        admin = 0
        try:
            parent = system.createActor(parent_class)
            word, admin = system.ask(parent, Boot(settings, str(folder), os.getpid()), 10)
            assert word == "booted"
            yield system, parent
        finally:
            # Thespian's own shutdown leaves its admin and logger behind when an actor was killed.
            if not admin:
                system.shutdown()
                pytest.fail("the tree did not start")
            root = psutil.Process(admin)
            left = [root, *root.children(recursive=True)]
            for process in left:
                process.kill()
            wait_for("every process to end", lambda: all(ended(process.pid) for process in left))
