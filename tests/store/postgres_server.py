"""A PostgreSQL server of a test's own, from Debian's package: as another user when the tests run as root."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg

from tests.ports import free_port
from tests.waiting import wait_for

PACKAGE = "PostgreSQL's server is missing: apt-get install postgresql (its programs are looked for in {})"
PROGRAMS = Path("/usr/lib/postgresql")
NOBODY = 65534


def program(name: str) -> str:
    """The newest installed one; a machine without it cannot judge what we write to a real server."""
    found = sorted(PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    path = str(found[-1]) if found else shutil.which(name)
    assert path, PACKAGE.format(PROGRAMS)
    return path


class PostgresServer:
    """Runs when made; `kill` and `start` as often as wanted."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        # The server refuses root, and another user gets nowhere below a test's own folder.
        self._own = Path(tempfile.mkdtemp(prefix="ess-postgres-")) if os.geteuid() == 0 else folder
        self._as = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        if self._as:
            os.chown(self._own, NOBODY, NOBODY)
        self._process: subprocess.Popen[bytes] | None = None
        self._run(program("initdb"), "-D", "data", "-U", "ess", "-A", "trust", "--no-sync", "-E", "UTF8")
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://ess@127.0.0.1:{self.port}/postgres"

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, cwd=self._own, capture_output=True, text=True, **self._as)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        with (self._own / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program("postgres"), "-D", "data", "-p", str(self.port), "-h", "127.0.0.1", "-F",
                 "-k", str(self._own), "-c", "shared_buffers=16MB", "-c", "max_connections=20"],
                cwd=self._own, stdout=log, stderr=log, **self._as,
            )  # fmt: skip
        wait_for("PostgreSQL", self._answers, 60)

    def _answers(self) -> bool:
        assert self._process is not None and self._process.poll() is None, (self._own / "log").read_text()
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url, autocommit=True, options="-c search_path=ess_history") as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def kill(self) -> None:
        """At once, as a lost machine."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(30)

    def end(self) -> None:
        try:
            self.kill()
        finally:
            if self._as:
                shutil.rmtree(self._own)
