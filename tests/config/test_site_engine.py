"""What the engine finds in the documents, at the file and line where it stands."""

import hashlib
import pickle

from ess_actors.core.ess import Ess
from ess_actors.core.findings import Severity

FIRST = "ess_1/ess_1_init.json"


def found(disk, code):
    """The findings of one code as (file, line, severity)."""
    _, findings = disk.load()
    wanted = [finding for finding in findings if finding.code == code]
    assert wanted, [str(finding) for finding in findings]
    return [(*disk.where(finding), finding.severity) for finding in wanted]


def test_a_missing_first_document_is_named_with_its_file(disk):
    (disk.folder / FIRST).unlink()
    assert found(disk, "file-missing") == [(FIRST, 0, Severity.FATAL)]


def test_a_document_that_another_one_names_is_missed_at_that_line(disk):
    disk.edit(
        FIRST, '"/status/bms_1": {', '"/config/cfile": {\n    "limits": false\n  },\n  "/status/bms_1": {'
    )
    line = disk.line(FIRST, '"limits"')
    assert found(disk, "document-missing") == [(FIRST, line, Severity.FATAL)]


def test_a_template_that_is_missing_keeps_the_site_from_running(disk):
    loader = '"/config/load": {"racks": {"value": false, "file": "ess_1_init", "new_options": [\n'
    loader += '    {"tmpl": "rack_tmpl", "from": 1, "to": 2}]}},\n  "/status/bms_1": {'
    disk.edit(FIRST, '"/status/bms_1": {', loader)
    site, findings = disk.load()
    fatal = [finding for finding in findings if finding.severity is Severity.FATAL]
    assert site is None and [disk.where(one)[0] for one in fatal] == [FIRST]
    assert "rack_tmpl" in fatal[0].text


def test_an_unknown_function_is_found_at_its_action(disk):
    action = '{"value": 0, "actions": {"onSet": [\n      {"func": [{"func": "Calculate"}]}]}}'
    disk.edit(FIRST, '"SOC": {"value": 0}', f'"SOC": {action}')
    _, findings = disk.load()
    told = [finding for finding in findings if "Calculate" in finding.text]
    assert told, [str(finding) for finding in findings]
    assert disk.where(told[0]) == (FIRST, disk.line(FIRST, '"Calculate"'))


def test_documents_that_cannot_be_read_are_not_reported_as_absent_again(disk):
    disk.write(FIRST, "{")
    site, findings = disk.load()
    assert site is None
    assert {finding.code for finding in findings} == {"P01"}


def test_the_start_file_is_judged_once(disk):
    disk.edit("ess_1.json", ":/shared/ess_1", ":/shared:ess_1")
    line = disk.line("ess_1.json", '"Subs"')
    assert found(disk, "subs-no-slash") == [("ess_1.json", line, Severity.WARNING)]


def test_every_problem_of_every_document_is_told_at_once_with_file_and_line(disk):
    named = '"/config/cfile": {\n    "gone": false,\n    "broken": false,\n    "twin": false},\n'
    named += '  "/config/load": {"racks": {"value": false, "file": "gone_too", "new_options": [\n'
    named += '    {"load": "made_in_broken"}]}},\n  "/status/bms_1": {'
    disk.edit(FIRST, '"/status/bms_1": {', named)
    disk.write("ess_1/broken.json", '{"/config/load": {\n  "made_in_broken" {}}}')
    disk.write("ess_1/twin.json", '{"/t": {\n  "x": 1\n  "y": 2}}')
    disk.write("ess_1/lonely.json", '{"/config/cfile": {\n  "gone_as_well": false}}')
    disk.write("ess_2.json", "{")
    disk.write("ess_2/ess_2_init.json", '{"/config/cfile": {\n  "gone_from_2": false}}')
    site, findings = disk.load()
    fatal = [(*disk.where(one), one.code) for one in findings if one.severity is Severity.FATAL]
    assert site is None
    assert fatal == [
        ("ess_1/broken.json", 2, "P01"),
        (FIRST, disk.line(FIRST, '"gone": false'), "document-missing"),
        (FIRST, disk.line(FIRST, '"gone_too"'), "document-missing"),
        ("ess_1/lonely.json", 2, "document-missing"),
        ("ess_1/twin.json", 2, "P01"),
        ("ess_2.json", 1, "P01"),
        ("ess_2/ess_2_init.json", 2, "document-missing"),
    ]


