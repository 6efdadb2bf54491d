"""What the engine finds in the documents, at the file and line where it stands."""

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
