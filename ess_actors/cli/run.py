"""`ess-actors run`: start a site in the foreground, watch it, end it without leaving a process."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ess_actors.cli.address import Address, parse_address
from ess_actors.cli.api_client import Api
from ess_actors.cli.errors import NothingRuns
from ess_actors.cli.first_engineer import first_engineer
from ess_actors.cli.options import AddressType, with_documents
from ess_actors.cli.status import tree_lines
from ess_actors.cli.stops import StopTeller
from ess_actors.config.render import for_people, summary
from ess_actors.config.single import is_start_file, load
from ess_actors.config.site import Live, Site
from ess_actors.core.errors import ConfigError, RequestError
from ess_actors.core.findings import Severity

LIVE_PERIOD_S = 1.0


def default_state_dir(name: str) -> Path:
    """`$STATE_DIRECTORY` of systemd, else the user's state directory; below it a folder of the site's name."""
    given = os.environ.get("STATE_DIRECTORY")
    if given:
        return Path(given.partition(":")[0]) / name
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "ess_actors" / name


class ServerAddress(click.ParamType[tuple[str, Address]]):
    """STEM=HOST:PORT on the command line."""

    name = "STEM=HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        stem, equals, address = str(value).partition("=")
        try:
            if not stem or not equals:
                raise ValueError(f"{value!r} is no STEM=HOST:PORT such as site=127.0.0.1:1502")
            return stem, parse_address(address)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("site_dir", metavar="SITE_DIR|START_FILE", type=click.Path(path_type=Path))
@with_documents
@click.option("--sim", "simulated", is_flag=True, help="Start a simulator for every client and use those.")
@click.option("--api", type=AddressType(), help="Where the operator API listens.  [default: as in site.json]")
@click.option(
    "--admin-port", type=click.IntRange(0, 65535), default=0, help="Port of the actor system; 0 = any."
)
@click.option(
    "--modbus-server",
    "servers",
    type=ServerAddress(),
    multiple=True,
    help="Where a Modbus server listens instead.",
)
@click.option("--state-dir", type=click.Path(path_type=Path), help="Journal, logs and lock of this site.")
@click.option(
    "--record",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Record what happens to each instance, for `ess-actors replay`.",
)
@click.option("--live", is_flag=True, help="Print a line a second of the plant.")
def command(
    site_dir: Path,
    documents: Path | None,
    simulated: bool,
    api: Address | None,
    admin_port: int,
    servers: tuple[tuple[str, Address], ...],
    state_dir: Path | None,
    record: Path | None,
    live: bool,
) -> None:
    """Start the site of a folder, or the one instance of a START_FILE, and stay with it.

    A START_FILE needs no site.json and has no devices: the documents are taken from the folder of -d. When all
    runs a line with READY and the address of the operator API is printed.

    Checks it first and starts nothing on a fatal finding (exit 2). Ctrl-C or SIGTERM ends every process in
    reverse order (exit 0); when the tree dies of itself the exit code is 1.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stopped_before_the_start)
    single = documents is not None or is_start_file(site_dir)
    site = _checked(site_dir, documents)
    _only_for_sites(site, site_dir, simulated)
    # Only this verb needs the actor system; the others must not pay for it, nor start one by accident.
    from ess_actors.actors.build import RunOptions, build
    from ess_actors.actors.launch import Launcher, TreeDied, check_ports
    from ess_actors.actors.one_site import only_one
    from ess_actors.actors.settings import resumed

    settings, listening = build(site, RunOptions(simulated, api, dict(servers), _folder(record), single))
    folder = (state_dir or default_state_dir(site.name)).absolute()
    certificate = settings.web.access.certificate
    address = Address(settings.web.host, settings.web.port, bool(certificate))

    def own(timeout_s: float) -> Api:
        return Api(address, timeout_s, token=settings.web.launcher, certificate=certificate)

    try:
        lock = only_one(folder, {"api": str(address)})
        held = lock.__enter__()
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror}; choose another folder with --state-dir") from None
    with contextlib.ExitStack() as stack:
        stack.push(lock)
        try:
            check_ports(listening)
        except ConfigError as error:
            if not held.broken_off:
                held.ended()  # it did not even begin
            raise ConfigError(
                f"{error}\nend what uses it, or choose other ports with --api and --modbus-server"
            ) from None
        for told in first_engineer(folder, settings.web):
            click.echo(told)
        if held.broken_off:
            settings = resumed(settings)
        launcher = Launcher(settings, folder, admin_port, listening)
        try:
            status = launcher.start()
            if status is not None and not launcher.stop_asked:
                _introduce(site, own(1.0), folder, status.state)
                line = _LiveLine(site, own(0.5), lambda: launcher.stop_asked)
                teller = StopTeller(own(0.5), lambda: launcher.stop_asked)
                alone = teller.look if single else _nothing
                launcher.watch(LIVE_PERIOD_S, line.show if live else alone)
        except TreeDied as error:
            click.echo(f"ess-actors: {error}", err=True)
            raise click.exceptions.Exit(1) from None
        except OSError as error:
            click.echo(f"ess-actors: {error}; the site is ended, see ess.log in {folder}", err=True)
            raise click.exceptions.Exit(1) from None
        finally:
            launcher.stop()
        held.ended()
    click.echo("stopped")


