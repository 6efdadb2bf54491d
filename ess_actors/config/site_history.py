"""The member `history` of site.json: what it asks for fits together, and can be had on this machine."""

from collections.abc import Iterator
from dataclasses import asdict
from importlib.util import find_spec
from typing import Literal
from urllib.parse import urlsplit

from ess_actors.config.documents import Source, child
from ess_actors.config.site_schema import HistoryShape
from ess_actors.core.findings import Finding, Severity
from ess_actors.core.history_keeping import Keeping

HERE = child("$", "history")


def keeping_of(shape: HistoryShape | Literal[False]) -> Keeping | None:
    """What the checked member says; None = no history is kept."""
    if shape is False:
        return None
    return Keeping(**{**shape.model_dump(), "database": shape.database or ""})


def check_history(site: Source, shape: HistoryShape | Literal[False]) -> Iterator[Finding]:
    """What is wrong with it."""
    if shape is False:
        return
    spans = asdict(Keeping(shape.retention_days, shape.minutes_days, shape.hours_days))
    for finer, coarser in (("retention_days", "minutes_days"), ("minutes_days", "hours_days")):
        if spans[finer] > spans[coarser]:
            text = f"{finer} ({spans[finer]:g}) outlives {coarser} ({spans[coarser]:g}): old trends will have gaps"
            place = child(HERE, finer if finer in shape.model_fields_set else coarser)
            hint = f"give {coarser} at least as many days"
            yield site.finding(Severity.WARNING, "history-gaps", place, text, hint)
    if shape.database is None:
        return
    place = child(HERE, "database")
    if "max_mb" in shape.model_fields_set:
        text = "max_mb limits a file; it has no effect on a database server"
        yield site.finding(Severity.NOTE, "history-limit", child(HERE, "max_mb"), text, "leave it out")
    if not urlsplit(shape.database).path.strip("/"):
        text = "no database is named: the one with the user's own name would be used"
        hint = "write postgresql://user@host/database"
        yield site.finding(Severity.WARNING, "history-database", place, text, hint)
    if find_spec("psycopg") is None:
        text = "history is to be kept in PostgreSQL, and psycopg is not installed"
        yield site.finding(
            Severity.FATAL, "history-psycopg", place, text, "pip install 'ess_actors[postgres]'"
        )
