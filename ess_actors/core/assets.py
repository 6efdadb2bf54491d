"""The asset tree of one instance (root > managers > instances) and the context of names each node has."""

from collections.abc import Iterator

from ess_actors.core.tables import DataMap
from ess_actors.core.uri import Reference, parse_reference
from ess_actors.core.variables import Value, Variable, kind_of


class Asset:
    """A manager or an instance. `context` maps bare names to variables."""

    __slots__ = ("context", "instances", "is_manager", "managers", "name", "parent")

    def __init__(self, name: str, parent: "Asset | None", is_manager: bool) -> None:
        self.name = name
        self.parent = parent
        self.is_manager = is_manager
        self.managers: dict[str, Asset] = {}
        self.instances: dict[str, Asset] = {}
        self.context: dict[str, Variable] = {}

    def children(self) -> Iterator["Asset"]:
        """Child managers, then own instances, each in order of creation."""
        yield from self.managers.values()
        yield from self.instances.values()


class Assets:
    """The tree. The root manager bears the instance name."""

    def __init__(self, name: str) -> None:
        self.root = Asset(name, None, True)
        self._managers = {name: self.root}
        self._instances: dict[str, Asset] = {}
        self._latest: dict[str, Asset] = {}

    def manager(self, name: str, parent: str = "") -> Asset:
        """The manager, created below `parent` (itself created below the root) when missing."""
        found = self._managers.get(name)
        if found is None:
            above = self._above(parent if parent != name else "")
            found = self._managers[name] = Asset(name, above, True)
            above.managers[name] = found
        return found

    def instance(self, name: str, parent: str = "") -> Asset:
        """The instance below manager `parent` (default: the root), created when missing."""
        above = self._above(parent)
        found = above.instances.get(name)
        if found is None:
            found = above.instances[name] = Asset(name, above, False)
            self._instances.setdefault(name, found)
        self._latest[name] = found
        return found

    def _above(self, parent: str) -> Asset:
        """The manager of this name, else the instance of this name that was loaded last, else a new manager."""
        if not parent:
            return self.root
        return self._managers.get(parent) or self._latest.get(parent) or self.manager(parent)

    def find(self, name: str) -> Asset | None:
        """A manager of this name, else an instance, else None."""
        return self._managers.get(name) or self._instances.get(name)

    def find_manager(self, name: str) -> Asset | None:
        """A manager of this name."""
        return self._managers.get(name)

    def __iter__(self) -> Iterator[Asset]:
        """Root, then every manager and instance below it, depth first."""
        pending = [self.root]
        while pending:
            asset = pending.pop(0)
            yield asset
            pending[:0] = asset.children()


def variable_named(uri: object) -> Reference | None:
    """The parts of a colon form `/table:name`, None for anything else."""
    try:
        reference = parse_reference(str(uri))
    except ValueError:
        return None
    return reference if reference.table.startswith("/") and reference.name else None


def ensure_end(map_: DataMap, end: Reference, default: object, now: float) -> Variable:
    """The variable at the end of a link, created with the default (number 0 when that is no value)."""
    value: Value = default if kind_of(default) >= 0 else 0  # type: ignore[assignment]
    return map_.ensure(end.table, end.name, value, now)


def link_end(map_: DataMap, link: Variable, now: float) -> Variable | None:
    """What a member of a `/links/<asset>` table stands for; None when it names no variable."""
    end = variable_named(link.cell.value)
    return None if end is None else ensure_end(map_, end, link.params.get("default"), now)
