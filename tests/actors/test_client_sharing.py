"""Which actor serves which device, and what a client file that is read anew leads to."""

import json
from dataclasses import replace
from pathlib import Path

from ess_actors.actors.build import RunOptions, build
from ess_actors.actors.client_reload import reread
from ess_actors.actors.endpoints import merged, pointed_at, servers_of
from ess_actors.actors.settings import ClientSettings, actor_ids
from ess_actors.config.modbus_client import load_client
from ess_actors.core.findings import Severity
from ess_actors.core.points import ClientMap, Endpoint, Serial
from tests.config.site_on_disk import CLIENT, SiteOnDisk
from tests.modbus.modbus_maps import client_map, component, number

SAME = CLIENT.replace("_N", "_2").replace("10.0.0.N", "10.0.0.1")
"""The second battery's file, at the address of the first."""


def at(*hosts: str, file: str = "a") -> list[ClientMap]:
    """The maps of one file: one component per address."""
    maps = (client_map(component(f"{file}_{host}", number("p", 1)), stem=file, host=host) for host in hosts)
    return [replace(one, file=f"{file}.json") for one in maps]


def test_files_that_name_one_device_are_served_by_the_first() -> None:
    assert servers_of([at("x"), at("y"), at("x")]) == [0, 1, 0]
    assert servers_of([at("x"), at("y"), at("y", "x")]) == [0, 0, 0], "the third joins the others"
    assert servers_of([at("x", "y"), at("z"), at("y", "z")]) == [0, 0, 0]
    assert servers_of([]) == []


def test_maps_of_one_address_become_one_with_the_settings_of_the_first() -> None:
    (first,), (second,), (third,) = at("x", file="a"), at("x", file="b"), at("y", file="c")
    slower = replace(second, endpoint=replace(second.endpoint, transfer_timeout_s=9.0))
    joined, other = merged([first, slower, third])
    assert [c.id for c in joined.components] == ["a_x", "b_x"]
    assert joined.endpoint == first.endpoint and joined.file == "a.json" and other == third
    twice = replace(slower, components=(*slower.components, *first.components))
    assert [c.id for c in merged([first, twice])[0].components] == ["a_x", "b_x"], (
        "the first of a name counts"
    )


def test_a_simulator_speaks_plain_tcp() -> None:
    (one,) = at("x")
    line = Endpoint(name="l", serial=Serial(device="/dev/ttyS9"), rtu=True, max_connections=2)
    pointed = pointed_at(replace(one, endpoint=line), {("/dev/ttyS9", 0): 4711})
    assert pointed.endpoint.address == ("127.0.0.1", 4711)
    assert pointed.endpoint.serial is None and not pointed.endpoint.rtu and pointed.endpoint.tls is None
    assert pointed.endpoint.max_connections == 2
    assert pointed_at(one, {("elsewhere", 1): 4711}) is one


def test_a_site_shows_only_actors_that_exist(tmp_path: Path) -> None:
    files = SiteOnDisk(tmp_path)
    files.write("modbus_client/bms_2.json", SAME)
    site, findings = files.load()
    assert site is not None
    (told,) = [finding for finding in findings if finding.code == "endpoint-shared"]
    assert told.severity is Severity.NOTE and "ess_1/bms_1" in told.text and "one socket" in told.text
    for simulated in (False, True):
        settings, _ = build(site, RunOptions(simulated=simulated))
        assert [one for one in actor_ids(settings) if "/bms" in one] == ["ess_1/bms_1"]
        (client,) = settings.instances[0].clients
        assert [Path(one.file).name for one in client.maps] == ["bms_1.json", "bms_2.json"]
        (whole,) = merged(client.maps)
        assert [c.id for c in whole.components] == ["ess_1/bms_info", "ess_2/bms_info"]
        assert bool(client.ports) is simulated


def test_simulators_of_two_files_of_one_name_are_both_told(tmp_path: Path) -> None:
    files = SiteOnDisk(tmp_path)
    site, _ = files.load()
    assert site is not None
    first, *others = site.instances
    twice = replace(first, clients=(*first.clients, *(replace(one, file="x") for one in first.clients)))
    settings, _ = build(replace(site, instances=(twice, *others)), RunOptions(simulated=True))
    told = [name for name in settings.web.addresses if name.startswith("simulator ")]
    assert len(told) == sum(len(one.clients) for one in (twice, *others))
    assert "simulator bms_1_2" in told


