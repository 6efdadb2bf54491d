"""Rows for the table test of single actions: what is given, what is set, what is then true."""

from typing import Any, NamedTuple

from tests.core.engine_bench import on_set, remap


class Line(NamedTuple):
    """`given` tables; each step is (uri under the instance, body); `then` maps references to values."""

    given: dict[str, Any]
    steps: list[tuple[str, Any]]
    then: dict[str, Any]
    counted: tuple[tuple[str, int], ...] = ()


LINES = {
    "an open gate is a missing one": Line(
        {"/t": {"i": on_set(remap(uri="/t:o", enable="/t:gate"))}}, [("/t/i", 1)], {"/t:o": 1}
    ),
    "a closed gate stops the item": Line(
        {"/t": {"i": on_set(remap(uri="/t:o", enable="/t:gate")), "gate": False, "o": 7}},
        [("/t/i", 1)],
        {"/t:o": 7},
    ),
    "enabled true overrides a closed item gate": Line(
        {"/t": {"i": on_set(remap(uri="/t:o", enable="/t:gate", enabled=True)), "gate": False}},
        [("/t/i", 2)],
        {"/t:o": 2},
    ),
    "a variable gate overrides enabled upwards": Line(
        {"/t": {"i": on_set(remap(uri="/t:o"), enabled=False, enable="/t:gate"), "gate": True}},
        [("/t/i", 2)],
        {"/t:o": 2},
    ),
    "10: inAv reads a param": Line(
        {
            "/components/x": {"link": {"value": 1, "flags": "READY"}},
            "/t": {"i": on_set(remap(uri="/t:o", inAv="/components/x:link@flags"))},
        },
        [("/t/i", 5)],
        {"/t:o": "READY"},
    ),
    "11: a remap onto itself is refused": Line(
        {"/t": {"go": False, "i": on_set(remap(uri="/t:i", enable="/t:go"))}},
        [("/t/go", True), ("/t/i", 3), ("/t/i", 3)],
        {"/t:i": 3},
        (("loop_guard", 2),),
    ),
    "11: with useAv it writes and does not run again": Line(
        {"/t": {"i": on_set(remap(uri="/t:i", useAv=True, outValue=4))}}, [("/t/i", 3)], {"/t:i": 4}
    ),
    "12: two nibbles": Line(
        {
            "/t": {
                "i": on_set(
                    {
                        "enum": [
                            {"mask": 15, "inValue": 1, "uri": "/t:lo", "outValue": "alpha"},
                            {"mask": 15, "shift": 4, "inValue": 2, "uri": "/t:hi", "outValue": "beta"},
                        ]
                    }
                )
            }
        },
        [("/t/i", 0x21)],
        {"/t:lo": "alpha", "/t:hi": "beta"},
    ),
    "13: the default of an enum": Line(
        {
            "/t": {
                "i": on_set(
                    {"enum": [{"inValue": 1, "uri": "/t:o", "outValue": "on"}]},
                    defaultUri="/t:o",
                    defaultVal="none",
                )
            }
        },
        [("/t/i", 1), ("/t/i", 8)],
        {"/t:o": "none"},
    ),
    "enum range and negative numbers": Line(
        {
            "/t": {
                "i": on_set(
                    {
                        "enum": [
                            {
                                "useRange": True,
                                "inValue": 20,
                                "inValue+": 3,
                                "inValue-": 5,
                                "uri": "/t:r",
                                "outValue": "near",
                            },
                            {"mask": 15, "inValue": 15, "uri": "/t:m"},
                        ]
                    }
                )
            }
        },
        [("/t/i", 15), ("/t/i", -1)],
        {"/t:r": "near", "/t:m": 15},
    ),
    "bitfield writes for set bits only": Line(
        {
            "/t": {
                "i": on_set(
                    {
                        "bitfield": [
                            {"bit": 1, "uri": "/t:a", "outValue": True},
                            {"bit": 4, "uri": "/t:b", "outValue": True},
                        ]
                    }
                )
            }
        },
        [("/t/i", 2)],
        {"/t:a": True, "/t:b": None},
    ),
    "15: bitset sets and clears bit 4 (value 8)": Line(
        {
            "/t": {
                "w": 1,
                "i": {"value": False, "actions": {"onSet": [{"bitset": [{"bit": 4, "uri": "/t:w"}]}]}},
            }
        },
        [("/t/i", True)],
        {"/t:w": 9},
    ),
    "15: and back": Line(
        {
            "/t": {
                "w": 9,
                "i": {"value": True, "actions": {"onSet": [{"bitset": [{"bit": 4, "uri": "/t:w"}]}]}},
            }
        },
        [("/t/i", False)],
        {"/t:w": 1},
    ),
    "bitset solo": Line(
        {
            "/t": {
                "w": 11,
                "i": {
                    "value": False,
                    "enable": "/t:go",
                    "actions": {"onSet": [{"bitset": [{"bit": 3, "soloBit": True, "uri": "/t:w"}]}]},
                },
                "go": False,
            }
        },
        [("/t/go", True), ("/t/i", True)],
        {"/t:w": 4},
    ),
    "bitmap": Line(
        {
            "/t": {
                "i": on_set(
                    {
                        "bitmap": [
                            {"mask": 3, "shift": 2, "bit": 1, "outValue": True, "uri": "/t:a"},
                            {"mask": 3, "shift": 2, "bit": 2, "outValue": "open", "uri": "/t:b"},
                        ]
                    }
                )
            }
        },
        [("/t/i", 8)],
        {"/t:a": None, "/t:b": "open"},
    ),
    "16: limits clamp high": Line(
        {"/t": {"lo": 20, "hi": 60, "i": on_set({"limits": [{"lowVar": "/t:lo", "highVar": "/t:hi"}]})}},
        [("/t/i", 75)],
        {"/t:i": 60},
    ),
    "16: limits clamp low": Line(
        {"/t": {"lo": 20, "hi": 60, "i": on_set({"limit": [{"lowVar": "/t:lo", "highVar": "/t:hi"}]})}},
        [("/t/i", 12)],
        {"/t:i": 20},
    ),
    "16: limits pass": Line(
        {"/t": {"lo": 20, "hi": 60, "i": on_set({"limits": [{"lowVar": "/t:lo", "highVar": "/t:hi"}]})}},
        [("/t/i", 33)],
        {"/t:i": 33},
    ),
    "17: a site bit is latched": Line(
        {
            "/site/ess_1/ess_ls": {"ems_alarms": 0},
            "/t": {
                "i": {
                    "value": "Closed",
                    "actions": {
                        "onSet": [
                            remap(uri="/site/ess_1/ess_ls:ems_alarms[6]", inValue="Open", outValue=True)
                        ]
                    },
                }
            },
        },
        [("/t/i", "Open"), ("/t/i", "Closed")],
        {"/site/ess_1/ess_ls:ems_alarms": 64},
    ),
    "remap scale and offset": Line(
        {"/t": {"i": on_set(remap(uri="/t:o", scale=0.5, offset=20))}}, [("/t/i", 90)], {"/t:o": 25}
    ),
    "remap mismatch writes outNValue": Line(
        {
            "/t": {
                "i": {
                    "value": "",
                    "actions": {"onSet": [remap(uri="/t:o", inValue="Run", outValue=True, outNValue=False)]},
                }
            }
        },
        [("/t/i", "Stop")],
        {"/t:o": False},
    ),
    "true is not 1": Line(
        {"/t": {"i": {"value": False, "actions": {"onSet": [remap(uri="/t:o", inValue=1, outValue=1)]}}}},
        [("/t/i", True)],
        {"/t:o": None},
    ),
    "remap into a param": Line(
        {"/t": {"b": 0, "i": {"value": False, "actions": {"onSet": [remap(uri="/t:b@enabled")]}}}},
        [("/t/i", True)],
        {"/t:b": 0},
    ),
    "ruri picks the table by a text": Line(
        {
            "/sel": {"name": "/alarms/rack_02"},
            "/t": {
                "i": on_set({"enum": [{"inValue": 2, "ruri": "msg", "uri": "/sel:name", "outValue": "Hot"}]})
            },
        },
        [("/t/i", 2)],
        {"/alarms/rack_02:msg": "Hot"},
    ),
    "ignoreValue ends the item": Line(
        {"/t": {"i": on_set(remap(uri="/t:o", ignoreValue=99))}}, [("/t/i", 5), ("/t/i", 99)], {"/t:o": 5}
    ),
    "6: a value of another kind is counted": Line(
        {"/t": {"n": 5}}, [("/t/n", "abc")], {"/t:n": 5}, (("type_mismatch", 1),)
    ),
    "bits of a missing variable start at 0": Line({}, [("/t", {"w[3]": True})], {"/t:w": 8}),
    "the device client's one-element array": Line(
        {}, [("/t", {"s": [{"value": 4, "string": "Standby"}]})], {"/t:s": "Standby"}
    ),
    "null, long arrays and objects as values are bad members": Line(
        {},
        [("/t", {"a": None, "b": [1, 2], "c": {"value": {}}, "d": 1})],
        {"/t:a": None, "/t:d": 1},
        (("bad_member", 3),),
    ),
}
