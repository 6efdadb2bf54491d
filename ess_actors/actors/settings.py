"""What each kind of actor is configured with: checked objects, handed over in its first message."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ess_actors.core.clear_places import ClearPlace
from ess_actors.core.history_keeping import Keeping
from ess_actors.core.hung import HUNG_S
from ess_actors.core.lease import Guarding, SafeList
from ess_actors.core.live import Shown
from ess_actors.core.points import ClientMap
from ess_actors.core.server_points import ServerMap
from ess_actors.core.site_access import SiteAccess


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """One client actor: the maps of its files, in order; several of one address share its socket."""

    maps: tuple[ClientMap, ...]
    """As the files have them."""
    ports: Mapping[tuple[str, int], int]
    """Simulators that stand in: address in the files -> port on loopback. Empty for real devices."""
    safe: SafeList | None = None
    """What its devices fall back to; None = they keep what they were told last."""
    again: bool = False
    """Its owner was restarted, or the run before was broken off: that its devices begin at their safe values is a fault
    then."""

    @property
    def stem(self) -> str:
        """The actor's id below its instance."""
        return self.maps[0].stem


@dataclass(frozen=True, slots=True)
class EssSettings:
    """One instance: its start file, its documents (parsed, by name) and the devices it owns."""

    name: str
    start: Mapping[str, Any]
    documents: Mapping[str, Mapping[str, Any]]
    clients: tuple[ClientSettings, ...]
    """One for each client actor it has; files whose devices another instance serves are not in it."""
    servers: tuple[ServerMap, ...]
    csv: Mapping[str, str] = field(default_factory=dict)
    """Texts of the csv tables beside the documents, by name without suffix."""
    record: str = ""
    """Folder of the recording of what happens to the instance; empty = none is made."""
    guarding: Guarding = field(default_factory=Guarding)
    keep_changes: bool = False
    """Keep the last changes of every variable from the start on, for `trace`."""
    shown: tuple[Shown, ...] = ()
    """Those of its values that are metrics."""


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The operator API: where it listens and what it tells about the site."""

    site: str
    host: str
    port: int
    version: str
    instances: tuple[str, ...]
    addresses: Mapping[str, str]
    simulated: bool
    devices: Mapping[str, str]
    """Component uri -> the actor that speaks with its device, and alone may say what became of a set."""
    access: SiteAccess = field(default_factory=SiteAccess)
    launcher: str = field(default="", repr=False)
    """The token with which the launch command looks on; made anew at each start, kept nowhere."""
    operators: int = 1
    """Persons who share the alarms, for the figures."""
    history: bool = False
    """There is a history actor."""
    clears: tuple[ClearPlace, ...] = ()
    """Where a clear of faults is ordered, those of the first instance first."""


@dataclass(frozen=True, slots=True)
class SimSettings:
    """Simulated devices: the client maps as the files have them, and the plant model's mapping."""

    maps: tuple[ClientMap, ...]
    ports: Mapping[tuple[str, int], int]
    """Address in the files -> loopback port that stands in for it, the same over restarts."""
    plant: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """The whole site, as the supervisor starts it."""

    name: str
    instances: tuple[EssSettings, ...]
    web: WebSettings
    sim: SimSettings | None
    hung_after_s: float = HUNG_S
    """An actor that did nothing for so long hangs."""
    history: Keeping | None = None
    """None = there is no history actor."""


def resumed(settings: SiteSettings) -> SiteSettings:
    """The same site after a run that was broken off."""
    instances = tuple(
        replace(one, clients=tuple(replace(client, again=True) for client in one.clients))
        for one in settings.instances
    )
    return replace(settings, instances=instances)


def actor_ids(site: SiteSettings) -> tuple[str, ...]:
    """Ids of all actors of the complete site, the supervisor left out; start order."""
    ids = ["store"] if site.history is None else ["store", "history"]
    if site.sim is not None:
        ids.append("sim")
    for instance in site.instances:
        ids.append(instance.name)
        ids += [child for child, _ in child_ids(instance)]
    return (*ids, "web")


def child_ids(instance: EssSettings) -> list[tuple[str, str]]:
    """(actor id, kind) of an instance's children, start order: alarms first, they hear of the others."""
    return [
        (f"{instance.name}/alarms", "alarms"),
        *((f"{instance.name}/{client.stem}", "modbus_client") for client in instance.clients),
        *((f"{instance.name}/{server.stem}", "modbus_server") for server in instance.servers),
    ]


def guarded(instance: EssSettings) -> list[str]:
    """Ids of an instance's clients that have safe values to write."""
    return [f"{instance.name}/{client.stem}" for client in instance.clients if client.safe is not None]
