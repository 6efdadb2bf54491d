"""A site server's file read anew while its actor runs: the map it serves from then on, and what it answers."""

from dataclasses import replace
from typing import NamedTuple

from ess_actors.actors.reload_summary import summary
from ess_actors.config.modbus_server import load_server
from ess_actors.core.server_points import ServerMap


class Reread(NamedTuple):
    """What came of it."""

    map: ServerMap | None
    """None: the file cannot be used, everything stays as it is."""
    reply: dict[str, object]


def reread(old: ServerMap) -> Reread:
    """Reads the file of `old` again. Takes its time: not on an event loop."""
    found, findings = load_server(old.file)
    if found is None:
        failed = {"status": "failed", "text": "the old map goes on", **summary(findings)}
        return Reread(None, failed)
    reply: dict[str, object] = {"status": "ok", **summary(findings), "changed": _changed(old, found)}
    here = (old.host, old.port, old.serial, old.tls is None)
    if (found.host, found.port, found.serial, found.tls is None) != here:
        # Also so when the command line, not the file, says where to listen.
        reply["text"] = "it listens where it did; start its actor anew for what the file says about that"
        tls = found.tls if old.tls is not None and found.tls is not None else old.tls
        found = replace(found, host=old.host, port=old.port, serial=old.serial, tls=tls)
    return Reread(found, reply)


def _changed(old: ServerMap, new: ServerMap) -> list[str]:
    """Entries that are not as they were, by uri and id."""
    before = {(entry.unit, entry.table, entry.uri, entry.id): entry for entry in old.entries}
    after = {(entry.unit, entry.table, entry.uri, entry.id): entry for entry in new.entries}
    keys = dict.fromkeys((*before, *after))
    return list(dict.fromkeys(f"{k[2]}/{k[3]}" for k in keys if before.get(k) != after.get(k)))
