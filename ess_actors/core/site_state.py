"""What state a site is in, by the reports and heartbeats of all its actors. Pure."""

from collections.abc import Mapping, Sequence

from ess_actors.core.child_spec import ChildReport
from ess_actors.core.control import Heartbeat
from ess_actors.core.supervision import ITSELF, OPERATOR


def state_of(reports: Sequence[ChildReport]) -> str:
    """starting, running, or degraded: something that should run does not."""
    if reports and all(one.state == "RUNNING" or one.stopped_by in (OPERATOR, ITSELF) for one in reports):
        return "running"
    first = all(one.restarts == 0 and not one.last_error for one in reports)
    begins = first and all(one.state in ("STARTING", "RUNNING") for one in reports)
    return "starting" if begins else "degraded"


def unheard(reports: Sequence[ChildReport], heartbeats: Mapping[str, Heartbeat]) -> tuple[str, ...]:
    """Devices of which nothing is known yet, neither values nor that they are silent."""
    found: list[str] = []
    for report in reports:
        if report.kind != "modbus_client" or report.stopped_by or report.state == "FAILED":
            continue
        heartbeat = heartbeats.get(report.id)
        told = heartbeat.snapshot if heartbeat is not None and heartbeat.pid == report.pid else {}
        devices = [labels[0] for labels, _ in told.get("ess_point_age_seconds", ())]
        asked = {labels[0] for labels, _ in told.get("ess_modbus_requests_total", ())}
        # One that another process has is not asked at all; an alarm tells of it.
        asked |= {labels[0] for labels, (taken,) in told.get("ess_device_taken", ()) if taken}
        found += [device for device in devices or [report.id] if device not in asked]
    return tuple(found)
