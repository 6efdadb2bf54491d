"""Passwords: made into argon2id hashes and compared with them; slow and hungry on purpose, so one at a time."""

import secrets
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST: Final = 10
MOST: Final = 256
"""Characters of a password."""

# One lane: a login may take one processor for a tenth of a second, never both of a small host.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=64 * 1024, parallelism=1)


def hash_of(password: str) -> str:
    """The hash to keep. Takes about 0.1 s."""
    return _HASHER.hash(password)


def fits(password: str, kept: str) -> bool:
    """Whether this is the password of a kept hash. Takes as long as `hash_of`."""
    try:
        return _HASHER.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


def fits_nobody(password: str) -> bool:
    """False, in the time that `fits` takes: how long an answer takes must not tell which users there are."""
    _HASHER.hash(password)
    return False


def random_password() -> str:
    """One that nobody guesses (100 bits), in four groups for those who copy it by hand."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def problem_of(password: object) -> str:
    """What is wrong with a new password, and what to do; empty when nothing is."""
    if not isinstance(password, str) or not LEAST <= len(password) <= MOST:
        return f"a password is a text of {LEAST} to {MOST} characters; choose a longer one, or a shorter"
    if len(set(password)) < 4:
        return "the password is made of hardly any different characters; choose another"
    return ""
