"""What a sound site looks like once it is loaded."""

from ess_actors.config.site import load_site
from ess_actors.core.site_access import SiteAccess


def test_the_site_carries_what_the_files_say(disk):
    site, _ = disk.load()
    assert site is not None
    assert (site.name, site.folder, site.api_host, site.api_port) == ("pair", disk.folder, "127.0.0.1", 8300)
    first, second = site.instances
    assert (first.name, second.name) == ("ess_1", "ess_2")
    assert first.subscriptions == ("/ess_1", "/components/ess_1", "/site/ess_1", "/shared/ess_1")
    assert first.start["/sysconfig/default"]["Config"] == "ess_1_init"
    assert set(first.documents) == {"ess_1_init"}
    assert first.documents["ess_1_init"]["/status/bms_1"] == {"SOC": {"value": 0}}
    assert first.documents_folder == disk.folder / "ess_1"
    assert [(client.stem, client.endpoint.address) for client in first.clients] == [
        ("bms_1", ("10.0.0.1", 502))
    ]
    assert [(server.stem, server.port) for server in first.servers] == [("site", 1502)]
    assert second.servers == () and [client.stem for client in second.clients] == ["bms_2"]


def test_sim_and_live_are_carried_along(disk):
    site, _ = disk.load()
    assert site is not None
    assert site.sim["bms_1"]["points"] == {"soc": "ess_1/bms_info/soc"}
    assert [(one.label, one.uri, one.unit) for one in site.live] == [("SOC", "/ess_1/status/bms_1/SOC", "%")]


def test_what_is_left_out_has_its_default(disk):
    disk.write("site.json", '{"name": "one", "instances": [{"start": "ess_2.json", "documents": "ess_2"}]}')
    site, findings = disk.load()
    assert [finding.code for finding in findings] == ["access-login"] and site is not None
    assert (site.api_host, site.api_port, dict(site.sim), site.live) == ("127.0.0.1", 8300, {}, ())
    assert site.access == SiteAccess()
    assert site.instances[0].clients == () and site.instances[0].servers == ()
    assert site.operators == 1


def test_so_many_operators_share_the_alarms(disk):
    one = '"instances": [{"start": "ess_2.json", "documents": "ess_2"}]'
    disk.write("site.json", f'{{"name": "one", {one}, "operators": 3}}')
    site, findings = disk.load()
    assert findings == [] and site is not None and site.operators == 3
    disk.write("site.json", f'{{"name": "one", {one}, "operators": 0}}')
    site, findings = disk.load()
    assert site is None and "operators" in findings[0].text and findings[0].file.endswith("site.json")


def test_the_file_itself_names_the_site_too(disk):
    site, _ = load_site(disk.folder / "site.json")
    assert site is not None and site.name == "pair"
