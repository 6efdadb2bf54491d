"""One alarm is one table, state x event -> state (ISA-18.2 / IEC 62682): the table as data, and how a cell is read."""

from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias


class State(StrEnum):
    """What an operator sees of an alarm."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged_active"
    ACKNOWLEDGED = "acknowledged_active"
    RETURNED = "returned_unacknowledged"
    LATCHED = "latched"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out_of_service"


class Event(StrEnum):
    """What happens to an alarm."""

    RAISE = "raise"
    RETURN = "return"
    ACKNOWLEDGE = "acknowledge"
    CLEAR = "clear"
    REALARM = "realarm"
    """It has stood acknowledged for too long."""
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    SHELF_ENDS = "shelf_ends"
    SUPPRESS = "suppress"
    UNSUPPRESS = "unsuppress"
    OUT_OF_SERVICE = "out_of_service"
    IN_SERVICE = "in_service"


LONGEST_SHELVING_MIN: Final = 7 * 24 * 60
"""A shelf always ends, and in sight: what is to be away for longer than a week is out of service."""


class Fork(Enum):
    """A cell that depends on what the alarm is, see `after`."""

    SETTLE = "settle"
    """It has returned and an operator knows of it: latched when it must be cleared, else normal."""
    RESUME = "resume"
    """Nobody hides it any more: it stands where its condition puts it, and nobody has acknowledged that."""


Cell: TypeAlias = State | Fork

_N, _U, _A, _R, _L = State.NORMAL, State.UNACKNOWLEDGED, State.ACKNOWLEDGED, State.RETURNED, State.LATCHED
_S, _D, _O = State.SHELVED, State.SUPPRESSED, State.OUT_OF_SERVICE
_SETTLE, _RESUME = Fork.SETTLE, Fork.RESUME

# A cell that repeats the state of its column says that the event changes nothing there. A clear ends no alarm
# that is still active, but who orders it has seen the alarm: it is gone as soon as it returns.
_ROWS: Final[tuple[tuple[Event, tuple[Cell, ...]], ...]] = (
    #                        normal unack.  ack.     returned latched shelved  suppr.   out of service
    (Event.RAISE,            (_U,   _U,     _A,      _U,      _U,     _S,      _D,      _O)),
    (Event.RETURN,           (_N,   _R,     _SETTLE, _R,      _L,     _S,      _D,      _O)),
    (Event.ACKNOWLEDGE,      (_N,   _A,     _A,      _SETTLE, _L,     _S,      _D,      _O)),
    (Event.CLEAR,            (_N,   _A,     _A,      _N,      _N,     _S,      _D,      _O)),
    (Event.REALARM,          (_N,   _U,     _U,      _R,      _L,     _S,      _D,      _O)),
    (Event.SHELVE,           (_S,   _S,     _S,      _S,      _S,     _S,      _S,      _O)),
    (Event.UNSHELVE,         (_N,   _U,     _A,      _R,      _L,     _RESUME, _D,      _O)),
    (Event.SHELF_ENDS,       (_N,   _U,     _A,      _R,      _L,     _RESUME, _D,      _O)),
    (Event.SUPPRESS,         (_D,   _D,     _D,      _D,      _D,     _S,      _D,      _O)),
    (Event.UNSUPPRESS,       (_N,   _U,     _A,      _R,      _L,     _S,      _RESUME, _O)),
    (Event.OUT_OF_SERVICE,   (_O,   _O,     _O,      _O,      _O,     _O,      _O,      _O)),
    (Event.IN_SERVICE,       (_N,   _U,     _A,      _R,      _L,     _S,      _D,      _RESUME)),
)  # fmt: skip

TABLE: Final = MappingProxyType(
    {(state, event): cell for event, row in _ROWS for state, cell in zip(State, row, strict=True)}
)

HIDDEN: Final = frozenset({State.SHELVED, State.SUPPRESSED, State.OUT_OF_SERVICE})
"""Listed apart: nobody is to be called for them."""
STANDING: Final = frozenset({State.UNACKNOWLEDGED, State.ACKNOWLEDGED})


def after(state: State, event: Event, *, active: bool, owed: bool, suppressed: bool) -> State:
    """The next state. All as it is with the event: `active` = the condition holds, `owed` = it latches and has
    been raised since the last clear, `suppressed` = its design suppresses it now."""
    cell = TABLE[state, event]
    if cell is Fork.SETTLE:
        return State.LATCHED if owed else State.NORMAL
    if cell is Fork.RESUME:
        if suppressed:
            return State.SUPPRESSED
        if active:
            return State.UNACKNOWLEDGED
        return State.RETURNED if owed else State.NORMAL
    assert isinstance(cell, State)
    return cell
