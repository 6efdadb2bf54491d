"""The tree as ps, the kernel and the operator see it."""

import psutil

from tests.waiting import wait_for

IDS = {
    "supervisor", "store", "history", "sim", "web",
    "ess_1", "ess_1/alarms", "ess_1/bms_1", "ess_1/pcs", "ess_1/site",
    "ess_2", "ess_2/alarms", "ess_2/bms_2",
}  # fmt: skip


def test_every_actor_runs_in_a_process_of_its_own_that_ps_names(site):
    actors = site.actors()
    assert set(actors) == IDS
    assert {row["state"] for row in actors.values()} == {"RUNNING"}
    assert len({row["pid"] for row in actors.values()}) == len(IDS)
    for actor_id in IDS - {"supervisor"}:
        assert [p.pid for p in site.named(actor_id)] == [actors[actor_id]["pid"]]
    assert [p.pid for p in site.named("supervisor (dual_bms)")] == [actors["supervisor"]["pid"]]


def test_children_are_below_their_instance(site):
    actors = site.actors()
    for child, parent in [
        ("ess_1/pcs", "ess_1"),
        ("ess_2/bms_2", "ess_2"),
        ("ess_1", "supervisor"),
        ("web", "supervisor"),
    ]:
        assert psutil.Process(actors[child]["pid"]).ppid() == actors[parent]["pid"]


def test_everything_listens_on_loopback_only(site):
    listening = [
        (c.laddr.ip, c.laddr.port)
        for process in site.processes()
        for c in process.net_connections(kind="tcp")
        if c.status == psutil.CONN_LISTEN
    ]
    assert len(listening) > len(IDS)
    assert {ip for ip, _ in listening} == {"127.0.0.1"}


def test_the_launch_command_tells_tree_addresses_and_a_live_line(site):
    def said():
        text = site.output.read_text()
        return text if "SOC" in text else None

    text = wait_for("the live line", said)
    assert "dual_bms: running" in text
    assert f"http://{site.api}" in text and f"http://{site.api}/metrics" in text
    assert f"127.0.0.1:{site.modbus_port}" in text
    for name in ("bms_1", "bms_2", "pcs", "alarms"):
        assert name in text


def test_metrics_have_every_actor_and_device(site):
    up = site.metric("ess_actor_up")
    assert {f'{{actor="{i}"}}' for i in IDS} <= set(up) and set(up.values()) == {1.0}

    def requests_ok():
        return [
            s for s, v in site.metric("ess_modbus_requests_total").items() if 'result="ok"' in s and v > 10
        ]

    assert len(wait_for("requests to three devices", requests_ok)) >= 3
    wait_for("CPU figures", lambda: len(site.metric("ess_actor_cpu_seconds_total")) >= len(IDS))
    assert sum(site.metric("ess_message_latency_seconds_count").values()) > 0
    assert min(site.metric("ess_actor_resident_memory_bytes").values()) > 1e6
    assert max(wait_for("point ages", lambda: site.metric("ess_point_age_seconds")).values()) < 30
