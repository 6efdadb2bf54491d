"""`ess-actors top`: a live view of what every actor costs and how far behind it is."""

import math
import sys
import time
from typing import Any, Final

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ess_actors.cli.api_client import Api
from ess_actors.cli.exposed import Load, Sample, loads, sample_of
from ess_actors.cli.options import with_api
from ess_actors.cli.status import COLOURS, in_order
from ess_actors.cli.tables import branches

_RIGHT: Final = ("CPU %", "RSS MB", "MSG/S", "P99 MS", "WAITING", "RESTARTS")
_UNKNOWN: Final = Load(None, None, None, None, None)


class _View:
    """What two looks at the site say; the first has no rates."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._sample: Sample = {}
        self._at = 0.0

    def look(self) -> Group:
        """The site as it is now, and what it did since the last look."""
        status, text, now = self._api.get("/api/status"), self._api.text("/metrics"), time.monotonic()
        assert isinstance(status, dict)
        sample = sample_of(text)
        found = loads(self._sample, sample, now - self._at)
        self._sample, self._at = sample, now
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("ID", "STATE"):
            table.add_column(title, no_wrap=True)
        for title in _RIGHT:
            table.add_column(title, justify="right", no_wrap=True)
        actors = in_order(status)
        names = branches([str(actor["id"]) for actor in actors])
        for actor, name in zip(actors, names, strict=True):
            table.add_row(name, _state(actor), *_figures(actor, found.get(str(actor["id"]), _UNKNOWN)))
        everything = list(found.values())
        head = (
            f"{status.get('site', '')}: {status.get('state', '')}   "
            f"CPU {_sum(load.cpu_percent for load in everything):.1f} %   "
            f"RSS {_sum(load.rss_bytes for load in everything) / 1e6:.0f} MB   "
            f"{_sum(load.messages_s for load in everything):.0f} messages/s"
        )
        return Group(Text(head, style="bold"), table)


def _state(actor: dict[str, Any]) -> Text:
    state = str(actor.get("state", ""))
    return Text(state, style=COLOURS.get(state.upper(), ""))


def _figures(actor: dict[str, Any], load: Load) -> list[str]:
    p99 = load.p99_s
    return [
        _figure(load.cpu_percent, 1.0, 1),
        _figure(load.rss_bytes, 1e-6, 1),
        _figure(load.messages_s, 1.0, 0),
        "> 5000" if p99 == math.inf else _figure(p99, 1e3, 1),
        _figure(load.waiting, 1.0, 0),
        str(actor.get("restarts", 0)),
    ]


def _figure(value: float | None, factor: float, places: int) -> str:
    return "-" if value is None else f"{value * factor:.{places}f}"


def _sum(values: Any) -> float:
    return float(sum(value for value in values if value is not None))


@click.command()
@click.option(
    "--period", type=click.FloatRange(0.2), default=1.0, show_default=True, help="Seconds per look."
)
@click.option("--looks", type=click.IntRange(1), help="End after so many.  [default: at Ctrl-C]")
@with_api
def command(api: Api, period: float, looks: int | None) -> None:
    """Watch CPU, memory, messages a second, latency and queues of every actor; Ctrl-C ends it.

    P99 is the time within which 99 of 100 messages were handled since the last look. WAITING are messages whose
    receivers have not taken earlier ones. Without a terminal the looks are printed one below the other.
    """
    view, console = _View(api), Console(file=sys.stdout)
    try:
        with Live(view.look(), console=console, screen=console.is_terminal, auto_refresh=False) as live:
            done = 1
            while looks is None or done < looks:
                time.sleep(period)
                live.update(view.look(), refresh=True)
                done += 1
    except KeyboardInterrupt:
        return
