"""The supervisor actor: root of the tree, keeper of the directory, collector of heartbeats."""

import os
import select
import time
from typing import Any

import psutil

from ess_actors.actors.base import HEARTBEAT_S
from ess_actors.actors.ess import EssActor
from ess_actors.actors.history import HistoryActor
from ess_actors.actors.process import log, name_process
from ess_actors.actors.progress import PROGRESS, row_of
from ess_actors.actors.settings import SiteSettings, actor_ids, child_ids
from ess_actors.actors.sim import SimActor
from ess_actors.actors.stopped import STOPPED, Stopped
from ess_actors.actors.store import StoreActor
from ess_actors.actors.store_link import WAKE, StoreLink
from ess_actors.actors.supervising import ChildPlan, SupervisingActor
from ess_actors.actors.web import WebActor
from ess_actors.core.control import (
    Answer,
    Boot,
    Children,
    Directory,
    Entry,
    Halt,
    Heartbeat,
    Order,
    Ordered,
    Query,
    SiteStatus,
    Wake,
)
from ess_actors.core.hung import Judge
from ess_actors.core.messages import Message
from ess_actors.core.metrics import Snapshot
from ess_actors.core.site_state import state_of, unheard
from ess_actors.core.supervision import OPERATOR, ChildReport, ChildSpec

_GATHER_S = 0.02
"""Changes within this time make one new edition of the directory."""
_STATUS_S = 1.0


