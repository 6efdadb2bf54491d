"""What a transition costs an alarm router, and what its journal makes of 100,000 of them without a pause."""

import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

from ess_actors.core.alarm_router import AlarmRouter
from ess_actors.core.journaled import Committed
from ess_actors.core.ledger import Ledger
from ess_actors.core.messages import Message
from ess_actors.store.journal import open_journal

NAMES = ("ess_1", "ess_2")
SOURCES = 80
TRANSITIONS = 100_000
_NOTES_PER_COMMIT = 50
"""So many notes come while one commit is written: a store under load."""


def _note(number: int) -> Message:
    source = f"/faults/bms_1:F{number // 2 % SOURCES}"
    body: dict[str, Any] = {"kind": "normal", "source": source}
    if number % 2 == 0:
        body = {
            "kind": "raised", "type": "fault", "instance": "ess_1", "source": source, "asset": "bms_1",
            "message": "[F] received [Trip] at [11/22/2025 14:03:07]", "value": "Trip", "severity": 4,
            "rules": {"consequence_of": "/status/bms_1:Timestamp"},
        }  # fmt: skip
    return Message("pub", "/alarm_router/ess_1", orjson.dumps(body), sender="ess_1")


def measure() -> dict[str, float]:
    """Microseconds of CPU per transition, megabytes, records lost, milliseconds of the slowest commit."""
    router, wall = AlarmRouter("ess_1", NAMES), 1_763_800_000.0
    router.begin({}, 0.0, wall)
    ledger = Ledger("ess_1/alarms", 1, router.state)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "journal.sqlite"
        journal, _ = open_journal(file, wall)
        began, spent, slowest, before = time.process_time(), 0.0, 0.0, _memory()
        for number in range(TRANSITIONS):
            now = number * 0.001
            out = router.handle(_note(number), now, wall + now)
            out += router.tick(now, wall + now)
            ledger.take(out, router.changes(), now, wall + now)
            if number % _NOTES_PER_COMMIT == 0 or number == TRANSITIONS - 1:
                while (commit := ledger.commit(now)) is not None:
                    at = time.process_time()
                    assert journal.append((), [commit]) == ""
                    slowest = max(slowest, time.process_time() - at)
                    spent += time.process_time() - at
                    ledger.committed(Committed(commit.source, commit.epoch, commit.ticket), now)
        total = time.process_time() - began
        size, grown = file.stat().st_size, _memory() - before
        rows = len(journal.recent(2 * TRANSITIONS, "alarm"))
        journal.close()
    return {
        "router_us": (total - spent) / TRANSITIONS * 1e6,
        "store_us": spent / TRANSITIONS * 1e6,
        "slowest_commit_ms": slowest * 1e3,
        "records": rows,
        "records_lost": ledger.lost,
        "memory_growth_mb": grown,
        "journal_mb": size / 1e6,
    }


def show(figures: dict[str, float]) -> None:
    print(f"\nalarms: {TRANSITIONS} transitions of {SOURCES} alarms through one router and its journal")
    for name, value in figures.items():
        print(f"  {name:20} {value:10.1f}")


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
