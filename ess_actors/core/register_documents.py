"""Variables that register documents ask for: of a site server, and of a device client."""

from collections.abc import Iterator, Mapping
from typing import Final

Tree = Mapping[str, object]
Tables = dict[str, dict[str, object]]

NEW_ZERO: Final = {"value": "$$", "$$new": 0}
"""As a member: number 0 for a variable that does not exist, otherwise nothing."""
_SERVED: Final = ("input_registers", "holding_registers")


def site_tables(tree: Tree) -> Tables:
    """`<uri>:<id>` for every input and holding register of a site server."""
    tables: Tables = {}
    for _, entry in site_entries(tree):
        uri, name = _text(entry, "uri"), _text(entry, "id")
        if uri and name:
            tables.setdefault(uri, {})[name] = NEW_ZERO
    return tables


def site_entries(tree: Tree) -> Iterator[tuple[tuple[str | int, ...], object]]:
    """(place, entry) of every register of a site server."""
    registers = tree.get("registers")
    for kind in _SERVED:
        entries = registers.get(kind) if isinstance(registers, dict) else None
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            yield ("registers", kind, index), entry


def usable(entry: object) -> bool:
    """Whether a register names a variable."""
    return bool(_text(entry, "uri") and _text(entry, "id"))


def client_tables(tree: Tree) -> Tables:
    """`/components/<component id>:<id>` for every register of a device client."""
    tables: Tables = {}
    for component in _list(tree, "components"):
        name = _text(component, "id")
        for group in _list(component, "registers") if name else ():
            for entry in _list(group, "map"):
                if point := _text(entry, "id"):
                    tables.setdefault(f"/components/{name}", {})[point] = NEW_ZERO
    return tables


def _list(holder: object, key: str) -> list[object]:
    members = holder.get(key) if isinstance(holder, Mapping) else None
    return members if isinstance(members, list) else []


def _text(holder: object, key: str) -> str:
    value = holder.get(key) if isinstance(holder, Mapping) else None
    return value if isinstance(value, str) else ""
