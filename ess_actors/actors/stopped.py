"""What an operator has stopped, kept over a death of the whole tree: only he, or a stop in order, ends that."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import orjson

from ess_actors.actors.process import log

STOPPED: Final = "stopped.json"


class Stopped:
    """A small file in the state directory, written when something changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.ids: tuple[str, ...] = ()
        try:
            self.ids = tuple(str(one) for one in orjson.loads(path.read_bytes()))
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError) as error:
            log.error("%s cannot be read, what was stopped is started: %s", path, error)

    def keep(self, ids: Iterable[str]) -> None:
        """These are stopped from now on. A disk that refuses is told of, it stops nothing."""
        wanted = tuple(sorted(ids))
        if wanted == self.ids:
            return
        self.ids = wanted
        beside = self._path.with_suffix(".new")
        try:
            if wanted:
                beside.write_bytes(orjson.dumps(wanted))
                beside.replace(self._path)
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            log.error("%s cannot be written: %s", self._path, error)