def test_different_settings_of_one_device_are_a_warning(tmp_path: Path) -> None:
    files = SiteOnDisk(tmp_path)
    files.write("modbus_client/bms_2.json", SAME.replace('"port": 502', '"port": 502, "transfer_timeout": 2'))
    site, findings = files.load()
    assert site is not None
    (told,) = [finding for finding in findings if finding.code == "endpoint-shared"]
    assert told.severity is Severity.WARNING and "bms_2.json do not" in told.text


def test_separate_devices_have_separate_actors(tmp_path: Path) -> None:
    site, _ = SiteOnDisk(tmp_path).load()
    assert site is not None
    settings, _ = build(site, RunOptions())
    assert [one for one in actor_ids(settings) if "/bms" in one] == ["ess_1/bms_1", "ess_2/bms_2"]


def loaded(folder: Path, **texts: str) -> ClientSettings:
    """The settings of one actor with these files."""
    maps: list[ClientMap] = []
    for stem, text in texts.items():
        (folder / f"{stem}.json").write_text(text)
        maps += load_client(folder / f"{stem}.json")[0]
    return ClientSettings(tuple(maps), {})


FIRST = CLIENT.replace("_N", "_1").replace("0.N", "0.1")


def test_a_file_read_anew_replaces_its_own_maps_only(tmp_path: Path) -> None:
    settings = loaded(tmp_path, bms_1=FIRST, bms_2=SAME)
    text = SAME.replace(
        '{"id": "soc", "offset": 0}', '{"id": "soc", "offset": 0}, {"id": "soh", "offset": 1}'
    )
    (tmp_path / "bms_2.json").write_text(text)
    told = reread(settings, "/components/ess_2/bms_info")
    assert told.settings is not None and told.settings.maps[0] == settings.maps[0]
    assert [p.id for p in told.settings.maps[1].components[0].points] == ["soc", "soh"]
    assert told.reply["status"] == "ok" and told.reply["changed"] == ["ess_2/bms_info"]
    json.dumps(told.reply)
    first = reread(settings, "/components/ess_1/bms_info")
    assert first.settings == settings and first.reply["changed"] == [], "nothing is new in the first"


def test_a_file_that_cannot_be_read_changes_nothing_and_is_explained(tmp_path: Path) -> None:
    settings = loaded(tmp_path, bms_1=FIRST)
    (tmp_path / "bms_1.json").write_text(FIRST.replace('"device_id": 1,', '"device_id": 1'))
    told = reread(settings, "/components/ess_1/bms_info")
    assert told.settings is None and told.reply["status"] == "failed" and told.reply["fatal"] == 1
    problems = told.reply["problems"]
    assert isinstance(problems, list) and "bms_1.json:4:" in problems[0] and "P01" in problems[0]


def test_findings_of_a_file_read_anew_are_told_the_worst_first(tmp_path: Path) -> None:
    settings = loaded(tmp_path, bms_1=FIRST)
    again = FIRST.replace(
        '{"id": "soc", "offset": 0}', '{"id": "soc", "offset": 0},{"id": "soc", "offset": 3},'
    )
    (tmp_path / "bms_1.json").write_text(again)
    told = reread(settings, "/components/ess_1/bms_info")
    assert told.reply["status"] == "ok" and told.settings is not None
    problems = told.reply["problems"]
    assert isinstance(problems, list) and len(problems) == told.reply["findings"]
    order = ["fatal", "error", "warning", "note"]
    severities = [order.index(problem.split(": ")[1].split()[0]) for problem in problems]
    assert severities == sorted(severities) and len(set(severities)) > 1


def test_under_simulation_no_real_device_is_reached(tmp_path: Path) -> None:
    settings = replace(loaded(tmp_path, bms_1=FIRST), ports={("10.0.0.1", 502): 4711})
    assert reread(settings, "/components/ess_1/bms_info").settings == settings
    (tmp_path / "bms_1.json").write_text(FIRST.replace("10.0.0.1", "10.0.0.77"))
    told = reread(settings, "/components/ess_1/bms_info")
    assert (
        told.settings is None and told.reply["status"] == "failed" and "10.0.0.77" in str(told.reply["text"])
    )
