"""Which tables the documents of a site speak of: what a Modbus server can be fed with."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

TEMPLATE_MARK: Final = re.compile(r"(##\w+##)")


def mentioned_tables(documents: Iterable[object]) -> frozenset[str]:
    """Every table uri that stands in a document as a key or in a text, template marks still in it.

    `#` in a key stands for `/`, and the variable behind a colon is cut off.
    """
    return frozenset(_table(text) for document in documents for text in _texts(document))


class TableNames:
    """Answers whether some document speaks of a table, also of one that a template will create."""

    def __init__(self, documents: Iterable[object]) -> None:
        tables = mentioned_tables(documents)
        self._exact = {table for table in tables if not TEMPLATE_MARK.search(table)}
        self._patterns = [_pattern(table) for table in tables - self._exact]

    def __contains__(self, uri: object) -> bool:
        text = str(uri)
        return text in self._exact or any(pattern.fullmatch(text) for pattern in self._patterns)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, member in value.items():
            name = _with_slashes(str(key))
            if name.startswith("/"):
                yield name
            yield from _texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)
    elif isinstance(value, str) and value.startswith("/"):
        yield value


def _with_slashes(key: str) -> str:
    """`#a#b_##N##` -> `/a/b_##N##`."""
    parts = TEMPLATE_MARK.split(key)
    return "".join(part if part.startswith("##") else part.replace("#", "/") for part in parts)


def _table(text: str) -> str:
    return text.partition(":")[0].rstrip("/")


def _pattern(table: str) -> re.Pattern[str]:
    parts = TEMPLATE_MARK.split(table)
    return re.compile("".join("[^/]+" if part.startswith("##") else re.escape(part) for part in parts))
