"""The TLS line: certificates of both ends, and answers that come in any number of records."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from ess_actors.core.transaction import Request
from tests.modbus.certificates import Certificates, make_certificates
from tests.modbus.modbus_link_bench import Run, both_loops, read, right
from tests.modbus.modbus_peers import Call, honest, until, words_pdu
from tests.modbus.tls_peers import (
    expired_server,
    own_files,
    server_context,
    tls_link,
    tls_linked,
)

pytestmark = both_loops


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


class TestGoodDevice:
    def test_reads_and_writes(self, run: Run, certificates: Certificates) -> None:
        async def body() -> None:
            async with tls_linked(honest, certificates) as (watched, _):
                assert await watched.link.wait_connected(5)
                assert (await watched.link.request(read())).payload == right()
                assert (await watched.link.request(read(0, 125))).payload == right(0, 125)
                assert (await watched.link.request(Request(1, 16, 5, 2, (7, 8)))).error == ""
                assert watched.states == [(True, "")]
                assert watched.link.counters.replies == 3

        run(body())

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_both_versions(self, run: Run, certificates: Certificates, version: ssl.TLSVersion) -> None:
        context = server_context(certificates)
        context.minimum_version = context.maximum_version = version

        async def body() -> None:
            async with tls_linked(honest, certificates, context=context) as (watched, _):
                await watched.link.wait_connected(5)
                assert (await watched.link.request(read())).payload == right()

        run(body())

    def test_an_answer_split_over_records(self, run: Run, certificates: Certificates) -> None:
        async def crumbling(call: Call) -> None:
            frame = call.registers()
            for start in range(0, len(frame), 3):
                call.send(frame[start : start + 3])
                await call.writer.drain()
                await asyncio.sleep(0)

        async def body() -> None:
            async with tls_linked(crumbling, certificates) as (watched, _):
                await watched.link.wait_connected(5)
                for _ in range(3):
                    assert (await watched.link.request(read())).payload == right()
                assert watched.link.counters.late == 0

        run(body())

    def test_a_late_answer_and_the_right_one_in_one_record(
        self, run: Run, certificates: Certificates
    ) -> None:
        """Together they are longer than the library's buffer, which would drop both."""
        held: list[bytes] = []

        async def joining(call: Call) -> None:
            if held:
                call.send(held.pop() + call.registers())
            else:
                held.append(call.registers())

        async def body() -> None:
            async with tls_linked(joining, certificates) as (watched, _):
                await watched.link.wait_connected(5)
                assert (await watched.link.request(read(500, 125))).error == "timeout"
                assert (await watched.link.request(read(10, 125))).payload == right(10, 125)
                assert watched.link.counters.late == 1

        run(body())

    def test_a_mute_device_is_asked_once(self, run: Run, certificates: Certificates) -> None:
        async def mute(call: Call) -> None:
            """Not a word."""

        async def body() -> None:
            async with tls_linked(mute, certificates) as (watched, peer):
                await watched.link.wait_connected(5)
                assert (await watched.link.request(read())).error == "timeout"
                assert (len(peer.calls), watched.link.ready) == (1, True)

        run(body())

    def test_one_request_at_a_time(self, run: Run, certificates: Certificates) -> None:
        async def body() -> None:
            async with tls_linked(honest, certificates) as (watched, _):
                await watched.link.wait_connected(5)
                answers = await asyncio.gather(*(watched.link.request(read(n)) for n in range(20)))
                assert [answer.payload for answer in answers] == [right(n) for n in range(20)]

        run(body())

    @pytest.mark.parametrize(
        "wrong",
        [
            pytest.param(lambda c: c.frame(words_pdu(3, 1, 2)), id="too short"),
            pytest.param(lambda c: c.frame(words_pdu(4, 1, 2, 3, 4)), id="wrong function"),
            pytest.param(lambda c: c.frame(words_pdu(3, 1, 2, 3, 4), unit=9), id="wrong unit"),
        ],
    )
    def test_a_wrong_answer_is_never_used(
        self, run: Run, certificates: Certificates, wrong: Callable[[Call], bytes]
    ) -> None:
        async def script(call: Call) -> None:
            call.send(wrong(call) if call.address == 10 else call.registers())

        async def body() -> None:
            async with tls_linked(script, certificates) as (watched, _):
                await watched.link.wait_connected(5)
                assert (await watched.link.request(read())).error == "malformed"
                assert (await watched.link.request(read(20))).payload == right(20)

        run(body())

    def test_a_poisoned_stream_costs_the_connection(self, run: Run, certificates: Certificates) -> None:
        poison = [b"\x00\x01\x00\x07\x00\x05\x01\x03\x02\x00\x01"]

        async def script(call: Call) -> None:
            call.send(poison.pop() if call.address == 10 and poison else call.registers())

        async def body() -> None:
            async with tls_linked(script, certificates) as (watched, peer):
                await watched.link.wait_connected(5)
                await watched.link.request(read(20))
                assert (await watched.link.request(read())).error == "malformed"
                await watched.link.wait_connected(5)
                assert (await watched.link.request(read())).payload == right()
                assert peer.connections == 2

        run(body())

    def test_closing_in_flight_fails_the_request_at_once(self, run: Run, certificates: Certificates) -> None:
        async def script(call: Call) -> None:
            if call.address == 10:
                call.writer.transport.abort()
            else:
                call.send(call.registers())

        async def body() -> None:
            async with tls_linked(script, certificates, transfer_timeout_s=30.0) as (watched, _):
                await watched.link.wait_connected(5)
                await watched.link.request(read(20))
                async with asyncio.timeout(10):
                    assert (await watched.link.request(read())).error == "not_connected"
                    await until(lambda: watched.states == [(True, ""), (False, "closed by the device")])

        run(body())


