"""Modbus over TLS: who has a certificate of the known authority is served; nobody else costs anything."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop

from ess_actors.core.points import Tls
from ess_actors.modbus.listener import Listener
from ess_actors.modbus.listener_places import MUTE_S
from tests.modbus.certificates import Certificates, make_certificates
from tests.modbus.modbus_peers import read_pdu, request_frame, until, words_pdu

ASK = request_frame(7, 1, read_pdu(3, 10, 2))
ANSWER = request_frame(7, 1, words_pdu(3, 10, 11))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


def own(certificates: Certificates) -> Tls:
    return Tls(certificate=certificates.server_cert, key=certificates.server_key, authorities=certificates.ca)


def dialling(certificates: Certificates, *, who: str = "client") -> ssl.SSLContext:
    """What a master dials with: its own certificate, a stranger's, or none."""
    context = ssl.create_default_context(cafile=certificates.ca)
    if who == "client":
        context.load_cert_chain(certificates.client_cert, certificates.client_key)
    elif who == "stranger":
        context.load_cert_chain(certificates.other_cert, certificates.other_key)
    return context


@asynccontextmanager
async def listening(tls: Tls, **limits: Any) -> AsyncIterator[Listener]:
    failures: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    listener = Listener("127.0.0.1", 0, lambda unit, pdu: words_pdu(3, 10, 11), tls=tls, **limits)
    await listener.start()
    try:
        yield listener
    finally:
        listener.stop()
        await until(lambda: not listener.sessions, what="no connection left")
        assert not failures, "in a site this would end the server"


async def served(port: int, context: ssl.SSLContext, *, pieces: int = 1) -> str:
    """The TLS version a master was served with. Raises what the master gets to see when it is not served."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        size = -(-len(ASK) // pieces)
        for start in range(0, len(ASK), size):
            writer.write(ASK[start : start + size])  # a TLS record of its own
            await writer.drain()
        assert await asyncio.wait_for(reader.readexactly(len(ANSWER)), 5.0) == ANSWER
        return str(writer.get_extra_info("ssl_object").version())
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("run", [uvloop.run, asyncio.run])
def test_a_master_with_a_certificate_is_served_with_1_2_and_1_3(run: Any, certificates: Certificates) -> None:
    async def body() -> None:
        async with listening(own(certificates)) as listener:
            context = dialling(certificates)
            assert await served(listener.port, context, pieces=5) == "TLSv1.3"
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            assert await served(listener.port, context) == "TLSv1.2"
            assert listener.counters.handshakes == 0

    run(body())


@pytest.mark.parametrize("run", [uvloop.run, asyncio.run])
@pytest.mark.parametrize("who", ["stranger", "nobody"])
def test_without_the_right_certificate_nobody_is_served(
    who: str, run: Any, certificates: Certificates
) -> None:
    async def body() -> None:
        async with listening(own(certificates), max_clients=1) as listener:
            for number in range(3):
                with pytest.raises((OSError, asyncio.IncompleteReadError)):
                    await served(listener.port, dialling(certificates, who=who))
                await until(lambda n=number: listener.counters.handshakes == n + 1, what="the refusal")
            assert listener.counters.requests == 0
            await served(listener.port, dialling(certificates))

    run(body())


@pytest.mark.parametrize("run", [uvloop.run, asyncio.run])
def test_what_is_no_tls_is_cut_off(run: Any, certificates: Certificates) -> None:
    async def body() -> None:
        async with listening(own(certificates)) as listener:
            for said in (ASK, b"GET / HTTP/1.1\r\n\r\n" * 50, bytes(range(256))):
                reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
                writer.write(said)
                try:
                    heard = await asyncio.wait_for(reader.read(), 5.0)
                except ConnectionError:
                    heard = b""
                assert ANSWER not in heard
                writer.close()
            await until(lambda: listener.counters.handshakes == 3, what="three refusals")
            await served(listener.port, dialling(certificates))

    run(body())


@pytest.mark.parametrize("run", [uvloop.run, asyncio.run])
def test_many_requests_in_a_few_records_are_all_answered(run: Any, certificates: Certificates) -> None:
    async def body() -> None:
        number = 20_000
        async with listening(own(certificates)) as listener:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", listener.port, ssl=dialling(certificates)
            )
            writer.write(ASK * number)
            assert await asyncio.wait_for(reader.readexactly(number * len(ANSWER)), 30.0) == ANSWER * number
            writer.transport.abort()

    run(body())


def test_a_version_below_1_2_is_refused(certificates: Certificates) -> None:
    async def body() -> None:
        async with listening(own(certificates)) as listener:
            done = await _s_client(listener.port, certificates, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
            assert done.returncode != 0 and ANSWER not in done.stdout
            await until(lambda: listener.counters.handshakes == 1, what="the refusal")

    uvloop.run(body())


def test_openssl_is_served(certificates: Certificates) -> None:
    async def body() -> None:
        async with listening(own(certificates)) as listener:
            done = await _s_client(listener.port, certificates)
            assert ANSWER in done.stdout, done.stderr

    uvloop.run(body())


async def _s_client(
    port: int, certificates: Certificates, *more: str
) -> "subprocess.CompletedProcess[bytes]":
    """openssl's own client asks once and leaves when it was answered, or refused."""
    process = await asyncio.create_subprocess_exec(
        "openssl", "s_client", "-quiet", "-no_ign_eof", "-verify_return_error",
        "-connect", f"127.0.0.1:{port}", "-CAfile", certificates.ca,
        "-cert", certificates.client_cert, "-key", certificates.client_key, *more,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin and process.stdout and process.stderr
    process.stdin.write(ASK)
    try:
        heard = await asyncio.wait_for(process.stdout.readexactly(len(ANSWER)), 10.0)
    except asyncio.IncompleteReadError as error:
        heard = error.partial
    process.stdin.close()
    said = await asyncio.wait_for(process.stderr.read(), 10.0)
    await asyncio.wait_for(process.wait(), 10.0)
    return subprocess.CompletedProcess((), process.returncode or 0, heard, said)


def test_a_handshake_that_gets_nowhere_keeps_nobody_out(certificates: Certificates) -> None:
    async def body() -> None:
        now = [100.0]
        async with listening(own(certificates), max_clients=2, clock=lambda: now[0]) as listener:
            stuck = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(2)]
            await until(lambda: len(listener.sessions) == 2, what="both at the door")
            with pytest.raises((OSError, asyncio.IncompleteReadError)):
                await served(listener.port, dialling(certificates))
            now[0] += MUTE_S
            await served(listener.port, dialling(certificates))
            assert (listener.counters.refused, listener.counters.evicted) == (1, 1)
            for _, writer in stuck:
                writer.close()

    uvloop.run(body())


