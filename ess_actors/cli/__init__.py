"""The command line: `ess-actors` and the two commands plant scripts use, `fims_send` and `fims_listen`."""


def main() -> None:
    """Entry point of `ess-actors`. Imports here what it needs, so that `fims_send` does not pay for it."""
    from ess_actors.cli.group import group

    group(prog_name="ess-actors")
