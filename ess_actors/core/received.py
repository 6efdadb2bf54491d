"""What sender and command id of a message mean to its receiver: whose reading it is, and whether it was taken."""

from typing import Final

from ess_actors.core.messages import SITE_WIDE_ACTORS, Message

REMEMBERED: Final = 256
"""How many commands are known as taken."""


def reading_of(message: Message) -> str:
    """Actor id that stands for the values of this message: when it is lost they are BAD. Empty for an order.

    Readings are published, or set by an instance. What an operator, a site server or a command set once stays
    good whoever restarts.
    """
    sender = message.sender
    if message.method == "pub":
        return sender
    ordered = "/" in sender or sender in SITE_WIDE_ACTORS or message.command
    return "" if ordered else sender


class Taken:
    """The commands that were done already; a repeated one is answered, not done again."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}

    def before(self, message: Message) -> str | None:
        """The member that the command set ("" = a whole table) when it was done already, else None."""
        return self._names.get((message.command, message.uri)) if _once(message) else None

    def keep(self, message: Message, name: str) -> None:
        """Remember that it is done."""
        if _once(message):
            while len(self._names) >= REMEMBERED:
                del self._names[next(iter(self._names))]
            self._names[message.command, message.uri] = name


def _once(message: Message) -> bool:
    """Whether it comes straight from who gives the order: what follows from a command may repeat itself."""
    return message.method == "set" and message.hops == 0 and message.command != ""