def test_new_certificates_are_for_new_connections(certificates: Certificates, tmp_path: Path) -> None:
    async def body() -> None:
        async with listening(own(certificates)) as listener:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", listener.port, ssl=dialling(certificates)
            )
            newer = make_certificates(tmp_path)
            with pytest.raises(OSError, match="nowhere"):
                listener.renew_tls(replace(own(newer), key="/nowhere/server.key"))
            await served(listener.port, dialling(certificates))
            listener.renew_tls(own(newer))
            await served(listener.port, dialling(newer))
            with pytest.raises((OSError, asyncio.IncompleteReadError)):
                await served(listener.port, dialling(certificates))
            writer.write(ASK)
            assert await asyncio.wait_for(reader.readexactly(len(ANSWER)), 5.0) == ANSWER
            writer.transport.abort()

    uvloop.run(body())


@pytest.mark.parametrize("what", ["certificate", "key", "authorities"])
def test_a_file_that_is_missing_or_unfit_is_named(
    what: str, certificates: Certificates, tmp_path: Path
) -> None:
    async def start(tls: Tls) -> None:
        listener = Listener("127.0.0.1", 0, lambda unit, pdu: None, tls=tls)
        try:
            await listener.start()
        finally:
            assert not listener.listening

    missing = str(tmp_path / "missing.pem")
    with pytest.raises(OSError, match=rf"tls {what} '.*missing.pem' cannot be read: No such file"):
        uvloop.run(start(replace(own(certificates), **{what: missing})))
    unfit = tmp_path / "unfit.pem"
    unfit.write_text("no certificate\n")
    with pytest.raises(OSError, match=r"unfit.pem' do(es)? not serve|unfit.pem' and|unfit.pem' do not"):
        uvloop.run(start(replace(own(certificates), **{what: str(unfit)})))


def test_a_key_of_another_certificate_is_refused(certificates: Certificates) -> None:
    listener = Listener(
        "127.0.0.1",
        0,
        lambda unit, pdu: None,
        tls=replace(own(certificates), key=certificates.client_key),
    )
    with pytest.raises(OSError, match="do not serve: key values mismatch"):
        uvloop.run(listener.start())
