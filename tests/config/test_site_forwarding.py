"""What is wrong only when instances are looked at together: values that go round, and messages for nobody."""

import json
from pathlib import Path

import pytest

from ess_actors.config.site import load_site
from ess_actors.core.findings import Finding, Severity

SUBS = ":/assets:/shared/all"


def _send(uri: str, **more: object) -> dict:
    return {"value": 0, "actions": {"onSet": [{"remap": [{"fims": "set", "uri": uri, **more}]}]}}


def _remap(uri: str, **more: object) -> dict:
    return {"value": 0, "actions": {"onSet": [{"remap": [{"uri": uri, **more}]}]}}


def _findings(folder: Path, start: dict | None = None, **documents: dict) -> list[Finding]:
    """Of a site with an instance for each document; `start` goes into every start file."""
    shapes = []
    for name, document in documents.items():
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "main.json").write_text(json.dumps(document))
        basics = {"/sysconfig/default": {"Subs": SUBS, "Config": "main", "EssName": name}, **(start or {})}
        (folder / f"{name}.json").write_text(json.dumps(basics))
        shapes.append({"start": f"{name}.json", "documents": name})
    (folder / "site.json").write_text(json.dumps({"name": "pair", "instances": shapes}))
    _, findings = load_site(folder)
    return [f for f in findings if f.code in ("forwarding-cycle", "set-unheard", "publication-stray")]


def test_a_mirror_of_two_instances_is_a_cycle(tmp_path):
    (found,) = _findings(
        tmp_path, a={"/t": {"x": _send("/b/t:x")}}, b={"/t": {"x": _send("/a/t:x", ifChanged=True)}}
    )
    assert (found.severity, found.code, found.path) == (Severity.WARNING, "forwarding-cycle", "$./t.x")
    assert found.file.endswith("a/main.json")
    assert "a /t:x -> b /t:x -> a /t:x" in found.text


def test_a_cycle_through_other_variables_and_three_instances_is_told_once(tmp_path):
    (found,) = _findings(
        tmp_path,
        a={"/t": {"x": _remap("/t:y"), "y": _send("/b/t:x")}},
        b={"/t": {"x": _send("/shared/all:z")}},
        c={"/shared/all": {"z": _send("/a/t:x")}},
    )
    assert found.code == "forwarding-cycle"
    assert "a /t:y -> b /t:x -> c /shared/all:z -> a /t:x -> a /t:y" in found.text


def test_a_table_that_is_published_on_a_set_closes_a_cycle(tmp_path):
    called = {"func": [{"func": "RunPub", "var": "/sched/a:pub"}]}
    (found,) = _findings(
        tmp_path,
        a={
            "/shared/all": {"x": {"value": 0, "actions": {"onSet": [called]}}},
            "/sched/a": {"pub": {"value": 0, "table": "/shared/all", "mode": "naked"}},
        },
        b={"/shared/all": {"x": _send("/a/shared/all:x")}},
    )
    assert found.code == "forwarding-cycle"


def test_an_instance_that_sends_to_itself_goes_round_too(tmp_path):
    (found,) = _findings(tmp_path, a={"/t": {"x": _send("/a/t:x")}})
    assert "a /t:x -> a /t:x" in found.text


@pytest.mark.parametrize(
    "back",
    [
        {"value": 0},
        _remap("/t:x", useAv=True),
        _send("/a/t:x@unit"),
        _send("/a/t:other"),
        {
            "value": 0,
            "actions": {"onSet": [{"remap": [{"fims": "get", "uri": "/a/t:x", "replyto": "/b/t/y"}]}]},
        },
        {"value": 0, "actions": {"onSet": [{"bitfield": [{"bit": 1, "uri": "/t:x[2]", "outValue": True}]}]}},
    ],
)
def test_what_does_not_come_back_is_no_cycle(tmp_path, back):
    assert not _findings(tmp_path, a={"/t": {"x": _send("/b/t:x")}}, b={"/t": {"x": back}})


def test_a_circle_inside_one_instance_is_none_of_the_bus(tmp_path):
    assert not _findings(tmp_path, a={"/t": {"x": _remap("/t:y"), "y": _remap("/t:x")}})


def test_a_cycle_from_a_template_stands_at_the_instance(tmp_path):
    loader = {
        "one": {
            "value": False,
            "new_options": [
                {"tmpl": "each", "from": 1, "to": 1, "reps": [{"replace": "##N##", "with": "{:d}"}]}
            ],
        }
    }
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.json").write_text("{}")
    (tmp_path / "a" / "each.json").write_text(json.dumps({"/t_##N##": {"x": _send("/a/t_1:x")}}))
    (found,) = _findings(tmp_path, a={"/config/load": loader})
    assert (Path(found.file).name, found.path) == ("site.json", "$.instances[0]")


def test_a_set_that_nobody_takes_is_told(tmp_path):
    (found,) = _findings(tmp_path, a={"/t": {"x": _send("/ess_b/t:x"), "y": _send("/ess_b/t:y")}}, b={})
    assert (found.severity, found.code, found.path) == (Severity.WARNING, "set-unheard", "$./t.x")
    assert "/ess_b/t" in found.text


def test_a_blocked_set_is_taken_by_nobody_either(tmp_path):
    document = {"/t": {"x": _send("/shared/all:x")}}
    assert not _findings(tmp_path, a=document, b={})
    blocks = {"/blockeduris/set": {"/shared": True}}
    (found,) = _findings(tmp_path, blocks, a=document, b={})
    assert found.code == "set-unheard"


def test_the_publications_of_another_instance_are_used_or_blocked(tmp_path):
    call = {"actions": {"onSet": [{"func": [{"func": "RunPub"}]}]}}
    sender = {
        "/assets/a/one": {"x": 1},
        "/assets/a/two": {"x": 1},
        "/sched/a": {"pub": {"value": 0, "table": "/assets/a##", **call}},
    }
    (found,) = _findings(tmp_path, a=sender, b={"/assets/a/two": {"x": 0}})
    assert (found.severity, found.path) == (Severity.NOTE, "$.instances[1]")
    assert "b takes publications of a that it has no use for: /assets/a/one;" in str(found)
    assert not _findings(tmp_path, {"/blockeduris/pub": {"/assets/a": True}}, a=sender, b={})


@pytest.mark.parametrize("site", ["dual_bms", "triple"])
def test_the_shipped_sites_have_nothing_of_that(site):
    _, findings = load_site(Path(__file__).parents[2] / "configs" / site)
    codes = {f.code for f in findings}
    assert not codes & {"forwarding-cycle", "set-unheard", "publication-stray"}
