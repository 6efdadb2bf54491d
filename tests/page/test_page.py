"""Operators at the page: the five views, what may be done in them and by whom, and a lost connection."""

import random

import pytest

from tests.page.browser import PHONE, wait_for
from tests.page.conftest import PASSWORD

pytestmark = pytest.mark.system

HOT = "ess_2:fault:/faults/bms_2:BMS_2_MaxCellTemp"
ROW = f'#alarms tr[data-id="{HOT}"]'
VIEWS = (
    "/plant",
    "/alarms",
    "/alarms/history",
    "/trends?point=/components/ess_1/bms_info/soc",
    "/actors",
    "/data",
)


def heat(site, hot: bool) -> None:
    """The second battery's device tells of a cell that is too hot."""
    site.sim_set("bms_2", {"ess_2/bms_info/f_max_cell_temp": hot})


@pytest.fixture
def hot(site, page):
    """An alarm that nobody has acknowledged."""
    page.go("/alarms")

    def stands() -> object:
        """A clear before may still be on its way in the device, and take the fault back."""
        heat(site, True)
        return (site.alarm(HOT) or {}).get("active")

    wait_for("the alarm", stands)
    yield page
    heat(site, False)
    wait_for("it to return", lambda: not (site.alarm(HOT) or {}).get("active"))
    site.http.post("/api/alarms/ack", json={"all": True})

    def cleared() -> bool:
        result = site.http.post("/api/alarms/clear", json={}).text
        left = site.alarm(HOT)
        assert left is None or left["state"] != "shelved", result
        return left is None

    wait_for("it to be cleared", cleared)


def test_nobody_sees_anything_without_a_login(site, window):
    window.driver.delete_all_cookies()
    window.open("/plant")
    window.log_in("vera", "not the word")
    window.says("#login-told", "password")
    assert not window.shown("#plant")
    window.log_in("vera", PASSWORD)
    window.says("#who", "vera (viewer)")
    window.find('#plant .bms[data-asset="bms_1"]')


def test_a_viewer_is_offered_nothing_and_refused_everything(site, window):
    window.go("/actors")
    window.find('#actors tr[data-id="ess_1"]')
    assert not window.shown("#actors td.do button")
    window.go("/alarms")
    window.find("#alarms")
    assert not window.shown("#ack-all") and not window.shown("#clear")
    csrf = window.fetched("GET", "/api/me")[1]["csrf"]
    for path, body in (("/api/alarms/ack", {"all": True}), ("/api/actors/ess_2/restart", {})):
        code, said = window.fetched("POST", path, body, csrf)
        assert code == 403 and "operator" in said["text"]
    window.click("#logout")
    window.log_in("otto", PASSWORD)
    window.says("#who", "otto (operator)")


def test_an_operator_may_command_the_site_and_nothing_else(site, window):
    window.go("/actors")
    window.find('#actors tr[data-id="ess_1"] button.restart')
    assert not window.shown("#actors button.stop")
    window.go("/data/ess_1/%2Fsite%2Fess_1%2Fess_hs/ramp_rate")
    window.fill("#write-value", "12")
    window.ordered("#write", "#write-told", "Set to 12")
    wait_for("the value", lambda: site.get("/ess_1/site/ess_1/ess_hs/ramp_rate") == 12)
    window.go("/data/ess_1/%2Fstatus%2Fbms_1/SOC")
    window.says("#detail", "SOC")
    window.find("#why")
    assert not window.shown("#write")
    window.click("#logout")
    window.find("#login")


