"""One text, token by token, and what was found in it so far: the lower half of the tolerant reader."""

from typing import Final

from ess_actors.core.findings import Finding, Severity
from ess_actors.core.json_positions import Positions
from ess_actors.core.json_tokens import (
    TOKEN,
    WORDLIKE,
    complaint,
    line_rest,
    open_end,
    printable,
    short,
    shown,
)

MAX_SYNTAX_ERRORS: Final = 20


class GaveUpError(Exception):
    """Too many syntax errors, or nothing left to resynchronise on."""


class Cursor:
    """One token of look-ahead: `kind`, `token`, and `at`, where it begins."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file
        self.positions = Positions(text)
        self.findings: list[Finding] = []
        self._cursor = 0
        self._errors = 0
        self._where = "$"
        self.kind, self.token, self.at = "", "", 0
        self._before, self._before_end = "", -1

    def say(self, severity: Severity, code: str, at: int, path: str, text: str, hint: str) -> None:
        """A finding at a character offset."""
        line, column = self.positions.place(at)
        self.findings.append(
            Finding(severity, code, self.file, line, column, shown(path), printable(text), hint)
        )

    def error(self, at: int, path: str, text: str, hint: str) -> None:
        """P01. Gives up behind the twentieth."""
        self._errors += 1
        self.say(Severity.FATAL, "P01", at, path, text, hint)
        if self._errors >= MAX_SYNTAX_ERRORS:
            raise GaveUpError

    def advance(self) -> None:
        """Next token that is no comment into kind, token, at."""
        self._before, self._before_end = self.kind, self._cursor
        while True:
            match = TOKEN.match(self.text, self._cursor)
            assert match is not None and match.lastgroup is not None
            self.kind, self.token = match.lastgroup, match[match.lastgroup]
            self.at, self._cursor = match.start(match.lastgroup), match.end()
            if self.kind == "mark":
                self.kind = self.token
            elif self.kind == "open":
                self._cursor = open_end(self.text, self.at)
                self.token = self.text[self.at : self._cursor]
            if self.kind == "blank":
                self.error(self.at, self._where, *complaint(self.token))
                continue
            if self.kind != "comment":
                return
            what = "note" if self.token.startswith("<<") else "comment"
            hint = "plain JSON has no comments; keep it if you like"
            self.say(Severity.NOTE, "P05", self.at, self._where, f"{what} {short(self.token)} ignored", hint)

    def quote_missing(self, path: str) -> bool:
        """Report a word that touches a string: a quote is missing there. Goes on at the end of the line."""
        touches_last = self._before == "string" and self._before_end == self.at
        if not touches_last and self.text[self._cursor : self._cursor + 1] != '"':
            return False
        if self.kind not in ("other", "word", "number") or not WORDLIKE.match(self.token):
            return False
        side = "before" if touches_last else "around"
        hint = "every string begins and ends with one double quote"
        self.error(self.at, path, f"a quote is missing {side} {short(self.token)}", hint)
        self._cursor = max(self._cursor, line_rest(self.text, self.at))
        self.advance()
        return True
