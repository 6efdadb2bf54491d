"""For all tests: hypothesis is imported here, not by its plugin in the last hook, where CPython 3.11 may trip.

And how they are dealt out to several processes.
"""

from typing import Any

import hypothesis
import pytest

__all__ = ["hypothesis"]

# A machine with other work is no failure of a property.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

SHARING = frozenset({"system", "page", "scripts"})
"""Folders whose tests share a site: in one process, or each process would start its own."""
ALONE = ("fault_matrix", "chaos")
OWN = ("client_reload", "halted_roots", "login_site", "periods", "replay", "safe_state", "systemd")
"""Of tests/system: those that take minutes, and those that start a site of their own, one after the other."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """One by one; but those of a folder that need a site in one process."""
    from xdist.scheduler import LoadScopeScheduling

    class Dealing(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            folder = nodeid.split("/")[1]
            file = nodeid.split("::")[0]
            if folder not in SHARING or any(name in file for name in ALONE):
                return nodeid
            return "own sites" if folder == "system" and any(name in file for name in OWN) else folder

    return Dealing(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/system/"))
