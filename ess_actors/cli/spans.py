"""Spans and moments as people type them: 30m, 12h, 7d, or a date with a time."""

import re
from datetime import datetime
from typing import Final

import click

_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def seconds_in(text: str) -> float | None:
    """Seconds of `90s`, `30m`, `1.5h`, `7d`; None for what is no span."""
    found = _SPAN.fullmatch(text.strip().lower())
    return float(found[1]) * _SECONDS[found[2]] if found else None


class Span(click.ParamType[float]):
    """A span on the command line, in seconds."""

    name = "SPAN"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        seconds = seconds_in(str(value))
        if not seconds:
            self.fail(f"{value!r} is no span; write 90s, 30m, 8h or 2d", param, ctx)
        return seconds


class Moment(click.ParamType[str]):
    """A moment on the command line: so long ago, or a date with a time of this host. Unix seconds as a text."""

    name = "TIME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        ago = seconds_in(text)
        if ago is not None:
            return repr(datetime.now().timestamp() - ago)
        try:
            return repr(datetime.fromisoformat(text.strip()).timestamp())
        except (ValueError, OverflowError, OSError):
            self.fail(f"{text!r} is no time; write 30m, 12h or 7d (ago), or 2026-11-23T14:00", param, ctx)
