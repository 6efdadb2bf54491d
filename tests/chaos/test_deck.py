"""The order of faults: the same for the same seed, every kind early, no actor hit until it is given up."""

from itertools import islice
from pathlib import Path

import pytest

from ess_actors.chaos.faults import Fault, Inputs, catalogue, deck
from ess_actors.chaos.stage import playable
from ess_actors.chaos.tree import ROOTS

CONFIGS = Path(__file__).parents[2] / "configs"
ACTORS = ("supervisor", "store", "ess_1", "ess_1/alarms", "ess_1/bms_1", "ess_1/pcs", "ess_1/site", "web")


@pytest.fixture(scope="module")
def faults():
    return catalogue(playable(CONFIGS / "dual_bms"), ACTORS, Inputs(True, True))


def test_every_kind_of_fault_meets_every_kind_of_target(faults):
    assert {fault.target for fault in faults if fault.kind == "kill"} == {*ACTORS, *ROOTS}
    assert {fault.target for fault in faults if fault.kind == "stop"} == {*ACTORS, *ROOTS}
    for kind in ("exception", "slow", "memory"):
        assert {fault.target for fault in faults if fault.kind == kind} == set(ACTORS)
    assert {fault.target for fault in faults if fault.on_device} == {"bms_1", "bms_2", "pcs"}
    assert len(set(faults)) == len(faults)


def test_what_a_site_does_not_watch_is_not_tried():
    found = {fault.kind for fault in catalogue(playable(CONFIGS / "triple"), ACTORS, Inputs(True, False))}
    assert "site silent" in found and "emergency stop" not in found


def test_the_same_seed_gives_the_same_order(faults):
    one, same, other = (list(islice(deck(faults, seed), 60)) for seed in (7, 7, 8))
    assert one == same
    assert one != other


@pytest.mark.parametrize("seed", range(5))
def test_each_kind_comes_before_any_comes_often_and_all_come_round(faults, seed):
    kinds = len({fault.kind for fault in faults})
    drawn = list(islice(deck(faults, seed), len(faults)))
    first = [fault.kind for group in drawn[: kinds + 2] for fault in group]
    assert len(set(first)) > kinds * 2 // 3
    assert {fault for group in drawn for fault in group} == set(faults)
    assert any(len(group) == 2 for group in drawn)


@pytest.mark.parametrize("seed", range(5))
def test_two_faults_at_once_can_be_told_apart(faults, seed):
    pairs = [group for group in islice(deck(faults, seed), 200) if len(group) == 2]
    for one, other in pairs:
        assert one.target != other.target
        assert not {one.target, other.target} & {*ROOTS, "site"}


@pytest.mark.parametrize("seed", range(5))
def test_no_actor_is_hit_until_it_is_rightly_given_up(faults, seed):
    """Five failures in a minute make an actor FAILED; twelve trials take about a minute."""
    drawn = [[fault.restarts for fault in group] for group in islice(deck(faults, seed), 200)]
    for at in range(len(drawn) - 12):
        window = [name for group in drawn[at : at + 12] for name in group if name]
        assert max((window.count(name) for name in window), default=0) <= 4


def test_only_the_death_of_a_root_ends_the_site():
    assert Fault("kill", "admin").ends_site and Fault("exception", "supervisor").ends_site
    assert not Fault("stop", "launcher").ends_site and not Fault("kill", "ess_1").ends_site
