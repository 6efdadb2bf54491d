"""What instances send to one another: values that come back, and messages for nobody or for the wrong one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from ess_actors.config.documents import Source, child
from ess_actors.config.start_file import StartFile
from ess_actors.core.engine import Engine
from ess_actors.core.ess import Ess
from ess_actors.core.findings import Finding, Severity
from ess_actors.core.functions.publish import PREFIX_MARK
from ess_actors.core.messages import MAX_HOPS, SITE_WIDE_ACTORS
from ess_actors.core.trace_edges import Edge, edges, resolved
from ess_actors.core.uri import covers

_SHOWN: Final = 4
_ALARM_ROUTER: Final = "/alarm_router"


class Node(NamedTuple):
    """A variable of an instance."""

    instance: str
    table: str
    name: str

    def __str__(self) -> str:
        return f"{self.instance} {self.table}:{self.name}"


@dataclass(frozen=True, slots=True)
class Spoken:
    """An instance with its documents loaded, and where it stands in site.json."""

    path: str
    start: StartFile
    sources: Mapping[str, Source]
    ess: Ess
    """Booted, so that its block lists are those of its documents too."""

    @property
    def engine(self) -> Engine:
        """Its tables."""
        return self.ess.engine

    def hears(self, method: str, uri: str, sender: str) -> str:
        """The table (with its variable) that a message means here, empty when it is not taken."""
        own = covers(f"/{self.start.name}", uri)
        if sender == self.start.name and not own:
            return ""  # nobody hears what it published itself
        if not any(covers(subscription, uri) for subscription in self.start.subscriptions):
            return ""
        route = self.ess.access.route(method, uri)
        return "" if route.blocked else route.path


def check_forwarding(site: Source, spoken: Sequence[Spoken], others: Iterable[str]) -> Iterator[Finding]:
    """`others` are uris that somebody else than an instance takes: components and registers."""
    taken = tuple(others)
    graph: dict[Node, dict[Node, bool]] = {}
    for one in spoken:
        unheard: set[str] = set()
        for edge in edges(one.engine):
            table, name = _fires(one.engine, edge)
            if not table:
                continue
            reached = list(_reached(spoken, one, edge, table, name))
            if edge.bus == "set" and not reached and not _elsewhere(table, taken) and table not in unheard:
                unheard.add(table)
                yield from _to_nobody(site, one, edge, table)
            if edge.source is not None:
                start = Node(one.start.name, *_split(edge.source.uri))
                ways = graph.setdefault(start, {})
                for node in reached:
                    ways[node] = ways.get(node, False) or bool(edge.bus)
    yield from _cycles(site, spoken, graph)
    yield from _strangers(site, spoken)


def _split(uri: str) -> tuple[str, str]:
    table, _, name = uri.partition(":")
    return table, name


def _fires(engine: Engine, edge: Edge) -> tuple[str, str]:
    """Table and variable whose actions an edge starts; empty when it starts none."""
    if edge.bus and ":" not in edge.target:
        return edge.target, ""
    reference, _ = resolved(engine, edge.target)
    if reference is None or reference.param or reference.bit >= 0 or edge.item.get("useAv") is True:
        return "", ""
    return reference.table, reference.name


def _reached(spoken: Sequence[Spoken], one: Spoken, edge: Edge, table: str, name: str) -> Iterator[Node]:
    if not edge.bus:
        yield Node(one.start.name, table, name)
        return
    if edge.bus == "get":
        return
    for other in spoken:
        path = other.hears(edge.bus, table, one.start.name)
        known = other.engine.map.tables.get(path)
        if path and name:
            yield Node(other.start.name, path, name)
        elif known is not None:
            yield from (Node(other.start.name, path, each) for each in known.variables)


def _elsewhere(uri: str, taken: Sequence[str]) -> bool:
    return any(covers(one, uri) or covers(uri, one) for one in taken) or covers(_ALARM_ROUTER, uri)


def _to_nobody(site: Source, one: Spoken, edge: Edge, table: str) -> Iterator[Finding]:
    if table.split("/")[1] in SITE_WIDE_ACTORS or edge.source is None:
        return
    text = f"{edge.source.uri} sets {table} on the bus, where nobody takes it"
    hint = "correct the uri, or subscribe an instance to it in Subs"
    yield _finding(site, one, edge.source.uri, Severity.WARNING, "set-unheard", text, hint)


def _finding(
    site: Source, one: Spoken, uri: str, severity: Severity, code: str, text: str, hint: str
) -> Finding:
    """In the document that has the variable, else (it comes from a template) at the instance."""
    place = child("$", *_split(uri))
    for source in (one.start.source, *one.sources.values()):
        if place in source.positions:
            return source.finding(severity, code, place, text, hint)
    return site.finding(severity, code, one.path, text, hint)


def _cycles(
    site: Source, spoken: Sequence[Spoken], graph: Mapping[Node, Mapping[Node, bool]]
) -> Iterator[Finding]:
    by_name = {one.start.name: one for one in spoken}
    for group in _circles(graph):
        inside = set(group)
        sends = [n for n in group if any(bus for to, bus in graph[n].items() if to in inside)]
        if not sends:
            continue  # inside one instance: the depth guard ends it
        around = _way_round(graph, sends[0], inside)
        text = f"a value goes round: {' -> '.join(map(str, around))}; it stops after {MAX_HOPS} messages only"
        hint = "let it go one way only; ifChanged on the items ends it when both have the value"
        first = around[0]
        uri = f"{first.table}:{first.name}"
        yield _finding(site, by_name[first.instance], uri, Severity.WARNING, "forwarding-cycle", text, hint)


def _circles(graph: Mapping[Node, Mapping[Node, bool]]) -> list[list[Node]]:
    """The groups of variables that reach one another (Tarjan), each in order of name; no recursion."""
    index: dict[Node, int] = {}
    low: dict[Node, int] = {}
    stack: list[Node] = []
    stacked: set[Node] = set()
    found: list[list[Node]] = []
    for root in sorted(graph):
        if root in index:
            continue
        work: list[tuple[Node, Iterator[Node]]] = [(root, iter(graph[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        stacked.add(root)
        while work:
            node, ways = work[-1]
            for to in ways:
                if to not in graph:
                    continue
                if to not in index:
                    index[to] = low[to] = len(index)
                    stack.append(to)
                    stacked.add(to)
                    work.append((to, iter(graph[to])))
                    break
                if to in stacked:
                    low[node] = min(low[node], index[to])
            else:
                work.pop()
                if work:
                    above = work[-1][0]
                    low[above] = min(low[above], low[node])
                if low[node] == index[node]:
                    cut = stack.index(node)
                    group, stack[cut:] = sorted(stack[cut:]), []
                    stacked.difference_update(group)
                    if len(group) > 1 or node in graph[node]:
                        found.append(group)
    return sorted(found)


def _way_round(graph: Mapping[Node, Mapping[Node, bool]], start: Node, inside: set[Node]) -> list[Node]:
    """The shortest way from a variable back to itself that leaves an instance."""
    first = [to for to, bus in sorted(graph[start].items()) if bus and to in inside]
    came: dict[Node, Node] = dict.fromkeys(first, start)
    queue = list(first)
    while start not in came:
        node = queue.pop(0)
        for to in sorted(graph[node]):
            if to in inside and to not in came:
                came[to] = node
                queue.append(to)
    way = [start]
    node = came[start]
    while node != start:
        way.insert(0, node)
        node = came[node]
    return [start, *way]


def _strangers(site: Source, spoken: Sequence[Spoken]) -> Iterator[Finding]:
    """Publications of one instance that another takes although its documents do not speak of them."""
    for one in spoken:
        sent = sorted(set(_published(one.engine)))
        for other in spoken:
            if other is one:
                continue
            new = [uri for uri in sent if _is_strange(other, uri, one.start.name)]
            if new:
                shown = ", ".join(new[:_SHOWN]) + (", ..." if len(new) > _SHOWN else "")
                text = f"{other.start.name} takes publications of {one.start.name} that it has no use for: {shown}"
                hint = f"block them in /blockeduris/pub of {other.start.source.file}"
                yield site.finding(Severity.NOTE, "publication-stray", other.path, text, hint)


def _is_strange(other: Spoken, uri: str, sender: str) -> bool:
    path = other.hears("pub", uri, sender)
    return bool(path) and path not in other.engine.map.tables


def _published(engine: Engine) -> Iterator[str]:
    """The tables that the instance publishes, as far as its documents tell."""
    for edge in edges(engine):
        if edge.bus != "pub":
            continue
        if edge.target.endswith(PREFIX_MARK):
            beginning = edge.target.removesuffix(PREFIX_MARK)
            yield from (uri for uri in engine.map.uris() if uri.startswith(beginning))
            continue
        reference, listed = resolved(engine, edge.target)
        if listed is not None and isinstance(listed.cell.value, str) and not edge.item.get("fims"):
            yield from (_split(part.strip())[0] for part in listed.cell.value.split(",") if part.strip())
        elif reference is not None:
            yield reference.table
