"""The foreign programs as Python objects: built, started, asked, ended. What is not installed is skipped by name."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tests.ports import free_port

HERE = Path(__file__).parent
FOREIGN = Path(__file__).parents[2] / "build/peers"
"""What `make peers` installs: modbus-serial below node_modules, modpoll in an environment of its own."""

MISSING_C = "no C compiler or no libmodbus: apt-get install gcc pkg-config libmodbus-dev"
MISSING_NODE = "node or modbus-serial is not there: install node, then make peers"


@cache
def built(name: str) -> str | None:
    """Path of a C program of this folder, compiled once per run; None without compiler or library."""
    if not shutil.which("gcc") or not shutil.which("pkg-config"):
        return None
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libmodbus"], capture_output=True, text=True)
    if flags.returncode:
        return None
    folder = tempfile.TemporaryDirectory(prefix="ess-peers-")
    _FOLDERS.append(folder)
    target = str(Path(folder.name) / name)
    subprocess.run(["gcc", "-O2", "-o", target, str(HERE / f"{name}.c"), *flags.stdout.split()], check=True)
    return target


_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []
"""Removed with the interpreter."""


def node_command(*arguments: object) -> list[str] | None:
    """How to run modbus_serial.js; None without node or its library."""
    if not shutil.which("node") or not (FOREIGN / "node_modules/modbus-serial").is_dir():
        return None
    return ["node", str(HERE / "modbus_serial.js"), *map(str, arguments)]


class Program:
    """A process that answers lines with lines and ends when its input does."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": "/usr/bin:/bin:/usr/local/bin", "NODE_PATH": str(FOREIGN / "node_modules")},
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def line(self) -> str:
        assert self._process.stdout is not None
        found = self._process.stdout.readline()
        assert found, f"{self._process.args!r} ended with {self._process.wait(5)}"
        return found.strip()

    def ask(self, line: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self.line()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class LibmodbusDevice(Program):
    """See libmodbus_device.c."""

    def __init__(self) -> None:
        program = built("libmodbus_device")
        if program is None:
            pytest.skip(MISSING_C)
        super().__init__([program])
        self.port = int(self.line())

    def requests(self) -> int:
        """Answered so far, on all connections."""
        return int(self.ask("count"))


class LibmodbusMaster(Program):
    """See libmodbus_master.c."""

    def __init__(self, port: int, unit: int = 1) -> None:
        program = built("libmodbus_master")
        if program is None:
            pytest.skip(MISSING_C)
        super().__init__([program, str(port), str(unit)])

    def call(self, *words: object) -> list[int] | str:
        """The values read, "ok", or the error's text."""
        answer = self.ask(" ".join(map(str, words)))
        return answer if answer == "ok" or answer.startswith("error") else [int(n) for n in answer.split()]


class LibmodbusSlave(Program):
    """The same as an RTU slave on a serial device."""

    def __init__(self, device: str, unit: int) -> None:
        program = built("libmodbus_device")
        if program is None:
            pytest.skip(MISSING_C)
        super().__init__([program, device, str(unit)])
        self.line()

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # it waits for a request and hears nothing else
        super().__exit__()


class NodeDevice(Program):
    """See modbus_serial.js."""

    def __init__(self) -> None:
        command = node_command("device", free_port())
        if command is None:
            pytest.skip(MISSING_NODE)
        super().__init__(command)
        self.port = int(self.line())


class NodeMaster(Program):
    """See modbus_serial.js."""

    def __init__(self, port: int, unit: int = 1) -> None:
        command = node_command("master", port, unit)
        if command is None:
            pytest.skip(MISSING_NODE)
        super().__init__(command)

    def at_once(self, *calls: Sequence[object]) -> list[Any]:
        """All calls sent without waiting; their answers in order, an error as {"error": ..., "code": ...}."""
        return list(json.loads(self.ask(json.dumps(calls))))
