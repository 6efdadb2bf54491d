"""Each way to break a site gives one finding, with its severity, at its file and line."""

import pytest

from ess_actors.core.findings import Severity, exit_code

NOTE, WARNING, ERROR, FATAL = Severity.NOTE, Severity.WARNING, Severity.ERROR, Severity.FATAL

SITE = "site.json"
START = "ess_1.json"
START_2 = "ess_2.json"
BMS = "modbus_client/bms_1.json"
BMS_2 = "modbus_client/bms_2.json"
SERVER = "modbus_server/site.json"

NAMES = '"bit_strings": [' + ", ".join(f'"fault {n}"' for n in range(19)) + "],\n      "

EDITS = {
    "misspelt member": (SITE, '"modbus_servers"', '"modbus_server"', "site-shape", FATAL, SITE,
        "modbus_server"),
    "port is text": (SITE, "8300", '"8300"', "site-shape", FATAL, SITE, '"8300"'),
    "port out of range": (SITE, "8300", "83000", "site-shape", FATAL, SITE, "83000"),
    "start is missing": (SITE, '"start": "ess_2.json", ', "", "site-shape", FATAL, SITE,
        '"documents": "ess_2"'),
    "site has a bad name": (SITE, '"pair"', '"../pair"', "site-shape", FATAL, SITE, "../pair"),
    "no such start file": (SITE, START_2, "ess_9.json", "file-missing", FATAL, SITE, '"start": "ess_9.json"'),
    "no such folder": (SITE, '"documents": "ess_2"', '"documents": "x"', "file-missing", FATAL, "x", None),
    "same client twice": (SITE, "bms_1.json", 'bms_1.json", "modbus_client/bms_1.json', "actor-twice",
        FATAL, SITE, BMS),
    "stem of another instance": (SITE, "modbus_client/bms_2.json", "modbus_client/bms_1.json", "stem-shared",
        WARNING, SITE, '["modbus_client/bms_1.json"]}'),
    "api and server on one port": (SITE, "8300", "1502", "port-twice", FATAL, SITE, SERVER),
    "privileged port": (SERVER, "1502", "502", "port-privileged", NOTE, SITE, SERVER),
    "api open to all": (SITE, '"127.0.0.1"', '"0.0.0.0"', "api-open", WARNING, SITE, "0.0.0.0"),
    "live value of nobody": (SITE, "/ess_1/status/bms_1/SOC", "/status/SOC", "live-unknown", WARNING,
        SITE, "/status/SOC"),
    "sim for nobody": (SITE, '"bms_1": {', '"bms_7": {', "sim-unused", WARNING, SITE, '"bms_7": {'),
    "sim point unknown": (SITE, "ess_1/bms_info/soc", "ess_1/bms_info/sco", "sim-point", ERROR, SITE,
        "ess_1/bms_info/sco"),
    "sim point is a number": (SITE, '"ess_1/bms_info/soc"', "5", "sim-point", ERROR, SITE, '"soc": 5'),
    "sim model unknown": (SITE, '"battery"', '"wheel"', "sim-model", ERROR, SITE, '"wheel"'),
    "instance named twice": (START_2, '"EssName": "ess_2"', '"EssName": "ess_1"', "name-twice", FATAL,
        SITE, START_2),
    "instance named web": (START_2, '"EssName": "ess_2"', '"EssName": "web"', "name-taken", FATAL, SITE,
        START_2),
    "name with a slash": (START, '"EssName": "ess_1"', '"EssName": "ess/1"', "name-unusable", FATAL,
        START, '"EssName"'),
    "name with a dash": (START, '"EssName": "ess_1"', '"EssName": "ess-1"', "name-characters", ERROR,
        START, '"EssName"'),
    "name is a uri word": (START, '"EssName": "ess_1"', '"EssName": "full"', "name-reserved", ERROR,
        START, '"EssName"'),
    "no EssName": (START, '"EssName"', '"Name"', "start-incomplete", FATAL, START, '"/sysconfig/default"'),
    "no basics": (START, "/sysconfig/default", "/sysconfig/other", "start-incomplete", FATAL, START, None),
    "Config is a number": (START, '"ess_1_init"', "4", "start-incomplete", FATAL, START, '"Config"'),
    "the seed's slip in Subs": (START, ":/shared/ess_1", ":/shared:ess_1", "subs-no-slash", WARNING,
        START, '"Subs"'),
    "covered subscription": (START, ":/shared/ess_1", ":/site/ess_1/x", "subs-covered", NOTE, START,
        '"Subs"'),
    "block list of no method": (START, "/blockeduris/pub", "/blockeduris/send", "block-method", WARNING,
        START, "/blockeduris/send"),
    "block entry is no bool": (START, "noise\": true", 'noise": 1', "block-value", ERROR, START, "noise"),
    "component unheard": (BMS, "ess_1/bms_info", "ess_3/bms_info", "component-unheard", ERROR, SITE, BMS),
    "component for another": (BMS, "ess_1/bms_info", "ess_2/x", "component-elsewhere", WARNING, SITE, BMS),
    "component blocked": (START, "/components/ess_1/noise", "/components/ess_1/bms", "component-blocked",
        WARNING, SITE, BMS),
    "component twice": (BMS, "ess_1/bms_info", "ess_2/bms_info", "component-twice", ERROR, SITE, BMS_2),
    "one endpoint for two": (BMS, "10.0.0.1", "10.0.0.2", "endpoint-shared", NOTE, SITE, BMS_2),
    "one endpoint, other settings": (BMS, '"10.0.0.1"', '"10.0.0.2", "transfer_timeout": 0.3', "endpoint-shared",
        WARNING, SITE, BMS_2),
    "registers nobody fills": (SERVER, "/site/ess_1/ess_ls", "/site/ess_1/els", "server-unfed", ERROR,
        SITE, SERVER),
    "commands nobody takes": (SERVER, "/site/ess_1/ess_hs", "/site/hs", "server-unheard", ERROR, SITE,
        SERVER),
    "malformed site": (SITE, '"name": "pair",', '"name" "pair",', "P01", FATAL, SITE, '"pair"'),
    "malformed client": (BMS, '"device_id": 1,', '"device_id": 1', "P01", FATAL, BMS, '"device_id"'),
    "client is a list": (BMS, None, "[1]", "S01", FATAL, BMS, "[1]"),
    "start file is a list": (START, None, "[\n]", "no-object", FATAL, START, "["),
    "19 names in 16 bits": (SERVER, '"uri": "/site/ess_1/ess_ls"', NAMES + '"uri": "/site/ess_1/ess_ls"',
        "V06", ERROR, SERVER, "bit_strings"),
}  # fmt: skip


