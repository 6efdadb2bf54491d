"""Users, sessions and tokens in a small SQLite file of their own; nothing in it opens a door by itself."""

import contextlib
import hashlib
import os
import secrets
import sqlite3
from pathlib import Path
from typing import Final, NamedTuple

from ess_actors.core.errors import ConfigError
from ess_actors.core.roles import Role, role_of

FILE: Final = "access.sqlite"
MOST_SESSIONS: Final = 50
"""Of one user; the oldest ends for one more."""
_USED_STEP_S: Final = 30.0
"""When a session was used last is written so often at most: reading must not cost a write."""
_LOCKED_S: Final = 1.0
"""So long the command line may hold the file."""

_SCHEMA: Final = """
create table if not exists users(
    name text primary key, role text not null, hash text not null, made real not null, changed real not null
) without rowid, strict;
create table if not exists sessions(
    hash text primary key, user text not null references users(name) on delete cascade, origin text not null,
    made real not null, used real not null, until real not null, idle_s real not null
) without rowid, strict;
create table if not exists tokens(
    name text primary key, hash text not null unique, role text not null, maker text not null,
    made real not null, until real not null, used real not null
) without rowid, strict;
"""


class User(NamedTuple):
    """Times are unix seconds."""

    name: str
    role: Role
    hash: str
    made: float
    changed: float


class Session(NamedTuple):
    """A login that stands."""

    user: str
    role: Role
    until: float


class Token(NamedTuple):
    """What a script shows instead of a password. `until` 0 = it has no end."""

    name: str
    role: Role
    maker: str
    made: float
    until: float
    used: float


class AccessStore:
    """The file, for one thread. Made when it is not there. Raises ConfigError when it cannot be used."""

    def __init__(self, state_dir: Path) -> None:
        file = state_dir / FILE
        try:
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
            file.chmod(0o600)
            self._db = sqlite3.connect(file, timeout=_LOCKED_S, isolation_level=None)
            self._db.execute("pragma foreign_keys = on")
            self._db.execute("pragma secure_delete = on")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as problem:
            text = f"{file}: users cannot be read ({problem}); make it a file of the site's own user, or set "
            raise ConfigError(text + "it aside: a new one gets a new engineer at the next start") from None

    def close(self) -> None:
        """To be called in any case."""
        self._db.close()

    # --- users ------------------------------------------------------------------------------------------------

    def users(self) -> list[User]:
        """All of them, by name."""
        rows = self._db.execute("select name, role, hash, made, changed from users order by name")
        return [User(row[0], role_of(row[1]), *row[2:]) for row in rows]

    def user(self, name: str) -> User | None:
        """The user of this name."""
        row = self._db.execute(
            "select name, role, hash, made, changed from users where name = ?", (name,)
        ).fetchone()
        return None if row is None else User(row[0], role_of(row[1]), *row[2:])

    def add_user(self, name: str, role: Role, kept: str, now: float) -> bool:
        """False when there is one of this name."""
        made = self._db.execute(
            "insert or ignore into users values(?, ?, ?, ?, ?)", (name, role.word, kept, now, now)
        )
        return made.rowcount == 1

    def change_user(self, name: str, now: float, *, role: Role | None = None, kept: str = "") -> bool:
        """Another role or password hash; the user's sessions end. False when there is no such user."""
        with self._db:
            self._db.execute("begin immediate")
            changed = self._db.execute(
                "update users set changed = ?, role = coalesce(?, role), hash = coalesce(?, hash) where name = ?",
                (now, role.word if role else None, kept or None, name),
            )
            self._db.execute("delete from sessions where user = ?", (name,))
        return changed.rowcount == 1

    def remove_user(self, name: str) -> bool:
        """With all of the user's sessions. False when there is no such user."""
        return self._db.execute("delete from users where name = ?", (name,)).rowcount == 1

    # --- sessions ---------------------------------------------------------------------------------------------

    def begin_session(self, user: str, origin: str, now: float, life_s: float, idle_s: float) -> str:
        """The id of a new session: 256 random bits, of which only a hash is kept."""
        found = secrets.token_urlsafe(32)
        with self._db:
            self._db.execute("begin immediate")
            self._db.execute("delete from sessions where until < ? or used + idle_s < ?", (now, now))
            self._db.execute(
                "delete from sessions where hash in (select hash from sessions where user = ?"
                " order by made desc limit -1 offset ?)",
                (user, MOST_SESSIONS - 1),
            )
            row = (_hashed(found), user, origin, now, now, now + life_s, idle_s)
            self._db.execute("insert into sessions values(?, ?, ?, ?, ?, ?, ?)", row)
        return found

    def session(self, presented: str, now: float, *, using: bool = True) -> Session | None:
        """The session of an id that stands at unix seconds `now`; `using` puts off its idle end."""
        key = _hashed(presented)
        row = self._db.execute(
            "select s.user, u.role, s.until, s.used from sessions s join users u on u.name = s.user"
            " where s.hash = ? and s.until >= ? and s.used + s.idle_s >= ?",
            (key, now, now),
        ).fetchone()
        if row is None:
            return None
        if using and now - row[3] > _USED_STEP_S:
            self._note("update sessions set used = ? where hash = ?", now, key)
        return Session(row[0], role_of(row[1]), row[2])

    def end_session(self, presented: str) -> bool:
        """False when there was none."""
        ended = self._db.execute("delete from sessions where hash = ?", (_hashed(presented),))
        return ended.rowcount == 1

    # --- tokens -----------------------------------------------------------------------------------------------

    def add_token(self, name: str, role: Role, maker: str, now: float, until: float) -> str:
        """The new token, to be shown once; empty when the name is taken."""
        found = f"ess_{secrets.token_urlsafe(32)}"
        row = (name, _hashed(found), role.word, maker, now, until, 0.0)
        made = self._db.execute("insert or ignore into tokens values(?, ?, ?, ?, ?, ?, ?)", row)
        return found if made.rowcount == 1 else ""

    def token(self, presented: str, now: float) -> Token | None:
        """The token that stands at unix seconds `now`."""
        row = self._db.execute(
            "select name, role, maker, made, until, used from tokens"
            " where hash = ? and (until = 0 or until >= ?)",
            (_hashed(presented), now),
        ).fetchone()
        if row is None:
            return None
        if now - row[5] > _USED_STEP_S:
            self._note("update tokens set used = ? where name = ?", now, row[0])
        return Token(row[0], role_of(row[1]), *row[2:])

    def tokens(self) -> list[Token]:
        """All of them, by name, those that ended too."""
        rows = self._db.execute("select name, role, maker, made, until, used from tokens order by name")
        return [Token(row[0], role_of(row[1]), *row[2:]) for row in rows]

    def remove_token(self, name: str) -> bool:
        """False when there was none."""
        return self._db.execute("delete from tokens where name = ?", (name,)).rowcount == 1

    def _note(self, statement: str, now: float, key: str) -> None:
        # A full disk, or the command line in the middle of a change, must not keep anybody out.
        with contextlib.suppress(sqlite3.OperationalError):
            self._db.execute(statement, (now, key))


def _hashed(secret: str) -> str:
    # A plain hash will do: 256 random bits cannot be guessed, however fast.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
