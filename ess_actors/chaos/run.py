"""A chaos run from beginning to end: the stage is set, trials follow one another until the time is over."""

import contextlib
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ess_actors.chaos import candidates
from ess_actors.chaos.commanding import Commander, ready_probes
from ess_actors.chaos.controller import SiteController
from ess_actors.chaos.faults import HOLD_S, Inputs, catalogue, deck
from ess_actors.chaos.freshness import Freshness
from ess_actors.chaos.injecting import Injector, PlantInputs
from ess_actors.chaos.report import rows, summary, trial_body
from ess_actors.chaos.stage import Simulators, Stage, Unplayable, device_point, playable, safe_devices
from ess_actors.chaos.transitions import Transitions
from ess_actors.chaos.trial import Outcome, Trials
from ess_actors.chaos.wire import Wire
from ess_actors.config.site import Site


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run."""

    site_dir: Path
    minutes: float
    seed: int
    only: str = ""
    """Only faults whose text holds this."""


def run(plan: Plan, tell: Callable[[str], None]) -> dict[str, Any]:
    """The report as a JSON object. Raises ConfigError for a site that is not simulated, Unplayable for one that
    cannot be brought to run."""
    site = playable(plan.site_dir)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="ess-chaos-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        simulators = Simulators(plan.site_dir, site, folder)
        stack.callback(simulators.end)
        stage = Stage(plan.site_dir, site, simulators, folder)
        stack.callback(stage.stop)
        tell(f"the site runs after {stage.start():.1f} s")
        trials, faults, remarks = _prepared(plan, site, stage, simulators, stack)
        for remark in remarks:
            tell(remark)
        began = time.monotonic()
        for drawn in deck(faults, plan.seed):
            if time.monotonic() - began + HOLD_S > plan.minutes * 60:
                break
            try:
                outcome = trials.run(drawn)
            except (Unplayable, KeyboardInterrupt) as error:
                # What is known by then is worth its report.
                remarks.append(f"ended early in {' + '.join(map(str, drawn))}: {error or 'interrupted'}")
                tell(remarks[-1])
                break
            outcomes.append(outcome)
            tell(_line(outcome, time.monotonic() - began))
        minutes = (time.monotonic() - began) / 60
    return {
        "site": site.name,
        "seed": plan.seed,
        "minutes": round(minutes, 2),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.release()}",
        "remarks": remarks,
        "summary": summary(outcomes),
        "faults": rows(outcomes),
        "trials": [trial_body(one) for one in outcomes],
    }


def _prepared(
    plan: Plan, site: Site, stage: Stage, simulators: Simulators, stack: contextlib.ExitStack
) -> tuple[Trials, list[Any], list[str]]:
    remarks: list[str] = []
    safe = safe_devices(site)
    if not safe:
        remarks.append("no device has safe values in site.json: nothing is said about them")
    probes = ready_probes(stage.api, Wire(simulators), candidates.commands(site, safe), 2)
    if not probes:
        raise Unplayable("no point of any device takes a set, so no command can be followed to the wire")
    transitions = Transitions(stage.api, simulators, candidates.alarms(site))
    if transitions.probe is None:
        remarks.append("no bit of any device raised an alarm: nothing is said about transitions")
    freshness = Freshness(stage.api, simulators, candidates.witnesses(site))
    freshness.start()
    stack.callback(freshness.end)
    controller = SiteController(stage.api, [one.heartbeat for one in site.instances if one.heartbeat])
    controller.start()
    stack.callback(controller.end)
    stops = [one.emergency for one in site.instances if one.emergency]
    stop = (*device_point(site, stops[0].uri), stops[0].value) if stops else ("", "", False)
    flood = probes[-1]
    injector = Injector(stage, simulators, flood.uri, PlantInputs(controller, stop), plan.seed)
    actor_ids = [str(row["id"]) for row in stage.api.get("/api/status").get("actors", [])]
    inputs = Inputs(any(one.heartbeat for one in site.instances), bool(stop[0]))
    faults = [one for one in catalogue(site, actor_ids, inputs) if plan.only in str(one)]
    if not faults:
        raise Unplayable(f"no fault is called {plan.only!r}")
    commander = Commander(stage.api, probes[0])
    return (
        Trials(stage, simulators, injector, safe, commander, transitions, freshness),
        faults,
        remarks,
    )


def _line(outcome: Outcome, at: float) -> str:
    return f"{at:7.1f} s  " + "  ".join(_parts(outcome))


def _parts(outcome: Outcome) -> Iterator[str]:
    yield " + ".join(map(str, outcome.faults))
    if outcome.detected_s is not None:
        yield f"detected {outcome.detected_s:.2f}"
    for stem, seconds in outcome.safe_s.items():
        yield f"{stem} safe {'never' if seconds is None else f'{seconds:.2f}'}"
    yield "NOT RECOVERED" if outcome.recovered_s is None else f"recovered {outcome.recovered_s:.2f}"
    counted = {
        "commands lost": outcome.commands.lost,
        "commands twice": outcome.commands.twice,
        "commands misreported": outcome.commands.misreported,
        "transitions lost": outcome.transitions.lost,
        "transitions disordered": outcome.transitions.disordered,
        "stale as good": outcome.stale_as_good,
        "two writers": outcome.two_writers,
        "orphans": outcome.orphans,
        "by hand": outcome.manual_restarts,
    }
    yield from (f"{name}: {count}" for name, count in counted.items() if count)
    yield from outcome.notes