def test_the_plant_is_drawn_as_it_is(site, page):
    page.go("/plant")
    site.message("set", "/site/ess_1/ess_hs/start_stop", 207)

    def delivers() -> bool:
        # A host that is busy lets the lease run out now and then; only a fresh command ends that.
        site.message("set", "/site/ess_1/ess_hs/active_power_setpoint", 300)
        return "300 kW" in page.text('.pcs[data-asset="pcs"]') and "takes power" in page.text(".grid")

    wait_for("300 kW to be delivered", delivers)
    for number in (1, 2):
        row = f'.bms[data-asset="bms_{number}"]'
        page.says(row, "18\nof 18")
        assert len(page.shown(f"{row} .rack")) == 18
        assert page.find(f"{row} .bar .fill").get_attribute("width") != "0"
    page.find(".flowing:not(.idle)")
    page.says('.system[data-asset="ess"]', "kWh")
    site.message("set", "/site/ess_1/ess_hs/active_power_setpoint", 0)


def test_what_cannot_be_trusted_looks_so(site, page):
    page.go("/plant")
    site.sim_fault("bms_2", "offline")
    page.says('.bms[data-asset="bms_2"]', "no communication")
    page.find('.bms[data-asset="bms_2"] .valued.bad')
    page.find('.system[data-asset="ess"] .valued.uncertain')
    assert not page.shown('.bms[data-asset="bms_1"] .valued.bad')
    site.sim_fault("bms_2", "none")
    page.gone('.bms[data-asset="bms_2"] .valued.bad')


def test_acknowledge(site, hot):
    hot.says("#banner", "ess_2")
    hot.click(f"{ROW} button.ack")
    hot.says("#alarm-told", "acknowledged")
    hot.says(ROW, f"acknowledged by {site.engineer}")
    assert site.alarm(HOT)["state"] == "acknowledged_active"
    hot.gone(f"{ROW} button.ack")


def test_shelve_and_take_back(site, hot):
    hot.click(f"{ROW} button.shelve")
    hot.fill("dialog input[name=why]", "sensor is being changed")
    hot.click("dialog button.primary")
    hot.gone("dialog")
    hot.gone(ROW)
    assert site.alarm(HOT)["state"] == "shelved"
    hot.click("#show-quiet")
    hot.says(ROW, "sensor is being changed")
    hot.click(f"{ROW} button.unshelve")
    hot.gone(f"{ROW} button.unshelve")
    assert site.alarm(HOT)["state"] != "shelved"
    hot.click("#show-quiet")


def test_clear_tells_who_did_not_answer(site, hot):
    assert site.order("ess_2", "stop").status_code == 202
    wait_for("it to be stopped", lambda: site.actors()["ess_2"]["state"] == "STOPPED")
    hot.click("#clear")
    hot.click("dialog button.primary")
    told = hot.says("dialog .outcome", "ess_2 gave no answer in time")
    assert "still active" in told
    hot.click("dialog button:not(.primary)")
    hot.gone("dialog")
    hot.go("/actors")
    hot.click('tr[data-id="ess_2"] button.start')
    hot.says("dialog", "Start ess_2?")
    hot.click("dialog button.primary")
    wait_for("it to run", site.is_ready)
    hot.go("/alarms")


def shown(page) -> dict[str, str]:
    """Id and state of every alarm in the list of the page, also of those that are put aside."""
    rows = page.driver.execute_script(
        "return [...document.querySelectorAll('#alarms tr[data-id]')].map((row) => [row.dataset.id, row.dataset.state])"
    )
    return dict(rows)


def listed(site, router: str = "") -> dict[str, str]:
    """The same of the operator API, or of the combined list of one router."""
    told = site.get(f"/alarm_router/{router}") if router else site.http.get("/api/alarms").json()
    return {alarm["id"]: alarm["state"] for alarm in told["alarms"]}


def journaled(site) -> dict[str, str]:
    """Where the last transition of each alarm ended, by the journal."""
    steps = site.http.get("/api/alarms/history", params={"limit": 5000}).json()["transitions"]
    return {step["id"]: step["to"] for step in reversed(steps)}


