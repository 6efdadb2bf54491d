"""The values that a site lists under `live`, as rows of a metric."""

from collections.abc import Sequence
from typing import NamedTuple

from ess_actors.core.ess import Ess
from ess_actors.core.lease import peek


class Shown(NamedTuple):
    """One entry of site.json's `live`; `uri` in slash form, without the instance it begins with."""

    label: str
    uri: str
    unit: str


def shown_rows(
    actor_id: str, ess: Ess, shown: Sequence[Shown]
) -> list[tuple[tuple[str, str, str], tuple[float, ...]]]:
    """Labels (actor, label, unit) and value of each; what is text, missing or not good has no row."""
    rows: list[tuple[tuple[str, str, str], tuple[float, ...]]] = []
    for one in shown:
        value, good = peek(ess, one.uri)
        if good and isinstance(value, (int, float)):
            rows.append(((actor_id, one.label, one.unit), (float(value),)))
    return rows
