"""The control API of simulated devices: in the operator API, and served alone."""

import asyncio
from typing import Any

import httpx

from ess_actors.web.server import ApiServer, bind
from ess_actors.web.sim_app import create_sim_app
from tests.web.conftest import SmallSite


def test_the_routes_in_the_operator_api(served: Any) -> None:
    get = served.client.get
    assert get("/api/sim").json() == {"devices": [{"stem": "bms_1", "faults": []}]}
    assert get("/api/sim/bms_1/points").json() == {"stem": "bms_1", "path": ""}
    assert get("/api/sim/bms%201/points/ess_1/a%20b/soc").json() == {"stem": "bms 1", "path": "ess_1/a b/soc"}
    assert get("/api/sim/bms_1/fault").json() == {"stem": "bms_1", "faults": []}
    missing = get("/api/sim/bms_9/fault")
    assert missing.status_code == 404 and "bms_1" in missing.json()["text"]


def test_the_same_routes_alone_with_the_same_guard() -> None:
    async def body() -> None:
        server = ApiServer(create_sim_app(SmallSite()))
        host, port = await server.start(bind("127.0.0.1", 0))
        try:
            async with httpx.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False) as client:
                assert (await client.get("/api/sim/bms_1/points/a/b")).json()["path"] == "a/b"
                set_ = await client.post("/api/sim/bms_1/points", json={"a/b": 5})
                assert set_.json() == {"set": {"a/b": 5}}
                melt = await client.post("/api/sim/bms_1/fault", json={"kind": "melt"})
                assert melt.status_code == 400 and "garble" in melt.json()["text"]
                writes = await client.get("/api/sim/writes", params={"since": "7"})
                assert writes.json()["last"] == 7
                for since in ("-1", "9" * 5000):
                    answer = await client.get("/api/sim/writes", params={"since": since})
                    assert answer.status_code == 400
                other = await client.get("/api/status")
                assert other.status_code == 404 and "GET /api/sim" in other.json()["routes"]
                page = {"origin": "http://evil.example"}
                foreign = await client.post("/api/sim/bms_1/fault", json={"kind": "none"}, headers=page)
                assert foreign.status_code == 403
        finally:
            await server.stop()

    asyncio.run(body())
