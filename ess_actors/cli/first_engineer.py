"""The first user of a site: somebody must be able to log in, and only who starts the site sees how."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ess_actors.core.roles import Role

if TYPE_CHECKING:
    from ess_actors.actors.settings import WebSettings

NAME: Final = "engineer"


def first_engineer(state_dir: Path, web: "WebSettings") -> Iterator[str]:
    """Makes the user when a site that takes a login has none; the lines to print, the password in one of them.

    Called before the tree starts: no process but the launch command ever knows the password.
    """
    if not web.access.needs_login(web.host):
        return
    from ess_actors.web.access_store import AccessStore
    from ess_actors.web.passwords import hash_of, random_password

    store = AccessStore(state_dir)
    try:
        if store.users():
            return
        password = random_password()
        store.add_user(NAME, Role.ENGINEER, hash_of(password), time.time())
    finally:
        store.close()
    yield f"first start: log in as user {NAME} with the password {password}"
    yield f"it is not shown again; `ess-actors login`, then `ess-actors users password {NAME}` gives another one"
