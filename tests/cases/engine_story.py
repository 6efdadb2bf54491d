"""One golden folder of the engine language, played: instances on one clock, what they sent, and looks at them.

`document.json` is the first document, every other `*.json` a further one by its stem, `*.csv` a table for look-ups.
`start.json` may replace the start file; the folder `peer/` may hold the same for a second instance.

input.jsonl: `{"at", "method", "uri", "body"? | "text"?, "replyto"?, "hops"?, "to"?: instance}` and any other field of
a message; without `to` it goes to whoever hears the uri, and somebody must, unless `"heard": false`.
`{"at", "stall": seconds}` keeps the instances busy: the clock goes on, nothing runs meanwhile.

expected.jsonl, everything that is sent in order, and what is looked at when all of its second happened:
`{"at", "method", "uri", "body", "replyto"?, "hops"?, "status"?}`, `{"at", "look": "/t:x", "value", "params"?,
"options"?, "quality"?, "changed"?, "entries"?, "in"?}` (value null: no such variable), `{"at", "counter", "value",
"in"?}`, `{"at", "logged": text, "times"?, "in"?}`, `{"at": 0, "finding": code, "severity", "document"?, "path"?,
"in"?}`. Posts to /events are told only when the first line is `{"events": true}`; what goes to the alarm router is not.
"""

import json
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ess_actors.core.errors import ConfigError
from ess_actors.core.ess import Ess
from ess_actors.core.messages import Message
from ess_actors.core.remarks import Remark
from ess_actors.core.uri import covers

WALL = 1_763_812_800.0
"""Unix seconds at time 0 of a story: 2025-11-22 12:00:00, UTC."""
INPUT_ONLY = frozenset({"at", "body", "text", "to", "heard"})


def lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a .jsonl file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def same(found: object, expected: object) -> bool:
    """Equal with types and with the order of keys: true is not 1, 5 is not 5.0; fractions to 1e-9."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return list(found) == list(expected) and all(same(found[key], expected[key]) for key in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, float) and isinstance(found, float):
        return abs(found - expected) <= 1e-9 * max(1.0, abs(expected))
    return type(found) is type(expected) and found == expected


def whole(value: object) -> object:
    """A value as bodies show it: 5.0 is 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Story:
    """The instances of a folder. `sent` holds what they sent, as lines of expected.jsonl would state it."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.sent: list[dict[str, Any]] = []
        self.instances: dict[str, Ess] = {}
        self.findings: dict[str, list[Remark]] = {}
        for number, place in enumerate([folder, folder / "peer"], 1):
            if place.is_dir():
                self._start(place, f"ess_{number}")
        waiting = [(name, ess.boot(0.0, WALL)) for name, ess in self.instances.items()]
        for name, messages in waiting:
            self._route(name, messages)

    def _start(self, place: Path, name: str) -> None:
        documents = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in place.glob("*.json")}
        basics = {"EssName": name, "Subs": f":/components/{name}:/assets", "Config": "document"}
        start = documents.pop("start", {"/sysconfig/default": basics})
        tables = {path.stem: path.read_text(encoding="utf-8") for path in place.glob("*.csv")}
        name = str(start["/sysconfig/default"]["EssName"])
        try:
            ess = Ess(start, documents, now=0.0, wall=WALL, csv=tables)
        except ConfigError as error:
            self.findings[name] = list(error.args)
        else:
            self.instances[name] = ess
            self.findings[name] = ess.findings

    # --- time and messages ------------------------------------------------------------------------------------

    def run(self, until: float) -> None:
        """Let the clock go on; due items run on the way."""
        while True:
            times = [due for ess in self.instances.values() if (due := ess.next_due()) is not None]
            if not times or min(times) > until + 1e-9:
                break
            self.now = max(self.now, min(times))
            self._tick()
        self.now = max(self.now, until)

    def _tick(self) -> None:
        for name, ess in self.instances.items():
            self._route(name, ess.tick(self.now, WALL + self.now))

    def happen(self, line: dict[str, Any]) -> None:
        """One line of input.jsonl."""
        self.run(line["at"])
        if "stall" in line:
            self.now += line["stall"]
            self._tick()
            return
        body = line["text"] if "text" in line else json.dumps(line["body"]) if "body" in line else ""
        fields = {key: value for key, value in line.items() if key not in INPUT_ONLY}
        message = Message(body=body.encode(), **fields)
        heard = [line["to"]] if "to" in line else self._hearers(message)
        assert bool(heard) == line.get("heard", True), f"nobody hears it, or somebody does: {line}"
        for name in heard:
            self._route(name, self.instances[name].handle(message, self.now, WALL + self.now))

    def _hearers(self, message: Message) -> list[str]:
        return [
            name
            for name, ess in self.instances.items()
            if any(covers(prefix, message.uri) for prefix in ess.subscriptions)
            and (message.sender != name or covers(f"/{name}", message.uri))
        ]

    def _route(self, sender: str, messages: Iterable[Message]) -> None:
        queue = deque(message._replace(sender=sender) for message in messages)
        while queue:
            message = queue.popleft()
            self._tell(message)
            for name in self._hearers(message):
                out = self.instances[name].handle(message, self.now, WALL + self.now)
                queue.extend(answer._replace(sender=name) for answer in out)

    def _tell(self, message: Message) -> None:
        if not message.uri.startswith("/alarm_router/"):
            body = json.loads(message.body) if message.body else None
            line = {
                "at": round(float(self.now), 6),
                "method": message.method,
                "uri": message.uri,
                "body": body,
            }
            line |= {"replyto": message.replyto, "hops": message.hops, "status": message.status}
            self.sent.append(line | {"quality": message.quality and dict(message.quality)})

    # --- looks ------------------------------------------------------------------------------------------------

    def _of(self, line: dict[str, Any]) -> Ess:
        return self.instances[line.get("in", next(iter(self.instances)))]

    def look(self, line: dict[str, Any]) -> dict[str, Any]:
        """The line as it is in truth."""
        if "counter" in line:
            return line | {"value": self._of(line).counters.get(line["counter"], 0)}
        if "logged" in line:
            texts = [kept.text for kept in self._of(line).engine.lines]
            times = sum(line["logged"] in text for text in texts)
            return line | ({"times": times} if "times" in line or not times else {})
        table, _, name = line["look"].partition(":")
        var = self._of(line).engine.map.find(table, name)
        if var is None:
            return {key: line[key] for key in line if key in ("at", "look", "value", "in")} | {"value": None}
        truth = {
            "value": whole(var.cell.value),
            "params": {key: whole(var.params.get(key)) for key in line.get("params", ())},
            "options": var.options,
            "quality": var.cell.quality.name,
            "changed": var.cell.changed,
            "entries": [entry.message for entry in var.alarms or ()],
        }
        return line | {key: value for key, value in truth.items() if key in line}
