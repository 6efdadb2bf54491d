"""`access` in site.json: what it means, and what is told when it cannot work or lets in more than it seems."""

import json
import subprocess
from pathlib import Path

import pytest

from ess_actors.config.site_schema import ShapeError, parse_site
from ess_actors.core.findings import Severity
from ess_actors.core.roles import Role
from ess_actors.core.site_access import SiteAccess

OLD = '"access": {"loopback": "engineer"}'


def loaded(disk, access: object):
    disk.edit("site.json", OLD, f'"access": {json.dumps(access)}')
    return disk.load()


def test_everything_that_can_be_said(disk):
    key, certificate = disk.folder / "key.pem", disk.folder / "tls" / "certificate.pem"
    certificate.parent.mkdir()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=site"],
        check=True, capture_output=True,
    )  # fmt: skip
    access = {
        "loopback": "viewer", "metrics": "login", "socket": {"path": f"{disk.folder}/s", "role": "operator"},
        "tls": {"certificate": "tls/certificate.pem", "key": str(key)},
    }  # fmt: skip
    site, findings = loaded(disk, access)
    assert findings == [] and site is not None
    assert site.access == SiteAccess(
        Role.VIEWER, f"{disk.folder}/s", Role.OPERATOR, str(certificate), str(key), metrics_login=True
    )
    assert site.access.scheme == "https" and site.access.needs_login("127.0.0.1")


@pytest.mark.parametrize(
    ("access", "code", "severity", "word"),
    [
        ({"tls": {"certificate": "no.pem", "key": "ess_1.json"}}, "tls-file", Severity.FATAL, "no.pem"),
        ({"tls": {"certificate": "ess_1.json", "key": "no.pem"}}, "tls-file", Severity.FATAL, "no.pem"),
        ({"tls": {"certificate": "ess_1.json", "key": "ess_1.json"}}, "tls-file", Severity.FATAL, "together"),
        (
            {"socket": {"path": "/no/such/s", "role": "viewer"}},
            "socket-folder",
            Severity.WARNING,
            "/no/such/s",
        ),
        ({"loopback": "admin"}, "site-shape", Severity.FATAL, "admin"),
        ({"socket": {"path": "s", "role": "viewer"}}, "site-shape", Severity.FATAL, "path"),
        ({"socket": {"path": "/s"}}, "site-shape", Severity.FATAL, "role"),
        ({"tls": {"certificate": "a"}}, "site-shape", Severity.FATAL, "key"),
    ],
)
def test_what_cannot_work_is_told_at_its_place(disk, access, code, severity, word):
    site, findings = loaded(disk, access)
    (one,) = findings
    assert (one.code, one.severity, one.file) == (code, severity, str(disk.folder / "site.json"))
    assert word in one.text and one.hint and one.line > 1
    assert (site is None) == (severity is Severity.FATAL)


def test_without_a_word_about_access_everybody_logs_in_and_is_told_so(disk):
    disk.edit("site.json", f",\n  {OLD}", "")
    site, findings = disk.load()
    (one,) = findings
    assert (one.code, one.severity) == ("access-login", Severity.NOTE) and "loopback" in one.hint
    assert site is not None and site.access.needs_login("127.0.0.1")


def test_in_the_clear_for_others_is_a_warning(disk):
    disk.edit("site.json", '"127.0.0.1"', '"192.0.2.1"')
    _, (one,) = disk.load()
    assert one.code == "api-open" and "clear text" in one.text and "tls" in one.hint


def test_an_unknown_member_is_told_what_there_is():
    tree = {"name": "x", "instances": [{"start": "a", "documents": "b"}], "access": {"tsl": {}}}
    with pytest.raises(ShapeError) as problem:
        parse_site(tree)
    assert "loopback, socket, tls, metrics" in problem.value.problems[0][1]


def test_the_shipped_sites_let_their_own_host_in():
    for name in ("dual_bms", "triple"):
        tree = json.loads((Path(__file__).parents[2] / "configs" / name / "site.json").read_text())
        assert tree["access"] == {"loopback": "engineer"} and tree["api"]["host"] == "127.0.0.1"
