"""For all tests: hypothesis is imported here, not by its plugin in the last hook, where CPython 3.11 may trip."""

import hypothesis

__all__ = ["hypothesis"]
