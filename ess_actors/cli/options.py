"""What several verbs share: where the operator API is, and the choice of machine-readable output."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ess_actors.cli.address import ADDRESS_VARIABLE, DEFAULT_ADDRESS, Address, parse_address
from ess_actors.cli.api_client import Api

Callback = TypeVar("Callback", bound=Callable[..., Any])


class AddressType(click.ParamType[Address]):
    """HOST:PORT on the command line."""

    name = "HOST:PORT"  # also https://HOST:PORT and unix:/path

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        if isinstance(value, Address):
            return value
        try:
            return parse_address(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _api(ctx: click.Context, param: click.Parameter, address: Address) -> Api:
    return Api(address)


def with_api(callback: Callback) -> Callback:
    """Give a verb the parameter `api: Api`."""
    return click.option(
        "--api",
        "api",
        type=AddressType(),
        envvar=ADDRESS_VARIABLE,
        show_envvar=True,
        default=DEFAULT_ADDRESS,
        show_default=True,
        callback=_api,
        help="Where the operator API of the site is.",
    )(callback)


def with_json(callback: Callback) -> Callback:
    """Give a verb the parameter `as_json: bool`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(callback)


def with_documents(callback: Callback) -> Callback:
    """Give a verb the parameter `documents: Path | None`."""
    return click.option(
        "-d",
        "documents",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Documents of a START_FILE.  [default: the folder of its name beside it, else its own]",
    )(callback)
