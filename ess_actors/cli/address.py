"""Where the operator API is: HOST:PORT, from an option or from ESS_ACTORS_API. Imports nothing that costs time."""

import os

from ess_actors.core.errors import RequestError

DEFAULT_ADDRESS = "127.0.0.1:8300"
ADDRESS_VARIABLE = "ESS_ACTORS_API"


class Address(tuple[str, int]):
    """Where the operator API listens: (host, port)."""

    __slots__ = ()

    def __new__(cls, host: str, port: int) -> "Address":
        return super().__new__(cls, (host, port))

    def __getnewargs__(self) -> tuple[str, int]:
        return self[0], self[1]

    @property
    def host(self) -> str:
        """A name, or an address without brackets."""
        return self[0]

    @property
    def port(self) -> int:
        """1 to 65535."""
        return self[1]

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """`HOST:PORT`, `[v6]:PORT`, also behind `http://`. Raises ValueError with what is wrong with it."""
    host, colon, port = text.removeprefix("http://").rstrip("/").rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is no HOST:PORT such as {DEFAULT_ADDRESS}")
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


def address_from_environment() -> Address:
    """What ESS_ACTORS_API says, else the default. Raises RequestError when it is no address."""
    try:
        return parse_address(os.environ.get(ADDRESS_VARIABLE) or DEFAULT_ADDRESS)
    except ValueError as error:
        raise RequestError("bad_address", f"{ADDRESS_VARIABLE}: {error}") from None
