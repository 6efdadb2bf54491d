"""The safe state: it begins whenever the lease does not hold, and nothing but a fresh command ends it."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ess_actors.core.safe_state import (
    EMERGENCY_STOP,
    LEASE,
    SITE_SILENT,
    START,
    STOP,
    SafeState,
    issued_at,
    stamped,
)

LEASE_S = 1.0


def commanded(now: float = 10.0) -> SafeState:
    """A device that was leased at `now` and commanded a moment later."""
    state = SafeState(LEASE_S, now - 1)
    assert state.renew(now, now, allowed=True) is None
    assert not state.refusal(stamped("c", now + 0.01), now + 0.02)
    assert not state.safe
    return state


def test_a_process_that_has_just_begun_holds_and_needs_a_lease_and_a_new_command() -> None:
    state = SafeState(LEASE_S, 10.0)
    assert state.safe and state.reason == START
    assert "does not lease" in state.refusal(stamped("c", 10.5), 10.6)
    state.renew(11.0, 11.0, allowed=True)
    assert "new command" in state.refusal(stamped("c", 10.5), 11.1), "issued before anybody leased it"
    assert "new command" in state.refusal("", 11.1)
    assert "new command" in state.refusal("web-7", 11.1), "an id that tells no time"
    assert state.refusal(stamped("web-8", 11.2), 11.3) == ""
    assert not state.safe


def test_a_lease_that_runs_out_is_seen_at_its_end_and_not_before() -> None:
    state = commanded(10.0)
    assert state.runs_out == 11.0
    assert state.tick(10.999) is None
    entered = state.tick(11.0)
    assert entered is not None and entered.reason == LEASE and not entered.before
    assert state.tick(12.0) is None and state.runs_out is None


def test_a_renewal_that_waited_in_a_mailbox_renews_nothing() -> None:
    state = commanded(10.0)
    entered = state.renew(10.5, 12.0, allowed=True)
    assert entered is not None and entered.reason == LEASE
    assert state.runs_out is None, "what waited 1.5 s is over"
    assert state.renew(11.5, 12.1, allowed=True) is None
    assert state.refusal(stamped("c", 12.05), 12.2), "a command from before the lease was renewed again"
    assert not state.refusal(stamped("d", 12.15), 12.3)


def test_an_emergency_stop_takes_the_place_of_every_other_reason_and_nothing_leaves_while_it_stands() -> None:
    state = commanded(10.0)
    state.tick(11.0)
    entered = state.renew(11.1, 11.1, allowed=False, reason=EMERGENCY_STOP)
    assert entered is not None and (entered.reason, entered.before) == (EMERGENCY_STOP, LEASE)
    assert state.refusal(stamped("c", 11.2), 11.3)
    assert state.renew(11.4, 11.4, allowed=False, reason=EMERGENCY_STOP) is None
    state.renew(11.5, 11.5, allowed=True)
    assert state.refusal(stamped("c", 11.35), 11.6), "issued while it stood"
    assert state.safe and state.reason == EMERGENCY_STOP
    assert not state.refusal(stamped("c", 11.7), 11.8)


def test_the_end_of_the_process_is_a_reason_of_its_own() -> None:
    state = commanded()
    entered = state.end(10.5)
    assert entered is not None and entered.reason == STOP
    assert state.refusal(stamped("c", 10.6), 10.7)


def test_ids_tell_when_they_were_issued() -> None:
    assert issued_at(stamped("ess_1/site-5f-1", 12.25)) == 12.25
    assert issued_at(stamped("a@b", 3.0)) == 3.0
    for odd in ("", "x", "x@", "x@y", "x@nan", "x@inf", "@"):
        assert issued_at(odd) is None


@given(st.floats(0, 1e9), st.text(max_size=10))
def test_an_issue_time_survives_in_the_id(now: float, name: str) -> None:
    told = issued_at(stamped(name, now))
    assert told is not None and abs(told - now) < 1e-6


class Interleavings(RuleBasedStateMachine):
    """Renewals, refusals of the owner, time and commands in any order, against what must always hold."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.state = SafeState(LEASE_S, self.now)
        self.sent: list[tuple[float, bool]] = []
        """Renewals on their way: when they left and whether they allow."""
        self.issued: list[str] = []
        self.good_until = float("-inf")
        """Latest end of a lease whose renewal was let in and allowed."""
        self.bad_at = self.now
        """Last time at which the device was not to be commanded."""
        self.used: set[str] = set()

    @rule(step=st.sampled_from([0.01, 0.2, 0.5, 0.99, 1.0, 3.0]), looked=st.booleans())
    def time(self, step: float, looked: bool) -> None:
        self.now += step
        if self.now >= self.good_until:
            self.bad_at = self.now
        if looked:
            self.state.tick(self.now)

    @rule(allowed=st.booleans())
    def owner_sends(self, allowed: bool) -> None:
        self.sent.append((self.now, allowed))

    @rule()
    def renewal_arrives(self) -> None:
        if not self.sent:
            return
        at, allowed = self.sent.pop(0)
        self.state.renew(at, self.now, allowed=allowed, reason="" if allowed else SITE_SILENT)
        if self.now >= self.good_until:
            self.bad_at = self.now
        if at + LEASE_S > self.now:
            self.good_until = at + LEASE_S if allowed else float("-inf")
            if not allowed:
                self.bad_at = self.now

    @rule(told=st.booleans())
    def command_issued(self, told: bool) -> None:
        name = f"c{len(self.issued)}"
        self.issued.append(stamped(name, self.now) if told else name)

    @rule(data=st.data())
    def command_arrives(self, data: st.DataObject) -> None:
        if not self.issued:
            return
        command = data.draw(st.sampled_from(self.issued))
        self.state.tick(self.now)
        was = self.state.safe
        refused = self.state.refusal(command, self.now)
        if was and not refused:
            issued = issued_at(command)
            assert issued is not None and issued > self.bad_at
            assert self.now < self.good_until
            assert command not in self.used, "one command ends one safe state"
            self.used.add(command)

    @rule(at=st.integers(0, 3))
    def restarted(self, at: int) -> None:
        """The client process died; the new one knows nothing."""
        if at == 0:
            self.state = SafeState(LEASE_S, self.now)
            self.good_until, self.bad_at = float("-inf"), self.now
            self.sent.clear()

    @invariant()
    def nobody_commands_without_a_lease(self) -> None:
        if not self.state.safe and self.now >= self.good_until:
            entered = self.state.tick(self.now)
            assert entered is not None and self.state.safe


TestInterleavings = Interleavings.TestCase
