"""The tokens of the tolerated dialect of JSON, and what those that are no JSON were most likely meant to be."""

import re
from typing import Final

TOKEN: Final = re.compile(
    r"""[ \t\r\n]*(?:
      (?P<string>"(?:[^"\\\n]|\\.)*")
    | (?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.+-]))
    | (?P<mark>[{}\[\],:])
    | (?P<word>(?:true|false|null)(?!\w))
    | (?P<comment>//[^\n]*|/\*.*?\*/|<<(?:[^\n]*?>>|[^\n]*))
    | (?P<dots>\.\.\.)
    | (?P<open>"[^\n]*?(?=[}\],\s]*(?:\n|\Z))|'(?:[^'\n]*'|[^\n,:}\]]*)|/\*.*)
    | (?P<other>[\w.+-]+|.)
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
WORDS: Final[dict[str, object]] = {"true": True, "false": False, "null": None}
VALUE_KINDS: Final = frozenset({"string", "number", "word", "open", "other"})


def complaint(token: str) -> tuple[str, str]:
    """(what is wrong, what to do) about a token that is no JSON."""
    if token[0] == '"':
        return f"string {short(token)} has no closing quote", "close the string on the line it starts on"
    if token[0] == "'":
        return f"single quotes around {short(token)}", 'use double quotes "'
    if token.startswith("/*"):
        return "comment without end", "close it with */"
    if token.lstrip("+-").lower() in ("nan", "infinity", "inf"):
        return f"{token} is no JSON number", "leave it out, or write a number"
    if token.lower() in WORDS:
        return f"{token} is not written like this", f"write {token.lower()}"
    if token[0].isdigit() or token[0] in "+-.":
        hint = "write plain decimals such as 10, -0.5 or 1e3; hexadecimal goes into quotes"
        return f"{short(token)} is no JSON number", hint
    return f"unexpected {short(token)}", "quote it, or remove it"


def short(text: str) -> str:
    """On one line, quoted, 30 characters at most."""
    line = " ".join(text.split())
    return repr(line if len(line) <= 30 else line[:27] + "...")
