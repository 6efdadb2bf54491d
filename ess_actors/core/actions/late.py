"""What can only be judged when everything is loaded: comparison variables and assets that actions name."""

from ess_actors.core.engine import Engine
from ess_actors.core.findings import Severity
from ess_actors.core.reader import Reader
from ess_actors.core.remarks import PathPart, Remark, Remarks, json_path

Parts = tuple[PathPart, ...]


class Late:
    """Collects while a document is applied; actions that come by an ordinary set are nobody's lint."""

    def __init__(self, engine: Engine, remarks: Remarks) -> None:
        self.engine = engine
        self.remarks = remarks
        self.collecting = False
        self._wanted: list[tuple[Reader, str, str]] = []
        self._assets: list[tuple[str, str, str]] = []

    def wanted(self, reader: Reader, below: Parts) -> None:
        """A variable without which its field counts as not given."""
        if self.collecting:
            self._wanted.append((reader, *self._here(below)))

    def asset(self, name: str, below: Parts) -> None:
        """An asset that does not exist yet."""
        if self.collecting:
            self._assets.append((name, *self._here(below)))

    def _here(self, below: Parts) -> tuple[str, str]:
        return self.remarks.document, json_path((*self.remarks.parts, *below))

    def finish(self) -> None:
        """Judge everything collected since the last time."""
        for reader, document, path in self._wanted:
            if reader.slot.var is None:
                text = f"{reader.slot.table}:{reader.slot.name} does not exist, the comparison counts as not given"
                self._warn(document, path, "missing-variable", text, "create it or correct the name")
        for name, document, path in self._assets:
            if self.engine.assets.find(name) is None:
                text = f"asset {name} does not exist, the root {self.engine.name} is used"
                hint = "name a manager or an instance that a document creates"
                self._warn(document, path, "unknown-asset", text, hint)
        self._wanted.clear()
        self._assets.clear()

    def _warn(self, document: str, path: str, code: str, text: str, hint: str) -> None:
        self.remarks.found.append(Remark(document, path, Severity.WARNING, code, text, hint))
