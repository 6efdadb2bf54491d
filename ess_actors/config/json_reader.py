"""Reads a file of the tolerated dialect of JSON with positions; what is wrong with it are findings."""

from pathlib import Path
from typing import Final

from ess_actors.config.json_cursor import MAX_SYNTAX_ERRORS
from ess_actors.config.json_positions import Document, Positions
from ess_actors.config.json_scanner import Scanner
from ess_actors.core.document_text import md5
from ess_actors.core.findings import Finding, Severity

__all__ = ["MAX_SYNTAX_ERRORS", "decoded", "parse", "read"]

_MARK: Final = "\ufeff"
_WIDE: Final = (b"\xff\xfe", b"\xfe\xff")


def read(path: Path | str, last_wins: bool = False) -> Document:
    """Read a file (see `parse`); one that cannot be opened or is no UTF-8 is a P01 finding as well."""
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else str(error)
        return _unreadable(path, (0, 0), f"cannot be read: {cause}", "check the name and the permissions")
    return decoded(content, path, last_wins)


def decoded(content: bytes, path: Path | str, last_wins: bool = False) -> Document:
    """The bytes of a file, which is named `path` in the findings."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return _undecodable(path, content, error.start)
    return parse(text, str(path), last_wins)._replace(md5=md5(content))


def _undecodable(path: Path | str, content: bytes, at: int) -> Document:
    """Where the first byte stands that is no UTF-8, and what it most likely is."""
    if content.startswith(_WIDE):
        return _unreadable(path, (1, 1), "the file is UTF-16", "save the file as UTF-8")
    before = content[:at].decode("utf-8").removeprefix(_MARK)
    place = before.count("\n") + 1, len(before) - before.rfind("\n")
    likely = bytes([content[at]]).decode("cp1252", "replace")
    meant = f", in Windows files it is {likely!r}" if likely.isprintable() and likely != "\ufffd" else ""
    return _unreadable(path, place, f"byte 0x{content[at]:02X} is not UTF-8{meant}", "save the file as UTF-8")


def _unreadable(path: Path | str, place: tuple[int, int], text: str, hint: str) -> Document:
    found = Finding(Severity.FATAL, "P01", str(path), *place, "$" if place[0] else "", text, hint)
    return Document(None, Positions(""), [found])


def parse(text: str, file: str, last_wins: bool = False) -> Document:
    """Parse a text; `file` names it in the findings. Of two equal keys the first wins, or the last."""
    seen = ["a byte-order mark"] if text.startswith(_MARK) else []
    text = text.removeprefix(_MARK)
    seen += [name for name, mark in (("tabs", "\t"), ("CRLF line ends", "\r\n")) if mark in text]
    scanner = Scanner(text, file, last_wins)
    if seen:
        said = f"{' and '.join(seen)} in the file"
        scanner.say(Severity.NOTE, "P07", 0, "$", said, "harmless, nothing to do")
    value = scanner.document()
    broken = any(finding.severity is Severity.FATAL for finding in scanner.findings)
    return Document(None if broken else value, scanner.positions, scanner.findings)
