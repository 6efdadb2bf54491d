"""status, tree and top: what they say of a tree, and what top makes of two looks at the metrics."""

import math

import click
from click.testing import CliRunner

from ess_actors.cli.exposed import loads, sample_of
from ess_actors.cli.group import group
from ess_actors.cli.status import tree_lines
from ess_actors.cli.tree import drawing
from tests.cli.conftest import actor

STATUS = {
    "site": "bench",
    "state": "degraded",
    "actors": [
        actor("supervisor", "RUNNING", 100, 0),
        actor("ess_1", "RUNNING", 101, 0, failures=0, failures_allowed=4),
        actor("ess_1/pcs", "STOPPED", None, 5, last_error="OSError: no route (x.py:1 in f)", stopped_by="operator"),
        actor("ess_1/site", "BACKOFF", None, 1, last_error="killed by SIGKILL", next_try_s=3.0),
        actor("web", "RUNNING", 104, 1),
    ],
}  # fmt: skip

BEFORE = """
# TYPE ess_messages counter
ess_actor_cpu_seconds_total{actor="ess_1"} 10.0
ess_messages_total{actor="ess_1",method="set"} 100.0
ess_messages_total{actor="ess_1",method="pub"} 1000.0
ess_message_latency_seconds_bucket{actor="ess_1",le="0.001"} 50.0
ess_message_latency_seconds_bucket{actor="ess_1",le="0.1"} 50.0
ess_message_latency_seconds_bucket{actor="ess_1",le="+Inf"} 50.0
"""
AFTER = """
ess_actor_cpu_seconds_total{actor="ess_1"} 10.5
ess_actor_resident_memory_bytes{actor="ess_1"} 6.1e+07
ess_messages_total{actor="ess_1",method="set"} 120.0
ess_messages_total{actor="ess_1",method="pub"} 1080.0
ess_messages_waiting{actor="ess_1"} 3.0
ess_message_latency_seconds_bucket{actor="ess_1",le="0.001"} 145.0
ess_message_latency_seconds_bucket{actor="ess_1",le="0.1"} 150.0
ess_message_latency_seconds_bucket{actor="ess_1",le="+Inf"} 150.0
a line that nobody understands
"""


def test_status_says_who_stopped_an_actor_and_why_it_had_failed():
    line = next(line for line in tree_lines(STATUS) if "pcs" in line)
    assert line.endswith("stopped by operator; before: OSError: no route (x.py:1 in f)")


def test_the_tree_hangs_below_the_supervisor_and_tells_what_is_wrong():
    assert [click.unstyle(line) for line in drawing(STATUS)] == [
        "supervisor  RUNNING  pid 100",
        "├─ ess_1  RUNNING  pid 101",
        "│  ├─ pcs  STOPPED  by operator  OSError: no route (x.py:1 in f)",
        "│  └─ site  BACKOFF  next try in 3s  killed by SIGKILL",
        "└─ web  RUNNING  pid 104",
    ]


def test_rates_are_those_of_the_time_between_two_looks():
    load = loads(sample_of(BEFORE), sample_of(AFTER), 2.0)["ess_1"]
    assert (load.cpu_percent, load.rss_bytes, load.messages_s, load.waiting) == (25.0, 6.1e7, 50.0, 3.0)
    assert load.p99_s == 0.1


def test_the_first_look_has_no_rates_and_a_restarted_actor_counts_anew():
    assert loads({}, sample_of(AFTER), 1.0)["ess_1"].messages_s is None
    restarted = AFTER.replace("10.5", "0.1").replace("1080.0", "8.0")
    load = loads(sample_of(BEFORE), sample_of(restarted), 2.0)["ess_1"]
    assert load.cpu_percent is None and load.messages_s == 10.0


def test_a_latency_beyond_the_last_bound_is_told_as_such():
    late = AFTER.replace('le="+Inf"} 150.0', 'le="+Inf"} 250.0')
    assert loads(sample_of(BEFORE), sample_of(late), 2.0)["ess_1"].p99_s == math.inf


def test_tree_and_top_show_every_actor(site):
    tree = CliRunner().invoke(group, ["tree"])
    assert tree.exit_code == 0 and tree.stdout.splitlines()[0] == "supervisor  RUNNING  pid 100"
    top = CliRunner().invoke(group, ["top", "--looks", "2", "--period", "0.2"])
    assert top.exit_code == 0, top.output
    assert all(name in top.stdout for name in ("bench: degraded", "supervisor", "├─ bms_1", "FAILED", "web"))


def test_they_exit_2_when_nothing_runs_there():
    for verb in ("tree", "top"):
        result = CliRunner().invoke(group, [verb, "--api", "127.0.0.1:1"])
        assert result.exit_code == 2 and "nothing answers at 127.0.0.1:1" in result.stderr
