"""Tells the operator at the launch command that an instance is stopped, and how to go on."""

import sys
from collections.abc import Callable

import click

from ess_actors.cli.api_client import Api
from ess_actors.cli.errors import NothingRuns
from ess_actors.core.errors import RequestError


class StopTeller:
    """Looks at the tree with every call; each stop is told once."""

    def __init__(self, api: Api, stop_asked: Callable[[], bool]) -> None:
        self._api = api
        self._stop_asked = stop_asked
        self._told: set[str] = set()

    def look(self) -> None:
        """Ask, and say what is new."""
        if self._stop_asked():
            return
        try:
            rows = self._api.rows("/api/status", "actors")
        except (NothingRuns, RequestError):
            return
        stopped = {str(row.get("id")) for row in rows if row.get("kind") == "ess" and row.get("stopped_by")}
        for name in sorted(stopped - self._told):
            go_on = f"`ess-actors start {name}` starts it again, Ctrl-C ends everything"
            click.echo(f"{name} is stopped; {go_on}")
            sys.stdout.flush()
        self._told = stopped
