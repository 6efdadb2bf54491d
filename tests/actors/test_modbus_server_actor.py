"""The site server actor in a process of its own: its owners, its masters, its operator."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyModbusTCP.client import ModbusClient
from thespian.actors import ActorSystem

from ess_actors.config.modbus_server import load_server
from ess_actors.core.control import Query
from ess_actors.core.messages import Message
from tests.actors.serving import Bus
from tests.actors.small_tree import small_tree
from tests.ports import free_port
from tests.waiting import wait_for

LS, HS = "/site/ess_1/ess_ls", "/site/ess_1/ess_hs"
BASE = "/interfaces/site_controller"


def content(port: int) -> dict[str, Any]:
    return {
        "system": {"id": "/site_controller", "ip_address": "127.0.0.1", "port": port, "stale_after_ms": 0},
        "registers": {
            "input_registers": [{"id": "soc", "offset": 1, "scale": 10, "uri": LS}],
            "holding_registers": [
                {"id": "setpoint", "offset": 10, "signed": True, "scale": 10, "uri": HS},
                {"id": "mode", "offset": 11, "uri": HS},
            ],
        },
    }


class Site:
    """The tree with one site server, seen from outside."""

    def __init__(self, system: ActorSystem, bus: Any, file: Path, port: int) -> None:
        self.system, self.bus, self.file, self.port = system, bus, file, port

    def _told(self) -> tuple[list[Message], list[tuple[str, ...]], list[tuple[str, str]]]:
        with self.system.private() as asker:
            found = asker.ask(self.bus, Query(), 5)
        return ([], [], []) if found is None else ([Message._make(one) for one in found[0]], *found[1:])

    def heard(self, method: str, uri: str) -> list[Message]:
        return [one for one in self._told()[0] if (one.method, one.uri) == (method, uri)]

    def listens(self) -> tuple[str, ...]:
        return self._told()[1][0]

    def state(self) -> tuple[str, str]:
        return self._told()[2][0]

    def say(self, method: str, uri: str, body: object = None, replyto: str = "", **more: Any) -> None:
        coded = b"" if body is None else json.dumps(body).encode()
        self.system.tell(self.bus, Message(method, uri, coded, replyto=replyto, **more))

    def asked(self, method: str, uri: str, body: object = None) -> Any:
        """The body of the answer, which must be the only one."""
        replyto = f"/test/{len(self._told()[0])}"
        self.say(method, uri, body, replyto)
        answers = wait_for(f"an answer to {method} {uri}", lambda: self.heard("set", replyto))
        assert len(answers) == 1
        return json.loads(answers[0].body)

    def write(self, port: int | None = None, **registers: list[dict[str, Any]]) -> None:
        edited = content(port or self.port)
        for section, entries in registers.items():
            edited["registers"].setdefault(section, []).extend(entries)
        self.file.write_text(json.dumps(edited, indent=1))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    port, file = free_port(), tmp_path / "site.json"
    file.write_text(json.dumps(content(port)))
    server_map, _ = load_server(file)
    with small_tree(Bus, server_map, tmp_path) as (system, bus):
        found = Site(system, bus, file, port)
        wait_for("the server", lambda: found.state()[0] == "RUNNING")
        yield found


@pytest.fixture
def master(site: Site) -> Iterator[ModbusClient]:
    client = ModbusClient(host="127.0.0.1", port=site.port, timeout=2.0)
    yield client
    client.close()


def test_the_bus_fills_the_map_and_a_master_commands_the_bus(site: Site, master: ModbusClient) -> None:
    assert master.read_input_registers(1, 1) == [0], "answered before anybody published"
    gets = wait_for("the question to the owner", lambda: site.heard("get", LS))
    assert gets[0].replyto == f"{BASE}/reply{LS}" and not site.heard("get", BASE)
    site.say("set", gets[0].replyto, {"soc": 55.5})
    wait_for("the answer in the map", lambda: master.read_input_registers(1, 1) == [555])
    site.say("pub", LS, {"soc": {"value": 60}, "other": 1})
    wait_for("the publication in the map", lambda: master.read_input_registers(1, 1) == [600])
    site.say("set", LS, {"soc": 1})
    site.say("set", f"{LS}/soc", 2)
    site.say("pub", f"{LS}/soc", 3)
    site.say("pub", LS, [1])
    site.say("pub", LS, {"soc": 70})
    wait_for("the next publication", lambda: master.read_input_registers(1, 1) == [700])

    assert master.write_multiple_registers(10, [0xF63C, 1])
    wait_for("both commands", lambda: site.heard("set", f"{HS}/mode"))
    (setpoint,), (mode,) = site.heard("set", f"{HS}/setpoint"), site.heard("set", f"{HS}/mode")
    assert json.loads(setpoint.body) == {"value": -250.0} and json.loads(mode.body) == {"value": 1}
    assert setpoint.sender == "ess/site" and setpoint.command == mode.command and not setpoint.replyto

    state = site.asked("get", BASE)
    assert state["never_heard"] == [HS] and state["silent"] == [] and state["sources"][HS] is None
    assert state["clients"] == 1 and state["writes"] == 1 and state["unknown_ids"] == 1
    assert state["bad_body"] == 1 and state["commits"] == 3
    assert set(site.asked("get", f"{BASE}/_stats")) == set(state)
    for method, uri in (("set", BASE), ("post", BASE), ("get", f"{BASE}/soc"), ("set", f"{BASE}/_stats")):
        assert site.asked(method, uri)["status"] == "unsupported"


def test_an_operator_orders_faults(site: Site, master: ModbusClient) -> None:
    refused = site.asked("set", f"{BASE}/_fault", {"kind": "boom"})
    assert refused["status"] == "bad_body" and "garble" in refused["text"]
    assert site.asked("set", f"{BASE}/_fault", {"kind": "exception", "code": 6}) == {"status": "ok"}
    assert master.read_input_registers(1, 1) is None and master.last_except == 6
    assert site.asked("set", f"{BASE}/_fault", {"kind": "none"}) == {"status": "ok"}
    assert master.read_input_registers(1, 1) == [0]
    events = [json.loads(one.body) for one in site.heard("post", "/events")]
    assert [event["message"].split(" by ")[0] for event in events] == [
        "fault exception ordered",
        "fault none ordered",
    ]


def test_an_edited_file_is_served_without_a_break(site: Site, master: ModbusClient) -> None:
    site.say("pub", LS, {"soc": 60})
    wait_for("the publication in the map", lambda: master.read_input_registers(1, 1) == [600])
    connection = id(master._sock)

    site.write(input_registers=[{"id": "power", "offset": 2, "uri": "/site/new"}])
    reply = site.asked("set", f"{BASE}/_reload")
    assert (reply["status"], reply["changed"], reply["fatal"]) == ("ok", ["/site/new/power"], 0)
    wait_for("the new source listened to", lambda: "pub:/site/new" in site.listens())
    wait_for("the new owner asked", lambda: site.heard("get", "/site/new"))
    site.say("pub", "/site/new", {"power": 7})
    wait_for("both", lambda: master.read_input_registers(1, 2) == [600, 7])

    text = site.file.read_text().replace('"offset": 2,', '"offset": 2')
    site.file.write_text(text)
    line = 1 + text[: text.index('"offset": 2')].count("\n")
    reply = site.asked("set", f"{BASE}/_reload")
    assert reply["status"] == "failed" and reply["fatal"] == 1
    assert f"site.json:{line}:" in reply["problems"][0] and " P01 " in reply["problems"][0]
    assert master.read_input_registers(1, 2) == [600, 7]

    site.write(port=free_port())
    reply = site.asked("set", f"{BASE}/_reload")
    assert reply["status"] == "ok" and "listens where it did" in reply["text"]
    assert master.read_input_registers(1, 1) == [600] and master.read_input_registers(1, 2) is None
    wait_for("one source less", lambda: "pub:/site/new" not in site.listens())
    assert id(master._sock) == connection, "on one and the same connection"
    assert site.asked("get", BASE)["accepted"] == 1 and site.state() == ("RUNNING", "")
