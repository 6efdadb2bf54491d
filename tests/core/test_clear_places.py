"""Where a clear can be ordered: only where the documents carry it out, by whatever way."""

from typing import Any

from ess_actors.core.clear_places import clear_places
from tests.core.engine_bench import Bench, on_set, remap

CLEARS = [{"func": [{"func": "process_sys_alarm", "inValue": "Clear", "amap": "ess"}]}]


def places(**tables: Any) -> dict[str, tuple[str, object]]:
    named = {f"/{name.replace('__', '/')}": {"clear_faults": var} for name, var in tables.items()}
    return {
        asset: (uri, value)
        for asset, uri, value in clear_places(Bench({"amname": "ess", **named}).ess.engine)
    }


def test_a_list_whose_clear_empties_it_is_one() -> None:
    told = places(faults__ess={"value": "default", "actions": {"onSet": CLEARS}}, faults__pcs="default")
    assert told == {"ess": ("/ess_1/faults/ess/clear_faults", "Clear")}


def test_the_button_of_an_asset_comes_before_its_list_and_may_go_a_long_way() -> None:
    told = places(
        assets__ess__summary={"value": 0, **on_set(remap(uri="/controls/ess:clear_faults", inValue=1))},
        controls__ess={
            "value": 0,
            **on_set(remap(uri="/faults/ess:clear_faults", inValue=1, outValue="Clear")),
        },
        faults__ess={"value": "default", "actions": {"onSet": CLEARS}},
    )
    assert told == {"ess": ("/ess_1/assets/ess/summary/clear_faults", 1)}


def test_a_button_in_a_circle_or_one_that_only_tells_others_clears_nothing() -> None:
    other = {"remap": [{"fims": "set", "uri": "/ess_2/faults/ess:clear_faults", "inValue": 1}]}
    told = places(
        assets__a__summary={"value": 0, **on_set(remap(uri="/assets/b/summary:clear_faults"))},
        assets__b__summary={"value": 0, **on_set(remap(uri="/assets/a/summary:clear_faults"))},
        assets__c__summary={"value": 0, "actions": {"onSet": [other]}},
        faults__ess={
            "value": "x",
            "actions": {"onSet": [{"func": [{"func": "process_sys_alarm", "inValue": "Trip"}]}]},
        },
    )
    assert told == {}


def test_of_several_the_instance_itself_comes_first() -> None:
    clears = {"value": "x", "actions": {"onSet": CLEARS}}
    assert list(places(faults__ess=clears, faults__ess_1=clears)) == ["ess_1", "ess"]
