"""What the command line shows to get in: ESS_ACTORS_TOKEN, else the token that `login` kept. Imports nothing slow."""

import os

from ess_actors.cli.address import Address
from ess_actors.core.errors import RequestError

TOKEN_VARIABLE = "ESS_ACTORS_TOKEN"  # noqa: S105
_MOST = 512


def token_for(address: Address) -> str:
    """The token for a site; empty when there is none. One that was kept for a site is shown to no other.

    Raises RequestError when it cannot be one.
    """
    given = os.environ.get(TOKEN_VARIABLE, "").strip()
    token = given or _kept(address)
    if not token.isascii() or not token.isprintable() or " " in token:
        source = TOKEN_VARIABLE if given else file_for(address)
        raise RequestError("bad_token", f"{source}: this is no token; log in again, or have one made")
    return token


def file_for(address: Address) -> str:
    """Where the token of a site is kept."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111  (an import)
    name = "".join(c if c.isalnum() or c in ".-" else "_" for c in str(address))
    return f"{base}/ess_actors/tokens/{name}"


def keep(address: Address, token: str) -> str:
    """Keep it for its owner alone; the file. Raises OSError."""
    file = file_for(address)
    os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
    forget(address)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        os.write(descriptor, token.encode())
    finally:
        os.close(descriptor)
    return file


def forget(address: Address) -> bool:
    """False when none was kept."""
    try:
        os.unlink(file_for(address))  # noqa: PTH108
    except FileNotFoundError:
        return False
    return True


def _kept(address: Address) -> str:
    try:
        descriptor = os.open(file_for(address), os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return ""
    try:
        return os.read(descriptor, _MOST).decode("ascii", "replace").strip()
    finally:
        os.close(descriptor)
