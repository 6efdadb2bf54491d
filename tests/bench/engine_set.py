"""A document set of the size of one BMS with 18 racks, PCS and site: 7,000 variables, 12,000 action items."""

from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

VARIABLES: Final = 7_000
ITEMS: Final = {"enum": 7_318, "func": 2_862, "remap": 1_820}
"""Action items by kind, 12,000 in all, as 7,800 : 3,050 : 1,940."""
RACKS: Final = 18
LINES: Final = 16
"""Lines of one enum."""

Tree = dict[str, Any]


class Size(NamedTuple):
    """What one asset has: variables with an enum each, faults with a function each, and so on."""

    enums: int
    remaps: int
    """Variables with one remap; `seconds` of them have another one."""
    seconds: int
    funcs: int
    plain: int

    @property
    def variables(self) -> int:
        return self.enums + self.remaps + self.funcs + self.plain

    @property
    def items(self) -> dict[str, int]:
        return {"enum": self.enums * LINES, "func": self.funcs, "remap": self.remaps + self.seconds}


RACK: Final = Size(enums=22, remaps=60, seconds=20, funcs=140, plain=110)
BASICS: Final = 4
"""Variables of the start file, and the loader."""


def start() -> Tree:
    return {
        "/sysconfig/default": {
            "Subs": ":/components/ess_1:/site/ess_1",
            "Config": "first",
            "EssName": "ess_1",
        }
    }


def documents() -> dict[str, Tree]:
    """The first document, one for the parts that are there once, and the template of a rack."""
    option = {"tmpl": "rack", "ainame": "rack_##R##", "pname": "bms_1", "from": 1, "to": RACKS}
    option["reps"] = [{"replace": "##R##", "with": "{:02d}"}]
    loader = {"value": False, "file": "once", "new_options": [option]}
    return {"first": {"/config/load": {"large": loader}}, "once": once(), "rack": asset("rack_##R##", RACK)}


def once() -> Tree:
    """BMS, PCS and site: everything the racks leave to reach the totals."""
    left = {kind: ITEMS[kind] - RACKS * count for kind, count in RACK.items.items()}
    enums, lines = divmod(left["enum"], LINES)
    size = Size(enums, left["remap"] - 80, 80, left["func"], 0)
    rest = VARIABLES - BASICS - RACKS * RACK.variables - size.variables - bool(lines)
    tree = asset("bms_1", size._replace(plain=rest))
    if lines:
        tree["/components/ess_1/bms_1"]["rest"] = word("bms_1", 0, lines)
    return {"amname": "bms_1", **tree}


def asset(name: str, size: Size) -> Tree:
    """The tables of one asset. Every target of an action is a variable of the set itself."""
    device: Tree = {f"word_{n:02d}": word(name, n, LINES) for n in range(size.enums)}
    status: Tree = {
        f"Value_{n:03d}": {"value": "" if n < size.enums else 0, "unit": "A"} for n in range(size.plain)
    }
    faults: Tree = {f"Fault_{n:03d}": fault() for n in range(size.funcs)}
    targets = [f"/status/{name}:Value_{n:03d}" for n in range(size.enums, size.plain)]
    for n in range(size.remaps):
        items: list[Tree] = [{"uri": targets[n % len(targets)], "scale": 0.1}]
        if n < size.seconds:
            second = targets[(size.remaps + n) % len(targets)]
            items.append({"uri": second, "inValue": 1, "outValue": 1, "outNValue": 0})
        device[f"point_{n:03d}"] = {"value": n, "actions": {"onSet": [{"remap": items}]}}
    return {f"/components/ess_1/{name}": device, f"/status/{name}": status, f"/faults/{name}": faults}


def word(name: str, number: int, lines: int) -> Tree:
    """A register with an enum: the even ones are states with texts, the odd ones faults bit by bit."""
    items: list[Tree] = []
    for line in range(lines):
        if number % 2:
            uri = f"/faults/{name}:Fault_{(number * LINES + line) // 2 % 100:03d}"
            output = "Trip" if line % 2 else "Normal"
            items.append({"mask": 1, "shift": line // 2, "inValue": line % 2, "uri": uri, "outValue": output})
        else:
            uri = f"/status/{name}:Value_{number:03d}"
            items.append({"inValue": line, "uri": uri, "outValue": f"State {line}"})
    return {"value": 0, "actions": {"onSet": [{"enum": items}]}}


def fault() -> Tree:
    actions = [{"func": [{"func": "process_sys_alarm", "amap": "bms_1"}]}]
    return {"value": "Normal", "type": "fault", "actions": {"onSet": actions}}


def write(folder: Path) -> Path:
    """The set as files; the path of its start file, which lies beside the folder of documents."""
    (folder / "documents").mkdir(parents=True)
    for name, tree in documents().items():
        (folder / "documents" / f"{name}.json").write_bytes(orjson.dumps(tree, option=orjson.OPT_INDENT_2))
    (folder / "start.json").write_bytes(orjson.dumps(start()))
    return folder / "start.json"
