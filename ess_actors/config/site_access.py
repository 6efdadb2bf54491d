"""`access` in site.json: what it means, and what is wrong or risky about it."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ess_actors.config.documents import Source, child
from ess_actors.config.site_schema import AccessShape, SiteShape
from ess_actors.core.findings import Finding, Severity
from ess_actors.core.roles import Role, role_of
from ess_actors.core.site_access import SiteAccess, is_loopback

_PLACE: Final = child("$", "access")


def access_of(folder: Path, shape: AccessShape | None) -> SiteAccess:
    """What the shape says, its files absolute."""
    if shape is None:
        return SiteAccess()
    return SiteAccess(
        loopback=role_of(shape.loopback) if shape.loopback else Role.ANYBODY,
        socket_path=shape.socket.path if shape.socket else "",
        socket_role=role_of(shape.socket.role) if shape.socket else Role.ANYBODY,
        certificate=str((folder / shape.tls.certificate).absolute()) if shape.tls else "",
        key=str((folder / shape.tls.key).absolute()) if shape.tls else "",
        metrics_login=shape.metrics == "login",
    )


def check_access(site: Source, shape: SiteShape) -> Iterator[Finding]:
    """Certificates that cannot be used, an API in clear text, and nobody having said who gets in."""
    host, access = shape.api.host, shape.access
    if not is_loopback(host) and (access is None or access.tls is None):
        text = f"the operator API listens on {host} without TLS: passwords and tokens travel in clear text"
        hint = "name a certificate and its key in access.tls, or use 127.0.0.1"
        yield site.finding(Severity.WARNING, "api-open", child("$", "api", "host"), text, hint)
    if access is None:
        text = "nothing is said about access: everybody must log in, also on this host"
        hint = (
            "the first start prints the password of the user engineer once; or let this host in with "
            '"access": {"loopback": "engineer"}'
        )
        yield site.finding(Severity.NOTE, "access-login", "$", text, hint)
        return
    if access.tls is not None:
        yield from _tls(site, access_of(Path(site.file).parent, access))
    if access.socket is not None and not Path(access.socket.path).parent.is_dir():
        text = f"the folder of the socket {access.socket.path} does not exist"
        hint = "create it; whoever may enter it gets in without a login"
        yield site.finding(Severity.WARNING, "socket-folder", child(_PLACE, "socket", "path"), text, hint)


def _tls(site: Source, access: SiteAccess) -> Iterator[Finding]:
    missing = False
    for member, file in (("certificate", access.certificate), ("key", access.key)):
        try:
            with Path(file).open("rb") as opened:
                opened.read(1)
        except OSError as problem:
            missing = True
            text = f"the {member} {file} cannot be read: {problem.strerror}"
            hint = "correct its name, or give the user of the site the right to read it"
            yield site.finding(Severity.FATAL, "tls-file", child(_PLACE, "tls", member), text, hint)
    if missing:
        return
    try:
        # An empty password: a key that needs one would otherwise ask for it on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(access.certificate, access.key, "")
    except (ssl.SSLError, OSError, ValueError) as problem:
        text = f"certificate and key do not work together: {problem}"
        hint = "name a PEM certificate (with its chain) and its own key without a password"
        yield site.finding(Severity.FATAL, "tls-file", child(_PLACE, "tls"), text, hint)
