"""`ess-actors login`: exchange a password for a token that the other verbs show."""

import click

from ess_actors.cli import kept_token
from ess_actors.cli.api_client import Api, compact
from ess_actors.cli.options import with_api
from ess_actors.cli.passwords import asked
from ess_actors.core.errors import RequestError
from ess_actors.core.site_access import is_loopback


@click.command()
@click.option("--user", prompt=True, help="Who logs in.")
@with_api
def command(api: Api, user: str) -> None:
    """Log in; the other verbs, fims_send and fims_listen then are this user at this address.

    The password is asked for, or read from a pipe. It ends after 30 days, or 7 days without use.
    """
    address = api.address
    if not (address.tls or address.is_local or is_loopback(address.host)):
        click.echo(
            f"ess-actors: {address} is not encrypted: others may read the password on its way", err=True
        )
    body = compact({"user": user, "password": asked("Password"), "keep": True})
    answer = Api(address, token="").post("/api/login", body)
    if not isinstance(answer, dict) or "token" not in answer:
        raise RequestError("no_login", f"{address} gave no token; is it a site of this version?")
    try:
        file = kept_token.keep(address, str(answer["token"]))
    except OSError as problem:
        text = f"the token cannot be kept ({problem}); make one with `ess-actors tokens new`"
        raise RequestError("not_kept", text) from None
    click.echo(f"logged in at {address} as {answer['user']}, {answer['role']} (kept in {file})")
