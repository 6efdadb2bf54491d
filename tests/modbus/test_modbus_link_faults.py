"""What a link does with a fault of ours, and with a caller that gives up on it."""

import asyncio

import pytest

from ess_actors.core.transaction import Answer, Request
from ess_actors.modbus.link import KeptLink
from tests.modbus.modbus_link_bench import Run, both_loops, endpoint
from tests.modbus.modbus_peers import until

pytestmark = both_loops


class _Line(KeptLink):
    """Opens nothing."""

    async def _open(self) -> str:
        return ""

    def _close(self) -> None:
        pass

    async def request(self, request: Request) -> Answer:
        raise NotImplementedError


class _Faulty(_Line):
    async def _open(self) -> str:
        raise KeyError("a fault of ours")


class _Slow(_Line):
    """Takes its time to let go."""

    def __init__(self) -> None:
        super().__init__(endpoint(1))
        self.leaves = asyncio.Event()
        self.may_leave = asyncio.Event()

    async def _open(self) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            self.leaves.set()
            await self.may_leave.wait()
        return ""


def test_a_fault_of_ours_does_not_end_reconnecting_in_silence(run: Run) -> None:
    async def body() -> None:
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
        link = _Faulty(endpoint(1))
        link.start()
        await until(lambda: told, what="the loop hears of it")
        assert isinstance(told[0], KeyError)
        await link.stop()

    run(body())


def test_a_caller_that_is_cancelled_while_a_link_stops_is_cancelled(run: Run) -> None:
    async def body() -> None:
        link = _Slow()
        link.start()
        await asyncio.sleep(0)
        keeper = link._keeper
        assert keeper is not None
        stopping = asyncio.create_task(link.stop())
        await link.leaves.wait()
        stopping.cancel()
        link.may_leave.set()
        with pytest.raises(asyncio.CancelledError):
            await stopping
        await asyncio.wait({keeper})

    run(body())
