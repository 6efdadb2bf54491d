"""What no entry of a Modbus file can be without: an id, an offset, and a size it may leave to be 1."""

from typing import NamedTuple

from ess_actors.config.modbus_codec import read_size
from ess_actors.config.modbus_keys import Keys
from ess_actors.core.points import Table


class Place(NamedTuple):
    """Where an entry lies, as written."""

    id: str
    offset: int
    words: int
    """1, 2 or 4; 0 in a table of bits."""


def read_place(keys: Keys, table: Table) -> Place | None:
    """None (C17, C26) when the entry has to be dropped."""
    id_, offset = keys.text("id"), keys.integer("offset")
    words: int | None = 0 if table.is_bits else read_size(keys)
    if not id_ or offset is None:
        missing = "id" if not id_ else "offset"
        hint = f"give it its {missing}; the entry is dropped"
        keys.report.error("C26", keys.path, f"no {missing}", hint)
        return None
    return None if words is None else Place(id_, offset, words)
