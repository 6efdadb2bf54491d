"""Reads a text in the tolerated dialect of JSON with positions; what is wrong with it are findings."""

from typing import Final

from ess_actors.core.findings import Finding, Severity
from ess_actors.core.json_positions import Document, Positions
from ess_actors.core.json_scanner import Scanner

_MARK: Final = "\ufeff"
_WIDE: Final = (b"\xff\xfe", b"\xfe\xff")


def decoded(content: bytes, file: str, last_wins: bool = False) -> Document:
    """The bytes of a text (see `parse`); what is no UTF-8 is a P01 finding as well."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return _undecodable(file, content, error.start)
    return parse(text, file, last_wins)


def _undecodable(file: str, content: bytes, at: int) -> Document:
    """Where the first byte stands that is no UTF-8, and what it most likely is."""
    if content.startswith(_WIDE):
        return unreadable(file, (1, 1), "the file is UTF-16", "save the file as UTF-8")
    before = content[:at].decode("utf-8").removeprefix(_MARK)
    place = before.count("\n") + 1, len(before) - before.rfind("\n")
    likely = bytes([content[at]]).decode("cp1252", "replace")
    meant = f", in Windows files it is {likely!r}" if likely.isprintable() and likely != "\ufffd" else ""
    return unreadable(file, place, f"byte 0x{content[at]:02X} is not UTF-8{meant}", "save the file as UTF-8")


def unreadable(file: str, place: tuple[int, int], text: str, hint: str) -> Document:
    """What stands for a text that cannot be read at all."""
    found = Finding(Severity.FATAL, "P01", file, *place, "$" if place[0] else "", text, hint)
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
