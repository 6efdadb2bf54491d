"""Writes to a component: what a set becomes on the wire, and what is answered."""

import json

import pytest

from ess_actors.core.bits import BadValueError
from ess_actors.core.codec import Codec, Shape
from ess_actors.core.component import ComponentState
from ess_actors.core.component_writes import WriteJob, json_body, multi_reply
from ess_actors.core.points import Component
from ess_actors.core.registers import encode
from tests.core.modbus_examples import component, holding


def only(jobs: list[WriteJob]) -> WriteJob:
    (job,) = jobs
    return job


def test_a_bit_is_set_into_what_the_device_has_now() -> None:
    names = [f"b{n}" for n in range(16)]
    state = ComponentState(
        holding({"id": "r", "offset": 7, "individual_bits": True, "bit_strings": names}), now=0.0
    )
    jobs, refused = state.jobs("b4", True)
    job = only(jobs)
    assert refused == {}
    assert (job.needs_read, job.read_function, job.address, job.count) == (True, 3, 7, 1)
    request = job.request((0xA50F,))
    assert (request.function, request.words) == (6, (0xA51F,))
    assert job.written(request) == {"b4": {"value": True, "status": "ok"}}
    both, _ = state.jobs("", {"b0": False, "b15": {"value": "true"}})
    assert only(both).request((0x0001,)).words == (0x8000,)
    assert only(state.jobs("r", 5)[0]).request().words == (5,)


def multi() -> Component:
    return holding(
        {"id": "p_set", "offset": 10, "signed": True, "scale": 10},
        {"id": "mode", "offset": 11, "enum": True, "bit_strings": ["Off", "Standby", None, "Run"]},
        {"id": "wide", "offset": 12, "size": 2},
        {"id": "far", "offset": 20, "verify_writes": True},
        {"id": "small", "offset": 30, "scale": 10},
    )


def test_a_set_of_several_points_writes_the_good_ones_and_tells_of_the_others() -> None:
    state = ComponentState(multi(), now=0.0)
    jobs, refused = state.jobs("", {"p_set": {"value": 15}, "oops": 1, "mode": "Standby", "far": "x"})
    job = only(jobs)
    request = job.request()
    assert (request.function, request.address, request.words) == (16, 10, (150, 1))
    assert refused["oops"]["status"] == "unknown_id"
    assert refused["far"]["status"] == "bad_value"
    reply = multi_reply({**job.written(request), **refused})
    assert reply["_status"] == "partial"
    assert reply["p_set"] == {"value": 15.0, "status": "ok"}
    assert reply["mode"] == {"value": [{"value": 1, "string": "Standby"}], "status": "ok"}
    assert [(j.write_function, j.address, j.count) for j in job.split(state.component)] == [
        (6, 10, 1),
        (6, 11, 1),
    ]


def test_jobs_are_joined_only_where_they_touch_and_only_if_allowed() -> None:
    state = ComponentState(multi(), now=0.0)
    everything = {"p_set": 1, "mode": 0, "wide": 70000, "far": 3}
    jobs, _ = state.jobs("", everything)
    assert [(j.write_function, j.address, j.count) for j in jobs] == [(16, 10, 4), (6, 20, 1)]
    assert jobs[0].request().words == (10, 0, 1, 4464)
    apart = ComponentState(
        holding({"id": "a", "offset": 1}, {"id": "b", "offset": 2, "multi_write_op_code": True}), 0.0
    )
    assert only(apart.jobs("b", 1)[0]).write_function == 16


def test_limits_refusals_and_read_back() -> None:
    state = ComponentState(multi(), now=0.0)
    job = only(state.jobs("small", 7000)[0])
    request = job.request()
    assert request.words == (65535,)
    assert job.written(request) == {"small": {"value": 6553.5, "status": "clamped", "requested": 7000}}
    assert job.failed("refused", code=3) == {"small": {"status": "refused", "code": 3}}
    far = only(state.jobs("far", 5)[0])
    assert far.verify
    assert far.verified(far.request(), (4,)) == {"far": {"value": 5, "status": "mismatch", "read": 4}}
    assert far.verified(far.request(), (5,)) == {"far": {"value": 5, "status": "verified"}}
    assert far.verified(far.request(), None) == {"far": {"value": 5, "status": "ok", "verify": "unavailable"}}


def test_sets_go_to_the_first_writable_point_of_a_name() -> None:
    found = component(
        [
            {"type": "Input", "map": [{"id": "p", "offset": 1}, {"id": "q", "offset": 2}]},
            {"type": "Holding", "map": [{"id": "p", "offset": 9}]},
        ]
    )
    state = ComponentState(found, now=0.0)
    assert only(state.jobs("p", 5)[0]).address == 9
    assert state.jobs("q", 5)[1]["q"]["status"] == "read_only"
    assert [(b.function, b.address, b.count) for cycle in state.cycles for b in cycle.blocks] == [(4, 1, 2)]


@pytest.mark.parametrize("body", [5, [], {}, None, "x"])
def test_a_set_of_a_component_needs_an_object(body: object) -> None:
    jobs, refused = ComponentState(multi(), now=0.0).jobs("", body)
    assert jobs == []
    assert [reply["status"] for reply in refused.values()] == ["bad_value"]


def test_no_number_in_a_reply_can_keep_it_from_being_sent() -> None:
    assert json.loads(json_body({"status": "ok", "shift": 10**30})) == {"status": "ok", "shift": 10**30}


def test_a_bit_no_register_has_is_no_bit() -> None:
    field = Codec(shape=Shape.FIELD, texts={0: "a"})
    with pytest.raises(BadValueError):
        encode(field, [{"value": 1e300}])
