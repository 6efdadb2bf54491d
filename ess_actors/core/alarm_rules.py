"""How one alarm behaves: priority, delays, latching and what it follows from; from params of its source."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ess_actors.core.tables import DataMap
from ess_actors.core.variables import Variable

PRIORITIES: Final = ("critical", "high", "medium", "low")
_DEFAULT_PRIORITY: Final = {"fault": "high", "alarm": "medium"}
WINDOW_S: Final = 10.0
"""So long after its cause a consequence is taken for one."""
_WORD: Final = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
PARAMS: Final = (
    "name",
    "priority",
    "on_delay_s",
    "off_delay_s",
    "latch",
    "rearm_s",
    "suppressed_by",
    "consequence_of",
    "consequence_window_s",
)


class Rules(NamedTuple):
    """The rules of one alarm. Times in seconds, 0 = not used."""

    name: str
    priority: str
    latch: bool
    on_delay_s: float
    off_delay_s: float
    rearm_s: float
    consequence_of: tuple[str, ...]
    """Patterns of ids or source uris."""
    consequence_window_s: float


def told_rules(map_: DataMap, asset: str, kind: str, source: Variable) -> dict[str, object]:
    """What the documents say of the alarm: params of its source, else `/config/<asset>:<kind>_<param>`, else
    `/config/<asset>:<param>`; empty when they say nothing."""
    table = map_.tables.get(f"/config/{asset}")
    told: dict[str, object] = {}
    for param in PARAMS:
        found = source.params.get(f"{kind}_{param}", source.params.get(param))
        if found is None and table is not None and param != "name":
            var = table.variables.get(f"{kind}_{param}") or table.variables.get(param)
            found = var.cell.value if var is not None else None
        if found is not None:
            told[param] = found
    return told


def rules_of(told: object, kind: str, source: str) -> Rules:
    """Complete rules; what is of no use is replaced by its default (`check` reports it)."""
    given: Mapping[str, Any] = told if isinstance(told, dict) else {}
    priority = given.get("priority")
    return Rules(
        str(given.get("name") or in_words(source)),
        priority if priority in PRIORITIES else _DEFAULT_PRIORITY.get(kind, "medium"),
        given.get("latch") is not False,
        _seconds(given.get("on_delay_s")),
        _seconds(given.get("off_delay_s")),
        _seconds(given.get("rearm_s")),
        listed(given.get("consequence_of")),
        _seconds(given.get("consequence_window_s")) or WINDOW_S,
    )


def listed(value: object) -> tuple[str, ...]:
    """One text, several with blanks or commas between them, or a list of texts."""
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def in_words(source: str) -> str:
    """A name for a source that has none: `/faults/bms_2:BMS_2_OverTemp` -> `BMS_2 over temp`; a variable that
    does not name its asset gets it before it."""
    table, _, name = source.partition(":")
    asset = table.rpartition("/")[2]
    if name.lower().startswith(asset.lower() + "_"):
        asset, name = name[: len(asset)], name[len(asset) + 1 :]
    words = [word if len(word) > 1 and word.isupper() else word.lower() for word in _WORD.findall(name)]
    return " ".join([asset, *words]).strip()


def _seconds(value: object) -> float:
    return max(0.0, float(value)) if isinstance(value, (int, float)) else 0.0
