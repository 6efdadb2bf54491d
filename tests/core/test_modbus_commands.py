"""Force, disable and their opposites: on one point, on a register of bits, and on a whole component."""

import pytest

from ess_actors.core.component import ComponentState
from ess_actors.core.component_status import HeartbeatReader, HeartbeatState
from ess_actors.core.points import Heartbeat
from tests.modbus.modbus_maps import bits, coil, component, enum, number


def state() -> ComponentState:
    points = (
        number("soc", 10),
        enum("mode", 11, {0: "Off", 3: "Run"}),
        *bits("status", 12, {0: "run", 4: "fault"}),
        coil("contactor", 1),
    )
    return ComponentState(component("c", *points), now=0.0)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("soc", 12.5, 12.5),
        ("mode", "Run", [{"value": 3, "string": "Run"}]),
        ("mode", 0, [{"value": 0, "string": "Off"}]),
        ("run", 1, True),
        ("contactor", "false", False),
    ],
)
def test_a_forced_value_has_the_shape_of_its_point(name: str, value: object, shown: object) -> None:
    one = state()
    assert one.command(name, "_force", {"value": value}) == {"status": "ok"}
    assert one.get(name, 0.0) == shown


@pytest.mark.parametrize(("name", "value"), [("soc", "high"), ("mode", "Fly"), ("run", "abc"), ("soc", [1])])
def test_what_no_such_point_could_show_is_refused(name: str, value: object) -> None:
    one = state()
    assert one.command(name, "_force", value)["status"] == "bad_value"
    assert name not in one.forced


def test_a_component_is_forced_by_an_object_and_answers_for_each() -> None:
    one = state()
    reply = one.command("", "_force", {"soc": 50, "mode": {"value": "Off"}, "oops": 1})
    assert reply["_status"] == "partial"
    assert reply["soc"] == reply["mode"] == {"status": "ok"}
    assert reply["oops"]["status"] == "unknown_id"  # type: ignore[index]
    assert one.command("", "_unforce") == {"status": "ok"} and not one.forced
    assert one.command("", "_force", 5)["status"] == "bad_value"


def test_a_component_is_disabled_and_enabled_as_a_whole() -> None:
    one = state()
    assert one.command("", "_disable") == {"status": "ok"}
    assert not any(cycle.blocks for cycle in one.cycles)
    assert one.jobs("soc", 5)[1]["soc"]["status"] == "disabled"
    assert one.command("", "_enable") == {"status": "ok"}
    assert sum(len(cycle.blocks) for cycle in one.cycles) == 2


def test_a_register_of_bits_is_disabled_with_its_bits() -> None:
    one = state()
    assert one.command("status", "_disable") == {"status": "ok"}
    read = {point.id for cycle in one.cycles for block in cycle.blocks for point in block.points}
    assert read == {"soc", "mode", "contactor"}
    one.command("status", "_enable")
    assert {"status", "run", "fault"} <= {
        point.id for cycle in one.cycles for block in cycle.blocks for point in block.points
    }


def test_a_device_that_is_gone_does_not_stand_still() -> None:
    reader = HeartbeatReader(Heartbeat(read="beat", timeout_ms=3000), now=0.0)
    for beat in range(4):
        reader.read(beat, float(beat))
    reader.read(3, 5.0)  # one reading without a change, then nothing is read any more
    assert reader.check(6.5) == [] and reader.state is HeartbeatState.NORMAL
    ((text, _),) = reader.check(8.5)
    assert reader.state is HeartbeatState.FAULT and text == "heartbeat cannot be read"
    standing = HeartbeatReader(Heartbeat(read="beat", timeout_ms=3000), now=0.0)
    standing.read(1, 0.0)
    for moment in (1.0, 2.0, 3.0, 3.9):
        standing.read(1, moment)
    ((text, _),) = standing.check(3.9)
    assert standing.state is HeartbeatState.FROZEN and text == "heartbeat does not change"