WORDS = (
    "MaxCellVoltage",
    "MinCellVoltage",
    "MaxCellTemp",
    "MinCellTemp",
    "CurrentMax",
    "CurrentMin",
    "Racks",
)
"""Faults of a battery by the bits of the site controller's word, from 0 on for the first and 11 for the second."""
POINTS = dict(
    zip(WORDS, ("max_cell_voltage", "min_cell_voltage", "max_cell_temp", "min_cell_temp", "current_max",
                "current_min", "racks"), strict=True)
)  # fmt: skip


def test_page_routers_word_and_journal_tell_the_same_after_a_storm_with_kills(site, page):
    dice = random.Random(1)
    page.go("/alarms")
    wrong = {(number, name): False for number in (1, 2) for name in WORDS}
    for turn in range(24):
        for key in dice.sample(sorted(wrong), 3):
            wrong[key] = not wrong[key]
        told = {
            n: {f"ess_{n}/bms_info/f_{POINTS[w]}": on for (m, w), on in wrong.items() if m == n}
            for n in (1, 2)
        }
        for number, points in told.items():
            site.sim_set(f"bms_{number}", points)
        if turn % 8 == 3:
            victim = ("ess_1/alarms", "ess_2", "web")[turn // 8]
            pid = site.kill(victim)
            wait_for(f"{victim} to be back", lambda victim=victim, pid=pid: site.is_back(victim, pid))
    wait_for("the site to be complete", site.is_ready)
    for number, name in wrong:
        wrong[number, name] = name in ("MaxCellTemp", "Racks")
        site.sim_set(f"bms_{number}", {f"ess_{number}/bms_info/f_{POINTS[name]}": wrong[number, name]})

    def faults(active: bool) -> set[str]:
        found = site.http.get("/api/alarms").json()["alarms"]
        return {one["source"] for one in found if one["type"] == "fault" and one["active"] is active}

    standing = {f"/faults/bms_{n}:BMS_{n}_{name}" for (n, name), on in wrong.items() if on}
    wait_for("what stands, and nothing else", lambda: faults(True) == standing)

    def same() -> bool:
        everywhere = [listed(site), listed(site, "ess_1"), listed(site, "ess_2"), shown(page)]
        journal = {one: to for one, to in journaled(site).items() if to != "normal"}
        return all(one == everywhere[0] for one in everywhere) and journal == everywhere[0]

    wait_for("one list everywhere", same)
    word = site.get("/ess_1/site/ess_1/ess_ls/ess_faults")
    latched = {source.rpartition(":")[2] for source in faults(True) | faults(False)}
    for first, number in ((0, 1), (11, 2)):
        for bit, name in enumerate(WORDS, first):
            assert bool(word >> bit & 1) == (f"BMS_{number}_{name}" in latched), (bit, word, latched)
    for number, name in wrong:
        site.sim_set(f"bms_{number}", {f"ess_{number}/bms_info/f_{POINTS[name]}": False})
    wait_for("all to have returned", lambda: not faults(True))
    site.clear_until("the lists to be empty", lambda: not faults(False))
    wait_for("the page to show it", lambda: shown(page) == listed(site))


def test_what_followed_from_a_silent_device_is_folded_under_it(site, page):
    page.go("/alarms")
    silence = "/status/bms_2:Timestamp"
    site.sim_fault("bms_2", "offline")
    heat(site, True)
    wait_for("the silence", lambda: (site.alarm(silence) or {}).get("active"))
    site.sim_fault("bms_2", "none")
    cause = wait_for("what followed", lambda: (site.alarm(HOT) or {}).get("cause"))
    assert silence in cause
    page.says(f'#alarms tr[data-id="{cause}"] .fold', "that followed")
    heat(site, False)
    wait_for("it to return", lambda: not (site.alarm(HOT) or {}).get("active"))
    site.clear_until("it to be cleared", lambda: site.alarm(HOT) is None)


def test_the_journal_of_alarms_can_be_searched(site, page):
    page.go("/alarms/history")
    page.says("#alarm-history tbody", "BMS_2_MaxCellTemp")
    page.fill("#alarm-history input[type=search]", "nothing is called so")
    page.click("#alarm-history button")
    page.says("#alarm-history .told", "Nothing fits")


def test_restart_of_an_actor_takes_a_confirmation(site, page):
    page.go("/actors")
    row = 'tr[data-id="ess_2/bms_2"]'
    before = site.pid("ess_2/bms_2")
    wait_for("figures", lambda: "MB" in page.text(row) and "RUNNING" in page.text(row))
    page.click(f"{row} button.restart")
    page.click("dialog button:not(.primary)")
    page.gone("dialog")
    assert site.pid("ess_2/bms_2") == before
    page.click(f"{row} button.restart")
    page.says("dialog", "Restart ess_2/bms_2?")
    page.click("dialog button.primary")
    page.gone("dialog")
    wait_for("another process", lambda: site.is_back("ess_2/bms_2", before))
    wait_for("its number", lambda: str(site.pid("ess_2/bms_2")) == page.find(row).get_attribute("data-pid"))


def test_data_is_browsed_written_and_explained(site, page):
    page.go("/data/ess_1")
    page.fill("#data-search", "ramp_rate")
    page.click("#data-names a:last-of-type")
    page.says("#detail", "ramp_rate")
    page.ordered("#why", "#reasons", "no change since")
    page.fill("#write-value", "7")
    page.ordered("#write", "#write-told", "Set to 7")
    page.says('#data tr[data-name="ramp_rate"]', "7")
    page.ordered("#why", "#reasons .last", "by set /ess_1/site/ess_1/ess_hs/ramp_rate from web")
    page.go("/data/ess_1/%2Fstatus%2Fbms_1/SOC")
    page.says("#detail details", "CalculateVar")
    page.ordered("#why", "#reasons", "/components/ess_1/bms_info:soc")


def test_a_text_of_the_plant_stays_a_text(site, page):
    sly = '<img src="x" onerror="document.title=1"><b>bold</b>'
    site.message("set", "/ess_1/test/sly", {"value": sly, "name": sly})
    page.go("/data/ess_1/%2Ftest/sly")
    page.says('#data tr[data-name="sly"] .value', sly)
    page.says("#detail details", "onerror")
    assert not page.driver.find_elements("css selector", "#data img")


def test_trends_of_several_points(site, page):
    page.go("/trends")
    for point in ("/components/ess_1/bms_info/soc", "/components/ess_1/pcs_fast/active_power"):
        page.fill("#trend-search", point)
        page.click(f'#trend-found [data-point="{point}"]')
        strip = f'#trend-strips [data-point="{point}"]'
        page.find(strip)
        wait_for("its line", lambda strip=strip: len(page.find(f"{strip} .line").get_attribute("d")) > 8)
    assert len(page.shown("#trend-strips .strip-of")) == 2
    path = page.find("#trend-csv").get_attribute("href").partition(str(site.wire.port))[2]
    table = site.http.get(path).text
    assert table.startswith("point,time") and "/components/ess_1/bms_info/soc" in table


def test_a_lost_connection_shows_and_heals(site, page):
    page.go("/plant")
    page.find('.bms[data-asset="bms_1"]')
    page.gone("#lost")
    site.wire.silence()
    assert "No connection" in page.find("#lost").text
    assert "stale" in page.find("body").get_attribute("class")
    site.wire.cut()
    page.gone("#lost")
    assert "stale" not in page.find("body").get_attribute("class")
    before = site.kill("web")
    wait_for("it to be back", lambda: site.is_back("web", before))
    page.gone("#lost")
    page.says("#site-state", "running")


def test_a_phone_needs_no_scrolling_to_the_side(site, page):
    page.size(*PHONE)
    for route in VIEWS:
        page.go(route)
        page.find("main > *")
        width = "return Math.max(document.documentElement.scrollWidth, document.getElementById('main').scrollWidth)"
        assert page.driver.execute_script(width) <= PHONE[0], route


def test_no_request_left_this_host(site, page):
    assert page.hosts() == {"127.0.0.1"}
