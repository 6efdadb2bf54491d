"""What an actor does to its own process: a name for ps and top, death with the parent, logging to the site's log."""

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import traceback
from pathlib import Path

import psutil
import setproctitle

_TITLE = "ess: "
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_ROOT = logging.root
_MANAGER = logging.Logger.manager

log = logging.getLogger("ess_actors")


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies: an orphan would be a second writer to a device."""
    signal_at_death_of_parent(signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid != os.getppid():
        os._exit(1)  # it died before the kernel was asked


def outlive_parent() -> None:
    """Be asked to end, not killed, when the parent dies: there are last words to say."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def signal_at_death_of_parent(number: int) -> None:
    """Ask the kernel for this signal when the parent of this process dies."""
    _prctl(_PR_SET_PDEATHSIG, number)


def adopt_orphans() -> None:
    """Make this process the parent of every descendant that loses its own, so that it can end them all."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def name_process(actor_id: str) -> None:
    """`ess: ess_2/bms_2` in ps; top shows the first 15 characters of the id."""
    setproctitle.setproctitle(f"{_TITLE}{actor_id}")
    setproctitle.setthreadtitle(actor_id[-15:])


def process_name(process: psutil.Process) -> str:
    """The id of the actor that a process is, see `name_process`; empty for any other. Raises psutil.Error."""
    title = " ".join(process.cmdline())
    return title.removeprefix(_TITLE).strip() if title.startswith(_TITLE) else ""


def log_to(folder: Path) -> None:
    """Send warnings to standard error and everything from INFO up to `ess.log` in `folder`.

    The file is opened for appending by all processes of the site, each line in one write.
    """
    form = logging.Formatter("%(asctime)s %(levelname)-7s %(process)d %(name)s: %(message)s")
    to_file = logging.FileHandler(folder / "ess.log", delay=False)
    to_stderr = logging.StreamHandler(sys.stderr)
    to_stderr.setLevel(logging.WARNING)
    # A full disk must not fill standard error with its own tracebacks.
    logging.raiseExceptions = False
    for handler in (to_file, to_stderr):
        handler.setFormatter(form)
    _ROOT.handlers[:] = [to_file, to_stderr]
    _ROOT.setLevel(logging.INFO)
    # These two tell the same by log what we count and report as data.
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def keep_own_logging() -> None:
    """Undo Thespian's replacement of the root logger, which sends every record as a message from any thread."""
    logging.root = _ROOT
    logging.Logger.root = _ROOT
    logging.Logger.manager = _MANAGER
    for name in ("Thespian", "Thespian.ActorManager"):
        logging.getLogger(name).setLevel(logging.ERROR)


def describe_exit(exit_code: int | None) -> str:
    """How a process ended, for operators: multiprocessing's exit code is -N for signal N."""
    if exit_code is None:
        return "ended"
    if exit_code < 0:
        try:
            return f"killed by {signal.Signals(-exit_code).name}"
        except ValueError:
            return f"killed by signal {-exit_code}"
    return f"ended with status {exit_code}"


def describe_crash(actor_id: str, generation: int, error: Exception) -> str:
    """The traceback goes to the log; its last line and the place it names are the reason that operators see."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = "".join(f" ({Path(one.filename).name}:{one.lineno} in {one.name})" for one in last)
    reason = f"{type(error).__name__}: {error}{place}"
    text = "".join(traceback.format_exception(error))
    log.error("%s (generation %d) crashed: %s\n%s", actor_id, generation, reason, text)
    return reason


def is_stopped(pid: int) -> bool:
    """Whether a signal or a debugger has halted this process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] in "Tt"


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")
