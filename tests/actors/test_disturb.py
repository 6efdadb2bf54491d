"""Faults made inside an actor: only on order, once, and never in a site that was not started for it."""

import time

import pytest

from ess_actors.actors import disturb as module
from ess_actors.actors.disturb import Disturbed, disturb, order_file


@pytest.fixture
def orders(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_FOLDER", str(tmp_path))
    return tmp_path


def test_without_the_variable_no_order_is_looked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_FOLDER", "")
    monkeypatch.chdir(tmp_path)
    order_file(tmp_path, "web").write_text("exception 0")
    disturb("web")
    assert order_file(tmp_path, "web").exists()


def test_an_order_is_for_one_actor_and_carried_out_once(orders):
    order_file(orders, "ess_1/pcs").write_text("exception 0")
    disturb("ess_1")
    with pytest.raises(Disturbed):
        disturb("ess_1/pcs")
    disturb("ess_1/pcs")
    assert list(orders.iterdir()) == []


def test_memory_is_held_until_it_is_freed(orders):
    order_file(orders, "web").write_text("memory 2")
    disturb("web")
    assert sum(map(len, module._held)) == 2_000_000
    order_file(orders, "web").write_text("free 0")
    disturb("web")
    assert module._held == []


def test_the_wall_clock_steps_and_the_monotonic_one_does_not(orders):
    real, monotonic = time.time, time.monotonic
    try:
        order_file(orders, "web").write_text("clock 3600")
        disturb("web")
        assert time.time() - real() == pytest.approx(3600, abs=60)
        assert time.monotonic is monotonic
        order_file(orders, "web").write_text("clock 0")
        disturb("web")
        assert time.time is real
    finally:
        time.time = real
