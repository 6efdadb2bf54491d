"""Reads the tolerated dialect of JSON with positions, and says where and why a file is broken."""

import json
import math
import re
from pathlib import Path
from typing import Final

from ess_actors.config.json_positions import Document, Positions
from ess_actors.config.json_tokens import TOKEN, VALUE_KINDS, WORDS, complaint, short
from ess_actors.core.findings import Finding, Severity

MAX_SYNTAX_ERRORS: Final = 20
_MAX_DEPTH: Final = 200


def read(path: Path | str) -> Document:
    """Read a file; one that cannot be opened or is no UTF-8 is a P01 finding as well."""
    try:
        content = Path(path).read_bytes()
        text = content.decode("utf-8")
    except OSError as error:
        return _unreadable(path, f"cannot be read: {error.strerror}", "check the name and the permissions")
    except UnicodeDecodeError as error:
        return _unreadable(path, f"byte {error.start} is not UTF-8", "save the file as UTF-8")
    return parse(text, str(path))


def _unreadable(path: Path | str, text: str, hint: str) -> Document:
    return Document(None, Positions(""), [Finding(Severity.FATAL, "P01", str(path), 0, 0, "", text, hint)])


def parse(text: str, file: str) -> Document:
    """Parse a text; `file` names it in the findings. The first of two equal keys wins."""
    scanner = _Scanner(text, file)
    value = scanner.document()
    broken = any(finding.severity is Severity.FATAL for finding in scanner.findings)
    return Document(None if broken else value, scanner.positions, scanner.findings)


class _GaveUpError(Exception):
    """Too many syntax errors, or nothing left to resynchronise on."""


