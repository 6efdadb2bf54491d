"""A storm of alarms over both instances of the shipped site, with kills in between: `python -m tests.storm`.

Engines, routers and what they keep are the real ones; processes are objects here that are thrown away and made
anew from what the store had. Everything must agree when the storm is over.
"""

import argparse
import random
import resource
import time
from collections import deque
from typing import Any

import orjson

from ess_actors.actors.web_alarms import joined
from ess_actors.core.alarm_router import AlarmRouter
from ess_actors.core.alarm_state import State
from ess_actors.core.ess import Ess
from ess_actors.core.journaled import is_journaled
from ess_actors.core.messages import Message
from ess_actors.core.uri import covers
from tests.journeys.bus import WALL, Bus, shipped_site
from tests.journeys.devices import CONDITIONS, CONTACTS, bms_points, ems_points, pcs_points

NAMES = ("ess_1", "ess_2")
PCS_CONDITIONS = ("dc_voltage", "modules", "active_power")
BMS = {"bms_1": "ess_1", "bms_2": "ess_2"}


class StormBus(Bus):
    """A bus with a store: what an actor kept is there after its death, what it had not sent is lost."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {
            f"{name}{child}": {} for name in NAMES for child in ("", "/alarms")
        }
        self.journal: deque[tuple[str, dict[str, Any]]] = deque()
        self.transitions = 0
        self.chains: dict[tuple[str, str], str] = {}
        """Router and alarm -> the state that its last record ended in."""
        self.broken: list[str] = []
        self.dies: str = ""
        """Who dies at its next step, after the store has it and before anybody else hears of it."""
        super().__init__("dual_bms", NAMES)

    def kill(self, actor: str) -> None:
        """An instance takes its router with it."""
        self.down |= {actor, f"{actor}/alarms"} if actor in NAMES else {actor}
        self.dies = ""
        self._tell_who_runs()

    def revive(self, actor: str) -> None:
        wall = WALL + self.now
        if actor in NAMES:
            shipped = {instance.name: instance for instance in shipped_site("dual_bms").instances}[actor]
            self.instances[actor] = ess = Ess(shipped.start, shipped.documents, now=self.now, wall=wall)
            self._new_router(actor)
            booted = ess.boot(self.now, wall, state=_through_json(self.kept[actor]))
        else:
            actor = actor.split("/")[0]
            self._new_router(actor)
            booted = self.instances[actor].retell_alarms(self.now, wall)
        self.down -= {actor, f"{actor}/alarms"}
        self._tell_who_runs()
        self._deliver(actor, booted)

    def _new_router(self, name: str) -> None:
        self.routers[name] = router = AlarmRouter(name, NAMES)
        assert router.begin(_through_json(self.kept[f"{name}/alarms"]), self.now, WALL + self.now) == []

    def _tell_who_runs(self) -> None:
        running = [actor for actor in self.kept if actor not in self.down]
        for router in self.routers.values():
            router.running(running, self.now)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            due = [e.next_due() for n, e in self.instances.items() if n not in self.down]
            due += [r.next_due() for n, r in self.routers.items() if f"{n}/alarms" not in self.down]
            first = min((t for t in due if t is not None), default=end + 1)
            if first > end:
                break
            self.now = max(self.now, first)
            for name in NAMES:
                if name not in self.down:
                    self._deliver(name, self.instances[name].tick(self.now, WALL + self.now))
                if f"{name}/alarms" not in self.down:
                    self._deliver(f"{name}/alarms", self.routers[name].tick(self.now, WALL + self.now))
        self.now = end

    def _deliver(self, actor: str, messages: list[Message]) -> None:
        """The store has it first."""
        self._commit(actor, messages)
        if self.dies == actor:
            self.kill(actor)
        else:
            self._route(actor, messages)

    def _commit(self, actor: str, messages: list[Message]) -> None:
        name, _, child = actor.partition("/")
        changes = self.routers[name].changes() if child else self.instances[name].changed_state()
        kept = self.kept[actor]
        for key, value in changes.items():
            if value is None:
                kept.pop(key, None)
            else:
                kept[key] = orjson.dumps(value)
        for message in messages:
            if child and is_journaled(message) and message.uri == f"/alarm_router/{name}":
                self._journaled(name, orjson.loads(message.body))

    def _journaled(self, name: str, body: dict[str, Any]) -> None:
        if body["kind"] != "transition":
            return
        self.transitions += 1
        if body["instance"] == name:
            key = name, body["id"]
            before = self.chains.get(key, "normal")
            if before != body["from"]:
                self.broken.append(f"{body['id']}: from {body['from']}, was {before}")
            self.chains[key] = body["to"]

    def _route(self, sender: str, messages: list[Message]) -> None:
        queue = deque(message._replace(sender=sender) for message in messages)
        while queue:
            message = queue.popleft()
            instance = message.uri.split("/")[1] if "/" in message.uri else ""
            for name in NAMES:
                ess, router = self.instances[name], self.routers[name]
                heard = any(covers(prefix, message.uri) for prefix in ess.subscriptions)
                back = message.sender == name and instance != name
                if name not in self.down and not back and (heard or message.to == name):
                    self._step(name, ess.handle(message, self.now, WALL + self.now), queue)
                own = message.sender == f"{name}/alarms"
                heard = any(covers(prefix, message.uri) for prefix in router.subscriptions)
                if f"{name}/alarms" not in self.down and heard and not own:
                    out = router.handle(message, self.now, WALL + self.now)
                    self._step(f"{name}/alarms", out, queue)
            if message.method == "set" and instance == "components" and message.replyto:
                body = b'{"status":"ok"}'
                queue.append(
                    Message("set", message.replyto, body, corr=message.corr, command=message.command)
                )

    def _step(self, actor: str, out: list[Message], queue: deque[Message]) -> None:
        self._commit(actor, out)
        if self.dies == actor:
            self.kill(actor)
        else:
            queue.extend(answer._replace(sender=actor) for answer in out)

    def send(self, method: str, uri: str, body: Any, sender: str, **fields: Any) -> list[Message]:
        self._route(sender, [Message(method, uri, orjson.dumps(body), **fields)])
        return []


def _through_json(kept: dict[str, Any]) -> dict[str, Any]:
    return {key: orjson.loads(value) for key, value in kept.items()}


class Storm:
    """The plant in the storm. `seed` decides everything."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.bus = StormBus()
        self.wrong: dict[str, dict[str, bool]] = {
            "bms_1": {},
            "bms_2": {},
            "pcs": {},
            "ems_1": {},
            "ems_2": {},
        }
        self.kills = 0
        self.clears = 0
        self.orders = 0
        self._down: list[tuple[float, str]] = []
        self._published = 0.0
        self._publish()

    def rage(self, transitions: int) -> None:
        """Until so many transitions are in the journal."""
        while self.bus.transitions < transitions:
            self.step()

    def step(self) -> None:
        """One thing that happens."""
        chance = self.random.random()
        if chance < 0.86:
            self._toggle()
        elif chance < 0.93:
            self._pass(self.random.uniform(0.01, 0.5))
        elif chance < 0.97:
            self._order()
        elif chance < 0.99:
            self.clears += 1
            self._say("set", "/site/ess_1/ess_hs/clear_faults", {"value": 1}, "ess_1/site")
        elif chance < 0.995 and not self._down:
            self._kill()

    def calm(self) -> None:
        """Everybody is back, and has a few seconds."""
        while self._down:
            self._pass(0.2)
        self._pass(12.0)

    def _toggle(self) -> None:
        stem = self.random.choice(sorted(self.wrong))
        if stem == "pcs":
            point = self.random.choice("fa") + "_" + self.random.choice(PCS_CONDITIONS)
        elif stem in BMS:
            point = self.random.choice("fa") + "_" + self.random.choice(CONDITIONS)
        else:
            point = self.random.choice(CONTACTS[:-1])
        self.wrong[stem][point] = not self.wrong[stem].get(point, False)
        uri, sender = _component(stem, point)
        self._say("pub", uri, {point: self.wrong[stem][point]}, sender)

    def _order(self) -> None:
        self.orders += 1
        name = self.random.choice([n for n in NAMES if f"{n}/alarms" not in self.bus.down] or [""])
        if not name:
            return
        verb = self.random.choice(("ack", "ack", "ack", "shelve", "unshelve", "out_of_service", "in_service"))
        listed = [alarm["id"] for alarm in self.bus.routers[name].alarms(self.bus.now)]
        picked = self.random.sample(listed, min(len(listed), self.random.randint(1, 3)))
        body = {
            "verb": verb,
            "ids": picked,
            "by": "eve",
            "why": "storm",
            "minutes": self.random.uniform(0.02, 1),
        }
        if verb in ("ack", "in_service") and self.random.random() < 0.3:
            body |= {"all": True}
        self._say("set", f"/alarm_router/{name}/order", body, "web", command=f"storm-{self.orders}")

    def _kill(self) -> None:
        victim = self.random.choice(("ess_1", "ess_2", "ess_1/alarms", "ess_2/alarms"))
        self.kills += 1
        if self.random.random() < 0.5:
            self.bus.kill(victim)
        else:
            self.bus.dies = victim  # after its next commit, before anybody hears of it
            for _ in range(20):
                self._toggle()
                if victim in self.bus.down:
                    break
            else:
                self.bus.kill(victim)
        self._down.append((self.bus.now + self.random.uniform(0.0, 6.0), victim))

    def _pass(self, seconds: float) -> None:
        until = self.bus.now + seconds
        while self.bus.now < until:
            self.bus.run(min(0.25, until - self.bus.now))
            for back, victim in list(self._down):
                if self.bus.now >= back:
                    self._down.remove((back, victim))
                    self.bus.revive(victim)
            if self.bus.now - self._published >= 1.0:
                self._publish()

    def _publish(self) -> None:
        """All devices, as their clients do once a second."""
        self._published = self.bus.now
        stamp = {"Timestamp": f"11-22-2025 14:03:{self.bus.now:09.6f}"}
        for stem, instance in BMS.items():
            body = bms_points(heartbeat=int(self.bus.now), **stamp) | self.wrong[stem]
            self._say("pub", f"/components/{instance}/bms_info", body, f"{instance}/{stem}")
            ems = ems_points(**stamp) | self.wrong[f"ems_{stem[-1]}"]
            self._say("pub", f"/components/{instance}/ems_running_info", ems, f"{instance}/{stem}")
        slow = {k: v for k, v in self.wrong["pcs"].items() if k[0] == "a"}
        fast = {k: v for k, v in self.wrong["pcs"].items() if k[0] == "f"}
        self._say("pub", "/components/ess_1/pcs_running_info", pcs_points(**stamp) | slow, "ess_1/pcs")
        self._say("pub", "/components/ess_1/pcs_fast", {"component_connected": True, **fast}, "ess_1/pcs")

    def _say(self, method: str, uri: str, body: Any, sender: str, **fields: Any) -> None:
        self.bus.send(method, uri, body, sender, **fields)

    # --- what must be true ------------------------------------------------------------------------------------

    def differences(self) -> list[str]:
        """Where two of those who tell of alarms disagree; empty when nobody does."""
        bus = self.bus
        found = list(bus.broken)
        lists = {name: bus.routers[name].alarms(bus.now) for name in NAMES}
        told = {name: {alarm["id"]: alarm for alarm in alarms} for name, alarms in lists.items()}
        for identity in told["ess_1"].keys() | told["ess_2"].keys():
            one, two = (told[name].get(identity) for name in NAMES)
            if one != two:
                found.append(f"the routers tell differently of {identity}: {one} {two}")
        page = joined(lists, [])  # what the web actor makes of the answers of all routers
        if page != lists["ess_1"]:
            found.append(f"the page shows another list than the routers: {[one['id'] for one in page]}")
        for name in NAMES:
            found += self._of_instance(name)
        found += self._words()
        return found

    def _of_instance(self, name: str) -> list[str]:
        bus, found = self.bus, []
        alarms = bus.routers[name].list.alarms
        book = bus.instances[name].engine.alarms
        said = {f"{i}:{kind}:{source}": told.returned for (i, source, kind), told in book.told.items()}
        kept = {a.id: not a.condition for a in alarms.values() if a.owed or a.condition}
        if said != kept:
            found.append(f"{name} and its router differ: {dict(said.items() ^ kept.items())}")
        for alarm in alarms.values():
            if (alarm.owed or alarm.condition) and not alarm.listed:
                found.append(f"{name} hides {alarm.id}")
            if alarm.state is State.SHELVED and (alarm.shelved or {})["until"] < WALL + bus.now - 1:
                found.append(f"{name}: the shelf of {alarm.id} does not end")
            if alarm.instance == name and bus.chains.get((name, alarm.id), "normal") != alarm.state.value:
                found.append(f"{name}: the journal ends elsewhere for {alarm.id}")
        owed = {(a.source, a.type) for a in alarms.values() if a.owed}
        for uri, variable in book.lists.items():
            kind = "fault" if uri.endswith("faults") else "alarm"
            entries = variable.alarms or []
            strange = {(entry.source, kind) for entry in entries} - owed
            if strange:
                found.append(f"{name} {uri} lists what the router does not: {strange}")
            if len(entries) < 32:
                listed = {(entry.source, kind) for entry in entries}
                missing = {one for one in owed if one[1] == kind} - listed
                if missing:
                    found.append(f"{name} {uri} does not list {missing}")
        return found

    def _words(self) -> list[str]:
        bus, found = self.bus, []
        owed = {(a.type, a.source) for a in bus.routers["ess_1"].list.alarms.values() if a.owed or a.active}
        for word, kind in (("ess_faults", "fault"), ("ess_alarms", "alarm")):
            value = bus.value("ess_1", f"/site/ess_1/ess_ls:{word}")
            for first, stem in ((0, "bms_1"), (11, "bms_2")):
                for bit, name in enumerate(_BITS, first):
                    source = f"/{kind}s/{stem}:{stem.upper()}_{name}"
                    if bool(value >> bit & 1) != ((kind, source) in owed):
                        found.append(f"bit {bit} of {word} is {value >> bit & 1}, {source} is not so")
        return found


