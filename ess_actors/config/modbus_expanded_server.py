"""A site server's map written out: every entry with its own uri, order and policy."""

from collections.abc import Sequence
from typing import Final

from ess_actors.config.modbus_expanded_line import Tree, serial_keys, tls_keys
from ess_actors.config.modbus_expanded_points import meaning, words_of
from ess_actors.core.codec import Codec, Shape
from ess_actors.core.points import Table
from ess_actors.core.server_points import ANY_UNIT, ServerEntry, ServerMap, StalePolicy

_SECTIONS: Final = {
    Table.COIL: "coils",
    Table.DISCRETE: "discrete_inputs",
    Table.INPUT: "input_registers",
    Table.HOLDING: "holding_registers",
}
_FLAGS: Final = {Shape.BIT: "bool", Shape.FIELD: "bit_field", Shape.ENUM: "enum"}


def server_tree(server: ServerMap) -> Tree:
    """What the file of the server would say if it were written out."""
    system: Tree = {"id": server.system_id}
    if server.serial is not None:
        system |= serial_keys(server.serial)
    else:
        system |= {"ip_address": server.host, "port": server.port}
        system |= tls_keys(server.tls) if server.tls is not None else {}
    system |= {
        "stale_after_ms": server.stale_after_ms,
        "max_clients": server.max_clients,
        "idle_timeout_s": server.idle_timeout_s,
        "allow_from": list(server.allow_from),
        "stale_bits": [
            {"uri": one.source, "id": one.entry_id, "entry_uri": one.entry_uri, "bit": one.bit}
            for one in server.stale_bits
        ],
    }
    units = dict.fromkeys(entry.unit for entry in server.entries)
    maps = [_map(unit, [entry for entry in server.entries if entry.unit == unit]) for unit in units]
    if list(units) in ([], [ANY_UNIT]) and server.serial is None:
        return {"system": system, "registers": maps[0] if maps else {}}
    return {"system": system, "registers": maps}


def _map(unit: int, entries: Sequence[ServerEntry]) -> Tree:
    tree: Tree = {} if unit == ANY_UNIT else {"device_id": unit}
    for table in dict.fromkeys(entry.table for entry in entries):
        tree[_SECTIONS[table]] = [_entry(entry) for entry in entries if entry.table is table]
    return tree


def _entry(entry: ServerEntry) -> Tree:
    tree: Tree = {"id": entry.id, "offset": entry.address, "uri": entry.uri}
    tree |= _meaning(entry.codec)
    if entry.bit_strings:
        tree["bit_strings"] = [name or None for name in entry.bit_strings]
    if entry.policy is not StalePolicy.HOLD:
        tree["stale_policy"] = entry.policy.value
    if entry.high_word_address is not None:
        tree["high_word_offset"] = entry.high_word_address
    if entry.commit_counter:
        tree["commit_counter"] = True
    if entry.label:
        tree["name"] = entry.label
    if entry.units:
        tree["unit"] = entry.units
    return tree


def _meaning(codec: Codec) -> Tree:
    """The texts of bits and numbers are documentation here, and stand in bit_strings."""
    if codec.size and codec.shape in _FLAGS:
        return words_of(codec) | {_FLAGS[codec.shape]: True}
    return meaning(codec)