class _Scanner:
    """A recursive descent over regex tokens, one token of look-ahead."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file
        self.positions = Positions(text)
        self.findings: list[Finding] = []
        self._cursor = 1 if text.startswith("\ufeff") else 0
        self._recording = True
        self._errors = 0
        self._closers: list[str] = []
        self.kind, self.token, self.at = "", "", 0
        self._note_encoding()
        self.advance()

    def _note_encoding(self) -> None:
        marks = {"a byte-order mark": "\ufeff", "tabs": "\t", "CRLF line ends": "\r\n"}
        seen = [
            name
            for name, mark in marks.items()
            if (self.text.startswith(mark) if mark == "\ufeff" else mark in self.text)
        ]
        if seen:
            text = f"{' and '.join(seen)} in the file"
            self.say(Severity.NOTE, "P07", 0, "$", text, "harmless, nothing to do")

    def say(self, severity: Severity, code: str, at: int, path: str, text: str, hint: str) -> None:
        line, column = self.positions.place(at)
        self.findings.append(Finding(severity, code, self.file, line, column, path, text, hint))

    def error(self, at: int, path: str, text: str, hint: str) -> None:
        self._errors += 1
        self.say(Severity.FATAL, "P01", at, path, text, hint)
        if self._errors >= MAX_SYNTAX_ERRORS:
            raise _GaveUpError

    def advance(self) -> None:
        """Next token that is no comment into kind, token, at."""
        while True:
            match = TOKEN.match(self.text, self._cursor)
            assert match is not None and match.lastgroup is not None
            self.kind, self.token = match.lastgroup, match[match.lastgroup]
            self.at, self._cursor = match.start(match.lastgroup), match.end()
            if self.kind == "mark":
                self.kind = self.token
            if self.kind != "comment":
                return
            what = "note" if self.token.startswith("<<") else "comment"
            hint = "plain JSON has no comments; keep it if you like"
            self.say(Severity.NOTE, "P05", self.at, "", f"{what} {short(self.token)} ignored", hint)

    def document(self) -> object:
        value: object = None
        try:
            if self.kind == "end":
                self.error(self.at, "$", "the file is empty", "write one JSON object")
                return None
            value = self.value("$")
            if self.kind != "end":
                rest = self.text[self.at : self.at + 40].strip()
                hint = "remove it, or check whether a brace closes too early"
                self.say(Severity.WARNING, "P03", self.at, "$", f"text after the end ignored: {rest!r}", hint)
        except _GaveUpError:
            pass
        return value

    def value(self, path: str) -> object:
        if self._recording:
            self.positions.note(path, self.at)
        match self.kind:
            case "{":
                return self.nested(path, "}")
            case "[":
                return self.nested(path, "]")
            case "string":
                value: object = self.unquoted(path)
            case "number":
                value = self.number(path)
            case "word":
                value = WORDS[self.token]
            case "open" | "other":
                value = self.strange(path)
            case _:
                seen = "the end of the file" if self.kind == "end" else repr(self.token)
                self.error(self.at, path, f"a value is missing before {seen}", "write the value, or null")
                return None
        self.advance()
        return value

    def unquoted(self, path: str) -> str:
        token = self.token
        if "\\" not in token:
            return token[1:-1]
        try:
            return str(json.loads(token, strict=False))
        except ValueError:
            self.error(self.at, path, f"wrong escape in {short(token)}", r"a backslash is written \\")
            return token[1:-1]

    def number(self, path: str) -> int | float:
        token = self.token
        if len(token) < 400 and token.lstrip("-").isdigit():
            return int(token)
        value = float(token)
        if math.isinf(value):
            self.error(self.at, path, f"the number {short(token)} is too large", "stay below 1e308")
        return value

    def strange(self, path: str) -> str:
        """A token that is no JSON: report what it most likely was meant to be."""
        self.error(self.at, path, *complaint(self.token))
        return self.token

    def nested(self, path: str, closer: str) -> object:
        self._closers.append(closer)
        if len(self._closers) > _MAX_DEPTH:
            self.error(self.at, path, f"nested deeper than {_MAX_DEPTH}", "flatten the structure")
            raise _GaveUpError
        opened = self.at
        self.advance()
        result = self.members(path, opened) if closer == "}" else self.elements(path, opened)
        self._closers.pop()
        return result

    def members(self, path: str, opened: int) -> dict[str, object]:
        result: dict[str, object] = {}
        keys: dict[str, int] = {}
        while not self.closes("}", path, opened):
            if self.elided(path) or not self.member(path, result, keys):
                continue
            self.separator(path, "}")
        return result

    def member(self, path: str, result: dict[str, object], keys: dict[str, int]) -> bool:
        """One `key: value`. False when the token was no key and has been reported and skipped."""
        if self.kind not in ("string", "open", "other", "number", "word"):
            self.error(self.at, path, f"a key is missing before {self.token!r}", "write a key, or remove it")
            self.skip()
            return False
        at = self.at
        cut_off = self.kind == "open" and self.token[0] == '"'
        key = self.unquoted(path) if self.kind == "string" else self.odd_key(path)
        self.advance()
        if self.kind == ":":
            self.advance()
        else:
            if not cut_off:
                text = f"no colon after the key {short(key)}"
                self.error(self.at, f"{path}.{key}", text, "write a colon between key and value")
            if self.kind not in VALUE_KINDS and self.kind not in ("{", "["):
                return True
        if key not in keys:
            keys[key] = at
            result[key] = self.value(f"{path}.{key}")
            return True
        line, column = self.positions.place(keys[key])
        text = f"key {key!r} again, the first one at {line}:{column} is used"
        self.say(Severity.WARNING, "P04", at, f"{path}.{key}", text, "remove one of the two")
        before, self._recording = self._recording, False
        self.value(f"{path}.{key}")
        self._recording = before
        return True

    def odd_key(self, path: str) -> str:
        if self.kind in ("number", "word"):
            self.error(self.at, path, f"key {short(self.token)} without quotes", "add double quotes")
            return self.token
        return self.strange(path).strip("'\"")

    def elements(self, path: str, opened: int) -> list[object]:
        result: list[object] = []
        while not self.closes("]", path, opened):
            if self.elided(path):
                continue
            if self.kind == ":" or self.kind == ",":
                self.error(self.at, path, f"an element is missing before {self.token!r}", "remove it")
                self.skip()
                continue
            result.append(self.value(f"{path}[{len(result)}]"))
            self.separator(path, "]")
        return result

    def closes(self, closer: str, path: str, opened: int) -> bool:
        """True at the end of the container that was opened at `opened`; a wrong closer is reported."""
        if self.kind == closer:
            self.advance()
            return True
        if self.kind == "end":
            line, column = self.positions.place(opened)
            hint = f"write the missing {closer!r}"
            self.error(self.at, path, f"{self.text[opened]!r} of {line}:{column} is never closed", hint)
            raise _GaveUpError
        if self.kind in ("}", "]"):
            line, column = self.positions.place(opened)
            text = f"{self.token!r} closes the {self.text[opened]!r} of {line}:{column}"
            self.error(self.at, path, text, f"write {closer!r}, or add the bracket missing before")
            if self.kind not in self._closers[-2:-1]:
                self.advance()
            return True
        return False

    def elided(self, path: str) -> bool:
        """Skip `...` or `[...]` (and a comma behind it) where a member or an element is expected."""
        bracketed = self.kind == "[" and re.match(r"\[\s*\.\.\.\s*\]", self.text[self.at : self.at + 80])
        if not bracketed and self.kind != "dots":
            return False
        hint = "write what was left out"
        self.say(Severity.WARNING, "P05", self.at, path, "elision '...' ignored", hint)
        if bracketed:
            self._cursor = self.at + bracketed.end()
        self.advance()
        if self.kind == ",":
            self.advance()
        return True

    def separator(self, path: str, closer: str) -> None:
        """The comma behind a member or element: a trailing one is tolerated, a missing one reported."""
        if self.kind == ",":
            at = self.at
            self.advance()
            if self.kind in ("}", "]"):
                self.say(Severity.WARNING, "P02", at, path, f"comma before {self.token!r}", "remove it")
        elif self.kind in VALUE_KINDS or self.kind in ("{", "[") or self.kind == ":":
            self.error(self.at, path, f"no comma before {short(self.token)}", f"write ',' or {closer!r}")
            if self.kind == ":":
                self.skip()

    def skip(self) -> None:
        """Leave out a token that fits nowhere; of a bracket its whole content."""
        if self.kind in ("{", "["):
            before, self._recording = self._recording, False
            self.value("$")
            self._recording = before
        else:
            self.advance()
