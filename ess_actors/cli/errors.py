"""The errors of the command line that the rest of the project does not know."""

from ess_actors.core.errors import EssError


class NothingRuns(EssError):
    """No site answers where it was looked for; the text says where and what to do. Exit code 2."""