_BITS = (
    "MaxCellVoltage", "MinCellVoltage", "MaxCellTemp", "MinCellTemp", "CurrentMax", "CurrentMin", "Racks", "SOH"
)  # fmt: skip


def _component(stem: str, point: str) -> tuple[str, str]:
    if stem == "pcs":
        return f"/components/ess_1/{'pcs_fast' if point[0] == 'f' else 'pcs_running_info'}", "ess_1/pcs"
    number = stem[-1]
    component = "bms_info" if stem in BMS else "ems_running_info"
    return f"/components/ess_{number}/{component}", f"ess_{number}/bms_{number}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transitions", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    storm, began, found = Storm(options.seed), time.monotonic(), []
    for part in range(1, 11):
        storm.rage(options.transitions * part // 10)
        storm.calm()
        found = storm.differences()
        alarms = sum(len(router.list.alarms) for router in storm.bus.routers.values())
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(
            f"{storm.bus.transitions} transitions, {storm.kills} kills, {storm.clears} clears, {storm.orders} orders, "
            f"{storm.bus.now:.0f} s of plant time in {time.monotonic() - began:.0f} s; "
            f"{alarms} alarms known, {memory} MB at most; {len(found)} differences",
            flush=True,
        )
        if found:
            break
    for difference in found[:20]:
        print(difference)
    raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
