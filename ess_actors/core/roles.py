"""Who may do what: the roles in their order, and the one that a message of the bus needs."""

from enum import IntEnum
from typing import Final

from ess_actors.core.uri import clean, covers


class Role(IntEnum):
    """A higher one may do whatever a lower one may."""

    ANYBODY = 0
    """Nobody logged in: what is needed for nothing but to find out that one must log in, and whether it runs."""
    VIEWER = 1
    OPERATOR = 2
    ENGINEER = 3

    @property
    def word(self) -> str:
        """As files, answers and the command line spell it."""
        return self.name.lower()


ROLE_WORDS: Final = tuple(role.word for role in Role if role is not Role.ANYBODY)
"""What a user or a token can be given."""

_OPERATED: Final = "/site"
"""The site controller's side of the plant: what is below it is there to be commanded while it runs."""
_CLEAR: Final = "clear_faults"


def role_of(word: str) -> Role:
    """The role of one of ROLE_WORDS. Raises ValueError that names them."""
    if word not in ROLE_WORDS:
        raise ValueError(f"{word!r} is no role; use one of {', '.join(ROLE_WORDS)}")
    return Role[word.upper()]


def role_for_message(method: str, uri: str, replyto: str = "") -> Role:
    """What sending this message needs. An answer is a `set` of `replyto` with whatever the asked one has to say."""
    if replyto:
        return Role.ENGINEER
    return Role.VIEWER if method == "get" else _role_for_write(method, clean(uri))


def is_plain(body: object) -> bool:
    """Whether a body written to a place says values only: X, {"value": X}, {name: X} or {name: {"value": X}}.

    Any other member is a param, an option or an action; who may set actions may write anything through them.
    """
    members = body.items() if isinstance(body, dict) else [("value", body)]
    return all(
        "@" not in name
        and (
            set(value) == {"value"} and _single(value["value"]) if isinstance(value, dict) else _single(value)
        )
        for name, value in members
    )


def _single(value: object) -> bool:
    return not isinstance(value, dict | list)


def _role_for_write(method: str, uri: str) -> Role:
    if method in ("set", "pub") and (covers(_OPERATED, uri) or _clears(uri)):
        return Role.OPERATOR
    return Role.ENGINEER


def _clears(uri: str) -> bool:
    """`/<instance>/faults/<asset>/clear_faults` or `/faults/<asset>:clear_faults`."""
    parts = uri.replace(":", "/").strip("/").split("/")
    return parts[-1] == _CLEAR and len(parts) in (3, 4) and parts[-3] == "faults"
