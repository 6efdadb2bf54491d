"""Finds the document and the place in it of what is said about a variable after the documents were applied."""

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from ess_actors.core.loader import Load, Order
from ess_actors.core.remarks import Remark, json_path

T = TypeVar("T")

LATE: Final = "?"
"""The document of a remark that says only table and variable, as they are called in the instance."""


class Places:
    """Of what one load phase applied. A variable stands where it was mentioned last."""

    def __init__(self, orders: Iterable[Order]) -> None:
        self._variables: dict[str, tuple[str, str]] = {}
        self._joined: dict[str, dict[str, str]] = {}
        """First document of a joined template -> path of a member -> the document it really stands in."""
        for order in orders:
            if isinstance(order, Load):
                self._joined.setdefault(order.document, {}).update(order.origins)
                self._add(order)

    def _add(self, order: Load) -> None:
        for table, members in order.tree.items():
            original, names = order.names.get(table) or (table, {})
            for member in members if isinstance(members, dict) else ():
                path = json_path((original, names.get(member, str(member))))
                document = order.origins.get(path, order.document)
                self._variables[json_path((table, member))] = document, path

    def of(self, remark: Remark) -> Remark | None:
        """The remark with its true document and path; None for a variable that no document of this phase has."""
        if remark.document == LATE:
            found, rest = _longest(self._variables, remark.path)
            return None if found is None else remark._replace(document=found[0], path=found[1] + rest)
        document, _ = _longest(self._joined.get(remark.document, {}), remark.path)
        return remark if document is None else remark._replace(document=document)


def _longest(known: Mapping[str, T], path: str) -> tuple[T | None, str]:
    """What is known of the longest beginning of a path, and the rest of the path."""
    end = len(path) if known else 0
    while end > 0:
        found = known.get(path[:end])
        if found is not None:
            return found, path[end:]
        end = max(path.rfind(".", 0, end), path.rfind("[", 0, end))
    return None, ""
