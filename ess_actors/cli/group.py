"""The `ess-actors` command group: verbs are loaded when they are called, errors become exit codes."""

import json
from importlib import import_module
from typing import Any, Final

import click

from ess_actors.cli.errors import NothingRuns
from ess_actors.core.errors import ConfigError, RequestError

VERBS: Final[dict[str, str]] = {
    "run": "Start a site in the foreground and stay with it.",
    "check": "Check a site, or single files, without starting anything.",
    "status": "Show every actor of a running site, its restarts and why.",
    "tree": "Draw the actor tree of a running site.",
    "top": "Watch load, messages, latency and queues of every actor.",
    "get": "Ask for a variable, a table or a device point.",
    "set": "Set a variable or a table, or write to a device.",
    "pub": "Publish a body under a uri.",
    "listen": "Print messages as they pass.",
    "alarms": "Show the alarms that stand, their history, or their figures.",
    "ack": "Acknowledge alarms.",
    "shelve": "Put alarms away for a while, with a reason.",
    "unshelve": "Take shelved alarms back.",
    "clear-faults": "Clear latched faults, and tell what came of it.",
    "journal": "Show the latest events.",
    "audit": "Show who wrote what, or verify that no row was changed.",
    "history": "Show what points had: a table, CSV or JSON.",
    "trace": "Show who writes a variable, whom it writes, its gates and last changes.",
    "functions": "List the functions that documents may call.",
    "replay": "Feed a recording to an instance again; it sends the same.",
    "login": "Log in to a site, and stay so for other verbs.",
    "logout": "End the login, and forget it.",
    "users": "List, add, change or remove users.",
    "tokens": "List, make or revoke tokens for scripts.",
    "restart": "Restart an actor, also a FAILED one.",
    "stop": "Stop an actor; it stays stopped.",
    "start": "Start a stopped actor.",
    "sim": "Play with simulated devices, or run them alone.",
    "chaos": "Try a site on simulators with every fault there is.",
}
"""Verb -> its line in the help. Each verb is the object `command` of the file of its name in this package."""


class Verbs(click.Group):
    """A group whose help costs no import and whose verbs cost only their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"ess_actors.cli.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (NothingRuns, ConfigError) as error:
            raise _ended(str(error), 2) from None
        except RequestError as error:
            if error.said is not None:
                click.echo(json.dumps(error.said, ensure_ascii=False, separators=(",", ":")))
            raise _ended(f"{error.status}: {error}", 1) from None


def _ended(text: str, code: int) -> click.exceptions.Exit:
    click.echo(f"ess-actors: {text}", err=True)
    return click.exceptions.Exit(code)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ess_actors", prog_name="ess-actors")
def group() -> None:
    """Run, watch and steer the controllers of a battery site.

    Exit codes: 0 done; 1 refused, not found, or errors in a configuration; 2 nothing runs there, or fatal.
    """
