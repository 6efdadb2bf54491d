"""A scripted Modbus device behind TLS, made of Python's own ssl, and a link to it."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from ess_actors.core.points import Endpoint, Tls
from ess_actors.modbus.tls_link import TlsLink
from tests.modbus.certificates import Certificates
from tests.modbus.modbus_peers import Call, Device, until

Script = Callable[[Call], Awaitable[None]]


def server_context(
    certificates: Certificates, *, authorities: str = "", own: tuple[str, str] | None = None
) -> ssl.SSLContext:
    """Mutual: a client without a certificate signed by `authorities` is refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*(own or (certificates.server_cert, certificates.server_key)))
    context.load_verify_locations(authorities or certificates.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def own_files(certificates: Certificates) -> Tls:
    """What a well configured client has."""
    return Tls(certificate=certificates.client_cert, key=certificates.client_key, authorities=certificates.ca)


@asynccontextmanager
async def tls_device(script: Script, context: ssl.SSLContext) -> AsyncIterator[Device]:
    """A running Device; everything of it is closed at the end."""
    peer = Device(script)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=context)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        peer.hang_up()
        await asyncio.sleep(0)


class Watched:
    """A link and all it said of its state."""

    def __init__(self, port: int, tls: Tls, **settings: Any) -> None:
        quick = {"transfer_timeout_s": 0.3, "connect_timeout_s": 5.0, "reconnect_min_s": 0.02}
        self.endpoint = Endpoint(name="device", host="127.0.0.1", port=port, tls=tls, **{**quick, **settings})
        self.states: list[tuple[bool, str]] = []
        self.link = TlsLink(self.endpoint, on_state=lambda up, why: self.states.append((up, why)))

    @property
    def reason(self) -> str:
        """Of the last loss."""
        return self.states[-1][1]


@asynccontextmanager
async def tls_link(port: int, tls: Tls, **settings: Any) -> AsyncIterator[Watched]:
    """A started link; it is stopped at the end."""
    watched = Watched(port, tls, **settings)
    watched.link.start()
    try:
        yield watched
    finally:
        await watched.link.stop()


@asynccontextmanager
async def tls_linked(
    script: Script, certificates: Certificates, **changes: Any
) -> AsyncIterator[tuple[Watched, Device]]:
    """A link and a device that trust each other."""
    context = changes.pop("context", None) or server_context(certificates)
    tls = replace(own_files(certificates), **changes.pop("tls", {}))
    async with tls_device(script, context) as peer, tls_link(peer.port, tls, **changes) as watched:
        yield watched, peer


def expired_server(certificates: Certificates, folder: Path) -> tuple[str, str]:
    """Certificate and key of a device whose time ran out yesterday."""
    ca_key = str(Path(certificates.ca).with_suffix(".key"))
    key, request, certificate = (str(folder / f"expired.{kind}") for kind in ("key", "csr", "pem"))
    extensions = folder / "expired.ext"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for arguments in (
        f"req -new -newkey rsa:2048 -nodes -keyout {key} -out {request} -subj /CN=expired",
        f"x509 -req -in {request} -CA {certificates.ca} -CAkey {ca_key} -set_serial 77 -days -1 "
        f"-extfile {extensions} -out {certificate}",
    ):
        done = subprocess.run(("openssl", *arguments.split()), capture_output=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
    return certificate, key


@asynccontextmanager
async def openssl_server(
    certificates: Certificates, authorities: str, version: str
) -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    """Port and process of an `openssl s_server` that wants a certificate signed by `authorities`.

    What a client sends comes out of the process, what goes into it is sent to the client.
    """
    process = await asyncio.create_subprocess_exec(
        "openssl", "s_server", "-accept", "127.0.0.1:0", "-quiet", version,
        "-cert", certificates.server_cert, "-key", certificates.server_key,
        "-CAfile", authorities, "-Verify", "1", "-verify_return_error",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        sockets = psutil.Process(process.pid).net_connections
        await until(lambda: any(one.status == "LISTEN" for one in sockets()), 10, "a listening openssl")
        yield next(one.laddr.port for one in sockets() if one.status == "LISTEN"), process
    finally:
        process.kill()
        await process.communicate()
