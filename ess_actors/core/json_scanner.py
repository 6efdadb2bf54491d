"""A recursive descent over the tokens of the tolerated dialect of JSON: values, positions, and every deviation."""

import json
import math
import re
from typing import Final

from ess_actors.core.findings import Severity
from ess_actors.core.json_cursor import Cursor, GaveUpError
from ess_actors.core.json_tokens import VALUE_KINDS, WORDS, complaint, short

MAX_DEPTH: Final = 100
"""Deeper than any configuration, and far from what recursion can bear."""
_LONGEST_WHOLE: Final = 400
"""Digits; a longer number is larger than any double."""
_ELISION: Final = re.compile(r"\[\s{0,80}\.\.\.\s{0,80}\]")


class Scanner(Cursor):
    """Reads one text; `document` is the only call for others. With `last_wins` the last of equal keys counts."""

    def __init__(self, text: str, file: str, last_wins: bool = False) -> None:
        self._last_wins = last_wins
        self._recording = True
        self._closers: list[str] = []
        self._outer: list[str] = []
        """Paths of the containers around, for what is found between two tokens."""
        self._closed_early = False
        super().__init__(text, file)

    def document(self) -> object:
        """The value of the whole text; meaningless when a finding is FATAL."""
        value: object = None
        try:
            self.advance()
            if self.kind == "end":
                self.error(self.at, "$", "the file is empty", "write one JSON object")
                return None
            value = self.value("$")
            if self.kind != "end":
                rest = self.text[self.at : self.at + 40].strip()
                hint = "remove it, or check whether a brace closes too early"
                self.say(Severity.WARNING, "P03", self.at, "$", f"text after the end ignored: {rest!r}", hint)
        except GaveUpError:
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
                if self.quote_missing(path):
                    return None
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
            text = str(json.loads(token, strict=False))
            text.encode("utf-8")
        except UnicodeEncodeError:
            self.error(self.at, path, f"half a character in {short(token)}", r"write both \u of the pair")
        except ValueError:
            self.error(self.at, path, f"wrong escape in {short(token)}", r"a backslash is written \\")
        else:
            return text
        return token[1:-1]

    def number(self, path: str) -> int | float:
        token = self.token
        if len(token) < _LONGEST_WHOLE and token.lstrip("-").isdigit():
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
        if len(self._closers) > MAX_DEPTH:
            self.error(self.at, path, f"nested deeper than {MAX_DEPTH}", "flatten the structure")
            raise GaveUpError
        self._outer.append(self._where)
        self._where, opened = path, self.at
        self.advance()
        result = self.members(path, opened) if closer == "}" else self.elements(path, opened)
        self._closers.pop()
        self._where = self._outer.pop()
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
            if self.kind != ":":
                self.skip()
                return False
            self.advance()
            self.unrecorded(path)
            return True
        if self.kind != "string" and self.quote_missing(path):
            return True
        at = self.at
        cut_off = self.kind == "open" and self.token[0] == '"'
        key = self.unquoted(path) if self.kind == "string" else self.odd_key(path)
        self.advance()
        if self.kind == ":":
            self.advance()
        else:
            if not cut_off and self.quote_missing(f"{path}.{key}"):
                return True
            if not cut_off:
                text = f"no colon after the key {short(key)}"
                self.error(self.at, f"{path}.{key}", text, "write a colon between key and value")
                if self.token in ("=", "=>", ";"):
                    self.advance()
            if self.kind not in VALUE_KINDS and self.kind not in ("{", "["):
                return True
        if key not in keys:
            keys[key] = at
            result[key] = self.value(f"{path}.{key}")
            return True
        line, column = self.positions.place(keys[key])
        told = f"key {short(key)} again, the first one at {line}:{column} is"
        text = f"{told} not used" if self._last_wins else f"{told} used"
        self.say(Severity.WARNING, "P04", at, f"{path}.{key}", text, "remove one of the two")
        if self._last_wins:
            self.positions.forget(f"{path}.{key}")
            result[key] = self.value(f"{path}.{key}")
        else:
            self.unrecorded(f"{path}.{key}")
        return True

    def unrecorded(self, path: str) -> None:
        """Read a value that is not used; what is wrong in it is told all the same."""
        before, self._recording = self._recording, False
        self.value(path)
        self._recording = before

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
            self._where = self._outer[-1]
            self.advance()
            return True
        if self.kind == "end":
            line, column = self.positions.place(opened)
            hint = f"write the missing {closer!r}"
            self.error(self.at, path, f"{self.text[opened]!r} of {line}:{column} is never closed", hint)
            raise GaveUpError
        if self.kind == "{" and closer == "}" and self._closers[-2:-1] == ["]"]:
            line, column = self.positions.place(opened)
            text = f"the '{{' of {line}:{column} is not closed before the next one"
            self.error(self.at, path, text, "write the missing '}'")
            self._closed_early = True
            return True
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
        bracketed = self.kind == "[" and _ELISION.match(self.text, self.at)
        if not bracketed and self.kind != "dots":
            return False
        hint = "write what was left out"
        self.say(Severity.WARNING, "P05", self.at, path, "elision '...' ignored", hint)
        if bracketed:
            self._cursor = bracketed.end()
        self.advance()
        if self.kind == ",":
            self.advance()
        return True

    def separator(self, path: str, closer: str) -> None:
        """The comma behind a member or element: a trailing one is tolerated, a missing one reported."""
        early, self._closed_early = self._closed_early, False
        if self.kind == ",":
            at = self.at
            self.advance()
            if self.kind in ("}", "]"):
                self.say(Severity.WARNING, "P02", at, path, f"comma before {self.token!r}", "remove it")
        elif early or (self.kind == "{" and closer == "}" and self._closers[-2:-1] == ["]"]):
            return  # told already, or better told by `closes`
        elif self.kind == "other" and self.token.startswith(";"):
            self.error(self.at, path, "';' where a comma belongs", "write ','")
            self.advance()
        elif self.kind == "open" and self.token.startswith("/"):
            self.strange(path)
            self.advance()
        elif self.kind in VALUE_KINDS or self.kind in ("{", "[") or self.kind == ":":
            if self.quote_missing(path):
                return
            hint = (
                "write '{' before the key"
                if (self.kind, closer) == (":", "]")
                else f"write ',' or {closer!r}"
            )
            self.error(self._before_end, path, f"no comma before {short(self.token)}", hint)
            if self.kind == ":":
                self.skip()

    def skip(self) -> None:
        """Leave out a token that fits nowhere; of a bracket its whole content, and the comma behind it."""
        if self.kind not in ("{", "["):
            self.advance()
            return
        self.unrecorded("$")
        if self.kind == ",":
            self.advance()
