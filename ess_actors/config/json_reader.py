"""Reads a file of the tolerated dialect of JSON with positions; what is wrong with it are findings."""

from pathlib import Path

from ess_actors.core.document_text import md5
from ess_actors.core.json_cursor import MAX_SYNTAX_ERRORS
from ess_actors.core.json_positions import Document
from ess_actors.core.json_text import decoded as _decoded
from ess_actors.core.json_text import parse, unreadable

__all__ = ["MAX_SYNTAX_ERRORS", "decoded", "parse", "read"]


def read(path: Path | str, last_wins: bool = False) -> Document:
    """Read a file (see `parse`); one that cannot be opened or is no UTF-8 is a P01 finding as well."""
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else str(error)
        return unreadable(str(path), (0, 0), f"cannot be read: {cause}", "check the name and the permissions")
    return decoded(content, path, last_wins)


def decoded(content: bytes, path: Path | str, last_wins: bool = False) -> Document:
    """The bytes of a file, which is named `path` in the findings."""
    document = _decoded(content, str(path), last_wins)
    return document if document.value is None else document._replace(md5=md5(content))
