"""Template documents: text replacement over an index, nested levels, owners of what is created."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import orjson

LIMIT: Final = 10_000
"""Expansions of one instance."""

Names = Mapping[str, tuple[str, dict[str, str]]]


class TooMany(Exception):
    """More expansions than LIMIT."""


class Expansion(NamedTuple):
    """One expanded template. `owner` is (manager, instance, parent); `names` maps each table to what it and
    its members are called in the template itself."""

    document: str
    tree: dict[str, object]
    owner: tuple[str, str, str]
    names: Names


class _Rep(NamedTuple):
    replace: str
    with_: str
    ids: list[object] | None
    mult: int
    add: int

    def text(self, index: int) -> str:
        if self.ids is not None:
            if not 0 <= index < len(self.ids):
                raise IndexError(
                    f"`withIds` of {self.replace} has {len(self.ids)} entries, entry {index} was asked for"
                )
            return str(self.ids[index])
        return self.with_.format(index * self.mult + self.add)


class Template:
    """One level: its documents, index range and replacements. Raises ValueError for unusable fields."""

    def __init__(
        self,
        trees: list[tuple[str, Mapping[str, object]]],
        option: Mapping[str, object],
        ranges: Mapping[str, object],
    ) -> None:
        self.document = trees[0][0]
        self.tree = _joined([tree for _, tree in trees])
        self.text = orjson.dumps(self.tree).decode()
        self.indices = range(
            _whole(ranges, "from", 1), _whole(ranges, "to", 4) + 1, max(1, _whole(ranges, "step", 1))
        )
        mult, add = _whole(ranges, "mult", 1), _whole(ranges, "add", 0)
        self.owner = tuple(_name(option, self.tree, key) for key in ("amname", "ainame", "pname"))
        reps = option.get("reps", [])
        if not isinstance(reps, list):
            raise ValueError("`reps` must be a list")
        self.reps = [_rep(rep, mult, add) for rep in reps]


def _whole(members: Mapping[str, object], key: str, default: int) -> int:
    value = members.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"`{key}` must be a number, not {value!r}")
    return int(value)


def _name(option: Mapping[str, object], tree: Mapping[str, object], key: str) -> str:
    value = option.get(key, tree.get(key, ""))
    return value if isinstance(value, str) else ""


def _rep(rep: object, mult: int, add: int) -> _Rep:
    if not isinstance(rep, dict) or not isinstance(rep.get("replace"), str):
        raise ValueError("an entry of `reps` needs `replace` and `with` or `withIds`")
    ids = rep.get("withIds")
    with_ = rep.get("with", "{:d}")
    if not isinstance(with_, str) or not (ids is None or isinstance(ids, list)):
        raise ValueError(f"the entry of `reps` for {rep['replace']} needs a text `with` or a list `withIds`")
    return _Rep(rep["replace"], with_, ids, _whole(rep, "mult", mult), _whole(rep, "add", add))


def _joined(trees: list[Mapping[str, object]]) -> dict[str, object]:
    """Several templates as one: tables with the same name hold the members of all of them."""
    result: dict[str, object] = {}
    for tree in trees:
        for table, members in tree.items():
            old = result.get(table)
            result[table] = (
                {**old, **members} if isinstance(old, dict) and isinstance(members, dict) else members
            )
    return result


def expand(levels: list[Template], count: list[int]) -> Iterator[Expansion]:
    """Every expansion, the first level being the outer loop. `count` holds how many there were so far."""
    yield from _level(levels, [], "", count)


def _level(
    levels: list[Template], outer: list[tuple[str, str]], above: str, count: list[int]
) -> Iterator[Expansion]:
    if not levels:
        return
    level, inner = levels[0], levels[1:]
    for index in level.indices:
        count[0] += 1
        if count[0] > LIMIT:
            raise TooMany(f"more than {LIMIT} template expansions")
        replacements = outer + [(rep.replace, rep.text(index)) for rep in level.reps]
        tree = orjson.loads(_replaced(level.text, replacements))
        manager, instance, parent = (_replaced(name, replacements) for name in level.owner)
        parent = parent or above
        yield Expansion(level.document, tree, (manager, instance, parent), _names(level.tree, tree))
        yield from _level(inner, replacements, manager or above, count)


def _replaced(text: str, replacements: list[tuple[str, str]]) -> str:
    for old, new in replacements:
        text = text.replace(old, new)
    return text


def _names(original: Mapping[str, object], tree: Mapping[str, object]) -> Names:
    names: dict[str, tuple[str, dict[str, str]]] = {}
    for old, new in zip(original, tree, strict=False):
        before, after = original[old], tree[new]
        if isinstance(before, dict) and isinstance(after, dict):
            names[new.replace("#", "/")] = (old, dict(zip(after, before, strict=False)))
    return names
