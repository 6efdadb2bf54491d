"""For all tests: hypothesis is imported here, not by its plugin in the last hook, where CPython 3.11 may trip.

And how they are dealt out to several processes.
"""

from typing import Any

import hypothesis
import pytest

__all__ = ["hypothesis"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """One by one; but those that need a site in one process, that they share it and no two start at the same time."""
    from xdist.scheduler import LoadScopeScheduling

    class Dealing(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            alone = "fault_matrix" in nodeid or "chaos" in nodeid
            return "site" if nodeid.startswith("tests/system/") and not alone else nodeid

    return Dealing(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/system/"))
