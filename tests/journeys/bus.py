"""An in-memory bus: real instances and real alarm routers on one clock, joined by their subscriptions alone."""

import heapq
import json
from collections import deque
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from ess_actors.config.site import Site, load_site
from ess_actors.core.alarm_router import AlarmRouter
from ess_actors.core.ess import Ess
from ess_actors.core.messages import Message
from ess_actors.core.uri import covers

CONFIGS = Path(__file__).parents[2] / "configs"
WALL = 1_763_800_000.0
"""Unix seconds at time 0 of a bus."""


@cache
def shipped_site(name: str) -> Site:
    """A site of configs/ as the launch command would load it."""
    site, findings = load_site(CONFIGS / name)
    assert site is not None, findings
    return site


class Bus:
    """A site without processes. `log` keeps every message in the order in which it was routed."""

    def __init__(self, site: str, names: tuple[str, ...]) -> None:
        self.now = 0.0
        shipped = {instance.name: instance for instance in shipped_site(site).instances}
        self.instances = {
            name: Ess(shipped[name].start, shipped[name].documents, now=0.0, wall=WALL) for name in names
        }
        self.routers = {name: AlarmRouter(name, names) for name in names}
        self.down: set[str] = set()
        self.log: list[Message] = []
        self.sent_at: list[float] = []
        self.device: Callable[[Message], str] = lambda _message: "ok"
        self._beats: list[tuple[float, int, Callable[[], None]]] = []
        self._beat_count = 0
        for router in self.routers.values():
            router.begin({}, 0.0, WALL)
        for name, ess in self.instances.items():
            self._route(name, ess.boot(0.0, WALL))

    # --- time -----------------------------------------------------------------------------------------

    def run(self, seconds: float) -> None:
        """Let time pass: due scheduler items, time-outs of the alarm routers and beats, in their order."""
        end = self.now + seconds
        while True:
            times = [ess.next_due() for name, ess in self.instances.items() if name not in self.down]
            times += [router.next_due() for name, router in self.routers.items() if name not in self.down]
            times += [self._beats[0][0]] if self._beats else []
            due = min((t for t in times if t is not None), default=end + 1)
            if due > end:
                break
            self.now = max(self.now, due)
            while self._beats and self._beats[0][0] <= self.now:
                heapq.heappop(self._beats)[2]()
            for name, ess in self.instances.items():
                if name not in self.down:
                    self._route(name, ess.tick(self.now, WALL + self.now))
                    self._route(f"{name}/alarms", self.routers[name].tick(self.now, WALL + self.now))
        self.now = end

    def every(self, period: float, act: Callable[[], None]) -> None:
        """Call `act` now and each `period` seconds from now on."""
        act()
        first = self.now

        def again(count: int) -> None:
            def beat() -> None:
                act()
                again(count + 1)

            self._beat_count += 1
            heapq.heappush(self._beats, (first + count * period, self._beat_count, beat))

        again(1)

    # --- messages -------------------------------------------------------------------------------------

    def send(self, method: str, uri: str, body: Any, sender: str, **fields: Any) -> list[Message]:
        """A message of a device client, a server or an operator; everything that followed from it."""
        before = len(self.log)
        self._route(sender, [Message(method, uri, json.dumps(body).encode(), **fields)])
        return self.log[before:]

    def lose(self, actor: str) -> None:
        """An actor died: its instance, when it is one, stops, and all others are told."""
        self.down.add(actor)
        running = [f"{name}{child}" for name in self.instances for child in ("", "/alarms")]
        for router in self.routers.values():
            router.running([one for one in running if one.split("/")[0] not in self.down], self.now)
        for name, ess in self.instances.items():
            if name not in self.down:
                self._route(name, ess.source_lost(actor, self.now, WALL + self.now))

    def _route(self, sender: str, messages: list[Message]) -> None:
        queue = deque(message._replace(sender=sender) for message in messages)
        while queue:
            message = queue.popleft()
            self.log.append(message)
            self.sent_at.append(self.now)
            instance = message.uri.split("/")[1] if "/" in message.uri else ""
            for name, ess in self.instances.items():
                heard = any(covers(prefix, message.uri) for prefix in ess.subscriptions)
                back = message.sender == name and instance != name
                if name not in self.down and not back and (heard or message.to == name):
                    out = ess.handle(message, self.now, WALL + self.now)
                    queue.extend(answer._replace(sender=name) for answer in out)
            for name, router in self.routers.items():
                if name not in self.down and any(covers(p, message.uri) for p in router.subscriptions):
                    out = router.handle(message, self.now, WALL + self.now)
                    queue.extend(answer._replace(sender=f"{name}/alarms") for answer in out)
            if message.method == "set" and instance == "components" and message.replyto:
                status = self.device(message)
                if status:
                    body = json.dumps({"value": json.loads(message.body), "status": status}).encode()
                    answer = Message("set", message.replyto, body, corr=message.corr, command=message.command)
                    queue.append(answer._replace(sender="device"))

    # --- looking --------------------------------------------------------------------------------------

    def value(self, instance: str, variable: str) -> Any:
        """The value of `/table:name` in an instance. Fails when there is none."""
        return self._variable(instance, variable).cell.value

    def quality(self, instance: str, variable: str) -> str:
        """GOOD, UNCERTAIN or BAD."""
        return str(self._variable(instance, variable).cell.quality.name)

    def entries(self, instance: str, variable: str) -> list[str]:
        """The latched lines of an alarm list."""
        return [entry.message for entry in self._variable(instance, variable).alarms or ()]

    def sent(self, method: str, uri: str, since: int = 0) -> list[Any]:
        """Bodies of all messages to this uri, from position `since` of the log."""
        found = [m for m in self.log[since:] if m.method == method and m.uri == uri]
        return [json.loads(m.body) for m in found]

    def _variable(self, instance: str, variable: str) -> Any:
        table, _, name = variable.partition(":")
        found = self.instances[instance].engine.map.find(table, name)
        assert found is not None, f"{instance} has no {variable}"
        return found
