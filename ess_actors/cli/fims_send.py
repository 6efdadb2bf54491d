"""`fims_send -m METHOD [-r REPLYTO] [-f FILE] -u URI [BODY]`: send one message, print the bare reply."""

import os
import sys

from ess_actors.cli.address import address_from_environment
from ess_actors.cli.errors import NothingRuns
from ess_actors.cli.wire import Connection, quoted
from ess_actors.core.errors import RequestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

METHODS = ("set", "pub", "get", "post", "del")
USAGE = "usage: fims_send -m set|pub|get|post|del [-r REPLYTO] [-f FILE] -u URI [BODY]"
FLAWED = 202
"""HTTP status: done, and with the reply comes what is wrong with the document that was pushed."""
_SLOTS = {"-m": "method", "-u": "uri", "-r": "replyto", "-f": "file"}


class UsageError(Exception):
    """The flags make no message; the text says which one is to blame."""


class Flags:
    """What the command line said."""

    method = ""
    uri = ""
    replyto = ""
    file = ""
    body = ""


def parse(arguments: "Sequence[str]") -> Flags:
    """Flags in any order, their value behind them or joined to them; one other word is the body.

    Not argparse: a body such as -5 is no flag, and start-up is what a script with 1,000 sends waits for.
    Raises UsageError.
    """
    flags = Flags()
    bodies: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            bodies += words
            break
        slot = _SLOTS.get(word[:2])
        if slot is None and word[:1] == "-" and word[1:2].isalpha():
            raise UsageError(f"unknown flag {word}")
        if slot is None:
            bodies.append(word)
            continue
        value = word[2:] or next(words, "")
        if not value:
            raise UsageError(f"{word} needs a value")
        setattr(flags, slot, value)
    if len(bodies) > 1:
        raise UsageError(f"one body at most, found {len(bodies)}; put it in single quotes")
    flags.body = bodies[0] if bodies else ""
    if flags.method not in METHODS:
        raise UsageError(f"-m must be one of {', '.join(METHODS)}")
    if not flags.uri:
        raise UsageError("-u URI is missing")
    if flags.file and flags.body.strip():
        raise UsageError("a body and -f FILE exclude each other")
    return flags


def send(flags: Flags) -> bytes:
    """Send the message; gives the reply's JSON text, b"" when none was asked for."""
    if flags.file:
        with open(flags.file, "rb") as file:  # noqa: PTH123  (pathlib is an import too)
            body = file.read()
    else:
        body = os.fsencode(flags.body)
    query = f"/api/send?method={flags.method}&uri={quoted(flags.uri)}"
    if flags.replyto:
        query += f"&replyto={quoted(flags.replyto)}"
    address = address_from_environment()
    connection = Connection(address)
    try:
        status = connection.ask("POST", query, body)
        payload = connection.rest()
    finally:
        connection.close()
    if status >= 400:
        from ess_actors.cli.api_client import refusal

        raise refusal(payload, status, address)
    if status == FLAWED:
        payload = _findings_told(payload)
    return payload if flags.method == "get" or flags.replyto else b""


def _findings_told(payload: bytes) -> bytes:
    """Tell what of an accepted document cannot work; gives the bare reply."""
    import json

    from ess_actors.cli.api_client import compact, finding_lines

    answer = json.loads(payload)
    for line in finding_lines(answer["findings"]):
        _complain(line, 0)
    return compact(answer["reply"]).encode()


def main(arguments: "Sequence[str] | None" = None) -> None:
    """Entry point. Exit codes: 0 sent, 1 refused or nothing found, 2 wrong flags or nothing runs."""
    words = sys.argv[1:] if arguments is None else arguments
    if "-h" in words or "--help" in words:
        print(USAGE)
        return
    flags = Flags()
    try:
        flags = parse(words)
        reply = send(flags)
    except UsageError as error:
        sys.exit(_complain(f"{error}\n{USAGE}", 2))
    except NothingRuns as error:
        sys.exit(_complain(str(error).replace("--api", "ESS_ACTORS_API"), 2))
    except RequestError as error:
        if isinstance(error.said, dict) and isinstance(error.said.get("findings"), list):
            from ess_actors.cli.api_client import finding_lines

            for line in finding_lines(error.said["findings"]):
                _complain(line, 0)
        if error.said is not None and (flags.method == "get" or flags.replyto):
            from ess_actors.cli.api_client import compact

            print(compact(error.said))
        sys.exit(_complain(f"{error.status}: {error}", 1))
    except OSError as error:
        sys.exit(_complain(f"cannot read the body: {error}", 1))
    if reply:
        sys.stdout.buffer.write(reply + b"\n")
        sys.stdout.buffer.flush()


def _complain(text: str, code: int) -> int:
    print(f"fims_send: {text}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
