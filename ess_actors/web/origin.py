"""Where a request comes from: its address, and whether a web page of somebody else made a browser send it."""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request

from ess_actors.core.site_access import is_loopback
from ess_actors.web.answers import Refusal

SOCKET_MARK: Final = "ess_actors.socket"
"""In the scope of what came over the local socket."""
_PASSED_ON: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""Whoever sends these speaks for somebody else, whose address nobody can vouch for."""
_READS: Final = frozenset({"GET", "HEAD"})


def path_of(request: Request) -> str:
    """The path, cut. Not from `request.url`: that is made of the Host header, which may be anything."""
    return str(request.scope["path"])[:200]


def origin_of(request: Request) -> str:
    """The address of the connection; headers that claim another one are not believed."""
    if SOCKET_MARK in request.scope:
        return "socket"
    return request.client.host if request.client else ""


def neighbourhood(origin: str) -> str:
    """What one sender is taken for: an IPv4 address, or the 64 bits of IPv6 that a host may vary the rest of."""
    try:
        address = ipaddress.ip_address(origin.partition("%")[0])
    except ValueError:
        return origin
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def is_neighbour(request: Request) -> bool:
    """Whether a program of this host sent it for itself."""
    origin = origin_of(request)
    return is_loopback(origin) and not any(name in request.headers for name in _PASSED_ON)


def check_page(request: Request) -> None:
    """Raises Refusal 403 for what a web page of somebody else makes a browser send.

    Programs send neither header. A page's browser sends them; only what a person opens may come from elsewhere.
    """
    site = request.headers.get("sec-fetch-site", "none")
    opened = request.headers.get("sec-fetch-mode") == "navigate" and request.method in _READS
    if site not in ("none", "same-origin") and not opened:
        raise foreign("a page of another site may not ask here; open this server's own page")
    origin = request.headers.get("origin")
    if origin is None or request.method in _READS:
        return
    scheme, _, netloc = origin.partition("://")
    if netloc != request.headers.get("host", "") or scheme not in ("http", "https"):
        raise foreign("a page of another site may not send this; use the command line, or this server's page")


def check_host(request: Request, own: frozenset[str]) -> None:
    """Raises Refusal 403 for a request that is to be trusted for its address, but calls this host by a name.

    Any name can be made to point here, and a page under that name would then be at home.
    """
    host = _host(request.headers.get("host", ""))
    if host != "localhost" and host not in own and not _is_address(host):
        raise foreign("call this server by its address: a name can be made to point here")


def _host(text: str) -> str:
    """Without its port; empty when it is malformed."""
    try:
        return urlsplit(f"//{text}").hostname or ""
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def foreign(text: str) -> Refusal:
    """For what a page elsewhere may have sent."""
    return Refusal(403, "foreign_origin", text)
