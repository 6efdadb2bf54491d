"""`ess-actors chaos`: try a site on simulators with every fault there is, and show what came of it."""

import json
import signal
from pathlib import Path

import click


@click.command()
@click.argument("site_dir", metavar="SITE_DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--minutes", type=click.FloatRange(min=0.1), default=2.0, show_default=True, help="How long.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same order.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the report here."
)
@click.option("--only", default="", metavar="TEXT", help="Only faults with this in their name: 'kill ess_1'.")
def command(site_dir: Path, minutes: float, seed: int, json_file: Path | None, only: str) -> None:
    """Run the site of SITE_DIR on simulators, inject one fault after the other and pairs of them, and measure.

    The site runs as a copy that knows only simulators; one with a device that has no model under `sim` in its
    site.json is refused (exit 2). What a device was told is taken from the simulators. Exit code 1 when something was
    lost, left over or had to be done by hand.
    """
    # The other verbs must not pay for the actor system.
    from ess_actors.chaos.injecting import keep_root_in_bounds
    from ess_actors.chaos.report import TITLES, cells
    from ess_actors.chaos.run import Plan, run
    from ess_actors.chaos.stage import Unplayable
    from ess_actors.cli.tables import table

    keep_root_in_bounds()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # an end must bring the site down too
    try:
        report = run(Plan(site_dir.absolute(), minutes, seed, only), click.echo)
    except Unplayable as error:
        click.echo(f"ess-actors: {error}", err=True)
        raise click.exceptions.Exit(2) from None
    finally:
        signal.signal(signal.SIGTERM, before)
    for line in table(TITLES, [cells(row) for row in (*report["faults"], report["summary"])]):
        click.echo(line)
    if json_file is not None:
        json_file.write_text(json.dumps(report, indent=1) + "\n")
    total = report["summary"]
    bad = [name for name in FAULTLESS if total[name]]
    if bad:
        click.echo(f"not as it must be: {', '.join(f'{name} {total[name]}' for name in bad)}", err=True)
        raise click.exceptions.Exit(1)


FAULTLESS = (
    "not_recovered",
    "safe_never",
    "commands_lost",
    "commands_twice",
    "transitions_lost",
    "transitions_disordered",
    "stale_as_good",
    "two_writers",
    "orphans",
    "manual_restarts",
)
"""Members of the summary that are 0 when all went well."""
