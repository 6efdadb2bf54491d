"""What masters wrote to simulated devices, and when: the wire as the device saw it, for whoever must be sure."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from ess_actors.core.points import Table
from ess_actors.modbus.device_image import DeviceImage
from ess_actors.modbus.simulator_points import SimPoint, tellable

KEPT: Final = 20_000
"""Writes that are remembered; a reader that is slower than these learns how many it missed."""


class WriteLog:
    """Every write that a device carried out, of all devices, numbered from 1 in the order they came."""

    def __init__(self) -> None:
        self._records: deque[dict[str, object]] = deque(maxlen=KEPT)
        self._number = 0

    def watch(self, stem: str, points: Iterable[SimPoint], speaker: Callable[[], str]) -> None:
        """Log the writes to these points; `speaker` tells which connection is being served."""
        by_image: dict[int, tuple[DeviceImage, dict[tuple[Table, int], list[SimPoint]]]] = {}
        for one in points:
            _, at = by_image.setdefault(id(one.image), (one.image, {}))
            for address in range(one.point.address, one.point.address + one.point.size):
                at.setdefault((one.point.table, address), []).append(one)
        for image, at in by_image.values():
            self._hook(stem, image, at, speaker)

    def since(self, number: int) -> Mapping[str, object]:
        """The writes behind this number; `missed` of them are forgotten already. Times are monotonic seconds."""
        fresh = [record for record in self._records if int(str(record["number"])) > number]
        missed = max(0, self._number - number - len(fresh))
        return {"now": time.monotonic(), "last": self._number, "missed": missed, "writes": fresh}

    def _hook(
        self,
        stem: str,
        image: DeviceImage,
        at: Mapping[tuple[Table, int], list[SimPoint]],
        speaker: Callable[[], str],
    ) -> None:
        before = image.on_write

        def written(table: Table, address: int, count: int, stood: bytes) -> None:
            if before is not None:
                before(table, address, count, stood)
            touched = [one for place in range(address, address + count) for one in at.get((table, place), ())]
            if touched:
                self._note(stem, speaker(), {one.path: tellable(one.value()) for one in touched})

        image.on_write = written

    def _note(self, stem: str, speaker: str, points: dict[str, object]) -> None:
        self._number += 1
        self._records.append(
            {
                "number": self._number,
                "at": time.monotonic(),
                "stem": stem,
                "connection": speaker,
                "points": points,
            }
        )
