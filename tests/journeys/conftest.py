"""The dual-BMS site of the shipped documents, with its devices running."""

import pytest

from tests.journeys.bus import Bus
from tests.journeys.devices import Devices


@pytest.fixture
def bus() -> Bus:
    """Both instances of configs/dual_bms, booted at time 0."""
    return Bus("dual_bms", ("ess_1", "ess_2"))


@pytest.fixture
def devices(bus: Bus) -> Devices:
    """Clients of both BMS and the PCS that publish once a second; three seconds have passed."""
    devices = Devices(bus, {"bms_1": "ess_1", "bms_2": "ess_2"}, "ess_1")
    bus.run(3.0)
    return devices
