"""What a group says about its span, what it really spans, and what lies in none of its points."""

from collections.abc import Sequence
from typing import Final

from ess_actors.config.modbus_keys import Keys
from ess_actors.core.points import Register, Table
from ess_actors.core.transaction import MAX_READ_BITS, MAX_READ_WORDS

_LISTED: Final = 8


def check_span(
    keys: Keys, table: Table, made: Sequence[Register], written: Sequence[Register], moved: int
) -> None:
    """C06, C07 and C27 of a group.

    `made` are all its registers, `written` those of the first instance of a range. An address in the file is
    `moved` above the one on the wire.
    """
    if not written:
        return
    report = keys.report
    low, high = _span(written)
    first, last = _span(made)
    if last - first > (MAX_READ_BITS if table.is_bits else MAX_READ_WORDS):
        text = f"the group spans {last - first} addresses"
        report.note("C06", keys.path, text, "it is read in several requests, nothing to do")
    start, number = keys.integer("starting_offset"), keys.integer("number_of_registers")
    if (start is not None and start != low + moved) or (
        number is not None and number not in (high - low, last - first)
    ):
        text = f"the map starts at {low + moved} and spans {high - low}"
        hint = "starting_offset and number_of_registers are only informative; correct them"
        report.note("C07", keys.path, text, hint)
    holes = _holes(written, low)
    if holes:
        count = sum(last - first for first, last in holes)
        listed = [
            str(first + moved) if last - first == 1 else f"{first + moved}..{last - 1 + moved}"
            for first, last in holes[:_LISTED]
        ]
        more = f" and {len(holes) - _LISTED} more" if len(holes) > _LISTED else ""
        text = f"{count} of {high - low} addresses are in no point: {', '.join(listed)}{more}"
        hint = "small holes are read along and thrown away, larger ones split the request; nothing to do"
        report.note("C27", keys.path, text, hint)


def _span(registers: Sequence[Register]) -> tuple[int, int]:
    """First address, and the one behind the last."""
    return min(one.address for one in registers), max(one.address + one.size for one in registers)


def _holes(written: Sequence[Register], low: int) -> list[tuple[int, int]]:
    """(first, behind the last) of every hole between the registers."""
    holes: list[tuple[int, int]] = []
    end = low
    for register in sorted(written, key=lambda one: one.address):
        if register.address > end:
            holes.append((end, register.address))
        end = max(end, register.address + register.size)
    return holes
