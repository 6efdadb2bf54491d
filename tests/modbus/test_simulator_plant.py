"""Simulated devices that form a plant: one follows what a master writes to another."""

import asyncio

from tests.modbus.modbus_maps import client_map, component, number
from tests.modbus.modbus_peers import until
from tests.modbus.simulated_bms import bms, foreign, simulated

PLANT: dict[str, dict[str, object]] = {
    "bms_1": {
        "model": "battery",
        "capacity_kwh": 20,
        "power_kw": 500,
        "points": {"soc": "ess_1/bms_info/soc", "dc_power": "ess_1/bms_info/power"},
    },
    "pcs": {
        "model": "pcs",
        "power_kw": 400,
        "ramp_kw_per_s": 100000,
        "start_s": 0.01,
        "start_command": 207,
        "points": {"active_power_setpoint": "pcs/setpoint", "start_stop": "pcs/start_stop"},
    },
}


def test_the_plant_follows_what_a_master_writes() -> None:
    async def body() -> None:
        pcs = client_map(
            component("pcs", number("setpoint", 1, signed=True, scale=10), number("start_stop", 2)),
            stem="pcs",
            host="10.0.0.9",
        )
        async with simulated(bms(), pcs, plant=PLANT, step_s=0.01) as simulator:
            port = simulator.addresses["pcs"][1]
            before = simulator.value("bms_1", "ess_1/bms_info/soc")
            assert before == 60.0
            assert await foreign(port, 1, "write_multiple_registers", 1, [65536 - 3000, 207])

            def power() -> object:
                return simulator.value("bms_1", "ess_1/bms_info/power")

            await until(lambda: power() == -291, what="the battery charging with the power of the setpoint")
            await until(lambda: simulator.value("bms_1", "ess_1/bms_info/soc") > before, what="soc rising")  # type: ignore[operator]
            simulator.set_points("bms_1", {"ess_1/bms_info/soc": 20.0, "ess_1/bms_info/power": 5})
            await until(
                lambda: 20.0 < simulator.value("bms_1", "ess_1/bms_info/soc") < 25.0, what="on from 20 %"
            )  # type: ignore[operator]
            assert power() == 5, "a measured point stays where the operator put it"
            simulator.set_points("bms_1", {"ess_1/bms_info/power": None})
            await until(lambda: power() == -291, what="the model moving the point again")

    asyncio.run(body())
