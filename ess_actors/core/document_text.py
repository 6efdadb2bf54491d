"""The text of a document: its checksum, and what is wrong with one that was pushed."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping

import orjson

from ess_actors.core.findings import Severity
from ess_actors.core.remarks import Remark

Tree = Mapping[str, object]


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
    """A pushed document and what is wrong with its text: something FATAL, or keys that stand twice."""
    try:
        tree = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        said = f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        return {}, [Remark(name, "$", Severity.FATAL, "not-json", said, "correct the document")]
    if not isinstance(tree, dict):
        said = "a document is an object of tables"
        return {}, [Remark(name, "$", Severity.FATAL, "not-json", said, "write {...}")]
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


def _repeated(text: bytes) -> list[str]:
    found: list[str] = []

    def look(pairs: list[tuple[str, object]]) -> None:
        if len(pairs) > 1 and len({key for key, _ in pairs}) < len(pairs):
            counts = Counter(key for key, _ in pairs)
            found.extend(key for key, count in counts.items() if count > 1)

    json.loads(text, object_pairs_hook=look)
    return found
