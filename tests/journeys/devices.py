"""What the device clients of a site publish, and devices that go wrong at will."""

from collections.abc import Mapping
from typing import Any, Final

from tests.journeys.bus import Bus

CONDITIONS: Final = (
    "max_cell_voltage",
    "min_cell_voltage",
    "max_cell_temp",
    "min_cell_temp",
    "current_max",
    "current_min",
    "racks",
    "soh",
)
"""A BMS has a fault bit f_<name> and an alarm bit a_<name> of each."""
CONTACTS: Final = (
    "fss_fault",
    "fss_alarm",
    "lightning_protector",
    "transformer_high_temp",
    "estop",
    "dc_load_switch_open",
    "access_open",
    "dc_fuse",
    "fss_offline",
)


def bms_points(**changes: Any) -> dict[str, Any]:
    """What `bms_info` of a healthy BMS publishes, with `changes`."""
    points: dict[str, Any] = {
        "heartbeat": 1,
        "system_state": [{"value": 2, "string": "Running"}],
        "soc": 60.0,
        "soh": 98.0,
        "dc_voltage": 1200.0,
        "dc_current": -100.0,
        "dc_power": -120.0,
        "charge_current": 100.0,
        "max_cell_voltage": 3.4,
        "min_cell_voltage": 3.3,
        "avg_cell_voltage": 3.35,
        "max_cell_temp": 30.0,
        "min_cell_temp": 20.0,
        "avg_cell_temp": 25.0,
        "chargeable_energy": 400.0,
        "dischargeable_energy": 600.0,
        "charge_power_limit": 500.0,
        "discharge_power_limit": 700.0,
        "charge_current_limit": 300.0,
        "discharge_current_limit": 400.0,
        "racks_total": 18,
        "racks_in_service": 17,
        "dc_closed": 1,
        "cell_voltage_delta": 0.1,
        "cell_temp_delta": 10.0,
        **{f"f_{bit}": False for bit in CONDITIONS},
        **{f"a_{bit}": False for bit in CONDITIONS},
        "component_connected": True,
        "Timestamp": "11-22-2025 14:03:07.000412",
    }
    return points | changes


def pcs_points(**changes: Any) -> dict[str, Any]:
    """What `pcs_running_info` of a healthy PCS publishes, with `changes`."""
    points: dict[str, Any] = {
        "pcs_state": [{"value": 3, "string": "Running"}],
        "dc_voltage": 1200.0,
        "modules_in_service": 8,
        "charge_power_available": 2000.0,
        "discharge_power_available": 2000.0,
        "charged_energy_total": 1000.0,
        "discharged_energy_total": 900.0,
        "a_dc_voltage": False,
        "a_modules": False,
        "a_active_power": False,
        "component_connected": True,
        "Timestamp": "11-22-2025 14:03:07.000412",
    }
    return points | changes


def ems_points(**changes: Any) -> dict[str, Any]:
    """What `ems_running_info` publishes when nothing is wrong, with `changes`."""
    return dict.fromkeys(CONTACTS, False) | {"component_connected": True} | changes


class Devices:
    """The device clients' side: publishes all components once a second, one of them changed or dead at will."""

    def __init__(self, bus: Bus, bms: Mapping[str, str], pcs: str) -> None:
        """`bms`: client stem -> instance it reports to; `pcs`: instance of the PCS."""
        self.bus = bus
        self.bms = dict(bms)
        self.pcs = pcs
        self.changes: dict[str, dict[str, Any]] = {}
        self.dead: set[str] = set()
        self.hung: set[str] = set()
        """Stems whose client publishes nothing at all, neither values nor that it has none."""
        self.setpoint = 250.0
        """What the PCS runs on, kW: as told last."""
        self.forgetful = False
        """The PCS does not take what it is told, as one that is away."""
        bus.every(1.0, self.publish)

    def change(self, stem: str, **points: Any) -> None:
        """From the next publication on `bms_info` (or `pcs_running_info`) of this client has these points."""
        self.changes.setdefault(stem, {}).update(points)

    def publish(self) -> None:
        """One cycle of every client."""
        stamp = {"Timestamp": f"11-22-2025 14:03:{self.bus.now:09.6f}"}
        for stem, instance in self.bms.items():
            sender = f"{instance}/{stem}"
            if stem in self.hung:
                continue
            if stem in self.dead:
                for component in ("bms_info", "ems_running_info"):
                    uri = f"/components/{instance}/{component}"
                    self.bus.send("pub", uri, {"component_connected": False}, sender, quality={"*": 2})
                continue
            body = bms_points(heartbeat=int(self.bus.now), **stamp, **self.changes.get(stem, {}))
            self.bus.send("pub", f"/components/{instance}/bms_info", body, sender)
            self.bus.send("pub", f"/components/{instance}/ems_running_info", ems_points(**stamp), sender)
        sender = f"{self.pcs}/pcs"
        uri = f"/components/{self.pcs}/pcs_running_info"
        if "pcs" in self.hung:
            return
        if "pcs" in self.dead:
            self.bus.send("pub", uri, {"component_connected": False}, sender, quality={"*": 2})
            return
        self.bus.send("pub", uri, pcs_points(**stamp, **self.changes.get("pcs", {})), sender)
        told = self.bus.sent("set", f"/components/{self.pcs}/pcs_controls/active_power_setpoint")
        if not self.forgetful:
            self.setpoint = told[-1] if told else self.setpoint
        controls = {"active_power_setpoint": self.setpoint, "component_connected": True}
        self.bus.send("pub", f"/components/{self.pcs}/pcs_controls", controls, sender)
