"""Messages as plant people know them: prefixes, blocks, interface publications, scripts, bad input."""

import json
import os
import signal
import subprocess
import threading

import httpx

from tests.system.running_site import BIN
from tests.waiting import wait_for


def run(site, *command: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ESS_ACTORS_API": site.api}
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        timeout=20,
    )


class Stream:
    """GET /api/listen, read in a thread."""

    def __init__(self, site, *uris: str) -> None:
        self.records: list[dict] = []
        self._client = httpx.Client(base_url=f"http://{site.api}", timeout=10)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(uris,), daemon=True)
        self._thread.start()
        assert self._ready.wait(5)

    def _read(self, uris) -> None:
        try:
            with self._client.stream("GET", "/api/listen", params={"uri": uris}) as answer:
                self._ready.set()
                for line in answer.iter_lines():
                    if line.startswith("data:"):
                        self.records.append(json.loads(line[5:]))
        except (httpx.HTTPError, RuntimeError):
            return

    def uris(self) -> set[str]:
        return {record["uri"] for record in self.records}

    def close(self) -> None:
        self._client.close()


def test_any_uri_of_any_instance_is_reached_by_its_prefix(site):
    for instance in ("ess_1", "ess_2"):
        assert site.set(f"/{instance}/any/table", {"x": 5, "y": {"value": "t", "unit": "A"}})
        assert site.get(f"/{instance}/any/table/x") == 5
        assert site.get(f"/{instance}/full/any/table/y") == {"y": {"value": "t", "unit": "A"}} or site.get(
            f"/{instance}/full/any/table/y"
        ) == {"value": "t", "unit": "A"}
    assert site.message("get", "/ess_1/any/tabel/x").status_code == 404


def test_a_set_in_one_instance_reaches_the_other_through_the_documents_remap(site):
    site.set("/ess_2/status/bms_2/ChargeCurrent", 96.25)
    first = site.get("/ess_1/status/bms_1/ChargeCurrent")
    assert isinstance(first, int | float)
    wait_for(
        "ess_2's charge current in ess_1", lambda: site.get("/ess_1/status/bms_2/ChargeCurrent") is not None
    )


def test_a_uri_is_blocked_and_unblocked_at_run_time(site):
    uri, block = "/components/ess_1/try_block", "/ess_1/blockeduris/pub"
    site.message("pub", uri, {"x": 1})
    wait_for("the value", lambda: site.get("/ess_1" + uri + "/x") == 1)
    site.set(block, {uri: True})
    assert site.message("pub", uri, {"x": 2}).status_code == 200
    # Messages of one sender are handled in order: when this set is answered, the publication was dropped.
    site.set("/ess_1/after/block/x", 1)
    assert site.get("/ess_1" + uri + "/x") == 1
    site.set(block, {uri: False})
    site.message("pub", uri, {"x": 3})
    wait_for("the value again", lambda: site.get("/ess_1" + uri + "/x") == 3)
    wait_for("the count", lambda: sum(site.metric("ess_messages_blocked_total").values()) > 0)


def test_interface_publications_run_only_while_somebody_listens(site):
    listeners = "/ess_1/status/ess_1/UiListeners"
    quiet = Stream(site, "/site/ess_1")
    wait_for("site publications", lambda: "/site/ess_1/ess_ls" in quiet.uris())
    first, second = Stream(site, "/assets"), Stream(site, "/assets/ess")
    wait_for("two listeners", lambda: site.get(listeners) == 2)
    wait_for("interface publications", lambda: any(u.startswith("/assets") for u in first.uris()))
    first.close()
    second.close()
    wait_for("no listener again", lambda: site.get(listeners) == 0)
    quiet.close()


def test_the_second_instance_publishes_directly_to_the_site(site):
    stream = Stream(site, "/site/ess_2")
    wait_for("its publication", lambda: "/site/ess_2/ess_ls" in stream.uris())
    assert {r["sender"] for r in stream.records} == {"ess_2"}
    stream.close()


