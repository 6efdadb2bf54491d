"""Names that are near a wrong one: what an operator may have meant."""

from collections.abc import Collection, Iterable
from difflib import SequenceMatcher
from heapq import nsmallest
from typing import Final

from ess_actors.core.tables import DataMap

NEAR_LIMIT: Final = 5
LONGEST_NEAR: Final = 160
"""Characters."""
SIMILAR: Final = 0.6
"""What part of two uris is the same, from which on they are similar."""
FEW_EDITS: Final = 2
"""Letters more, fewer or others that a mistyped name may have."""
MOST_NAMES: Final = 400
"""How many names of one table are compared closely, those that begin alike."""
MOST_TABLES: Final = 400
"""How many uris are compared closely, those that begin alike: this runs in the instance's only thread."""


def near(map_: DataMap, path: str) -> list[str]:
    """Up to NEAR_LIMIT names, best first: the same table, the same name elsewhere, similar tables.

    Nothing for a very long uri: nobody mistypes so much.
    """
    if len(path) > LONGEST_NEAR:
        return []
    colon = path.replace(":", "/")
    table, _, name = colon.rpartition("/")
    name = name.partition("@")[0].partition("[")[0]
    known = map_.tables.get(table)
    found = [f"{table}:{other}" for other in _alike(name, known.variables if known is not None else ())]
    elsewhere = [uri for uri in map_.uris() if uri != table and name in map_.tables[uri].variables]
    found += [f"{uri}:{name}" for uri in [*_similar(table, elsewhere), *elsewhere]]
    if len(found) < NEAR_LIMIT:
        others = [uri for uri in map_.uris() if uri != table or not found]
        found += _similar(colon, others)
        if known is None and table:
            found += _similar(table, others)
    return list(dict.fromkeys(found))[:NEAR_LIMIT]


def _alike(name: str, others: Iterable[str]) -> list[str]:
    """Names of one table a few edits away, whatever the case of their letters; the nearest first."""
    low = name.lower()
    third = max(1, (len(low) + 2) // 3)
    # Two edits leave at least one of three pieces as it is: that is looked for first, it costs nearly nothing.
    pieces = (low[:third], low[third : 2 * third], low[2 * third :])
    likely = [
        other
        for other in others
        if abs(len(other) - len(low)) <= FEW_EDITS
        and len(other) <= LONGEST_NEAR
        and any(map(other.lower().__contains__, pieces))
    ]
    if len(likely) > MOST_NAMES:
        likely = nsmallest(MOST_NAMES, likely, lambda other: (-_common(other.lower(), low), other))
    counted = [(edits(low, other.lower()), other) for other in likely]
    return [other for count, other in sorted(counted) if count <= FEW_EDITS]


def correction(name: str, known: Collection[str]) -> str:
    """What to do about a field nobody knows, with the one that may have been meant."""
    alike = _alike(name, known)
    return f"write `{alike[0]}`, or remove it" if alike else "correct the name, or remove it"


def _similar(wanted: str, uris: Iterable[str]) -> list[str]:
    short = [uri for uri in uris if len(uri) <= LONGEST_NEAR]
    if len(short) > MOST_TABLES:
        short = sorted(short, key=lambda uri: (-_common(uri, wanted), uri))[:MOST_TABLES]
    matcher = SequenceMatcher(None, "", wanted)
    rated: list[tuple[float, str]] = []
    for uri in short:
        matcher.set_seq1(uri)
        if matcher.real_quick_ratio() >= SIMILAR and matcher.quick_ratio() >= SIMILAR:
            ratio = matcher.ratio()
            if ratio >= SIMILAR:
                rated.append((-ratio, uri))
    return [uri for _, uri in sorted(rated)[:NEAR_LIMIT]]


def _common(one: str, two: str) -> int:
    """How many letters both begin with."""
    return next(
        (n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two))
    )


def edits(one: str, two: str, most: int = FEW_EDITS) -> int:
    """How many letters must be put in, left out or replaced; `most` + 1 when more than `most`."""
    if abs(len(one) - len(two)) > most:
        return most + 1
    same = _common(one, two)
    one, two = one[same:], two[same:]
    row = list(range(len(two) + 1))
    for place, letter in enumerate(one, 1):
        before, row = row, [place]
        for other, against in enumerate(two, 1):
            row.append(min(before[other] + 1, row[-1] + 1, before[other - 1] + (letter != against)))
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)
