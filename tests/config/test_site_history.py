"""The member `history` of site.json: what it may say, and what is said of mistakes."""

import json
from pathlib import Path
from typing import Any

import pytest

from ess_actors.config.site import load_site
from ess_actors.core.history_keeping import Keeping


def site(folder: Path, **members: Any) -> Path:
    start = {"/sysconfig/default": {"Subs": ":/components", "Config": "init", "EssName": "ess_1"}}
    (folder / "ess_1.json").write_text(json.dumps(start))
    (folder / "docs").mkdir(exist_ok=True)
    (folder / "docs/init.json").write_text("{}")
    instances = [{"start": "ess_1.json", "documents": "docs"}]
    (folder / "site.json").write_text(
        json.dumps({"name": "plant", "instances": instances, **members}, indent=1)
    )
    return folder


@pytest.mark.parametrize(
    ("members", "keeping"),
    [
        ({}, Keeping()),
        ({"history": False}, None),
        ({"history": {"retention_days": 3.5, "max_mb": 100}}, Keeping(retention_days=3.5, max_mb=100.0)),
        (
            {"history": {"database": "postgresql://ess@db/plant"}},
            Keeping(database="postgresql://ess@db/plant"),
        ),
    ],
)
def test_what_it_says(tmp_path: Path, members: dict[str, Any], keeping: Keeping | None) -> None:
    loaded, _ = load_site(site(tmp_path, **members))
    assert loaded is not None and loaded.history == keeping


@pytest.mark.parametrize(
    ("history", "text"),
    [
        (True, "history"),
        ({"retention_days": 0}, "retention_days"),
        ({"max_mb": 1}, "max_mb"),
        ({"database": "mysql://x/y"}, "database"),
        ({"keep": 3}, "known are retention_days, minutes_days, hours_days, max_mb, database"),
    ],
)
def test_what_it_may_not_say(tmp_path: Path, history: Any, text: str) -> None:
    loaded, findings = load_site(site(tmp_path, history=history))
    assert loaded is None
    assert any(text in one.text and one.line > 1 and one.hint for one in findings), findings


@pytest.mark.parametrize(
    ("history", "code"),
    [
        ({"retention_days": 100}, "history-gaps"),
        ({"database": "postgresql://ess@db"}, "history-database"),
        ({"database": "postgresql://ess@db/plant", "max_mb": 100}, "history-limit"),
    ],
)
def test_what_is_doubtful(tmp_path: Path, history: Any, code: str) -> None:
    loaded, findings = load_site(site(tmp_path, history=history))
    (found,) = [one for one in findings if one.code == code]
    assert loaded is not None and found.line > 1 and found.hint


def test_psycopg_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ess_actors.config.site_history.find_spec", lambda name: None)
    loaded, findings = load_site(site(tmp_path, history={"database": "postgresql://ess@db/plant"}))
    assert loaded is None and any("pip install 'ess_actors[postgres]'" in one.hint for one in findings)
