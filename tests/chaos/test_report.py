"""The table and the JSON: the same faults in one row, what never happened told as never."""

import json

from ess_actors.chaos.commanding import Fate
from ess_actors.chaos.faults import Fault
from ess_actors.chaos.report import TITLES, cells, quantile, rows, summary, trial_body
from ess_actors.chaos.trial import Outcome


def outcome(kind="kill", target="ess_1", role="ess", **more):
    return Outcome((Fault(kind, target),), (role,), **more)


def test_faults_of_one_sort_share_a_row_and_pairs_have_one_of_their_own():
    pair = Outcome((Fault("kill", "web"), Fault("mute", "pcs")), ("web", "device"))
    found = rows([outcome(), outcome(target="ess_2"), outcome("garbage", "site", "site"), pair])
    assert [(row["fault"], row["times"]) for row in found] == [("garbage", 1), ("kill ess", 2), ("pairs", 1)]


def test_a_device_that_never_became_safe_is_told():
    found = rows([outcome(safe_s={"pcs": 0.4}), outcome(safe_s={"pcs": None})])[0]
    assert (found["safe_asked"], found["safe_never"], found["safe_s"]["max"]) == (2, 1, 0.4)
    assert dict(zip(TITLES, cells(found), strict=True))["SAFE IN"] == "never 1 of 2, 0.40 s"


def test_the_figures_that_are_aimed_at():
    found = summary(
        [
            outcome(safe_s={"pcs": 1.05}, lease_s={"pcs": 1.0}, recovered_s=0.2),
            outcome(safe_s={"pcs": 1.3}, lease_s={"pcs": 1.0}, recovered_s=0.4),
            outcome("kill", "launcher", "launcher", recovered_s=3.0, exit_code=1),
            outcome("stop", "web", "web", detected_s=1.5, recovered_s=1.7),
        ]
    )
    assert found["safe_in_time"] == 1
    assert found["safe_behind_lease_p99_s"] == 0.3
    assert found["killed_back_p99_s"] == 0.4
    assert found["hung_replaced_p99_s"] == 1.5


def test_a_trial_can_be_written_as_json():
    body = trial_body(outcome(commands=Fate(3, 2, 1, 0, 0, 0), notes=["odd"]))
    assert json.loads(json.dumps(body))["commands"]["done"] == 2


def test_quantiles_of_few_values():
    assert quantile([], 0.99) is None
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([3.0, 1.0, 2.0], 0.99) == 3.0
