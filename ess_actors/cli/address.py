"""Where the operator API is: HOST:PORT, from an option or from ESS_ACTORS_API. Imports nothing that costs time."""

import os

from ess_actors.core.errors import RequestError

DEFAULT_ADDRESS = "127.0.0.1:8300"
ADDRESS_VARIABLE = "ESS_ACTORS_API"


class Address(tuple[str, int]):
    """Where the operator API listens: (host, port), or (path, 0) for a local socket."""

    tls: bool

    def __new__(cls, host: str, port: int, tls: bool = False) -> "Address":
        made = super().__new__(cls, (host, port))
        made.tls = tls
        return made

    def __getnewargs__(self) -> tuple[str, int, bool]:
        return self[0], self[1], self.tls

    @property
    def host(self) -> str:
        """A name, or an address without brackets; the path of a local socket."""
        return self[0]

    @property
    def port(self) -> int:
        """1 to 65535; 0 for a local socket."""
        return self[1]

    @property
    def is_local(self) -> bool:
        """Whether it is a local socket."""
        return self.host.startswith("/")

    def __str__(self) -> str:
        if self.is_local:
            return f"unix:{self.host}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """`HOST:PORT`, `[v6]:PORT`, also behind `http://` or `https://`; `unix:/path`.

    Raises ValueError with what is wrong with it.
    """
    if text.startswith("unix:/"):
        return Address(text.removeprefix("unix:"), 0)
    tls = text.startswith("https://")
    host, colon, port = text.removeprefix("https://").removeprefix("http://").rstrip("/").rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is no HOST:PORT such as {DEFAULT_ADDRESS}")
    return Address(host.removeprefix("[").removesuffix("]"), int(port), tls)


def address_from_environment() -> Address:
    """What ESS_ACTORS_API says, else the default. Raises RequestError when it is no address."""
    try:
        return parse_address(os.environ.get(ADDRESS_VARIABLE) or DEFAULT_ADDRESS)
    except ValueError as error:
        raise RequestError("bad_address", f"{ADDRESS_VARIABLE}: {error}") from None
