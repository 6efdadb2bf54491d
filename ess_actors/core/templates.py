"""Template documents: text replacement over an index, nested levels, owners of what is created."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from ess_actors.core.remarks import json_path

LIMIT: Final = 10_000
"""Expansions of one instance."""
LARGEST_TEXT: Final = 4 * 1024 * 1024
"""Characters of one expansion."""
MOST_TEXT: Final = 64 * 1024 * 1024
"""Characters of all expansions of one instance."""
DEEPEST: Final = 50
"""Levels inside one another."""
LARGEST_NUMBER: Final = 1_000_000_000
"""Bound of from, to, step, mult and add, both ways."""
_FIELD: Final = re.compile(r"\{\{|\}\}|\{0?:?((?<=:)0?\d{0,2}[dxX]?|)\}")
"""What a `with` may hold beside plain text: the index as a whole number, or a doubled brace."""
RANGE: Final = ("from", "to", "step", "mult", "add")

Names = Mapping[str, tuple[str, dict[str, str]]]


class TemplateError(Exception):
    """Templates that cannot be expanded; `code` is that of the finding, the text says why."""

    def __init__(self, text: str, code: str = "bad-template") -> None:
        super().__init__(text)
        self.code = code


class TooMuch(TemplateError):
    """A bound is passed: more expansions than LIMIT, or more text."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "template-limit")


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
                raise TemplateError(
                    f"`withIds` of {self.replace} has {len(self.ids)} entries, entry {index} was asked for"
                )
            return str(self.ids[index])
        number = index * self.mult + self.add
        return _FIELD.sub(
            lambda field: field[0][0] if field[1] is None else format(number, field[1]), self.with_
        )


class Template:
    """One level: its documents, index range and replacements. Raises TemplateError for unusable fields."""

    def __init__(
        self,
        trees: Sequence[tuple[str, Mapping[str, object]]],
        option: Mapping[str, object],
        ranges: Mapping[str, object],
    ) -> None:
        self.documents = tuple(name for name, _ in trees)
        self.tree, self.origins = _joined(trees)
        self.text = _text_of(self.tree)
        step = _whole(ranges, "step", 1)
        if step < 1:
            raise TemplateError(f"`step` must be 1 or more, not {step}")
        self.indices = range(_whole(ranges, "from", 1), _whole(ranges, "to", 4) + 1, step)
        mult, add = _whole(ranges, "mult", 1), _whole(ranges, "add", 0)
        self.owner = tuple(_name(option, self.tree, key) for key in ("amname", "ainame", "pname"))
        reps = option.get("reps", [])
        if not isinstance(reps, list):
            raise TemplateError("`reps` must be a list")
        self.reps = [_rep(rep, mult, add) for rep in reps]


def _text_of(tree: Mapping[str, object]) -> str:
    try:
        return orjson.dumps(tree).decode()
    except TypeError as error:
        raise TemplateError(f"the template cannot be copied: {error}") from None


def _whole(members: Mapping[str, object], key: str, default: int) -> int:
    value = members.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TemplateError(f"`{key}` must be a number, not {value!r}")
    if not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        raise TemplateError(f"`{key}` must lie between -{LARGEST_NUMBER} and {LARGEST_NUMBER}, not {value!r}")
    return int(value)


def _name(option: Mapping[str, object], tree: Mapping[str, object], key: str) -> str:
    value = option.get(key, tree.get(key, ""))
    if not isinstance(value, str):
        raise TemplateError(f"`{key}` must be a text, not {value!r}")
    return value


def _rep(rep: object, mult: int, add: int) -> _Rep:
    if not isinstance(rep, dict) or not isinstance(rep.get("replace"), str) or not rep["replace"]:
        raise TemplateError("an entry of `reps` needs `replace` and `with` or `withIds`")
    ids = rep.get("withIds")
    with_ = rep.get("with", "{:d}")
    if not isinstance(with_, str) or not (ids is None or isinstance(ids, list)):
        raise TemplateError(
            f"the entry of `reps` for {rep['replace']} needs a text `with` or a list `withIds`"
        )
    if set(_FIELD.sub("", with_)) & {"{", "}"}:
        raise TemplateError(
            f"`with` of {rep['replace']} is no format of a whole number, such as {{:d}} or rack_{{:02d}}: {with_!r}"
        )
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


class Spent:
    """What the expansions of one instance have taken so far."""

    def __init__(self) -> None:
        self.count = 0
        self.text = 0

    def take(self, text: int) -> None:
        """One more expansion of so many characters. Raises TooMuch."""
        self.count += 1
        self.text += text
        if self.count > LIMIT:
            raise TooMuch(f"more than {LIMIT} template expansions")
        if self.text > MOST_TEXT:
            raise TooMuch(f"the expanded templates together are larger than {MOST_TEXT} characters")


def expand(levels: Sequence[Template], spent: Spent) -> Iterator[Expansion]:
    """Every expansion, the first level being the outer loop. Raises TemplateError."""
    if len(levels) > DEEPEST:
        raise TooMuch(f"{len(levels)} templates inside one another, {DEEPEST} may be")
    yield from _level(levels, [], "", spent)


def _level(
    levels: Sequence[Template], outer: list[tuple[str, str]], above: str, spent: Spent
) -> Iterator[Expansion]:
    if not levels:
        return
    level, inner = levels[0], levels[1:]
    for index in level.indices:
        replacements = outer + [(rep.replace, rep.text(index)) for rep in level.reps]
        text = _replaced(level.text, replacements)
        spent.take(len(text))
        tree = _tree_of(text, level.documents[0])
        manager, instance, parent = (_replaced(name, replacements) for name in level.owner)
        names = _names(level.tree, tree, replacements)
        owner = (manager, instance, parent or above)
        yield Expansion(level.documents[0], tree, owner, names, level.origins)
        yield from _level(inner, replacements, manager or instance or above, spent)


def _replaced(text: str, replacements: list[tuple[str, str]]) -> str:
    for old, new in replacements:
        if len(new) > len(old) and len(text) + text.count(old) * (len(new) - len(old)) > LARGEST_TEXT:
            raise TooMuch(f"replacing {old[:40]!r} makes a text larger than {LARGEST_TEXT} characters")
        text = text.replace(old, new)
    return text


def _tree_of(text: str, document: str) -> dict[str, object]:
    try:
        tree = orjson.loads(text)
    except ValueError as error:
        raise TemplateError(f"its replacements make {document} unreadable: {error}") from None
    if not isinstance(tree, dict):
        raise TemplateError(f"its replacements make {document} something else than an object of tables")
    return tree


def _names(
    original: Mapping[str, object], tree: Mapping[str, object], replacements: list[tuple[str, str]]
) -> Names:
    names: dict[str, tuple[str, dict[str, str]]] = {}
    for new, old in _renamed(original, tree, replacements).items():
        before, after = original[old], tree.get(new)
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
