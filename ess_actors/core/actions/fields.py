"""The fields an action item may have, and which of them must be of which kind."""

from typing import Final

FIELDS: Final = frozenset(
    {
        "uri",
        "var",
        "ruri",
        "inAv",
        "inValue",
        "inVar",
        "outValue",
        "outVar",
        "outTime",
        "outNValue",
        "outNVar",
        "ignoreValue",
        "ignoreVar",
        "scale",
        "offset",
        "enable",
        "enabled",
        "ifChanged",
        "useAv",
        "func",
        "amap",
        "fims",
        "replyto",
        "mode",
        "debug",
        "note",
        "bit",
        "mask",
        "shift",
        "useRange",
        "inValue+",
        "inValue-",
        "soloBit",
        "useSet",
        "low",
        "lowVar",
        "high",
        "highVar",
    }
)
TEXTS: Final = (
    "uri",
    "var",
    "ruri",
    "inAv",
    "inVar",
    "outVar",
    "outNVar",
    "ignoreVar",
    "func",
    "amap",
    "lowVar",
    "highVar",
)

SCALARS: Final = ("inValue", "outValue", "outNValue", "ignoreValue")
FLAGS: Final = ("enabled", "ifChanged", "useAv", "useRange", "soloBit")

TYPED: Final = frozenset((*TEXTS, *SCALARS, *FLAGS))
"""Those that are checked for all kinds of actions; numbers are checked where they are used."""
