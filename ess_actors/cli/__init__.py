"""The command line: `ess-actors` and the two commands plant scripts use, `fims_send` and `fims_listen`."""

import sys


def main() -> None:
    """Entry point of `ess-actors`. Imports here what it needs, so that `fims_send` does not pay for it."""
    if sys.argv[1:2] == ["run"]:
        import os
        import signal

        # Until the launcher takes the signals over there is nothing to end.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: os._exit(0))
    from ess_actors.cli.group import group

    group(prog_name="ess-actors")
