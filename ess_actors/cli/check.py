"""`ess-actors check`: everything that is wrong with a site or a file, before anything is started."""

from pathlib import Path

import click

from ess_actors.cli.options import with_json


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="SITE_DIR|FILE...", type=click.Path(path_type=Path))
@with_json
@click.pass_context
def command(ctx: click.Context, paths: tuple[Path, ...], as_json: bool) -> None:
    """Check the site in SITE_DIR, or single configuration FILEs, without starting anything.

    Every finding is one line: file, line, column, severity, code, JSON path, what is wrong and what to do.
    Exit codes: 0 nothing above a warning, 1 errors (it runs, but something is lost), 2 fatal (it cannot run).
    """
    from ess_actors.config.render import for_people, for_programs, summary
    from ess_actors.config.site_file import check_path
    from ess_actors.core.findings import exit_code

    findings = list(dict.fromkeys(finding for path in paths for finding in check_path(path)))
    for line in for_programs(findings) if as_json else for_people(findings):
        click.echo(line)
    if not as_json:
        click.echo(f"{', '.join(map(str, paths))}: {summary(findings)}")
    ctx.exit(exit_code(findings))
