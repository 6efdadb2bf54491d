"""`ess-actors replay`: what an instance sent, sent again from the recording of what happened to it."""

import sys
from pathlib import Path
from typing import BinaryIO

import click

from ess_actors.cli.options import with_documents
from ess_actors.config.render import summary
from ess_actors.config.single import is_start_file, load_single
from ess_actors.config.site import Instance, load_site
from ess_actors.core.errors import ConfigError
from ess_actors.core.recording import BadLine, Replay

_SHOWN = 5


@click.command()
@click.argument("made_from", metavar="SITE_DIR/INSTANCE|START_FILE", type=click.Path(path_type=Path))
@click.argument("log", metavar="LOG", type=click.File("rb"))
@with_documents
def command(made_from: Path, log: BinaryIO, documents: Path | None) -> None:
    """Feed LOG, a recording of `ess-actors run --record`, to an instance made from the same documents.

    Every message that the instance sends is printed as one JSON line. The same recording gives the same
    lines, byte for byte, and they are what the running instance sent.

    Exit codes: 0 the same as recorded, 1 not the same (other documents, or a gap in LOG), 2 nothing to replay.
    """
    instance = _instance(made_from, documents)
    replay = Replay(instance.start, instance.documents, instance.csv)
    out = sys.stdout.buffer
    for number, line in enumerate(log, 1):
        try:
            sent = replay.feed(line)
        except BadLine as error:
            raise ConfigError(f"{log.name}:{number}: {error}") from None
        out.writelines(one + b"\n" for one in sent)
    out.flush()
    if not replay.lives:
        raise ConfigError(f"{log.name}: this is no recording of `ess-actors run --record`")
    for remark in _remarks(replay.other_documents, replay.lost, replay.different):
        click.echo(remark, err=True)
    click.echo(f"{replay.calls} calls in {replay.lives} lives", err=True)
    if replay.different:
        raise click.exceptions.Exit(1)


def _remarks(other_documents: bool, lost: int, different: list[int]) -> list[str]:
    remarks = []
    if other_documents:
        remarks.append("the recorded instance was made from other documents than these")
    if lost:
        remarks.append(f"{lost} calls are not in the recording; what follows them may differ")
    if different:
        first = ", ".join(map(str, different[:_SHOWN])) + (", ..." if len(different) > _SHOWN else "")
        remarks.append(f"{len(different)} calls were followed by other messages than recorded: {first}")
    return remarks


def _instance(made_from: Path, documents: Path | None) -> Instance:
    """The instance that the path names. Raises ConfigError."""
    single = documents is not None or is_start_file(made_from)
    folder = made_from if single else made_from.parent
    site, findings = load_single(made_from, documents) if single else load_site(folder)
    if site is None:
        raise ConfigError(f"{folder}: {summary(findings)}; see `ess-actors check`")
    for instance in site.instances:
        if single or instance.name == made_from.name:
            return instance
    known = ", ".join(instance.name for instance in site.instances)
    raise ConfigError(f"{folder} has no instance {made_from.name!r}; it has {known}")
