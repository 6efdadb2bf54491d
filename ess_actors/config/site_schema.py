"""The shape of site.json: which members there are, of which kind, and what is said when they are not."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ess_actors.core.hung import HUNG_S

Port = Annotated[int, Field(ge=1, le=65535)]
RoleWord = Literal["viewer", "operator", "engineer"]
FileName = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    """Refuses members it does not know and values of another kind."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class DeviceShape(Strict):
    """What a device falls back to when nobody commands it any more."""

    safe: Annotated[dict[str, bool | int | float | str], Field(min_length=1)]
    """`component/point` -> value."""
    lease_ms: Annotated[int, Field(ge=200, le=60_000)] = 1000


class HeartbeatShape(Strict):
    """A variable that the site controller keeps changing."""

    uri: Annotated[str, Field(pattern="^/.+/.+")]
    timeout_s: Annotated[float, Field(ge=0.5, le=3600)] = 10.0
    action: Literal["safe", "alarm"] = "safe"


class EmergencyStopShape(Strict):
    """A variable that orders with this value that everything stops."""

    uri: Annotated[str, Field(pattern="^/.+/.+")]
    value: bool | int | float | str = True


class InstanceShape(Strict):
    """One controller and the files it works with; paths are relative to the site's folder."""

    start: FileName
    documents: FileName
    modbus_clients: list[FileName] = []
    modbus_servers: list[FileName] = []
    devices: dict[str, DeviceShape] = {}
    """By the stem of a client file."""
    site_heartbeat: HeartbeatShape | None = None
    emergency_stop: EmergencyStopShape | None = None


class SocketShape(Strict):
    """A local socket on which nobody logs in: the rights of its folder say who gets there."""

    path: Annotated[str, Field(pattern="^/", max_length=100)]
    role: RoleWord


class TlsShape(Strict):
    """PEM files, absolute or below the site's folder."""

    certificate: FileName
    key: FileName


class AccessShape(Strict):
    """Who gets in without a login, and how connections are encrypted."""

    loopback: RoleWord | None = None
    socket: SocketShape | None = None
    tls: TlsShape | None = None
    metrics: Literal["open", "login"] = "open"


class ApiShape(Strict):
    """Where the operator API listens."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Port = 8300


class HistoryShape(Strict):
    """How long and where readings are kept."""

    retention_days: Annotated[float, Field(ge=0.1, le=3650)] = 14.0
    minutes_days: Annotated[float, Field(ge=1, le=36_500)] = 90.0
    hours_days: Annotated[float, Field(ge=1, le=36_500)] = 3650.0
    max_mb: Annotated[float, Field(ge=10, le=10_000_000)] = 2000.0
    database: Annotated[str, Field(pattern="^postgres(ql)?://")] | None = None


class LiveShape(Strict):
    """One value of the line that `run` and `demo` print: a label, where to ask, and how to write it."""

    label: str
    uri: Annotated[str, Field(pattern="^/")]
    unit: str = ""


class SiteShape(Strict):
    """The whole of site.json."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    instances: Annotated[list[InstanceShape], Field(min_length=1)]
    api: ApiShape = ApiShape()
    access: AccessShape | None = None
    sim: dict[str, dict[str, Any]] = {}
    live: list[LiveShape] = []
    history: HistoryShape | Literal[False] = HistoryShape()
    hung_after_s: Annotated[float, Field(ge=0.5, le=600)] = HUNG_S
    """An actor that did nothing for so long hangs."""
    operators: Annotated[int, Field(ge=1, le=1000)] = 1
    """Persons who share the alarms, for the figures."""


_FALSE: Final = "literal[False]"


class ShapeError(Exception):
    """Everything that is wrong with the shape: (path of keys and indexes, what is wrong, what to do)."""

    def __init__(self, problems: Sequence[tuple[tuple[str | int, ...], str, str]]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


HINTS: Final = {
    "missing": "add it",
    "extra_forbidden": "remove it or correct its spelling",
    "string_pattern_mismatch": "use another text",
    "too_short": "give at least one",
    "string_too_short": "give a text that is not empty",
    "greater_than_equal": "use a number in the range",
    "less_than_equal": "use a number in the range",
}


def parse_site(tree: object) -> SiteShape:
    """The checked shape. Raises ShapeError with every problem at once."""
    try:
        return SiteShape.model_validate(tree)
    except ValidationError as error:
        found = [_problem(item) for item in map(_alone, error.errors(include_url=False)) if item is not None]
        raise ShapeError(found) from None


def _alone(item: Any) -> Any:
    """Of what may be an object or False, only what is wrong with the one that was meant; else None."""
    place = item["loc"]
    if (_FALSE in place and isinstance(item["input"], dict)) or place[-1:] == (HistoryShape.__name__,):
        return None
    return {**item, "loc": tuple(part for part in place if part not in (_FALSE, HistoryShape.__name__))}


def _problem(item: Any) -> tuple[tuple[str | int, ...], str, str]:
    kind, place = item["type"], item["loc"]
    name = repr(place[-1]) if place else "the file"
    text = {
        "missing": f"the member {name} is missing",
        "extra_forbidden": f"unknown member {name}; known are {_known(place)}",
    }.get(kind, f"{name}: {item['msg'][0].lower()}{item['msg'][1:]}, found {_shown(item['input'])}")
    return place, text, HINTS.get(kind, "write a value of that kind")


def _known(place: tuple[str | int, ...]) -> str:
    """The members that may stand where an unknown one was found."""
    names = [part for part in place[:-1] if isinstance(part, str)]
    shapes: dict[tuple[str, ...], type[Strict]] = {
        ("instances",): InstanceShape,
        ("instances", "devices"): DeviceShape,
        ("instances", "site_heartbeat"): HeartbeatShape,
        ("instances", "emergency_stop"): EmergencyStopShape,
        ("api",): ApiShape,
        ("access",): AccessShape,
        ("access", "socket"): SocketShape,
        ("access", "tls"): TlsShape,
        ("live",): LiveShape,
        ("history",): HistoryShape,
    }
    return ", ".join(shapes.get(tuple(names[:2]), SiteShape).model_fields)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
