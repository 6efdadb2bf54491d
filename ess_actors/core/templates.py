"""Template documents: text replacement over an index, nested levels, owners of what is created."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from ess_actors.core.remarks import json_path

LIMIT: Final = 10_000
"""Expansions of one instance."""
RANGE: Final = ("from", "to", "step", "mult", "add")

Names = Mapping[str, tuple[str, dict[str, str]]]


class TooMany(Exception):
    """More expansions than LIMIT."""


class Expansion(NamedTuple):
    """One expanded template. `owner` is (manager, instance, parent); `names` maps each table to what it and
    its members are called in the template itself; `origins` says which members of a joined template stand
    in another document than `document`."""

    document: str
    tree: dict[str, object]
    owner: tuple[str, str, str]
    names: Names
    origins: Mapping[str, str]


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
        trees: Sequence[tuple[str, Mapping[str, object]]],
        option: Mapping[str, object],
        ranges: Mapping[str, object],
    ) -> None:
        self.documents = tuple(name for name, _ in trees)
        self.tree, self.origins = _joined(trees)
        self.text = orjson.dumps(self.tree).decode()
        step = _whole(ranges, "step", 1)
        if step < 1:
            raise ValueError(f"`step` must be 1 or more, not {step}")
        self.indices = range(_whole(ranges, "from", 1), _whole(ranges, "to", 4) + 1, step)
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
    if not isinstance(value, str):
        raise ValueError(f"`{key}` must be a text, not {value!r}")
    return value


def _rep(rep: object, mult: int, add: int) -> _Rep:
    if not isinstance(rep, dict) or not isinstance(rep.get("replace"), str) or not rep["replace"]:
        raise ValueError("an entry of `reps` needs `replace` and `with` or `withIds`")
    ids = rep.get("withIds")
    with_ = rep.get("with", "{:d}")
    if not isinstance(with_, str) or not (ids is None or isinstance(ids, list)):
        raise ValueError(f"the entry of `reps` for {rep['replace']} needs a text `with` or a list `withIds`")
    return _Rep(rep["replace"], with_, ids, _whole(rep, "mult", mult), _whole(rep, "add", add))


def _joined(
    trees: Sequence[tuple[str, Mapping[str, object]]],
) -> tuple[dict[str, object], dict[str, str]]:
    """Several templates as one: tables with the same name hold the members of all of them. With it, the
    paths of those members that come from another document than the first."""
    result: dict[str, object] = {}
    origins: dict[str, str] = {}
    for number, (document, tree) in enumerate(trees):
        for table, members in tree.items():
            old = result.get(table)
            if isinstance(members, dict):
                result[table] = {**old, **members} if isinstance(old, dict) else members
                if number:
                    origins.update((json_path((table, name)), document) for name in members)
            else:
                result[table] = members
    return result, origins


def expand(levels: Sequence[Template], count: list[int]) -> Iterator[Expansion]:
    """Every expansion, the first level being the outer loop. `count` holds how many there were so far."""
    yield from _level(levels, [], "", count)


def _level(
    levels: Sequence[Template], outer: list[tuple[str, str]], above: str, count: list[int]
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
        names = _names(level.tree, tree, replacements)
        owner = (manager, instance, parent or above)
        yield Expansion(level.documents[0], tree, owner, names, level.origins)
        yield from _level(inner, replacements, manager or instance or above, count)


def _replaced(text: str, replacements: list[tuple[str, str]]) -> str:
    for old, new in replacements:
        text = text.replace(old, new)
    return text


def _names(
    original: Mapping[str, object], tree: Mapping[str, object], replacements: list[tuple[str, str]]
) -> Names:
    names: dict[str, tuple[str, dict[str, str]]] = {}
    for new, old in _renamed(original, tree, replacements).items():
        before, after = original[old], tree[new]
        if isinstance(before, dict) and isinstance(after, dict):
            names[new.replace("#", "/")] = (old, _renamed(before, after, replacements))
    return names


def _renamed(
    before: Mapping[str, object], after: Mapping[str, object], replacements: list[tuple[str, str]]
) -> dict[str, str]:
    """New key -> old key; replacements may have made two keys one."""
    if len(before) == len(after):
        return dict(zip(after, before, strict=True))
    return {_replaced(key, replacements): key for key in before}
