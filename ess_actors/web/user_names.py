"""What users and tokens may be called."""

import re
from typing import Final

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}\Z")
NAME_PATTERN: Final = "^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$"
"""The same for descriptions."""
NAME_RULE: Final = (
    "a name has 1 to 64 letters, digits, dots, dashes, underscores or @, and begins with a letter or digit"
)
