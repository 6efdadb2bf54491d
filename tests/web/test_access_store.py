"""The file of users: what is kept, how it ends, and that it outlives the process."""

import sqlite3
import stat

import pytest

from ess_actors.core.errors import ConfigError
from ess_actors.core.roles import Role
from ess_actors.web.access_store import FILE, MOST_SESSIONS, AccessStore


@pytest.fixture
def store(tmp_path):
    one = AccessStore(tmp_path)
    one.add_user("emma", Role.ENGINEER, "$hash", 1.0)
    yield one
    one.close()


def test_nothing_secret_is_kept_and_nobody_else_reads_it(store, tmp_path):
    session = store.begin_session("emma", "10.0.0.1", 100.0, 1000.0, 100.0)
    token = store.add_token("scada", Role.VIEWER, "emma", 100.0, 0.0)
    assert len(session) >= 43 and len(token) >= 43
    kept = (tmp_path / FILE).read_bytes()
    assert session.encode() not in kept and token.encode() not in kept
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    again = AccessStore(tmp_path)
    assert again.session(session, 150.0) == ("emma", Role.ENGINEER, 1100.0)
    assert again.token(token, 150.0).name == "scada"
    again.close()


def test_a_session_ends_idle_and_at_its_end(store):
    session = store.begin_session("emma", "", 0.0, 1000.0, 100.0)
    assert store.session(session, 101.0) is None and store.session(session + "x", 1.0) is None
    for now in range(0, 1000, 90):
        assert store.session(session, float(now)) is not None
    assert store.session(session, 1001.0) is None
    looked_at = store.begin_session("emma", "", 0.0, 1000.0, 100.0)
    for now in (50.0, 99.0):
        assert store.session(looked_at, now, using=False) is not None
    assert store.session(looked_at, 101.0) is None


def test_sessions_end_when_the_user_is_changed_or_removed(store):
    for change in (
        lambda: store.change_user("emma", 5.0, role=Role.VIEWER),
        lambda: store.change_user("emma", 6.0, kept="$other"),
        lambda: store.remove_user("emma"),
    ):
        session = store.begin_session("emma", "", 0.0, 1000.0, 1000.0)
        assert store.session(session, 1.0) is not None
        assert change()
        assert store.session(session, 1.0) is None
    assert store.users() == []


def test_one_user_has_a_bounded_number_of_sessions(store):
    sessions = [store.begin_session("emma", "", float(n), 1e6, 1e6) for n in range(MOST_SESSIONS + 5)]
    stands = [store.session(one, 100.0) is not None for one in sessions]
    assert stands == [False] * 5 + [True] * MOST_SESSIONS


def test_a_file_that_cannot_be_used_says_what_to_do(tmp_path):
    (tmp_path / FILE).write_bytes(b"no database at all, but long enough to be read as one" * 100)
    with pytest.raises(ConfigError, match="set it aside"):
        AccessStore(tmp_path)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError):
        AccessStore(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_cannot_be_written_keeps_nobody_out(store, tmp_path):
    session = store.begin_session("emma", "", 0.0, 1000.0, 500.0)
    token = store.add_token("scada", Role.VIEWER, "emma", 0.0, 0.0)
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("begin immediate")
    store._db.execute("pragma busy_timeout = 1")
    assert store.session(session, 100.0) is not None and store.token(token, 100.0) is not None
    with pytest.raises(sqlite3.OperationalError):
        store.begin_session("emma", "", 0.0, 1000.0, 500.0)
    other.execute("rollback")
    assert store.begin_session("emma", "", 0.0, 1000.0, 500.0)
    other.close()
