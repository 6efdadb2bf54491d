"""One actor of the tree as the operator API shows it."""

import time

from ess_actors.core.control import Heartbeat
from ess_actors.core.supervision import ChildReport


def actor_row(report: ChildReport, last: Heartbeat | None, before: Heartbeat | None) -> dict[str, object]:
    """The row of `/api/status`; `last` and `before` are its two newest heartbeats."""
    heartbeat = last if last is not None and last.pid == report.pid else None
    now = time.monotonic()
    return {
        "id": report.id,
        "kind": report.kind,
        "state": report.state,
        "pid": report.pid or None,
        "restarts": report.restarts,
        "failures": report.recent_failures(now),
        "failures_allowed": report.intensity - 1,
        "window_s": report.period_s,
        "uptime_s": round(now - report.since, 1) if report.state == "RUNNING" and report.since else None,
        "next_try_s": None if report.next_try is None else round(max(0.0, report.next_try - now), 1),
        "cpu_s": heartbeat.cpu_s if heartbeat else None,
        "cpu_percent": _cpu_percent(heartbeat, before),
        "rss_bytes": heartbeat.rss_bytes if heartbeat else None,
        "safe": _safe(heartbeat),
        "last_error": report.last_error,
        "stopped_by": report.stopped_by,
    }


def _safe(heartbeat: Heartbeat | None) -> str | None:
    """Why a device of this actor is held at its safe values; None when none is."""
    series = heartbeat.snapshot.get("ess_safe_state", ()) if heartbeat is not None else ()
    return next((labels[1] for labels, values in series if values[0]), None)


def _cpu_percent(last: Heartbeat | None, before: Heartbeat | None) -> float | None:
    """CPU of the last interval between two heartbeats, in percent of one core."""
    if last is None or before is None or before.pid != last.pid or last.at <= before.at:
        return None
    return round(100 * (last.cpu_s - before.cpu_s) / (last.at - before.at), 2)
