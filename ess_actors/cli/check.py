"""`ess-actors check`: everything that is wrong with a site or a file, before anything is started."""

import json
from pathlib import Path

import click

from ess_actors.cli.options import with_documents, with_json


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="SITE_DIR|FILE...", type=click.Path(path_type=Path))
@with_json
@click.option("--expanded", is_flag=True, help="Print Modbus files with ranges and inheritance worked out.")
@with_documents
@click.pass_context
def command(
    ctx: click.Context, paths: tuple[Path, ...], as_json: bool, expanded: bool, documents: Path | None
) -> None:
    """Check the site in SITE_DIR, or single configuration FILEs, without starting anything.

    A start file is checked together with its documents: those of -d, else those that `run` would take.

    Every finding is one line: file, line, column, severity, code, JSON path, what is wrong and what to do.
    A Modbus file, whatever its name, also gets a line with its size and load; bytes are those of Modbus
    frames both ways with headers and checksums, without what carries them (TCP/IP, TLS).

    With --json every line is an object: a finding, or with "summary": true the figures of one Modbus file.
    With --expanded the files themselves go to standard output, the findings to standard error.

    Exit codes: 0 nothing above a warning, 1 errors (it runs, but something is lost), 2 fatal (it cannot run).
    """
    from ess_actors.config.modbus_expanded import expanded_files
    from ess_actors.config.modbus_figures import figures, sentence
    from ess_actors.config.render import for_people, for_programs, summary
    from ess_actors.config.site_file import check_together
    from ess_actors.core.findings import exit_code

    checked = check_together(paths, documents)
    findings = list(dict.fromkeys(finding for one in checked.values() for finding in one.findings))
    for line in for_programs(findings) if as_json else for_people(findings):
        click.echo(line, err=expanded)
    for path, one in checked.items():
        found = figures(one.modbus) if one.modbus is not None else None
        if found is not None and as_json:
            click.echo(json.dumps({"summary": True, "file": str(path), **found}), err=expanded)
        elif found is not None:
            click.echo(sentence(str(path), found), err=expanded)
    if not as_json:
        click.echo(f"{', '.join(map(str, paths))}: {summary(findings)}", err=expanded)
    if expanded:
        files = expanded_files(one.modbus for one in checked.values() if one.modbus is not None)
        click.echo(json.dumps(files[0] if len(files) == 1 else files, indent=2, ensure_ascii=False))
    ctx.exit(exit_code(findings))