def test_the_sound_site_has_no_finding(disk):
    site, findings = disk.load()
    assert [str(finding) for finding in findings] == []
    assert site is not None and exit_code(findings) == 0


@pytest.mark.parametrize("name", EDITS)
def test_one_broken_place_is_found_at_its_line(disk, name):
    file, old, new, code, severity, where, text = EDITS[name]
    if old is None:
        disk.write(file, new)
    else:
        disk.edit(file, old, new)
    site, findings = disk.load()
    found = [finding for finding in findings if finding.code == code]
    assert len(found) == 1, [str(finding) for finding in findings]
    line = disk.line(where, text) if text else found[0].line
    assert disk.where(found[0]) == (where, line)
    assert found[0].severity is severity
    assert found[0].text and found[0].hint
    assert (site is None) == any(finding.severity is FATAL for finding in findings)


def test_everything_is_found_at_once(disk):
    disk.edit(SITE, "8300", "1502")
    disk.edit(START, ":/shared/ess_1", ":ess_1")
    disk.edit(BMS, "ess_1/bms_info", "ess_3/bms_info")
    disk.edit("ess_2/ess_2_init.json", '"/status/bms_2": {', '"/status/bms_2": ')
    _, findings = disk.load()
    codes = {finding.code for finding in findings}
    assert codes >= {"port-twice", "subs-no-slash", "component-unheard", "sim-point", "P01"}
    assert exit_code(findings) == 2


def test_findings_come_in_the_order_of_file_and_line(disk):
    disk.edit(SITE, "8300", "1502")
    disk.edit(START, ":/shared/ess_1", ":ess_1")
    disk.edit(START, 'noise": true', 'noise": 1')
    _, findings = disk.load()
    places = [(finding.file, finding.line) for finding in findings]
    assert places == sorted(places) and len(places) == 3


def test_two_servers_on_one_port_clash_only_when_their_hosts_do(disk):
    server = (disk.folder / SERVER).read_text()
    disk.write("modbus_server/other.json", server.replace('"127.0.0.1"', '"127.0.0.2"'))
    disk.edit(SITE, '["modbus_server/site.json"]', '["modbus_server/site.json", "modbus_server/other.json"]')
    codes = {finding.code for finding in disk.load()[1]}
    assert "port-twice" not in codes
    disk.edit("modbus_server/other.json", '"127.0.0.2"', '"0.0.0.0"')
    twice = [finding for finding in disk.load()[1] if finding.code == "port-twice"]
    assert [disk.where(finding) for finding in twice] == [(SITE, disk.line(SITE, "other.json"))]


def test_a_table_made_by_a_template_feeds_its_registers(disk):
    disk.edit(SERVER, "/site/ess_1/ess_ls", "/site/ess_1/rack_07")
    assert "server-unfed" in {finding.code for finding in disk.load()[1]}
    disk.edit("ess_1/ess_1_init.json", "/site/ess_1/ess_ls", "#site#ess_1#rack_##R##")
    assert "server-unfed" not in {finding.code for finding in disk.load()[1]}


def test_a_missing_folder_is_one_fatal_finding(tmp_path):
    from ess_actors.config.site import load_site

    site, findings = load_site(tmp_path / "nowhere")
    assert site is None
    assert [(f.code, f.severity, f.file) for f in findings] == [
        ("file-missing", FATAL, str(tmp_path / "nowhere" / "site.json"))
    ]
