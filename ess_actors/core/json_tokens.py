"""The tokens of the tolerated dialect of JSON, and what those that are no JSON were most likely meant to be."""

import re
import unicodedata
from typing import Final

# No alternative may look far ahead and fail: that would take quadratic time on hostile files. What has no end
# ("open") is therefore only recognised here; `open_end` finds how far it goes.
TOKEN: Final = re.compile(
    r"""[ \t\r\n]*(?:
      (?P<string>"[^"\\\n]*(?:\\.[^"\\\n]*)*")
    | (?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.+#-]))
    | (?P<mark>[{}\[\],:])
    | (?P<word>(?:true|false|null)(?![\w#]))
    | (?P<comment>//[^\n]*|/\*.*?\*/|<<(?:[^\n>]*(?:>(?!>)[^\n>]*)*>>|[^\n]*))
    | (?P<dots>\.\.\.)
    | (?P<open>["'“”„‟«»‘’‚‛]|/\*)
    | (?P<blank>[^\S \t\r\n]+|[\x00-\x08\x0e-\x1f\x7f\u200b-\u200f\u2060\ufeff]+)
    | (?P<other>[\w.+-]*\#\#[\w.+-]{0,80}(?:\#\#)?[\w.+-]*|[\w.+-]+|.)
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
WORDS: Final[dict[str, object]] = {"true": True, "false": False, "null": None}
VALUE_KINDS: Final = frozenset({"string", "number", "word", "open", "other"})
_BEHIND: Final = "}], \t\r"
_SINGLE: Final = re.compile(r"'(?:[^'\n]*'|[^\n,:}\]]*)")
WORDLIKE: Final = re.compile(r"[\w.+-]")
_TYPOGRAPHIC: Final = re.compile(r"[“”„‟«»‘’‚‛][^\n\"“”„‟«»‘’‚‛]*[“”„‟«»‘’‚‛]?")


def open_end(text: str, at: int) -> int:
    """Where a token without end is taken to stop: brackets and commas at the end of its line are not its own."""
    if text[at] == '"':
        return max(at + 1, line_rest(text, at))
    if text[at] == "/":
        return len(text)
    ended = (_SINGLE if text[at] == "'" else _TYPOGRAPHIC).match(text, at)
    assert ended is not None
    return ended.end()


def line_rest(text: str, at: int) -> int:
    """The place behind `at` on its line from where only closing brackets, commas and blanks follow."""
    end = text.find("\n", at)
    return at + len(text[at : end if end >= 0 else len(text)].rstrip(_BEHIND))


def complaint(token: str) -> tuple[str, str]:
    """(what is wrong, what to do) about a token that is no JSON."""
    if token[0] == '"':
        return f"string {short(token)} has no closing quote", "close the string on the line it starts on"
    if "##" in token:
        hint = (
            'placeholders stand in quotes; where a number is wanted, replace "##X##" together with its quotes'
        )
        return f"placeholder {short(token)} without quotes", hint
    if token[0] == "'":
        return f"single quotes around {short(token)}", 'use double quotes "'
    if _TYPOGRAPHIC.match(token):
        return f"typographic quotes around {short(token)}", 'use plain double quotes "'
    if token.startswith("/*"):
        return "comment without end", "close it with */"
    if token.lstrip("+-").lower() in ("nan", "infinity", "inf"):
        return f"{token} is no JSON number", "leave it out, or write a number"
    if token.lower() in WORDS:
        return f"{token} is not written like this", f"write {token.lower()}"
    if token[0].isdigit() or token[0] in "+-.":
        hint = "write plain decimals such as 10, -0.5 or 1e3; hexadecimal goes into quotes"
        return f"{short(token)} is no JSON number", hint
    if not token[0].isprintable() or token[0].isspace():
        name = unicodedata.name(token[0], "a control character")
        return (
            f"unexpected U+{ord(token[0]):04X} ({name.lower()})",
            "remove it; only plain blanks may stand here",
        )
    return f"unexpected {short(token)}", "quote it, or remove it"


def short(text: str) -> str:
    """On one line, quoted, 30 characters at most."""
    line = " ".join(text[:1000].split())
    return repr(line if len(line) <= 30 else line[:27] + "...")


def shown(path: str) -> str:
    """A JSON path as it is printed: on one line, of bearable length."""
    return printable(path if len(path) <= 300 else path[:297] + "...")


def printable(text: str) -> str:
    """On one line, and nothing that a terminal would obey."""
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
