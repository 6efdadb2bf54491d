"""Operators at the page: the five views, what may be done in them and by whom, and a lost connection."""

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
    heat(site, True)
    page.go("/alarms")
    wait_for("the alarm", lambda: (site.alarm(HOT) or {}).get("active"))
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
    page.says("#lost", "No connection")
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
