"""Which alarms are meant: whole ids, or any part of one that only one alarm has."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from ess_actors.cli.api_client import Api
from ess_actors.core.errors import RequestError

SHOWN = 10


def alarm_ids(api: Api, parts: Iterable[str]) -> list[str]:
    """Ids of the alarms in the list that these words mean. Raises RequestError with the candidates."""
    known = [str(alarm["id"]) for alarm in api.rows("/api/alarms", "alarms") if alarm.get("id")]
    return list(dict.fromkeys(_meant(part, known) for part in parts))


def _meant(part: str, known: Sequence[str]) -> str:
    if part in known:
        return part
    # The name at the end is what people call it: one that fits exactly is meant before one that merely has it inside.
    named = [one for one in known if one.rpartition(":")[2].lower() == part.lower()]
    found = named or [one for one in known if part and part.lower() in one.lower()]
    if len(found) == 1:
        return found[0]
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        text = f"{part!r} may be {', '.join(found[:SHOWN])}{more}; write more of it"
        raise RequestError("ambiguous", text)
    if not known:
        raise RequestError("not_found", f"there is no alarm {part!r}: nothing stands")
    like = get_close_matches(part, known, SHOWN, 0.3) or known
    raise RequestError("not_found", f"there is no alarm {part!r}; near it: {', '.join(like[:SHOWN])}")
