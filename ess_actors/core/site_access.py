"""How a site lets people and programs in: what needs no login, its certificate, its local socket."""

from dataclasses import dataclass
from ipaddress import ip_address

from ess_actors.core.roles import Role


@dataclass(frozen=True, slots=True)
class SiteAccess:
    """As `access` in site.json says; without it everybody must log in."""

    loopback: Role = Role.ANYBODY
    """Of whoever connects from this host; ANYBODY = must log in as all others."""
    socket_path: str = ""
    """A local socket whose file rights decide who may connect; empty = none."""
    socket_role: Role = Role.ANYBODY
    certificate: str = ""
    """PEM files, absolute; both or none."""
    key: str = ""
    metrics_login: bool = False
    """/metrics needs a viewer too."""

    @property
    def scheme(self) -> str:
        """http or https."""
        return "https" if self.certificate else "http"

    def needs_login(self, host: str) -> bool:
        """Whether an API that listens on `host` is of no use, or of less, to whoever cannot log in."""
        return self.loopback is not Role.ENGINEER or not is_loopback(host)


def is_loopback(host: str) -> bool:
    """Whether an address, or localhost, is on this very host only."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return bool(mapped.is_loopback if mapped is not None else address.is_loopback)
