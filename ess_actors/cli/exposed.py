"""The text of /metrics as numbers, and what two of them say about the time between."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

_LINE: Final = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)(?: \S+)?")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Sample = dict[tuple[str, frozenset[tuple[str, str]]], float]
"""(name, labels) -> value."""


class Load(NamedTuple):
    """What one actor did between two looks; None = not known."""

    cpu_percent: float | None
    rss_bytes: float | None
    messages_s: float | None
    p99_s: float | None
    """99 of 100 messages were handled within this time, at most; infinite = beyond the last bound."""
    waiting: float | None


def sample_of(text: str) -> Sample:
    """Every series of a text exposition; what cannot be read is left out."""
    found: Sample = {}
    for line in text.splitlines():
        match = None if line.startswith("#") else _LINE.fullmatch(line)
        if match is None:
            continue
        try:
            value = float(match["value"])
        except ValueError:
            continue
        found[match["name"], frozenset(_LABEL.findall(match["labels"] or ""))] = value
    return found


def loads(before: Sample, after: Sample, seconds: float) -> Mapping[str, Load]:
    """The load of every actor by its id."""
    return {actor: _load(actor, before, after, seconds) for actor in _actors(after)}


def _actors(sample: Sample) -> set[str]:
    return {value for _, labels in sample for key, value in labels if key == "actor"}


def _load(actor: str, before: Sample, after: Sample, seconds: float) -> Load:
    def rate(name: str) -> float | None:
        grown = [
            value - before[series]
            for series, value in _series(after, name, actor)
            if series in before and value >= before[series]  # a process that was restarted counts anew
        ]
        return sum(grown) / seconds if grown and seconds > 0 else None

    def now(name: str) -> float | None:
        return next((value for _, value in _series(after, name, actor)), None)

    cpu = rate("ess_actor_cpu_seconds_total")
    return Load(
        None if cpu is None else 100 * cpu,
        now("ess_actor_resident_memory_bytes"),
        rate("ess_messages_total"),
        _p99(actor, before, after),
        now("ess_messages_waiting"),
    )


def _series(
    sample: Sample, name: str, actor: str
) -> Iterator[tuple[tuple[str, frozenset[tuple[str, str]]], float]]:
    for series, value in sample.items():
        if series[0] == name and ("actor", actor) in series[1]:
            yield series, value


def _p99(actor: str, before: Sample, after: Sample) -> float | None:
    counts: dict[float, float] = {}
    for series, value in _series(after, "ess_message_latency_seconds_bucket", actor):
        bound = float(dict(series[1])["le"].replace("+Inf", "inf"))
        old = before.get(series, 0.0)
        counts[bound] = counts.get(bound, 0.0) + (value - old if value >= old else value)
    total = counts.get(math.inf, 0.0)
    if total <= 0:
        return None
    return min(bound for bound, count in counts.items() if count >= 0.99 * total)
