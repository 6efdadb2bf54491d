"""The options of a loader: which of them do something, what they name, and what is wrong with them."""

from collections.abc import Iterator, Mapping
from typing import Final

from ess_actors.core.findings import Severity
from ess_actors.core.near import correction
from ess_actors.core.register_documents import site_entries, usable
from ess_actors.core.remarks import PathPart, Remarks
from ess_actors.core.templates import RANGE

Option = Mapping[str, object]
Place = tuple[PathPart, ...]

OWNERS: Final = frozenset({"amname", "ainame", "pname"})
_KINDS: Final = ("file", "load", "tmpls", "tmpl", "site")
_KEYS: Final = frozenset({*_KINDS, *RANGE, *OWNERS, "rangevar", "reps", "uri"})


def say(
    remarks: Remarks, document: str, place: Place, severity: Severity, code: str, text: str, hint: str
) -> None:
    """A remark at a place of a document."""
    with remarks.at(document, place):
        remarks.add(severity, code, text, hint)


def open_options(settings: Option, here: Place, remarks: Remarks) -> Iterator[tuple[Option, Place]]:
    """Those of a loader that are not disabled, each with its place."""
    options, document = settings.get("options"), str(settings["_document"])
    key = str(settings.get("_options", "new_options"))
    for index, option in enumerate(options if isinstance(options, list) else ()):
        place = (*here, key, index)
        if not isinstance(option, dict):
            text, hint = "an option must be an object", 'write {"file": ...}'
            say(remarks, document, place, Severity.ERROR, "bad-option", text, hint)
        elif not any(kind in option for kind in _KINDS):
            text = f"the option with {', '.join(map(repr, option)) or 'nothing in it'} does nothing"
            hint = f"it needs one of {', '.join(_KINDS)}"
            say(remarks, document, place, Severity.NOTE, "option-disabled", text, hint)
        else:
            for other in sorted(option.keys() - _KEYS):
                text = f"option key {other!r} is not known"
                where = (*place, other)
                hint = correction(str(other), _KEYS)
                say(remarks, document, where, Severity.NOTE, "unknown-field", text, hint)
            yield option, place


def text_of(members: Mapping[str, object], key: str) -> str:
    """A text member, "" when it is absent or no text."""
    value = members.get(key)
    return value if isinstance(value, str) else ""


def templates_of(option: Option) -> list[str]:
    """The templates that an option joins; `tmpls` wins."""
    names = option.get("tmpls") or option.get("tmpl") or []
    return [str(name) for name in (names if isinstance(names, list) else [names])]


def site_of(option: Option) -> str:
    """The register document of an option: `uri` says where it is kept, else it bears the name of the site."""
    return text_of(option, "uri").partition(":")[2] or text_of(option, "site")


def check_registers(name: str, tree: Mapping[str, object], remarks: Remarks) -> None:
    """What of a site register document makes no variable."""
    entries = list(site_entries(tree))
    if not entries:
        text, hint = "it has no registers, so no variable is made", "it needs registers.input_registers"
        say(remarks, name, (), Severity.WARNING, "site-registers", text, hint)
    for place, entry in entries:
        if not usable(entry):
            text, hint = "a register without `id` or `uri` makes no variable", "write both as texts"
            say(remarks, name, place, Severity.WARNING, "site-registers", text, hint)
