"""The TLS line against openssl itself, and with files that are missing or wrong."""

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.modbus.certificates import Certificates, make_certificates
from tests.modbus.modbus_link_bench import Run, both_loops, read, right
from tests.modbus.modbus_peers import honest, request_frame, until, words_pdu
from tests.modbus.tls_peers import (
    openssl_server,
    own_files,
    server_context,
    tls_device,
    tls_link,
)

pytestmark = both_loops


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


class TestOpenssl:
    @pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
    def test_answers_through_it(self, run: Run, certificates: Certificates, version: str) -> None:
        async def body() -> None:
            async with (
                openssl_server(certificates, certificates.ca, version) as (port, process),
                tls_link(port, own_files(certificates), transfer_timeout_s=10.0) as watched,
            ):
                assert process.stdin is not None
                assert process.stdout is not None
                await watched.link.wait_connected(5)
                for address in (10, 20):
                    asked = asyncio.create_task(watched.link.request(read(address)))
                    head = await process.stdout.readexactly(12)
                    transaction = int.from_bytes(head[:2], "big")
                    words = range(address, address + 4)
                    process.stdin.write(request_frame(transaction, 1, words_pdu(3, *words)))
                    assert (await asked).payload == right(address)

        run(body())

    @pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
    def test_says_why_it_refuses_our_certificate(
        self, run: Run, certificates: Certificates, version: str
    ) -> None:
        async def body() -> None:
            async with (
                openssl_server(certificates, certificates.other_ca, version) as (port, _),
                tls_link(port, own_files(certificates)) as watched,
            ):
                await until(lambda: watched.link.counters.failed_connects >= 2, what="two attempts")
                assert [up for up, _ in watched.states] == [False]
                assert "alert unknown ca" in watched.reason
                assert certificates.client_cert in watched.reason

        run(body())


def encrypted(certificates: Certificates, folder: Path) -> str:
    path = str(folder / "locked.key")
    done = subprocess.run(
        ("openssl", "ec", "-in", certificates.client_key, "-aes128", "-passout", "pass:secret", "-out", path),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return path


def garbage(folder: Path) -> str:
    (folder / "garbage.pem").write_text("no certificate\n")
    return str(folder / "garbage.pem")


class TestFiles:
    @pytest.mark.parametrize(
        ("key", "file", "words"),
        [
            ("certificate", lambda c, f: str(f / "none.pem"), ("certificate", "No such file")),
            ("key", lambda c, f: str(f / "none.key"), ("key", "No such file")),
            ("authorities", lambda c, f: str(f / "none.pem"), ("authorities", "No such file")),
            ("authorities", lambda c, f: str(f), ("authorities", "Is a directory")),
            ("authorities", lambda c, f: garbage(f), ("authorities", "no certificate in it")),
            ("certificate", lambda c, f: garbage(f), ("certificate", "and key")),
            ("key", lambda c, f: garbage(f), ("certificate", "and key")),
            ("key", lambda c, f: c.other_key, ("key values mismatch",)),
            ("key", encrypted, ("certificate", "and key", "locked.key")),
        ],
    )
    def test_what_is_wrong_is_named_and_tried_again(
        self,
        run: Run,
        certificates: Certificates,
        tmp_path: Path,
        key: str,
        file: Callable[[Certificates, Path], str],
        words: tuple[str, ...],
    ) -> None:
        async def body() -> None:
            tls = replace(own_files(certificates), **{key: file(certificates, tmp_path)})
            async with tls_link(1, tls) as watched:
                await until(lambda: watched.link.counters.failed_connects >= 2, what="two attempts")
                assert [up for up, _ in watched.states] == [False]
                assert all(word in watched.reason for word in words), watched.reason
                assert (await watched.link.request(read())).error == "not_connected"

        run(body())

    def test_a_file_that_comes_later_is_used(
        self, run: Run, certificates: Certificates, tmp_path: Path
    ) -> None:
        later = tmp_path / "later.pem"
        tls = replace(own_files(certificates), certificate=str(later))

        async def body() -> None:
            async with (
                tls_device(honest, server_context(certificates)) as peer,
                tls_link(peer.port, tls, reconnect_max_s=0.05) as watched,
            ):
                await until(lambda: watched.states, what="a complaint")
                shutil.copy(certificates.client_cert, later)
                assert await watched.link.wait_connected(5)
                assert (await watched.link.request(read())).payload == right()
                assert [up for up, _ in watched.states] == [False, True]

        run(body())
        later.unlink()
