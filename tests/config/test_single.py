"""One instance by its start file: where its documents are, and what is told of all of them."""

from pathlib import Path

import pytest

from ess_actors.config.single import documents_of, load
from ess_actors.core.findings import Severity

START = '{"/sysconfig/default": {"EssName": "ess_1", "Subs": ":/a:", "Config": "first"}}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ess_1.json").write_text(START)
    return tmp_path


def told(findings, least=Severity.WARNING):
    return [(Path(one.file).name, one.line, one.code) for one in findings if one.severity >= least]


def test_the_documents_are_in_the_folder_of_its_name(folder):
    (folder / "ess_1").mkdir()
    (folder / "ess_1/first.json").write_text('{"/t": {"x": 1}}')
    (folder / "ess_1/table.csv").write_text("a,b\n")
    site, findings = load(folder / "ess_1.json")
    assert site is not None and told(findings) == []
    (instance,) = site.instances
    assert (site.name, instance.name, instance.subscriptions) == ("ess_1", "ess_1", ("/ess_1", "/a"))
    assert set(instance.documents) == {"first"} and instance.csv == {"table": "a,b\n"}
    assert (instance.clients, instance.servers) == ((), ())


def test_without_such_a_folder_they_are_beside_it_and_what_is_no_document_is_left_out(folder):
    (folder / "first.json").write_text('{"/t": {"x": 1}}')
    (folder / "ess_2.json").write_text(START.replace("ess_1", "ess_2"))
    (folder / "unused.json").write_text('{"/t": {"y": 1}}')
    (folder / "site.json").write_text('{"name": "s", "instances": []}')
    assert documents_of(folder / "ess_1.json") == folder
    site, findings = load(folder / "ess_1.json")
    assert site is not None and told(findings) == []
    assert set(site.instances[0].documents) == {"first", "unused"}


def test_every_error_of_every_document_is_told_at_once(folder):
    docs = folder / "docs"
    docs.mkdir()
    (docs / "first.json").write_text('{"/config/cfile": {"second": false, "third": false}}')
    (docs / "second.json").write_text('{"/t": {"x": 1},\n "/u": }')
    (docs / "other.json").write_text('{\n\n"/t" {}}')
    site, findings = load(folder / "ess_1.json", docs)
    assert site is None
    fatal = told(findings, Severity.FATAL)
    assert {(file, line) for file, line, _ in fatal} >= {("second.json", 2), ("other.json", 3)}
    assert any(file == "first.json" or file == "third.json" for file, _, _ in fatal)


@pytest.mark.parametrize("name", ["web", "store"])
def test_a_name_that_every_site_uses_is_refused(folder, name):
    (folder / "ess_1.json").write_text(START.replace('"ess_1"', f'"{name}"'))
    (folder / "first.json").write_text("{}")
    site, findings = load(folder / "ess_1.json")
    assert site is None and told(findings, Severity.FATAL) == [("ess_1.json", 1, "name-taken")]


def test_what_is_not_there_is_told(folder):
    assert told(load(folder / "none.json")[1]) == [("none.json", 0, "file-missing")]
    assert told(load(folder / "ess_1.json", folder / "none")[1]) == [("none", 0, "file-missing")]
    assert [code for _, _, code in told(load(folder / "ess_1.json")[1])] == ["file-missing"]
    assert told(load(folder)[1]) == [("site.json", 0, "file-missing")]
