"""Owners and clients of a device die, stop, come back, hear late: never two writers, never a dead one's setpoint."""

from dataclasses import dataclass, field
from typing import Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ess_actors.core.safe_state import EMERGENCY_STOP, SafeState, issued_at, stamped

LEASE_S = 1.0
TICK_S = 0.01
WAITS = st.sampled_from([0.0, 0.0, 0.5, 0.9, 1.5, None])
BACK = st.sampled_from([0, 0, 1, 2])
"""Which client, counted from the present one."""


@dataclass
class Owner:
    """One life of the instance."""

    alive: bool = True
    stopped: bool = False
    allows: bool = True
    renewed: float = float("-inf")
    """When it last sent a renewal that allows."""


@dataclass
class Client:
    """One process of the client actor: what `safe_guard` does around `SafeState`, without a wire."""

    owner: Owner
    state: SafeState
    alive: bool = True
    stopped: bool = False
    owed: bool = True
    """The safe values have to go before anything else."""
    queue: list[str] = field(default_factory=list)
    """Ids of permitted setpoints that wait for their turn."""
    heard: float = float("-inf")
    """When the newest renewal left that came to it in time."""
    good_until: float = float("-inf")
    """What that one allows."""
    bad_at: float = float("-inf")
    """When it was last known that nobody allowed it."""


@dataclass(frozen=True)
class Sent:
    """A message on its way from an owner to its own client."""

    to: Client
    what: Literal["renewal", "setpoint"]
    at: float
    allowed: bool
    command: str = ""


