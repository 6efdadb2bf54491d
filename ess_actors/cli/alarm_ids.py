"""Which alarms are meant: whole ids, or any part of an id or a name that only one alarm has."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from ess_actors.cli.api_client import Api
from ess_actors.core.errors import RequestError

SHOWN = 10


def alarm_ids(api: Api, parts: Iterable[str]) -> list[str]:
    """Ids of the alarms in the list that these words mean. Raises RequestError with the candidates."""
    wanted = list(parts)
    known = [alarm for alarm in api.rows("/api/alarms", "alarms") if alarm.get("id")] if wanted else []
    return list(dict.fromkeys(_meant(part, known) for part in wanted))


def _meant(part: str, known: Sequence[Mapping[str, Any]]) -> str:
    names = {str(alarm["id"]): _bare(alarm.get("name") or "") for alarm in known}
    if part in names:
        return part
    # What it is called is meant before what merely has the word inside.
    word = _bare(part)
    called = [one for one, name in names.items() if word and word in (name, _bare(one.rpartition(":")[2]))]
    found = called or [one for one, name in names.items() if word and (word in name or word in _bare(one))]
    if len(found) == 1:
        return found[0]
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        text = f"{part!r} may be {', '.join(found[:SHOWN])}{more}; write more of it"
        raise RequestError("ambiguous", text)
    if not names:
        raise RequestError("not_found", f"there is no alarm {part!r}: nothing stands")
    like = get_close_matches(part, names, SHOWN, 0.3) or list(names)[:SHOWN]
    raise RequestError("not_found", f"there is no alarm {part!r}; near it: {', '.join(like)}")


def _bare(text: str) -> str:
    """Letters and digits alone: `max cell temp`, `MaxCellTemp` and `max_cell_temp` are one."""
    return "".join(filter(str.isalnum, text)).lower()
