"""How far a value can be trusted, from the device's register to the site's total."""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Final


class Quality(IntEnum):
    """Ordered, so that `max` is the worst. A total of good and bad members is UNCERTAIN, see `of_total`."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2


EVERY_MEMBER: Final = "*"
"""The key of a `Marks` mapping that stands for every variable of the message's table."""

Marks = Mapping[str, int]
"""Variable name (or EVERY_MEMBER) -> Quality. What is not named is GOOD."""


def of_total(members: Iterable[Quality]) -> Quality:
    """Quality of a value computed from `members`: BAD only when nothing of it can be trusted."""
    seen = list(members)
    if not seen or all(q is Quality.GOOD for q in seen):
        return Quality.GOOD
    if all(q is Quality.BAD for q in seen):
        return Quality.BAD
    return Quality.UNCERTAIN
