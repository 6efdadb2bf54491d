"""`fims_listen [-u URI]...`: print each message as a record of labelled lines until Ctrl-C."""

import os
import sys

from ess_actors.cli.address import address_from_environment
from ess_actors.cli.errors import NothingRuns
from ess_actors.cli.wire import Connection, quoted
from ess_actors.core.errors import RequestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

USAGE = "usage: fims_listen [-u URI]..."
LABEL_WIDTH = 14


def parse(arguments: "Sequence[str]") -> list[str] | None:
    """The uris behind the -u flags; None when something else was written."""
    uris: list[str] = []
    words = iter(arguments)
    for word in words:
        uri = (word[2:] or next(words, "")) if word.startswith("-u") else ""
        if not uri:
            return None
        uris.append(uri)
    return uris


def record_text(record: "dict[str, Any]") -> str:
    """One message as scripts cut it: a label per line in front of a value, a blank line behind."""
    from ess_actors.cli.api_client import compact
    from ess_actors.cli.moments import moment

    lines = {
        "Method": str(record.get("method", "")),
        "Uri": str(record.get("uri", "")),
        "ReplyTo": str(record.get("replyto") or ""),
        "Body": compact(record["body"]) if record.get("body") is not None else "",
        "Timestamp": moment(record.get("time")).strftime("%Y-%m-%d %H:%M:%S.%f"),
    }
    return (
        "".join(f"{label + ':':<{LABEL_WIDTH}}{value}".rstrip() + "\n" for label, value in lines.items())
        + "\n"
    )


def records(uris: "Sequence[str]") -> "Iterator[dict[str, Any]]":
    """Messages below one of the uris (none = all) as they pass. The subscription is asked for before anything
    that only printing needs is imported: a script sends soon after it started this."""
    query = "&".join(f"uri={quoted(uri)}" for uri in uris)
    address = address_from_environment()
    connection = Connection(address)
    try:
        status = connection.ask("GET", f"/api/listen?{query}")
        from ess_actors.cli.api_client import records_of, refusal

        if status >= 400:
            raise refusal(connection.rest(), status, address)
        yield from records_of(connection.lines())
    finally:
        connection.close()


def main(arguments: "Sequence[str] | None" = None) -> None:
    """Entry point. Exit codes: 0 ended by Ctrl-C or its reader, 1 refused, 2 wrong flags or nothing runs."""
    words = sys.argv[1:] if arguments is None else arguments
    if "-h" in words or "--help" in words:
        print(USAGE)
        return
    uris = parse(words)
    if uris is None:
        sys.exit(_complain(USAGE, 2))
    try:
        for record in records(uris):
            if record.get("dropped"):
                _complain(f"too slow, {record['dropped']} messages lost here", 0)
            sys.stdout.write(record_text(record))
            sys.stdout.flush()
        sys.exit(_complain("the site ended the stream", 2))
    except KeyboardInterrupt:
        return
    except BrokenPipeError:
        # The interpreter flushes stdout once more at its end; let it flush into nothing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except NothingRuns as error:
        sys.exit(_complain(str(error).replace("--api", "ESS_ACTORS_API"), 2))
    except RequestError as error:
        sys.exit(_complain(f"{error.status}: {error}", 1))


def _complain(text: str, code: int) -> int:
    print(f"fims_listen: {text}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
