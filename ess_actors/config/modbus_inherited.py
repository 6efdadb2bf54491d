"""The keys that may stand on several levels of a client file; the nearest one wins, false and 0 included."""

from dataclasses import dataclass, replace
from typing import Final

from ess_actors.config.modbus_keys import Keys, kind_of_value

LEVELS_CK: Final = (
    "off_by_one",
    "debounce",
    "max_gap_registers",
    "allow_gaps",
    "inter_message_delay_ms",
    "publish_quality",
)
"""Keys of a connection and its components."""
LEVELS_CKG: Final = ("device_id",)
LEVELS_CKGP: Final = (
    "frequency",
    "byte_swap",
    "multi_write_op_code",
    "format",
    "verify_writes",
    "reassert",
)


@dataclass(frozen=True, slots=True)
class Inherited:
    """What is in force at a level."""

    device_id: int = 255
    first_unit: int = 0
    last_unit: int = 255
    """Limits of device ids; a serial line knows 1..247 only."""
    frequency: int = 1000
    off_by_one: bool = False
    byte_swap: bool = False
    word_order: int = 0
    multi_write: bool = False
    debounce_s: float = 0.0
    clothed: bool = False
    max_gap: int = 16
    delay_s: float = 0.0
    verify: bool = False
    reassert: bool | None = None
    publish_quality: bool = False

    def nearer(self, keys: Keys) -> "Inherited":
        """The same with what `keys` states itself (only keys its level knows arrive here)."""
        stated: dict[str, object] = {
            "device_id": keys.integer("device_id", self.first_unit, self.last_unit),
            "off_by_one": keys.boolean("off_by_one"),
            "word_order": read_word_order(keys),
            "debounce_s": _seconds(keys.number("debounce", 0, 1e9)),
            "max_gap": _gap(keys),
            "delay_s": _seconds(keys.number("inter_message_delay_ms", 0, 3_600_000)),
            "publish_quality": keys.boolean("publish_quality"),
        }
        return self._with(stated | _everywhere(keys))

    def of_point(self, keys: Keys) -> "Inherited":
        """The same for a point, whose `debounce` is in seconds and whose word_order is read with its size."""
        stated = _everywhere(keys)
        if "debounce" in keys:
            stated["debounce_s"] = keys.number("debounce", 0, 1e6)
        return self._with(stated)

    def _with(self, stated: dict[str, object]) -> "Inherited":
        stated = {name: value for name, value in stated.items() if value is not None}
        return replace(self, **stated) if stated else self  # type: ignore[arg-type]


def _everywhere(keys: Keys) -> dict[str, object]:
    """The keys that may stand on every level, as far as they are given."""
    stated: dict[str, object] = {}
    if "frequency" in keys:
        stated["frequency"] = keys.integer("frequency", 10, 3_600_000)
    if "byte_swap" in keys:
        stated["byte_swap"] = keys.boolean("byte_swap")
    if "multi_write_op_code" in keys:
        stated["multi_write"] = keys.boolean("multi_write_op_code")
    if "format" in keys:
        stated["clothed"] = _clothed(keys)
    if "verify_writes" in keys:
        stated["verify"] = keys.boolean("verify_writes")
    if "reassert" in keys:
        stated["reassert"] = keys.boolean("reassert")
    return stated


def _seconds(milliseconds: int | float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _clothed(keys: Keys) -> bool | None:
    text = keys.text("format")
    if text is None:
        return None
    if text.lower() in ("naked", "clothed", "full"):
        return text.lower() != "naked"
    said = f"unknown format {kind_of_value(text)}"
    keys.report.error("S05", keys.at("format"), said, "write naked or clothed; ignored now")
    return None


def _gap(keys: Keys) -> int | None:
    """Our own key is the more precise one; the legacy flag only forbids."""
    gap, allowed = keys.integer("max_gap_registers", 0, 124), keys.boolean("allow_gaps")
    return 0 if gap is None and allowed is False else gap


def read_word_order(keys: Keys) -> int | None:
    """`word_order` for all points below: it must be one for points of some size (C24)."""
    order = keys.integer("word_order")
    if not order or is_order(order, (1, 2, 4)):
        return order
    text = f"{order if abs(order) < 10**9 else 'that number'} is no permutation of 2 or 4 words"
    keys.report.error(
        "C24", keys.at("word_order"), text, "write each digit once, as in 21 or 3412; ignored now"
    )
    return None


def is_order(digits: int, sizes: tuple[int, ...]) -> bool:
    """True for a permutation of the words 1..size of one of these sizes."""
    return 0 < digits < 10**4 and sorted(str(digits)) in [list("1234"[:size]) for size in sizes]
