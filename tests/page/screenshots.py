"""Pictures of every view for docs/screenshots, on a screen and on a phone: `python -m tests.page.screenshots`."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.page.browser import PHONE, WIDE, Browser
from tests.page.conftest import PageSite
from tests.system.running_site import REPOSITORY
from tests.waiting import wait_for

FOLDER = REPOSITORY / "docs/screenshots"
TREND = (
    "/trends?point=/components/ess_1/pcs_fast/active_power&point=/components/ess_1/bms_info/soc"
    "&point=/components/ess_1/bms_info/dc_voltage&span=600"
)
VIEWS = {
    "plant": ("/plant", ".system .valued"),
    "alarms": ("/alarms", "#alarms tbody tr"),
    "alarm-history": ("/alarms/history", "#alarm-history tbody tr"),
    "trends": (TREND, ".strip-of .line"),
    "actors": ("/actors", "#actors tbody tr"),
    "data": ("/data/ess_1/%2Fstatus%2Fbms_1/SOC", "#detail details"),
}


def story(site: PageSite) -> None:
    """Something to look at: power, an alarm that is acknowledged, one that is new, one that is shelved."""
    site.message("set", "/site/ess_1/ess_hs/start_stop", 207)
    for power in (250, 450, 380):
        site.message("set", "/site/ess_1/ess_hs/active_power_setpoint", power)
        wait_for(f"{power} kW", lambda power=power: abs(_delivered(site, power) - power) < 5, 60, 0.3)  # type: ignore[misc]
    raised: list[tuple[str, str, Callable[[dict[str, object]], object]]] = [
        (
            "a_max_cell_voltage",
            "alarms/bms_2:BMS_2_MaxCellVoltage",
            lambda one: _post(site, "ack", [one["id"]]),
        ),
        (
            "a_soh",
            "alarms/bms_2:BMS_2_SOH",
            lambda one: _post(site, "shelve", [one["id"]], minutes=60, why="sensor"),
        ),
        ("f_max_cell_temp", "faults/bms_2:BMS_2_MaxCellTemp", lambda one: None),
    ]
    for point, name, then in raised:
        site.sim_set("bms_2", {f"ess_2/bms_info/{point}": True})
        then(wait_for(name, lambda name=name: site.alarm(name), 60))  # type: ignore[misc]


def _delivered(site: PageSite, power: float) -> float:
    """What is delivered now; asked for again, since a lease that ran out takes a fresh command."""
    site.message("set", "/site/ess_1/ess_hs/active_power_setpoint", power)
    return float(site.get("/ess_1/status/pcs/ActivePower") or 0)


def _post(site: PageSite, verb: str, ids: list[object], **more: object) -> None:
    site.http.post(f"/api/alarms/{verb}", json={"ids": ids, **more})


def main() -> None:
    """Takes them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        site = PageSite(Path(folder) / "site")
        window = Browser(
            f"127.0.0.1:{site.wire.port if site.wire else site.api_port}", Path(folder) / "chromium"
        )
        try:
            window.open()
            window.log_in(site.engineer, site.password)
            window.find('.bms[data-asset="bms_1"]')
            story(site)
            for size, kind in ((WIDE, "wide"), (PHONE, "phone")):
                window.size(*size)
                for name, (route, there) in VIEWS.items():
                    window.go(route)
                    window.find(there)
                    if name == "data":
                        window.ordered("#why", "#reasons", "bms_info:soc")
                    window.driver.save_screenshot(str(FOLDER / f"{name}-{kind}.png"))
                    print(f"{name}-{kind}.png")
            window.size(*WIDE)
            window.go("/plant")
            window.find(".system .valued")
            if site.wire:
                site.wire.silence()
            window.says("#lost", "No connection")
            window.driver.save_screenshot(str(FOLDER / "lost-wide.png"))
        finally:
            window.close()
            site.end()


if __name__ == "__main__":
    main()