class SupervisorActor(SupervisingActor):
    """Starts the site on Boot, answers the launcher, obeys the operator, ends with the launcher."""

    kind = "supervisor"

    def __init__(self) -> None:
        super().__init__()
        self._site: SiteSettings | None = None
        self._published: tuple[Entry, ...] = ()
        self._below: dict[str, Children] = {}
        self._heartbeats: dict[str, Heartbeat] = {}
        self._renewed_at = 0.0
        self._renewal_set = self._complete = False
        self._launcher = -1
        self._halt_asked_by: Any = None
        self._halting: list[str] = []
        self._kept: Stopped
        self.name_self("supervisor")
        self._store = StoreLink(self, self.post_all)
        self._stopping = ""
        self._halted = False

    def on_control(self, message: Any, sender: Any) -> None:
        match message:
            case Boot():
                self._boot(message, sender)
            case Query():
                self.send(sender, self._status())
            case Halt():
                self._halt(sender)
            case Heartbeat():
                if self._is_current(message.actor_id, message.generation):
                    self._heartbeats[message.actor_id] = message
                    self._tell_again(message)
            case Children():
                if self._is_current(message.actor_id, message.generation) and self._is_news(message):
                    self._below[message.actor_id] = message
                    if self._halt_asked_by is None:
                        self._keep_stopped()
                    self._changed()
            case Order() if message.actor_id not in self.supervision:
                self._forward(message, sender)
            case _:
                self._store.on_control(message)
                super().on_control(message, sender)

    def publish(self, message: Message) -> None:
        """The journal has it first; when no store runs, later."""
        self._store.publish([message])

    def snapshot(self) -> Snapshot:
        self._store.note()
        return super().snapshot()

    def on_children_changed(self) -> None:
        if self._halt_asked_by is not None:
            self._halt_next()
        else:
            self._keep_stopped()
        self._changed()

    def on_wake(self, wake: Wake) -> None:
        match wake.what:
            case "renew":
                self._renewal_set = False
                self._renew()
            case "status":
                self._tell_web()
                self.wake_after(_STATUS_S, Wake("status"))
            case _ if wake.what == WAKE:
                self._store.on_wake()
            case _:
                super().on_wake(wake)

    def watched(self) -> list[int]:
        return [*super().watched(), *([self._launcher] if self._launcher >= 0 else [])]

    def on_watch(self) -> None:
        """A child is dead; or the launch command is, and nobody would end this tree or tell that it runs."""
        super().on_watch()
        if self._launcher < 0 or not select.select([self._launcher], [], [], 0)[0]:
            return
        log.error("the launch command died: the site stops")
        os.close(self._launcher)
        self._launcher = -1
        self._halt(None)

    def heartbeat(self, heartbeat: Heartbeat) -> None:
        self._heartbeats[heartbeat.actor_id] = heartbeat

    def _boot(self, boot: Boot, sender: Any) -> None:
        site: SiteSettings = boot.settings
        self._site = site
        self.generation = 1
        self.state_dir = type(self.state_dir)(boot.state_dir)
        self.everybody = actor_ids(site)
        self.row = row_of("supervisor", ())
        for row in range(len(self.everybody) + 1):
            PROGRESS.forget(row)
        self._judge = Judge(site.hung_after_s)
        self._kept = Stopped(self.state_dir / STOPPED)
        self._stopped = self._kept.ids
        self.handleDeadLetters(True)
        self._launcher = os.pidfd_open(boot.launcher_pid)
        name_process(f"supervisor ({site.name})")
        self.send(sender, Answer(0, "", {"pid": os.getpid(), "admin": os.getppid()}))
        plans = [ChildPlan(ChildSpec("store", "store"), StoreActor, None)]
        if site.history is not None:
            plans.append(ChildPlan(ChildSpec("history", "history"), HistoryActor, site.history))
        if site.sim is not None:
            plans.append(ChildPlan(ChildSpec("sim", "sim"), SimActor, site.sim))
        plans += [ChildPlan(ChildSpec(i.name, "ess"), EssActor, i) for i in site.instances]
        plans.append(ChildPlan(ChildSpec("web", "web"), WebActor, site.web))
        self.supervise(plans)
        self.wake_after(_STATUS_S, Wake("status"))
        self._next_heartbeat = time.monotonic()
        self._beat()

    def stopped_below(self, child_id: str) -> tuple[str, ...]:
        if (known := self._below.get(child_id)) is not None:
            return tuple(report.id for report in known.children if report.stopped_by == OPERATOR)
        return tuple(one for one in self._kept.ids if one.startswith(f"{child_id}/"))

    def _keep_stopped(self) -> None:
        own = self.supervision.reports()
        stopped = [report.id for report in own if report.stopped_by == OPERATOR]
        stopped += [one for report in own for one in self.stopped_below(report.id)]
        self._kept.keep(stopped)

    def _forward(self, order: Order, sender: Any) -> None:
        parent = order.actor_id.partition("/")[0]
        for entry in self.entries():
            if entry.actor_id == parent and parent in self._below:
                self.send(entry.address, Order(order.actor_id, order.verb, order.ticket, sender))
                return
        known = order.actor_id in self.everybody
        status = "parent_down" if known else "not_found"
        text = f"{parent} is not running; start it first" if known else f"no actor {order.actor_id!r}"
        self.send(sender, Ordered(order.actor_id, order.verb, order.ticket, status, text))

    def _changed(self) -> None:
        before, self._complete = self._complete, self._status().state == "running"
        if self._complete and not before:
            self._renew()  # nothing is left that could be gathered
        elif not self._renewal_set:
            self._renewal_set = True
            self.wake_after(_GATHER_S, Wake("renew"))

    def _renew(self) -> None:
        entries = list(self.entries())
        running = {e.actor_id: e.generation for e in entries}
        for parent, children in self._below.items():
            if running.get(parent) == children.generation:
                entries += children.entries
        if tuple(entries) != self._published:
            self._published = tuple(entries)
            self._go_by(self._published)
            self._store.on_directory()
            self.edition += 1
            self._renewed_at = time.monotonic()
            for entry in entries:
                self.send(entry.address, Directory(self._published, self.edition))
        self._tell_web()

    def _is_news(self, told: Children) -> bool:
        known = self._below.get(told.actor_id)
        return known is None or (told.generation, told.edition) > (known.generation, known.edition)

    def _tell_again(self, beat: Heartbeat) -> None:
        """An actor that goes by an old directory would send nothing to who has started since."""
        if beat.edition == self.edition or beat.at < self._renewed_at + HEARTBEAT_S:
            return
        for entry in self._published:
            if entry.actor_id == beat.actor_id:
                self.send(entry.address, Directory(self._published, self.edition))

    def _tell_web(self) -> None:
        for entry in self.entries():
            if entry.actor_id == "web":
                self.send(entry.address, self._status())

    def _status(self) -> SiteStatus:
        reports: list[ChildReport] = []
        for report in self.supervision.reports():
            reports.append(report)
            reports += self._below_of(report)
        state = "stopping" if self._halt_asked_by is not None else state_of(reports)
        beats = dict(self._heartbeats)
        return SiteStatus(time.monotonic(), state, tuple(reports), beats, unheard(reports, beats))

    def _below_of(self, parent: ChildReport) -> list[ChildReport]:
        assert self._site is not None
        known = self._below.get(parent.id)
        if parent.state == "RUNNING" and known is not None and known.generation == parent.generation:
            return list(known.children)
        for instance in self._site.instances:
            if instance.name == parent.id:
                waiting = "STARTING" if parent.state in ("STARTING", "RUNNING") else parent.state
                why = "" if waiting == "STARTING" else f"{parent.id} is {parent.state}"
                by = parent.stopped_by
                return [
                    ChildReport(child, kind, waiting, 0, 0, 0, parent.since, parent.next_try, why, by)
                    for child, kind in child_ids(instance)
                ]
        return []

    def _is_current(self, actor_id: str, generation: int) -> bool:
        parent = actor_id.partition("/")[0]
        if parent != actor_id:
            return True  # its own parent has judged the generation
        return actor_id in self.supervision and self.supervision.generation(actor_id) == generation

    def _halt(self, sender: Any) -> None:
        if self._halt_asked_by is None:
            self._halt_asked_by = sender if sender is not None else self.myAddress
            self._halting = self.supervision.in_reverse()
            self._halt_next()

    def _halt_next(self) -> None:
        while self._halting and not self.supervision.alive(self._halting[0]):
            # Also one that waits for its restart: it must not come back behind our back.
            self.supervision.halt(self._halting.pop(0), time.monotonic())
        if self._halting and self._halting[0] != self._stopping:
            self._stopping = self._halting[0]
            self._obey(self.supervision.halt(self._stopping, time.monotonic()))
        elif not self._halting and not self._halted:
            self._halted = True
            self._kept.keep(())
            if self._launcher >= 0:
                self.send(self._halt_asked_by, Answer(0, "", "stopped"))
            else:
                self._end_system()

    def _end_system(self) -> None:
        """Without the launch command nobody else ends Thespian's own processes: they are our parent and siblings."""
        admin = psutil.Process(os.getppid())
        for process in (*admin.children(), admin):
            if process.pid != os.getpid():
                process.kill()
