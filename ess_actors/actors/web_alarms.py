"""The alarm lists of all instances as one: what several tell of is one alarm, and a silent router is one itself."""

from collections.abc import Iterable, Mapping
from typing import Any


def joined(
    lists: Iterable[Iterable[Mapping[str, Any]]], silent: Iterable[str], wall: float
) -> list[dict[str, object]]:
    """The alarms, newest first. `silent` = instances whose router does not answer; `wall` = unix seconds."""
    found: dict[tuple[object, object, object], dict[str, object]] = {}
    for alarms in lists:
        for alarm in alarms:
            found.setdefault((alarm["instance"], alarm["source"], alarm["type"]), dict(alarm))
    for name in silent:
        # A list that is not known must not look like an empty one.
        text = f"the alarms of {name} are not known: its router does not answer"
        found[name, "", ""] = {
            "instance": name, "type": "alarm", "severity": 3, "asset": name, "source": f"{name}/alarms",
            "message": text, "value": "silent", "state": "active", "since": wall, "count": 1,
        }  # fmt: skip
    return sorted(found.values(), key=lambda alarm: -float(str(alarm["since"])))