def test_of_two_equal_keys_the_last_one_counts_and_its_line_is_named(disk):
    again = '"SOC": {"value": 0},\n    "SOC": {\n      "value": null}'
    disk.edit(FIRST, '"SOC": {"value": 0}', again)
    assert found(disk, "P04") == [(FIRST, 4, Severity.WARNING)]
    assert found(disk, "bad-member") == [(FIRST, 4, Severity.ERROR)]


def test_csv_tables_and_the_checksums_of_the_files_go_with_the_instance(disk):
    disk.write("ess_1/derate.csv", "\ufefftitle\n1,2\n")
    site, _ = disk.load()
    one, two = site.instances
    assert (one.csv, two.csv) == ({"derate": "title\n1,2\n"}, {})
    ess = Ess(one.start, pickle.loads(pickle.dumps(one.documents)), now=0.0, wall=0.0)
    ess.boot(0.0, 0.0)
    mark = ess.engine.map.find("/config/cfile", "ess_1_init")
    text = (disk.folder / FIRST).read_bytes()
    assert mark.params["md5sum"] == hashlib.md5(text, usedforsecurity=False).hexdigest()


def test_a_blocked_uri_beside_a_level_that_others_name_is_hinted_at(disk):
    lists = '"/assets/ess_2": true,\n    "/assets/ess/summary": false,\n    "/components/ess_1/noise"'
    disk.edit("ess_1.json", '"/components/ess_1/noise"', lists)
    line = disk.line("ess_1.json", '"/assets/ess_2"')
    assert found(disk, "block-sibling") == [("ess_1.json", line, Severity.NOTE)]
    disk.edit("ess_1.json", '"/assets/ess/summary": false', '"/assets/ess/": true')
    assert not [one for one in disk.load()[1] if one.code == "block-sibling"]


def test_two_documents_that_share_a_loader_are_named_each_for_its_part(disk):
    loader = '"/config/load": {"racks": {"value": false, "file": "ess_1_init"}},\n'
    disk.edit(
        FIRST, '"/status/bms_1": {', f'"/config/cfile": {{"more": false}},\n  {loader}  "/status/bms_1": {{'
    )
    options = '{"/config/load": {"racks": {"value": false,\n  "options": [\n  {"file": "gone"}]}}}'
    disk.write("ess_1/more.json", options)
    assert found(disk, "document-missing") == [("ess_1/more.json", 3, Severity.FATAL)]


def test_a_fatal_finding_hides_none_of_the_others(disk):
    action = '{"value": 0, "actions": {"onSet": [\n      {"func": [{"func": "Calculate"}]}]}}'
    disk.edit(FIRST, '"SOC": {"value": 0}', f'"SOC": {action}')
    disk.edit(FIRST, '"/status/bms_1": {', '"/config/cfile": {"gone": false},\n  "/status/bms_1": {')
    site, findings = disk.load()
    assert site is None
    assert {"document-missing", "unknown-function"} <= {finding.code for finding in findings}


def test_documents_that_nothing_readable_names_are_judged_each_for_itself(disk):
    disk.write(
        "ess_1/loose.json", '{"/t": {"x": {"value": 0, "actions": {"onSet": [{"func": [{"func": "No"}]}]}}}}'
    )
    disk.write("ess_1/tmpl.json", '{"/t##B##": {"x": {"value": 0, "actions": {"onGet": []}}}}')
    disk.write(FIRST, "{")
    _, findings = disk.load()
    assert {(disk.where(one)[0], one.code) for one in findings if "ess_1/" in disk.where(one)[0]} >= {
        (FIRST, "P01"),
        ("ess_1/loose.json", "unknown-function"),
    }
    assert not any("tmpl.json" in one.file for one in findings)