def _stopped_before_the_start(_signal: int, _frame: object) -> None:
    """Until the launcher takes the signals over there is nothing to end."""
    click.echo("stopped before anything was started")
    raise SystemExit(0)


def _folder(record: Path | None) -> str:
    """The folder of the recordings, made when it is not there."""
    if record is None:
        return ""
    try:
        record.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{record}: {error.strerror}; choose another folder with --record") from None
    return str(record.absolute())


def _only_for_sites(site: Site, path: Path, simulated: bool) -> None:
    """Refuse what makes no sense without devices."""
    if simulated and not any(instance.clients for instance in site.instances):
        raise ConfigError(f"--sim: {path} has no devices that could be simulated")


def _checked(site_dir: Path, documents: Path | None) -> Site:
    site, findings = load(site_dir, documents)
    shown = [finding for finding in findings if finding.severity > Severity.NOTE]
    for line in for_people(shown):
        click.echo(line, err=True)
    if shown:
        click.echo(f"{site_dir}: {summary(findings)}", err=True)
    if site is None:
        click.echo("ess-actors: nothing was started; mend what is fatal above", err=True)
        raise click.exceptions.Exit(2)
    return site


def _introduce(site: Site, api: Api, folder: Path, state: str) -> None:
    """The tree and the addresses, asked over the operator API as any other client would."""
    try:
        status = api.get("/api/status")
    except (NothingRuns, RequestError) as error:
        click.echo(f"{site.name}: {state}, but the operator API does not answer: {error}", err=True)
        return
    assert isinstance(status, dict)
    click.echo(f"{site.name}: {status['state']}  (process {os.getpid()}, state in {folder})")
    for line in tree_lines(status):
        click.echo(line)
    for name, where in status["addresses"].items():
        click.echo(f"{name}: {where}")
    click.echo(f"READY {site.access.scheme}://{api.address}")
    sys.stdout.flush()


def _nothing() -> None:
    return


class _LiveLine:
    """One line a second: the values that site.json names under `live`."""

    def __init__(self, site: Site, api: Api, stop_asked: Callable[[], bool]) -> None:
        self._site = site
        self._api = api
        self._stop_asked = stop_asked

    def show(self) -> None:
        parts = [f"{one.label} {self._value(one)}" for one in self._site.live]
        if self._stop_asked():
            return  # half of it was not asked for any more
        click.echo(f"{time.strftime('%H:%M:%S')}  " + "  ".join(parts))
        sys.stdout.flush()

    def _value(self, one: Live) -> str:
        """Value, unit, and its quality when it cannot be trusted."""
        instance, _, rest = one.uri.lstrip("/").partition("/")
        if self._stop_asked():
            return "-"  # the next question could wait for an actor that hangs
        try:
            answer = self._api.message("get", f"/{instance}/full/{rest}")
        except (NothingRuns, RequestError):
            return "-"
        body = answer.get(rest.rpartition("/")[2]) if isinstance(answer, dict) else None
        if not isinstance(body, dict):
            return "-"
        value = body.get("value")
        shown = f"{value:.1f}" if isinstance(value, float) else str(value)
        quality = str(body.get("quality", ""))
        return " ".join(part for part in (shown, one.unit, f"({quality})" if quality else "") if part)
