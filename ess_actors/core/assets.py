"""The asset tree of one instance (root > managers > instances) and the context of names each node has."""

from collections.abc import Iterator

from ess_actors.core.variables import Variable


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

    def manager(self, name: str, parent: str = "") -> Asset:
        """The manager, created below `parent` (itself created below the root) when missing."""
        found = self._managers.get(name)
        if found is None:
            above = self.manager(parent) if parent else self.root
            found = self._managers[name] = Asset(name, above, True)
            above.managers[name] = found
        return found

    def instance(self, name: str, parent: str = "") -> Asset:
        """The instance below manager `parent` (default: the root), created when missing."""
        above = self.manager(parent) if parent else self.root
        found = above.instances.get(name)
        if found is None:
            found = above.instances[name] = Asset(name, above, False)
            self._instances.setdefault(name, found)
        return found

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
