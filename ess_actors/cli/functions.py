"""`ess-actors functions`: the functions that documents may call, one line each."""

import click

from ess_actors.cli.api_client import compact
from ess_actors.cli.options import with_json
from ess_actors.cli.tables import table


def one_liners() -> dict[str, str]:
    """Function -> what it does, in the words of its own description; alphabetical, case aside."""
    from ess_actors.core.functions import FUNCTIONS

    return {name: _first(FUNCTIONS[name].__doc__) for name in sorted(FUNCTIONS, key=str.lower)}


def _first(text: str | None) -> str:
    """The first paragraph on one line."""
    return " ".join((text or "").partition("\n\n")[0].split())


@click.command()
@with_json
def command(as_json: bool) -> None:
    """List the functions that the documents of an instance may call as `func`."""
    known = one_liners()
    if as_json:
        click.echo(compact(known))
        return
    for line in table(("FUNCTION", "WHAT IT DOES"), [[name, text] for name, text in known.items()]):
        click.echo(line)
