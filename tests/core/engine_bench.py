"""One engine instance with a clock of its own, for tests, and short forms of actions."""

from typing import Any

import orjson

from ess_actors.core.ess import Ess
from ess_actors.core.messages import Message

WALL = 1_700_000_000.0


class Bench:
    """One instance with a clock of its own and everything it sent."""

    def __init__(
        self,
        tables: dict[str, Any],
        name: str = "ess_1",
        subs: str = ":/components",
        state: dict[str, object] | None = None,
        **more: Any,
    ) -> None:
        basics = {
            "/sysconfig/default": {"Subs": subs, "Config": "first", "EssName": name},
            **more.pop("start", {}),
        }
        self.name = name
        self.now = 100.0
        self.ess = Ess(basics, {"first": tables, **more}, now=self.now, wall=WALL)
        self.booted = self.ess.boot(self.now, WALL, state or {})
        self.sent: list[Message] = []

    def send(self, method: str, uri: str, body: Any = None, **fields: Any) -> list[Message]:
        text = b"" if method == "get" else orjson.dumps(body)
        out = self.ess.handle(Message(method, uri, text, **fields), self.now, WALL)
        self.sent += out
        return out

    def set(self, uri: str, body: Any) -> list[Message]:
        return self.send("set", f"/{self.name}{uri}", body)

    def get(self, uri: str, prefix: str | None = None) -> Any:
        out = self.send("get", (f"/{self.name}" if prefix is None else prefix) + uri, replyto="/me")
        return orjson.loads(out[-1].body) if out else None

    def value(self, reference: str) -> Any:
        table, _, name = reference.partition(":")
        var = self.ess.engine.map.find(table, name)
        return None if var is None else var.cell.value

    def count(self, counter: str) -> int:
        return self.ess.counters[counter]

    def run(self, until: float) -> list[tuple[float, Message]]:
        """Let the clock go to `until` seconds after the start, item by item."""
        out = []
        while (due := self.ess.next_due()) is not None and due <= 100.0 + until:
            self.now = max(self.now, due)
            out += [(round(self.now - 100.0, 6), m) for m in self.ess.tick(self.now, WALL + self.now)]
        self.now = 100.0 + until
        return out


def on_set(*blocks: dict[str, Any], **params: Any) -> dict[str, Any]:
    return {"value": 0, **params, "actions": {"onSet": list(blocks)}}


def remap(**item: Any) -> dict[str, Any]:
    return {"remap": [item]}
