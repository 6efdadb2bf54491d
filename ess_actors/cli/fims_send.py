"""`fims_send -m METHOD [-r REPLYTO] [-f FILE] -u URI [BODY]`: send one message, print the bare reply."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ess_actors.cli.api_client import Api, address_from_environment, compact
from ess_actors.cli.errors import NothingRuns
from ess_actors.core.errors import RequestError

METHODS: Final = ("set", "pub", "get", "post")
USAGE: Final = "usage: fims_send -m set|pub|get|post [-r REPLYTO] [-f FILE] -u URI [BODY]"


class UsageError(Exception):
    """The flags make no message; the text says which one is to blame."""


@dataclass
class Flags:
    """What the command line said."""

    method: str = ""
    uri: str = ""
    replyto: str = ""
    file: str = ""
    body: str = ""


def parse(arguments: Sequence[str]) -> Flags:
    """Flags in any order, their value behind them or joined to them; one other word is the body.

    Not argparse: a body such as -5 is no flag, and start-up is what a script with 1,000 sends waits for.
    Raises UsageError.
    """
    flags, bodies = Flags(), []
    slots = {"-m": "method", "-u": "uri", "-r": "replyto", "-f": "file"}
    words = iter(arguments)
    for word in words:
        slot = slots.get(word[:2])
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


def send(flags: Flags, api: Api) -> str:
    """Send the message; gives the reply's JSON text, "" when none was asked for."""
    body = Path(flags.file).read_text(encoding="utf-8-sig") if flags.file else flags.body
    reply = api.message(flags.method, flags.uri, body.strip(), flags.replyto)
    wanted = flags.method == "get" or bool(flags.replyto)
    return compact(reply) if wanted and reply is not None else ""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point. Exit codes: 0 sent, 1 refused or nothing found, 2 wrong flags or nothing runs."""
    words = sys.argv[1:] if arguments is None else arguments
    if "-h" in words or "--help" in words:
        print(USAGE)
        return
    try:
        reply = send(parse(words), Api(address_from_environment()))
    except UsageError as error:
        sys.exit(_complain(f"{error}\n{USAGE}", 2))
    except NothingRuns as error:
        sys.exit(_complain(str(error).replace("--api", "ESS_ACTORS_API"), 2))
    except RequestError as error:
        if error.said is not None and ("get" in words or "-r" in words):
            print(compact(error.said))
        sys.exit(_complain(f"{error.status}: {error}", 1))
    except (OSError, UnicodeDecodeError) as error:
        sys.exit(_complain(f"cannot read the body: {error}", 1))
    if reply:
        print(reply)


def _complain(text: str, code: int) -> int:
    print(f"fims_send: {text}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
