"""Uris: the slash form of the bus and the colon form of the configuration (`/table/of/it:name@param[bit]`)."""

from typing import Final, NamedTuple

MOST_SEGMENTS: Final = 32
"""Of a table: answers nest the tables of a family by segment, and nobody could write down thousands of levels."""


def clean(uri: str) -> str:
    """One leading slash, no doubled and no trailing slash."""
    return "/" + "/".join(part for part in uri.split("/") if part)


def covers(prefix: str, uri: str) -> bool:
    """True when `uri` is `prefix` or lies below it; whole segments are compared, so /a covers /a/b, not /ab."""
    return uri == prefix or uri.startswith(prefix + "/") or prefix == "/"


class Reference(NamedTuple):
    """A parsed colon form. `name` is empty for a whole table, `table` is empty for a bare context name."""

    table: str
    name: str
    param: str = ""
    bit: int = -1


def parse_reference(text: str) -> Reference:
    """`/t:x@p[3]` -> Reference("/t", "x", "p", 3). Raises ValueError with what is wrong with it.

    A text without a colon is a table when it starts with `/`, else a bare name of an asset context.
    """
    rest, bit = text, -1
    if rest.endswith("]"):
        head, bracket, number = rest[:-1].rpartition("[")
        if not bracket or not number.isdigit() or int(number) > 31:
            raise ValueError(f"{text!r}: a bit is written [0] to [31] at the end")
        rest, bit = head, int(number)
    table, colon, name = rest.partition(":")
    if table.count("/") > MOST_SEGMENTS:
        raise ValueError(f"a table has no more than {MOST_SEGMENTS} segments, not {table.count('/')}")
    if not colon:
        if rest.startswith("/"):
            if bit >= 0:
                raise ValueError(f"{text!r}: a bit needs a variable, as in /table:name[{bit}]")
            return Reference(rest, "")
        table, name = "", rest
    name, _, param = name.partition("@")
    if not name:
        raise ValueError(f"{text!r}: no variable name after the colon")
    return Reference(table, name, param, bit)
