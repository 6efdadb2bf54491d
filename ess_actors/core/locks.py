"""Locks: what sets and actions may not write. The last word about a variable, a param or its whole table counts."""


class Lock:
    """What is locked of one variable."""

    __slots__ = ("_params", "whole")

    def __init__(self, whole: bool) -> None:
        self.whole = whole
        """Value, params, options and actions, except for the params that were named since."""
        self._params: dict[str, bool] = {}

    def holds(self, param: str = "") -> bool:
        """Whether it is locked: the param, or (without one) the value, the options and the actions."""
        return self._params.get(param, self.whole) if param else self.whole

    def param(self, name: str, locked: bool) -> None:
        """One param alone."""
        self._params[name] = locked
