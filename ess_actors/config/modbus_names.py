"""`bit_strings`: the names of bits or the texts of numbers, by position."""

from dataclasses import dataclass, field
from typing import Final

from ess_actors.config.modbus_keys import Keys, Level, kind_of_value

_ELEMENT: Final = Level(("value", "string", "IGNORE"), ("note*", "comment*", "name", "unit"))
_LISTED: Final = 40
"""Names that one finding lists."""
_WIDEST: Final = 64


@dataclass(slots=True)
class Names:
    """A bit_strings list by position: texts, bits marked IGNORE, and how long the list is."""

    texts: dict[int, str] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    length: int = 0

    def beyond(self, width: int) -> str:
        """The names that a register of that many bits cannot show, as one text."""
        lost = [f"{bit} {text!r}" for bit, text in self.texts.items() if bit >= width]
        more = f" and {len(lost) - _LISTED} more" if len(lost) > _LISTED else ""
        return ", ".join(lost[:_LISTED]) + more


def read_names(keys: Keys) -> Names:
    """Strings count up, null and IGNORE take positions, objects set the position. C13: the first of two is used."""
    names, position = Names(), 0
    path, report = keys.at("bit_strings"), keys.report
    for index, element in enumerate(keys.array("bit_strings") or ()):
        text: object = element
        if isinstance(element, dict):
            inner = Keys(report, f"{path}[{index}]", element, _ELEMENT)
            if inner.raw("IGNORE") is not None:
                count = inner.integer("IGNORE", 1, 1_000_000) or 1
                names.hidden.update(range(position, min(position + count, _WIDEST)))
                position += count
                continue
            text = inner.raw("string")
            if "value" in inner:
                value = inner.integer("value", 0, (1 << _WIDEST) - 1)
                if value is None:
                    continue
                position = value
        if text == "IGNORE":
            if position < _WIDEST:
                names.hidden.add(position)
        elif isinstance(text, str):
            if position in names.texts:
                hint = "give every text its own value; the first is used"
                said = f"{position} is named twice: {names.texts[position]!r} and {text!r}"
                report.warning("C13", f"{path}[{index}]", said, hint)
            names.texts.setdefault(position, text)
        elif text is not None:
            said = f"expected a name, found {kind_of_value(text)}"
            report.error("S04", f"{path}[{index}]", said, 'write a text, null or "IGNORE"; no name now')
        position += 1
    names.length = position
    return names