class OneDevice(RuleBasedStateMachine):
    """The lock is modelled as the kernel has it: nobody gets it while its process exists, stopped or not."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.holder: Client | None = None
        self.wire: list[tuple[Client, str]] = []
        """Who wrote what: an id of a setpoint, or "" for the safe values."""
        self.messages: list[Sent] = []
        self.issued: list[str] = []
        self.owner = Owner()
        self.clients: list[Client] = []

    @initialize()
    def starts(self) -> None:
        self._replace()

    # --- owners and clients -----------------------------------------------------------------------------------

    def _replace(self) -> None:
        self.clients.append(Client(self.owner, SafeState(LEASE_S, self.now)))

    @property
    def client(self) -> Client:
        """The one of the present owner."""
        return self.clients[-1]

    @rule(stopped=st.booleans())
    def owner_is_killed(self, stopped: bool) -> None:
        """Its client becomes an orphan, which may be stopped at that moment; a new owner starts another one."""
        self.owner.alive = False
        self.client.stopped = self.client.stopped or stopped
        self.owner = Owner()
        self._replace()

    @rule(stopped=st.booleans())
    def owner_is_stopped(self, stopped: bool) -> None:
        self.owner.stopped = stopped

    @rule(allows=st.booleans())
    def owner_decides(self, allows: bool) -> None:
        self.owner.allows = allows

    @rule(back=BACK)
    def client_is_killed(self, back: int) -> None:
        victim = self.clients[-1 - back % len(self.clients)]
        self._die(victim)
        if victim is self.client:
            self._replace()

    @rule(back=BACK, stopped=st.booleans())
    def client_is_stopped(self, back: int, stopped: bool) -> None:
        self.clients[-1 - back % len(self.clients)].stopped = stopped

    def _die(self, victim: Client) -> None:
        victim.alive = False
        if self.holder is victim:
            self.holder = None

    @rule(back=BACK)
    def client_tries_the_lock(self, back: int) -> None:
        """As `owning.own`: an orphan that is stopped is killed; who gets the lock owes the safe values."""
        taker = self.clients[-1 - back % len(self.clients)]
        holder = self.holder
        if not taker.alive or taker.stopped or holder is taker:
            return
        if holder is not None and holder.stopped and not holder.owner.alive:
            self._die(holder)
        elif holder is None:
            self.holder = taker

    @rule(back=BACK)
    def client_ends_orderly(self, back: int) -> None:
        """The last words of an orphan, or of one that is asked to stop."""
        leaving = self.clients[-1 - back % len(self.clients)]
        if leaving.alive and not leaving.stopped:
            if leaving.state.end(self.now):
                self._safe(leaving)
            self._write(leaving)
            self._die(leaving)
            if leaving is self.client:
                self._replace()

    # --- messages and time ------------------------------------------------------------------------------------

    @rule(step=st.sampled_from([TICK_S, 0.1, 0.5, 0.99, 1.0, 5.0]))
    def time(self, step: float) -> None:
        self.now += step

    @rule(waits=WAITS, more=st.integers(1, 3))
    def owner_renews(self, waits: float | None, more: int) -> None:
        """Some renewals, each of which arrives so much later (None: somewhere else in this story, or never)."""
        for _ in range(more):
            if not self.owner.stopped:
                self._send(Sent(self.client, "renewal", self.now, self.owner.allows), waits)

    @rule(waits=WAITS, fresh=st.sampled_from(["fresh", "fresh", "old", "repeated by itself"]))
    def owner_sets(self, waits: float | None, fresh: str) -> None:
        if self.owner.stopped:
            return
        self.now += TICK_S
        command = ""
        if fresh == "fresh":
            command = stamped(f"c{len(self.issued)}", self.now)
            self.issued.append(command)
        elif fresh == "old" and self.issued:
            command = self.issued[len(self.messages) % len(self.issued)]
        self._send(Sent(self.client, "setpoint", self.now, allowed=True, command=command), waits)

    def _send(self, sent: Sent, waits: float | None) -> None:
        self.messages.append(sent)
        if sent.what == "renewal" and sent.allowed:
            self.owner.renewed = self.now
        if waits is not None:
            self.now += waits + TICK_S
            self._arrives(sent)

    @precondition(lambda self: self.messages)
    @rule(which=st.integers(0, 9))
    def one_arrives(self, which: int) -> None:
        self._arrives(self.messages[which % len(self.messages)])

    def _arrives(self, sent: Sent) -> None:
        """In any order, however late; a process that is stopped takes nothing out of its mailbox."""
        client = sent.to
        if not client.alive:
            self.messages.remove(sent)
        elif not client.stopped:
            self.messages.remove(sent)
            if sent.what == "renewal":
                self._renewed(client, sent)
            elif self.holder is client:
                self._permit(client, sent.command)

    def _renewed(self, client: Client, sent: Sent) -> None:
        gap = self.now >= client.good_until
        reason = "" if sent.allowed else EMERGENCY_STOP
        if client.state.renew(sent.at, self.now, allowed=sent.allowed, reason=reason):
            self._safe(client)
        assert client.state.safe or not gap, "a renewal that comes after the end does not bridge it"
        if gap:
            client.bad_at = self.now
        if sent.at >= client.heard and sent.at + LEASE_S > self.now:
            client.heard = sent.at
            client.good_until = sent.at + LEASE_S if sent.allowed else float("-inf")
            if not sent.allowed:
                client.bad_at = self.now
                assert client.state.safe

    def _permit(self, client: Client, command: str) -> None:
        self._tick(client)
        was, since = client.state.safe, client.state.since
        if client.state.refusal(command, self.now):
            return
        if was:
            issued = issued_at(command)
            assert issued is not None and issued > max(since, client.bad_at), "only a fresh command does that"
            assert self.now < client.good_until
        client.queue.append(command)

    @rule(written=st.booleans())
    def all_goes_well_for_a_moment(self, written: bool) -> None:
        """What most of a device's life is: leased, commanded, and perhaps the last setpoint waits for its turn."""
        if self.holder is None:
            self.client_tries_the_lock(0)
        self._write(self.client)
        self.owner_renews(0.0, 1)
        self.owner_sets(0.0, "fresh")
        if written:
            self._write(self.client)

    @rule(back=BACK)
    def timer_rings(self, back: int) -> None:
        client = self.clients[-1 - back % len(self.clients)]
        if client.alive and not client.stopped:
            self._tick(client)

    @rule(back=BACK)
    def line_is_free(self, back: int) -> None:
        self._write(self.clients[-1 - back % len(self.clients)])

    def _tick(self, client: Client) -> None:
        if client.state.tick(self.now):
            self._safe(client)

    def _safe(self, client: Client) -> None:
        client.owed = True
        client.queue.clear()

    def _write(self, client: Client) -> None:
        """The next thing that waits in a client, when it has the lock and runs."""
        if self.holder is not client or client.stopped or not client.alive:
            return
        self._tick(client)  # as before every write: a process may have been stopped since it was permitted
        if client.owed:
            client.owed = False
            self.wire.append((client, ""))
        elif client.queue:
            command = client.queue.pop(0)
            owner = client.owner
            assert self.now < owner.renewed + LEASE_S, "a setpoint of a dead owner, after its lease"
            assert not client.state.safe
            self.wire.append((client, command))

    # --- what must always hold --------------------------------------------------------------------------------

    @invariant()
    def whoever_is_new_on_the_wire_begins_with_the_safe_values(self) -> None:
        for (before, _), (after, what) in zip(self.wire, self.wire[1:], strict=False):
            assert before is after or not what
        assert not self.wire or not self.wire[0][1]

    @invariant()
    def whoever_has_left_the_wire_never_comes_back(self) -> None:
        seen: list[Client] = []
        for writer, _ in self.wire:
            if not seen or seen[-1] is not writer:
                assert all(writer is not one for one in seen), "two write by turns"
                seen.append(writer)

    def teardown(self) -> None:
        """However it went: once everybody who lives may run, the device ends at its safe values."""
        self.owner.stopped = True
        self.now += LEASE_S
        last = self.client
        last.stopped = False
        for other in self.clients[:-1]:
            if self.holder is other:
                other.stopped = True
                other.owner.alive = False
        self.client_tries_the_lock(0)
        self.client_tries_the_lock(0)
        assert self.holder is last
        self._write(last)
        assert self.wire[-1] == (last, "") and not last.queue


TestOneDevice = OneDevice.TestCase
TestOneDevice.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
