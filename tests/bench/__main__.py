"""`make bench`: tables of medians with what they are compared to, and the same as JSON."""

import argparse
import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from tests.bench import (
    alarm_figures,
    codec_figures,
    engine_figures,
    fault_figures,
    history_figures,
    polling_figures,
    site_figures,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of one CPU window")
    parser.add_argument("--windows", type=int, default=3, help="CPU windows; their median counts")
    parser.add_argument("--samples", type=int, default=40, help="latency samples")
    parser.add_argument("--history-seconds", type=float, default=600.0, help="how long history is written to")
    parser.add_argument(
        "parts", nargs="*", help="which of: codec, engine, polling, alarms, faults, history, site (all)"
    )
    options = parser.parse_args()
    parts: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]] = {
        "codec": (codec_figures.measure, codec_figures.show),
        "engine": (lambda: engine_figures.measure(options.seconds, options.windows), engine_figures.show),
        "polling": (lambda: polling_figures.measure(options.seconds, options.windows), polling_figures.show),
        "alarms": (alarm_figures.measure, alarm_figures.show),
        "faults": (fault_figures.measure, fault_figures.show),
        "history": (lambda: history_figures.measure(options.history_seconds), history_figures.show),
        "site": (
            lambda: site_figures.run(options.seconds, options.windows, options.samples),
            site_figures.show,
        ),
    }
    unknown = set(options.parts) - parts.keys()
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}")
    figures: dict[str, Any] = {
        "machine": {
            "python": platform.python_version(),
            "cores": psutil.cpu_count(),
            "system": platform.platform(),
        }
    }
    for name in options.parts or parts:
        measure, show = parts[name]
        figures[name] = measure()
        show(figures[name])
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
        print(f"\nwritten to {options.json}")


if __name__ == "__main__":
    main()
