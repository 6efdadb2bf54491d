"""Plain text tables: columns as wide as their widest cell, the last one free."""

from collections.abc import Sequence

import click


def table(
    titles: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[str] = frozenset()
) -> list[str]:
    """Lines of a table; columns whose title is in `right` are set flush right. Cells may carry colours."""
    widths = [
        max(len(click.unstyle(cell)) for cell in (title, *(row[i] for row in rows)))
        for i, title in enumerate(titles)
    ]

    def line(cells: Sequence[str]) -> str:
        parts = []
        for cell, width, title in zip(cells, widths, titles, strict=True):
            pad = " " * (width - len(click.unstyle(cell)))
            parts.append(pad + cell if title in right else cell + pad)
        return "  ".join(parts).rstrip()

    return [line(titles), *(line(row) for row in rows)]


def branches(ids: Sequence[str]) -> list[str]:
    """Path-like ids as a drawn tree, in the same order: `ess_1`, then `├─ bms_1` for `ess_1/bms_1`.

    The first id that is not below another one starts a new root.
    """
    known = set(ids)
    return [_branch(i, ids, known) for i in range(len(ids))]


def _branch(index: int, ids: Sequence[str], known: set[str]) -> str:
    own = ids[index]
    parents = _parents(own, known)
    if not parents:
        return own
    strokes = "".join("   " if _is_last(index, level, ids) else "│  " for level in parents[1:])
    elbow = "└─ " if _is_last(index, own, ids) else "├─ "
    return strokes + elbow + own[len(parents[-1]) + 1 :]


def _parents(own: str, known: set[str]) -> list[str]:
    """The ids above `own` that are shown, the root first."""
    parts = own.split("/")
    paths = ("/".join(parts[:n]) for n in range(1, len(parts)))
    return [path for path in paths if path in known]


def _is_last(index: int, level: str, ids: Sequence[str]) -> bool:
    """True when no later id stands beside `level` under the same parent."""
    parent = level.rpartition("/")[0] + "/"
    for later in ids[index + 1 :]:
        if not later.startswith(parent):
            return True
        if not later.startswith(level + "/"):
            return False
    return True
