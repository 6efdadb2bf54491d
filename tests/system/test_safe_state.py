"""Whatever happens to who commands a converter: it gets its safe values, seen at its own end of the wire."""

import os
import shutil
import signal
from typing import Any

import pytest

from tests.system.running_site import REPOSITORY, RunningSite
from tests.waiting import wait_for

POINT = "ess_1/pcs_controls/active_power_setpoint"
WANTED = "/site/ess_1/ess_hs/active_power_setpoint"
ESTOP = "ess_1/ems_running_info/estop"


class Wire:
    """The writes of the setpoint as the simulated converter took them."""

    def __init__(self, site: RunningSite) -> None:
        self.site = site
        self.last = 0

    def fresh(self) -> list[dict[str, Any]]:
        told = self.site.http.get("/api/sim/writes", params={"since": self.last}).json()
        self.last = told["last"]
        return [one for one in told["writes"] if POINT in one["points"]]

    def waits_for(self, value: float) -> None:
        """Until this value is written; nothing else may come behind it."""
        seen: list[float] = []

        def came() -> bool:
            seen.extend(one["points"][POINT] for one in self.fresh())
            return value in seen

        wait_for(f"{value} on the wire", came, 15)
        assert set(seen[seen.index(value) :]) == {value}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    site = RunningSite(tmp_path_factory.mktemp("guarded"))
    yield site
    site.end()


@pytest.fixture
def wire(guarded):
    wait_for("the site to be ready", guarded.is_ready)
    wait_for("a device that is read", lambda: guarded.get(f"/components/{POINT}") is not None)
    wire = Wire(guarded)
    wire.fresh()
    command(guarded, wire)
    return wire


def command(site: RunningSite, wire: Wire) -> None:
    """The site's setpoint anew, until the converter runs on it: what its limits or its lease forbid is said again."""

    def told_and_kept() -> bool:
        site.message("set", WANTED, 100)
        return site.get(f"/components/{POINT}") == 100

    wait_for("the setpoint in the device", told_and_kept, 20)
    wait_for("the metric to say so", lambda: not held(site))
    wire.fresh()


def told(site: RunningSite, value: float) -> dict[str, Any]:
    answer = site.message("set", f"/components/{POINT}", value).json()
    return answer.get("reply") or answer


def held(site: RunningSite) -> list[str]:
    return [series for series, value in site.metric("ess_safe_state").items() if value]


def alarm(site: RunningSite) -> tuple[str, str]:
    """State and reason of the alarm that tells of it."""
    alarms = site.http.get("/api/alarms").json()["alarms"]
    return next(
        ((a["state"], a["value"]) for a in alarms if a["source"] == "/actors/ess_1/pcs:safe_state"),
        ("normal", ""),
    )


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
@pytest.mark.parametrize("actor", ["ess_1", "ess_1/pcs"])
def test_a_converter_whose_controller_is_gone_gets_its_safe_value(guarded, wire, actor, number):
    pid = guarded.pid(actor)
    os.kill(pid, number)
    wire.waits_for(0)
    wait_for("the actor to be back", lambda: guarded.is_back(actor, pid))
    wait_for("the metric", lambda: held(guarded))
    wait_for(
        "the alarm", lambda: alarm(guarded) in (("unacknowledged_active", r) for r in ("start", "lease"))
    )


def test_an_orphan_that_is_stopped_does_not_keep_the_device_from_its_replacement(guarded, wire):
    orphan, owner = guarded.pid("ess_1/pcs"), guarded.pid("ess_1")
    os.kill(orphan, signal.SIGSTOP)
    os.kill(owner, signal.SIGKILL)
    wire.waits_for(0)
    wait_for("the orphan to be gone", lambda: orphan not in {p.pid for p in guarded.processes()})


def test_a_client_that_is_halted_before_it_runs_is_replaced_too(guarded, wire):
    before = guarded.processes()
    guarded.kill("ess_1/pcs")

    def begun() -> list[int]:
        parent = guarded.named("ess_1")[0]
        return [p.pid for p in parent.children() if p not in before]

    halted = wait_for("its successor to begin", begun, pause_s=0.001)[0]
    os.kill(halted, signal.SIGSTOP)
    wire.waits_for(0)
    wait_for("another one to run", lambda: guarded.is_back("ess_1/pcs", halted), 8)


def test_only_a_new_command_ends_the_safe_state(guarded, wire):
    pid = guarded.kill("ess_1/pcs")
    wire.waits_for(0)
    wait_for("the actor to be back", lambda: guarded.is_back("ess_1/pcs", pid))
    # The instance sees that its setpoint is lost and says it again, by itself: that is no command.
    wait_for(
        "a refused set",
        lambda: ((guarded.get("/components/ess_1/pcs_controls/_stats") or {}).get("sets") or {}).get(
            "safe_state"
        ),
    )
    wait_for("the metric to say so", lambda: held(guarded))
    answer = guarded.set("/components/ess_1/pcs_controls/_release", True)
    assert answer["status"] == "ok"
    wire.waits_for(100)
    wait_for("the metric to say so", lambda: not held(guarded))
    wait_for("the alarm to have returned", lambda: alarm(guarded)[0] == "returned_unacknowledged")


def test_an_emergency_stop_stands_above_every_command(guarded, wire):
    guarded.sim_set("bms_1", {ESTOP: True})
    try:
        wire.waits_for(0)
        wait_for("the metric to say why", lambda: "emergency_stop" in str(held(guarded)))
        wait_for(
            "the alarm to say why", lambda: alarm(guarded) == ("unacknowledged_active", "emergency_stop")
        )
        assert told(guarded, 100)["status"] == "safe_state"
        answer = guarded.message("set", "/components/ess_1/pcs_controls/_release", True).json()
        assert "safe_state" in str(answer)
        reply = guarded.set("/components/ess_1/pcs_controls/ramp_rate", 5)
        assert reply["status"] == "ok", "other points are not held"
    finally:
        guarded.sim_set("bms_1", {ESTOP: False})


def test_an_orderly_stop_writes_the_safe_values(guarded, wire):
    assert guarded.order("ess_1/pcs", "stop").status_code == 202
    wire.waits_for(0)
    assert guarded.order("ess_1/pcs", "start").status_code == 202
    wait_for("the actor to run", lambda: guarded.actors()["ess_1/pcs"]["state"] == "RUNNING")


def test_a_silent_site_controller_stays_silent_for_the_next_process_of_the_instance(tmp_path):
    folder = tmp_path / "site"
    shutil.copytree(REPOSITORY / "configs/dual_bms", folder)
    text = (folder / "site.json").read_text()
    assert '"timeout_s": 10' in text
    (folder / "site.json").write_text(text.replace('"timeout_s": 10', '"timeout_s": 2'))
    site = RunningSite(tmp_path / "state", folder)
    try:
        beats = iter(range(1, 10_000))

        def beaten() -> bool:
            site.set("/site/ess_1/ess_hs/site_heartbeat", next(beats))
            site.message("set", WANTED, 100)
            return site.get(f"/components/{POINT}") == 100

        def refused() -> bool:
            return told(site, 79).get("status") == "safe_state"

        wait_for("the setpoint in the device", beaten, 20)
        wait_for("the silence", lambda: any("site_silent" in one for one in held(site)))
        assert refused()
        pid = site.kill("ess_1")
        wait_for("the instance to be back", lambda: site.is_back("ess_1", pid))
        wait_for("the site to be complete", site.is_ready)
        wait_for("the silence", lambda: any("site_silent" in one for one in held(site)))
        assert refused()
        wait_for("the setpoint in the device", beaten, 20)
    finally:
        site.end()
