"""What a child is told at its start: it is there when its process begins, because a fork copies the parent's memory.

Documents and maps of hundreds of kilobytes need not be pickled, hashed, sent and unpickled while a plant waits for
its controller, and a child works while its parent still starts.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from thespian.actors import Actor

from ess_actors.core.control import Begin, Configure

_bequeathed: list[Configure] = []


@contextmanager
def bequeathed(configure: Configure) -> Iterator[None]:
    """Every process forked within this block begins with it."""
    _bequeathed.append(configure)
    try:
        yield
    finally:
        _bequeathed.clear()


def inherited() -> Configure | None:
    """What the parent left to this process, once; None when no supervising actor has started it."""
    if not _bequeathed:
        return None
    found = _bequeathed.pop()
    # The parent's objects are never garbage here: a collector that looked at them would copy their pages.
    gc.freeze()
    return found


class Heir(Actor):  # type: ignore[misc]
    """An actor whose first message comes from itself, when it inherited what it has to be."""

    def __init__(self) -> None:
        super().__init__()
        self._inherited = inherited()

    @property
    def _myRef(self) -> Any:
        """Thespian's side of this actor (a name of Thespian 4.0.1, pinned)."""
        return self._thespian

    @_myRef.setter
    def _myRef(self, side: Any) -> None:
        """Set once, and from then on the actor can send: what it inherited it need not wait for."""
        self._thespian = side
        if self._inherited is not None:
            self.send(self.myAddress, Begin())

    def take(self) -> tuple[Configure, Any] | None:
        """What it inherited and the address of its parent; the second time there is nothing."""
        told, self._inherited = self._inherited, None
        return None if told is None else (told, self._thespian._parentAddr)

    def create(self, kind: type[Actor], told: Configure) -> tuple[Any, Any]:
        """A new actor that inherits what it is told: its address as long as it has not spoken, and multiprocessing's
        handle of its process; None when the system has no room for one, of which Thespian says nothing."""
        before = [one.childProc for one in self._children_of_thespian()]
        with bequeathed(told):
            address = self.createActor(kind)
        born = [one.childProc for one in self._children_of_thespian()]
        return address, next((one for one in born if not any(one is other for other in before)), None)

    def _children_of_thespian(self) -> list[Any]:
        # A name of Thespian 4.0.1 (pinned): the only way to a pid before the child speaks.
        return list(getattr(self._myRef, "_child_procs", ()))
