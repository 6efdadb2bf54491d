"""For all tests: hypothesis is imported here, not by its plugin in the last hook, where CPython 3.11 may trip.

And how they are dealt out to several processes.
"""

from typing import Any

import hypothesis
import pytest

__all__ = ["hypothesis"]

SHARING = frozenset({"system", "page", "scripts"})
"""Folders whose tests share a site: in one process, or each process would start its own."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """One by one; but those of a folder that need a site in one process."""
    from xdist.scheduler import LoadScopeScheduling

    class Dealing(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            folder = nodeid.split("/")[1]
            alone = "fault_matrix" in nodeid or "chaos" in nodeid
            return folder if folder in SHARING and not alone else nodeid

    return Dealing(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/system/"))