class TestProof:
    def test_connected_is_what_has_answered(self, run: Run, certificates: Certificates) -> None:
        async def body() -> None:
            async with tls_linked(honest, certificates) as (watched, peer):
                assert await watched.link.wait_connected(5)
                await until(lambda: peer.connections, what="the connection at the device")
                assert (watched.link.connected, watched.states) == (False, [])
                await watched.link.request(read())
                assert (watched.link.connected, watched.states) == (True, [(True, "")])

        run(body())

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_a_certificate_the_device_refuses_is_a_failed_connect(
        self, run: Run, certificates: Certificates, version: ssl.TLSVersion
    ) -> None:
        """With TLS 1.3 the handshake is through on our side when the device looks at it."""
        context = server_context(certificates, authorities=certificates.other_ca)
        context.minimum_version = context.maximum_version = version

        async def body() -> None:
            async with tls_linked(honest, certificates, context=context) as (watched, _):
                for _ in range(2):
                    await until(lambda: watched.link.ready or watched.states, what="an end")
                    assert (await watched.link.request(read())).error == "not_connected"
                await until(lambda: watched.link.counters.failed_connects >= 2, what="two attempts")
                assert [up for up, _ in watched.states] == [False]
                assert certificates.client_cert in watched.reason
                assert not watched.link.connected

        run(body())

    def test_a_device_that_closes_without_a_word(self, run: Run, certificates: Certificates) -> None:
        async def script(call: Call) -> None:
            call.writer.close()

        async def body() -> None:
            async with tls_linked(script, certificates) as (watched, _):
                await watched.link.wait_connected(5)
                assert (await watched.link.request(read())).error == "not_connected"
                assert "may not accept our certificate" in watched.reason

        run(body())


class TestRefusals:
    def refused(self, run: Run, certificates: Certificates, **changes: object) -> str:
        """The reason a link gives; it must keep trying, and never count as connected."""
        reasons: list[str] = []

        async def body() -> None:
            async with tls_linked(honest, certificates, **changes) as (watched, _):
                await until(lambda: watched.link.counters.failed_connects >= 2, what="two attempts")
                assert [up for up, _ in watched.states] == [False]
                assert (await watched.link.request(read())).error == "not_connected"
                reasons.append(watched.reason)

        run(body())
        return reasons[0]

    def test_an_authority_we_do_not_know(self, run: Run, certificates: Certificates) -> None:
        reason = self.refused(run, certificates, tls={"authorities": certificates.other_ca})
        assert reason == "the device's certificate is refused: self-signed certificate in certificate chain"

    def test_a_certificate_for_another_name(self, run: Run, certificates: Certificates) -> None:
        reason = self.refused(run, certificates, tls={"server_name": "battery.example"})
        assert reason.startswith("the device's certificate is refused: Hostname mismatch")

    def test_the_name_may_differ_from_the_address(self, run: Run, certificates: Certificates) -> None:
        async def body() -> None:
            async with tls_linked(honest, certificates, tls={"server_name": "localhost"}) as (watched, _):
                await watched.link.wait_connected(5)
                assert (await watched.link.request(read())).payload == right()

        run(body())

    def test_an_expired_certificate(self, run: Run, certificates: Certificates, tmp_path: Path) -> None:
        context = server_context(certificates, own=expired_server(certificates, tmp_path))
        reason = self.refused(run, certificates, context=context)
        assert reason == "the device's certificate is refused: certificate has expired"

    def test_an_old_version(self, run: Run, certificates: Certificates) -> None:
        context = server_context(certificates)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning):
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        assert "the TLS handshake failed" in self.refused(run, certificates, context=context)

    def test_a_port_without_tls(self, run: Run, certificates: Certificates) -> None:
        async def body() -> None:
            async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.read(1)
                writer.write(b"\x00\x01\x00\x00\x00\x03\x01\x83\x01")
                writer.close()

            server = await asyncio.start_server(answering, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            async with tls_link(port, own_files(certificates)) as watched:
                await until(lambda: watched.link.counters.failed_connects >= 2, what="two attempts")
                assert "the TLS handshake failed" in watched.reason
            server.close()

        run(body())
