"""Devices that are held at their safe values, as alarms: their clients tell of them, no document does. Pure."""

from collections.abc import Collection
from typing import Any, Final

from ess_actors.core.alarm_list import AlarmList
from ess_actors.core.alarm_record import ALARM, Step, id_of

KIND: Final = "held"
"""Kind of the message of a client to its router: all that it holds now, so that one of them mends all before."""

_SEVERITY: Final = 4
"""That of the event of the same state."""


def source_of(device: str) -> str:
    """The source of the alarm of a device, which is named by its instance and stem."""
    return f"/actors/{device}:safe_state"


def tell(alarms: AlarmList, teller: str, held: object, unknown: object, wall: float) -> list[Step]:
    """`teller` = actor id of the client, `held` = device -> reason, complete: what it held before and does not hold
    now has returned, but for the devices of `unknown`."""
    states = held if isinstance(held, dict) else {}
    steps: list[Step] = []
    for device, reason in states.items():
        body = _body(device, str(reason), alarms.instance)
        known = alarms.alarms.get(id_of(alarms.instance, ALARM, source_of(device)))
        if known is not None and known.active:
            if known.message == body["message"]:
                known.teller = teller
                continue
            body["count"] = known.count
        alarm, new = alarms.raised(body, wall)
        alarm.teller = teller
        steps += new
    silent = unknown if isinstance(unknown, list) else []
    sources = {source_of(str(device)) for device in (*states, *silent)}
    for alarm in list(alarms.alarms.values()):
        if alarm.teller == teller and alarm.condition and alarm.source not in sources:
            steps += alarms.normal(alarm.source, wall)
    return steps


def part(alarms: AlarmList, everybody: Collection[str], wall: float) -> list[Step]:
    """What was told by a client that the site has no longer is over: nobody else would ever say so."""
    steps: list[Step] = []
    for alarm in list(alarms.alarms.values()):
        if alarm.teller and alarm.condition and alarm.teller not in everybody:
            steps += alarms.normal(alarm.source, wall, "the site has this device no longer")
    return steps


def clear(alarms: AlarmList, wall: float, by: str) -> tuple[list[str], list[Step]]:
    """The instance was cleared: what has returned goes too, what stands is for an operator to acknowledge. Ids of
    what went, and the steps."""
    gone: list[str] = []
    steps: list[Step] = []
    for alarm in list(alarms.alarms.values()):
        if alarm.teller and alarm.listed and not alarm.active:
            gone.append(alarm.id)
            steps += alarm.clear(wall, by)
            alarms.changed(alarm)
    return gone, steps


def _body(device: str, reason: str, instance: str) -> dict[str, Any]:
    asset = device.rpartition("/")[2]
    return {
        "instance": instance,
        "type": ALARM,
        "source": source_of(device),
        "asset": asset,
        "severity": _SEVERITY,
        "message": f"held at its safe values: {reason}; a new command ends that",
        "value": reason,
        "rules": {"name": f"{asset} held at safe values", "priority": "high", "latch": False},
    }
