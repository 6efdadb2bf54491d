"""Whatever a file of a site contains, loading it ends in findings, never in an exception."""

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.findings import Severity
from tests.config.site_on_disk import CLIENT, DOCUMENT, SERVER, SITE, START, SiteOnDisk

FILES = {
    "site.json": SITE,
    "ess_1.json": START.replace("_N", "_1"),
    "ess_1/ess_1_init.json": DOCUMENT.replace("_N", "_1"),
    "modbus_client/bms_1.json": CLIENT.replace("_N", "_1").replace("0.N", "0.1"),
    "modbus_server/site.json": SERVER,
}

ODD_TEXTS = ["", "/", ":", "x", "/a:b@c[9]"]
ODD_TREES = [[], [[]], [None], {}, {"": {}}, {"value": {}}]
ODD_VALUES = st.sampled_from([None, True, 0, -1, 3.5, 70000, *ODD_TEXTS, *ODD_TREES])


def places(tree, path=()):
    """Every place in a JSON tree, as a path of keys and indexes."""
    yield path
    members = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, member in members:
        yield from places(member, (*path, key))


def replaced(tree, path, value):
    """The tree with another value at one place."""
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = replaced(tree[path[0]], path[1:], value)
    return copy


@st.composite
def broken_files(draw):
    """(file name, its text with one value replaced)."""
    name = draw(st.sampled_from(sorted(FILES)))
    tree = json.loads(FILES[name])
    path = draw(st.sampled_from(list(places(tree))))
    return name, json.dumps(replaced(tree, path, draw(ODD_VALUES)))


@settings(max_examples=80, deadline=None)
@given(broken_files())
def test_one_odd_value_never_raises(broken):
    with tempfile.TemporaryDirectory() as folder:
        disk = SiteOnDisk(Path(folder))
        disk.write(*broken)
        site, findings = disk.load()
    assert (site is None) == any(finding.severity is Severity.FATAL for finding in findings)
    assert all(finding.text and finding.hint and finding.file for finding in findings)
