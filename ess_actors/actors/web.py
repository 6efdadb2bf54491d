"""The web actor: the operator API and /metrics on its thread, the tree's messages on the other side."""

from pathlib import Path
from typing import Any

from ess_actors.actors.io_thread import IoActor
from ess_actors.actors.settings import WebSettings
from ess_actors.actors.store_link import WAKE, StoreLink
from ess_actors.actors.web_alarms import SUBSCRIPTION
from ess_actors.actors.web_audit import row_of
from ess_actors.actors.web_bridge import ActorBridge
from ess_actors.actors.web_history import HISTORY
from ess_actors.core.audit import Entry
from ess_actors.core.control import (
    Answer,
    AuditRequest,
    HistoryPoints,
    HistoryTrend,
    JournalRequest,
    Order,
    Ordered,
    SimCommand,
    SiteStatus,
    Subscribe,
    TransitionsRequest,
    Wake,
)
from ess_actors.core.messages import Message, command_record
from ess_actors.core.metrics import Meter, Snapshot
from ess_actors.web.access import Access
from ess_actors.web.access_store import AccessStore
from ess_actors.web.app import create_app
from ess_actors.web.bridge import By
from ess_actors.web.exposition import Exposition
from ess_actors.web.server import ApiServer, bind, bind_local


class WebActor(IoActor):
    """Serves HTTP; everything it knows of the tree was sent to it, so a scrape costs no other actor anything."""

    kind = "web"

    def __init__(self) -> None:
        super().__init__()
        self._settings: WebSettings
        self._server: ApiServer | None = None
        self._bridge: ActorBridge
        self._store: StoreLink
        self._http_meter = Meter()
        """Counted on the thread; the actor's own meter is counted here."""
        self._subscriptions: tuple[str, ...] = (SUBSCRIPTION,)
        self._asset_listeners = 0
        self._counting = False
        """Whether instances were told how many listen."""
        self._told: dict[str, int] = {}

    def on_configure(self, settings: WebSettings) -> None:
        self._settings = settings
        self._bridge = ActorBridge(settings, self.from_io)
        self._store = StoreLink(self, self._emit)
        self.start_io()
        self.run_io(self._serve())

    def on_message(self, message: Message) -> None:
        self.call_io(self._bridge.deliver, message)

    def on_control(self, message: Any, sender: Any) -> None:
        match message:
            case SiteStatus():
                self.call_io(self._bridge.take_status, message)
            case Answer() | Ordered():
                self.call_io(self._bridge.answered, message)
            case _:
                self._store.on_control(message)

    def on_wake(self, wake: Wake) -> None:
        if wake.what == WAKE:
            self._store.on_wake()

    def on_directory(self, gone: frozenset[str]) -> None:
        self._store.on_directory()
        self.call_io(self._bridge.lost, gone)
        for actor_id in gone:
            self._told.pop(actor_id, None)
        self._tell_listeners()

    def on_io(self, item: Any) -> None:
        match item:
            case "serving":
                self.ready(self._subscriptions)
            case Entry():
                self._store.keep(item)
            case Message():
                self._ask(item)
            case Order():
                self.send(self._supervisor, item)
            case SimCommand():
                self._pass_on("sim", item, item.ticket)
            case JournalRequest() | AuditRequest() | TransitionsRequest():
                self._pass_on("store", item, item.ticket)
            case HistoryPoints() | HistoryTrend():
                self._pass_on(HISTORY, item, item.ticket)
            case (subscriptions, asset_listeners):
                self._subscriptions = (SUBSCRIPTION, *subscriptions)
                self._asset_listeners = asset_listeners
                self.send(self._supervisor, Subscribe(self.actor_id, self.generation, self._subscriptions))
                self._tell_listeners()

    def snapshot(self) -> Snapshot:
        self._store.note()
        return {
            **super().snapshot(),
            **self._http_meter.snapshot(),
            **self._bridge.alarm_desk.meter.snapshot(),
        }

    async def stop_io(self) -> None:
        if self._server is not None:
            await self._server.stop()

    async def _serve(self) -> None:
        status = self._bridge.status
        exposition = Exposition(status, self._bridge.snapshots, self._settings.version)
        self._bridge.exposition = exposition
        settings, rules = self._settings, self._settings.access
        store = AccessStore(Path(self.state_dir))
        access = Access(
            rules,
            store,
            self._audited,
            port=settings.port,
            launcher=settings.launcher,
            names=frozenset({settings.host}),
        )
        app = create_app(self._bridge, self._http_meter, exposition, access)
        bound = bind(settings.host, settings.port)
        local = bind_local(rules.socket_path) if rules.socket_path else None
        self._server = ApiServer(app, rules.certificate, rules.key)
        try:
            await self._server.start(bound, local)
            self.from_io("serving")
            self.run_io(self._bridge.alarm_desk.run())
            await self._server.wait()
        finally:
            store.close()

    def _audited(self, by: By, uri: str, new: str, result: str) -> None:
        """On the thread: who logged in, who was refused, what became of users and tokens."""
        self.from_io(row_of(by, uri, "", new, result))

    def _ask(self, message: Message) -> None:
        """Send an operator's message; tell the bridge who will answer, the most specific subscriber first."""
        recipients = [entry.actor_id for entry in self._router.recipients(message)]
        self.call_io(self._bridge.asked, message, recipients)
        if message.method == "get":
            self.post(message)
        else:
            self._store.publish([command_record(message, self.actor_id), message])

    def _emit(self, messages: list[Message]) -> None:
        self.post_all(messages)

    def _pass_on(self, actor_id: str, item: Any, ticket: int) -> None:
        entry = self._router.entry(actor_id)
        if entry is not None:
            self.send(entry.address, item)
        else:
            text = f"{actor_id} is not running; `ess-actors status` shows why"
            self.call_io(self._bridge.answered, Answer(ticket, "not_running", {"text": text}))

    def _tell_listeners(self) -> None:
        """Instances publish for user interfaces only while somebody listens; a restarted one must be told again.

        Nothing is said before the first listener came: another server of user interfaces may be there that does
        not count its own, and to this one instances publish as long as nobody counts.
        """
        self._counting = self._counting or self._asset_listeners > 0
        if not self._counting:
            return
        for name in self._settings.instances:
            if name in self._running and self._told.get(name) != self._asset_listeners:
                self._told[name] = self._asset_listeners
                body = b'{"web":%d}' % self._asset_listeners
                self.post(Message("set", f"/{name}/control/ui_listeners", body))
