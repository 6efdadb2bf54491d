"""The text of a document: its checksum, and what is wrong with one that was pushed."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from typing import Final

import orjson

from ess_actors.core.bodies import DEEPEST, too_deep
from ess_actors.core.findings import Severity
from ess_actors.core.json_text import decoded
from ess_actors.core.remarks import Remark

Tree = Mapping[str, object]

MOST_TOLERATED: Final = 2 * 1024 * 1024
_CODES: Final = {"P04": "key-twice"}


def md5(text: bytes) -> str:
    """Hex checksum of a document's text."""
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


class Document(dict[str, object]):
    """A document that was read from a text, and the checksum of that."""

    md5 = ""

    @classmethod
    def of(cls, tree: Tree, checksum: str) -> "Document":
        """The same document, which remembers this checksum."""
        document = cls(tree)
        document.md5 = checksum
        return document


def checksum(tree: Tree) -> str:
    """Hex checksum of the text of a document, of its shortest form when it came as a tree."""
    return (tree.md5 if isinstance(tree, Document) else "") or md5(orjson.dumps(tree))


def parse(name: str, text: bytes) -> tuple[Tree, list[Remark]]:
    """A pushed document and what is wrong with its text: something FATAL, or what was tolerated.

    It may be written as carelessly as a file of the instance's folder.
    """
    try:
        tree = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _tolerated(name, text)
    if wrong := _unusable(name, tree):
        return {}, wrong
    return Document.of(tree, md5(text)), [
        Remark(
            name,
            "$",
            Severity.WARNING,
            "key-twice",
            f"key {key!r} again, the last one is used",
            "remove one of the two",
        )
        for key in _repeated(text)
    ]


def _tolerated(name: str, text: bytes) -> tuple[Tree, list[Remark]]:
    """A text that is no plain JSON: it takes a hundred times as long, so it must not be as large."""
    if len(text) > MOST_TOLERATED:
        said = f"not JSON, and larger than the {MOST_TOLERATED} bytes up to which slips are forgiven"
        hint = "correct it; `ess-actors check` names every place in a file"
        return {}, [Remark(name, "$", Severity.FATAL, "not-json", said, hint)]
    read = decoded(text, name, last_wins=True)
    remarks = [
        Remark(
            name,
            one.path or "$",
            one.severity,
            "not-json" if one.severity is Severity.FATAL else _CODES.get(one.code, one.code),
            f"{one.text} at line {one.line}, column {one.column}",
            one.hint,
        )
        for one in read.findings
    ]
    if any(remark.severity is Severity.FATAL for remark in remarks):
        return {}, remarks
    wrong = _unusable(name, read.value)
    return ({}, wrong) if wrong else (Document.of(read.value, md5(text)), remarks)  # type: ignore[arg-type]


def _unusable(name: str, tree: object) -> list[Remark]:
    """Why a tree is no document."""
    if not isinstance(tree, dict):
        said = "a document is an object of tables"
        return [Remark(name, "$", Severity.FATAL, "not-json", said, "write {...}")]
    if too_deep(tree, DEEPEST):
        said = f"it is nested deeper than {DEEPEST} levels"
        return [Remark(name, "$", Severity.FATAL, "not-json", said, "nest it less deep")]
    try:
        orjson.dumps(tree)  # what it holds will be asked for one day
    except TypeError as error:
        said, hint = f"it cannot be passed on ({error})", "write no number beyond 64 bits"
        return [Remark(name, "$", Severity.FATAL, "not-json", said, hint)]
    return []


def _repeated(text: bytes) -> list[str]:
    found: list[str] = []

    def look(pairs: list[tuple[str, object]]) -> None:
        if len(pairs) > 1 and len({key for key, _ in pairs}) < len(pairs):
            counts = Counter(key for key, _ in pairs)
            found.extend(key for key, count in counts.items() if count > 1)

    json.loads(text, object_pairs_hook=look)
    return found
