"""UI publications with listeners only, blocked uris at run time, and the /<instance>/<any uri> bypass."""

from tests.journeys.bus import Bus
from tests.journeys.devices import Devices


def _ui(bus: Bus, since: int = 0) -> set[str]:
    return {m.uri for m in bus.log[since:] if m.method == "pub" and m.uri.startswith("/assets/")}


def test_ui_tables_are_published_only_while_somebody_listens(bus: Bus, devices: Devices) -> None:
    assert {
        "/assets/ess/summary",
        "/assets/bms/summary",
        "/assets/bms_1/rack_18",
        "/assets/bms_2/rack_01",
    } <= _ui(bus)
    for instance in ("ess_1", "ess_2"):
        bus.send("set", f"/{instance}/control/ui_listeners", {"web": 0}, "web")
    start = len(bus.log)
    bus.run(3.0)
    assert _ui(bus, start) == set()
    assert bus.sent("pub", "/site/ess_1/ess_ls", start)
    assert bus.instances["ess_1"].counters["pubs_suppressed"] > 0
    start = len(bus.log)
    bus.send("set", "/ess_1/control/ui_listeners", {"web": 2}, "web")
    assert "/assets/ess/summary" in _ui(bus, start), "the first listener gets a picture at once"
    assert bus.value("ess_1", "/status/ess_1:UiListeners") == 2


def test_the_summary_shows_names_units_and_values(bus: Bus, devices: Devices) -> None:
    bus.run(1.0)
    summary = bus.sent("pub", "/assets/ess/summary")[-1]
    assert summary["name"] == "Energy storage system"
    assert summary["soc"]["value"] == 60.0 and summary["total_charge_current"]["value"] == 200.0
    assert summary["state"]["value"] == "Run"


def test_a_uri_is_blocked_and_unblocked_at_run_time(bus: Bus) -> None:
    uri, soc = "/components/ess_1/bms_info", "/status/bms_1:SOC"
    bus.send("pub", uri, {"soc": 41.0}, "ess_1/bms_1")
    bus.send("set", "/ess_1/blockeduris/pub", {uri: True}, "web")
    bus.send("pub", uri, {"soc": 42.0}, "ess_1/bms_1")
    assert bus.value("ess_1", soc) == 41.0
    assert bus.instances["ess_1"].counters[f"blocked{{pub,{uri}}}"] == 1
    bus.send("pub", f"/ess_1{uri}", {"soc": 43.0}, "web")
    assert bus.value("ess_1", soc) == 43.0, "a prefixed uri goes round the block"
    bus.send("set", "/ess_1/blockeduris/pub", {uri: False}, "web")
    bus.send("pub", uri, {"soc": 44.0}, "ess_1/bms_1")
    assert bus.value("ess_1", soc) == 44.0


def test_the_seeds_blocks_hold(bus: Bus) -> None:
    bus.send("pub", "/assets/ess/summary", {"probe": 1}, "web")
    bus.send("pub", "/assets/ess/ess_2", {"probe": 1}, "web")
    for uri in ("/assets/bms_1/summary", "/assets/pcs/summary", "/assets/ess_1/x"):
        bus.send("pub", uri, {"probe": 1}, "web")
    assert bus.value("ess_1", "/assets/ess/summary:probe") == 1
    assert bus.instances["ess_1"].engine.map.tables.get("/assets/ess/ess_2") is None
    tables = bus.instances["ess_2"].engine.map.tables
    heard = [uri for uri in tables if uri.startswith("/assets/") and not uri.startswith("/assets/bms_2/")]
    assert heard == ["/assets/ess/ess_2"]


def test_any_uri_of_any_instance_is_reached_by_its_name(bus: Bus) -> None:
    for instance in ("ess_1", "ess_2"):
        answers = bus.send("set", f"/{instance}/any/thing/at_all", 5, "web", replyto="/me")
        assert bus.value(instance, "/any/thing:at_all") == 5
        assert [m.body for m in answers if m.uri == "/me"] == [b'{"at_all":5}']
    answers = bus.send("get", "/ess_2/any/thing/at_all", None, "web", replyto="/me")
    assert [m.body for m in answers if m.uri == "/me"] == [b"5"]


def test_documents_leave_no_remark(bus: Bus) -> None:
    assert {name: [str(f) for f in ess.findings] for name, ess in bus.instances.items()} == {
        "ess_1": [],
        "ess_2": [],
    }


def test_a_running_site_makes_no_engine_errors(bus: Bus, devices: Devices) -> None:
    bus.run(5.0)
    wrong = ("type_mismatch", "loop_guard", "depth_guard", "hop_dropped", "function_errors", "expr_errors")
    more = ("bad_body", "pub_nonexistent", "bad_uri", "bad_member", "bad_method", "unknown_function")
    for name, ess in bus.instances.items():
        counted = {key: n for key, n in ess.counters.items() if key.startswith(wrong + more)}
        assert {key: n for key, n in counted.items() if n} == {}, name
        assert [line for line in ess.drain_log() if line.level in ("warning", "error")] == [], name