def test_plant_scripts_find_their_commands(site):
    done = run(site, "fims_send", "-m", "set", "-r", "/$$", "-u", "/ess_2/script/t/a", ' "go" ')
    assert (done.returncode, json.loads(done.stdout)) == (0, {"a": "go"})
    done = run(site, "fims_send", "-m", "get", "-r", "/me", "-u", "/ess_2/script/t/a")
    assert (done.returncode, done.stdout.strip()) == (0, '"go"')
    done = run(site, "fims_send", "-m", "get", "-r", "/me", "-u", "/ess_2/script/t/nope")
    assert done.returncode != 0 and done.stdout == "" and done.stderr
    listener = subprocess.Popen(
        [str(BIN / "fims_listen"), "-u", "/script"],
        env={**os.environ, "ESS_ACTORS_API": site.api}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        lines: list[str] = []
        reader = threading.Thread(
            target=lambda: lines.extend(iter(listener.stdout.readline, "")), daemon=True
        )
        reader.start()

        def heard():
            run(site, "fims_send", "-m", "pub", "-u", "/script/x", '{"a":1}')
            return any("/script/x" in line for line in lines)

        wait_for("the message", heard)
        assert any(line.startswith("Method:") and "pub" in line for line in lines)
    finally:
        listener.send_signal(signal.SIGINT)
        assert listener.wait(5) == 0
        reader.join(5)
        listener.stdout.close()


def test_the_command_line_shows_the_tree_and_obeys(site):
    done = run(site, "ess-actors", "status")
    assert done.returncode == 0 and "bms_2" in done.stdout and "RUNNING" in done.stdout
    assert json.loads(run(site, "ess-actors", "status", "--json").stdout)["site"] == "dual_bms"
    assert run(site, "ess-actors", "set", "/ess_1/cli/t/a", "7").returncode == 0
    assert run(site, "ess-actors", "get", "/ess_1/cli/t/a").stdout.strip() == "7"
    done = run(site, "ess-actors", "get", "/ess_1/cli/t/aa")
    assert done.returncode == 1 and "/cli/t" in done.stdout + done.stderr
    pid = site.pid("ess_2/alarms")
    assert run(site, "ess-actors", "restart", "ess_2/alarms").returncode == 0
    wait_for("the restart", lambda: site.is_back("ess_2/alarms", pid))
    assert run(site, "ess-actors", "restart", "ess_2/nobody").returncode == 1
    assert run(site, "ess-actors", "journal").returncode == 0


def test_events_are_journaled(site):
    site.set("/ess_1/faults/ess/clear_faults", "Clear")

    def journaled():
        records = site.http.get("/api/journal", params={"limit": 200}).json()["records"]
        return [r for r in records if "clear_faults" in str(r["body"])]

    assert wait_for("the journal", journaled)[0]["time"] > 0


def test_orders_and_deaths_are_journaled(site):
    site.set("/ess_1/journal/me", 42)
    site.modbus().write_single_register(1014, 0)
    site.order("ess_2/alarms", "restart")
    pid = site.kill("ess_1/alarms")
    wait_for("the restart", lambda: site.is_back("ess_1/alarms", pid))

    def told():
        records = site.http.get("/api/journal", params={"limit": 300}).json()["records"]
        commands = [r["body"] for r in records if r["kind"] == "command"]
        events = str([r["body"] for r in records if r["kind"] == "event"])
        return (
            any(c["by"] == "web" and c["uri"] == "/ess_1/journal/me" and c["body"] == 42 for c in commands)
            and any(c["by"] == "ess_1/site" and c["uri"].endswith("/ramp_rate") for c in commands)
            and "operator: restart ess_2/alarms" in events
            and "ess_1/alarms died and is restarted: killed by SIGKILL" in events
        )

    wait_for("all four in the journal", told)
    wait_for("the site to be complete", site.is_ready)


def test_bad_input_is_told_and_harms_nobody(site):
    before = site.actors()
    answer = site.http.post("/api/message", content=b"{not json")
    assert answer.status_code == 400 and answer.json()["text"]
    assert site.message("explode", "/ess_1/x", 1).status_code == 400
    assert site.message("set", "/ess_1/x/y:z", 1).status_code == 400
    assert site.message("set", "/nobody/listens/here", 1).status_code == 404
    near = site.message("get", "/ess_1/status/bms/SOCK")
    assert near.status_code == 404 and "/status/bms" in str(near.json()["near"])
    assert site.order("ess_1/bms_9", "restart").status_code == 404
    unknown = site.message("set", "/components/ess_1/pcs_controls/sco", 1)
    assert unknown.status_code == 404 and unknown.json()["error"] == "unknown_id"
    assert run(site, "ess-actors", "set", "/components/ess_1/pcs_fast/active_power", "1").returncode == 1
    assert {i: r["pid"] for i, r in site.actors().items()} == {i: r["pid"] for i, r in before.items()}
