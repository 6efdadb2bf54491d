"""Everything known of one point, for the operator: its words, its quality, and the configuration in force."""

from ess_actors.core.component import ComponentState
from ess_actors.core.component_writes import Reply
from ess_actors.core.registers import raw_number


def facts(state: ComponentState, name: str, suffix: str, now: float) -> Reply:
    """What `_full` or `_raw` asks of one point, or of every point of the component when `name` is empty."""
    if not name:
        return {one: facts(state, one, suffix, now) for one in state.points}
    return full_of(state, name, now) if suffix == "_full" else raw_of(state, name)


def raw_of(state: ComponentState, name: str) -> Reply:
    """Number before scaling, words in wire order, hexadecimal and binary; bad when nothing was read yet."""
    point, words = state.points[name], state.wire(name)
    if words is None:
        return {"status": "bad", "reason": "never_read"}
    codec = point.codec
    if codec.size == 0:
        return {"value": words[0], "words": list(words), "hex": f"{words[0]:X}", "binary": f"{words[0]:b}"}
    number = raw_number(codec, words)
    digits = (codec.bits + 3) // 4
    return {
        "value": number,
        "words": list(words),
        "hex": f"{number:0{digits}X}",
        "binary": f"{number:0{codec.bits}b}",
    }


def full_of(state: ComponentState, name: str, now: float) -> Reply:
    """Where the point lives, how it is read, what it shows and how good that is. Ages in ms."""
    point, codec = state.points[name], state.points[name].codec
    answer = state.reading(name)
    value = state.get(name, now)
    bad = isinstance(value, dict) and value.get("status") == "bad"
    facts: Reply = {
        "uri": f"{state.component.uri}/{name}",
        "name": point.label,
        "units": point.units,
        "unit": point.unit,
        "type": point.table.name.lower(),
        "address": point.address,
        "size": point.size,
        "word_order": [place + 1 for place in codec.order],
        "signed": codec.signed,
        "float": codec.is_float,
        "scale": codec.scale,
        "shift": codec.shift,
        "invert_mask": f"0x{codec.mask:X}",
        "starting_bit_pos": codec.first_bit,
        "number_of_bits": codec.bits,
        "shape": codec.shape.name.lower(),
        "period_ms": point.period_ms,
        "value": None if bad else value,
        "quality": "BAD" if bad else "UNCERTAIN" if name in state.forced else "GOOD",
        "reason": value.get("reason", "") if isinstance(value, dict) and bad else "",
        "forced": name in state.forced,
        "enabled": name not in state.disabled,
        "isolated": name in state.isolated,
    }
    if answer is not None and answer.payload:
        facts["age_ms"] = round((now - answer.sent) * 1000)
        facts["last_good"] = answer.wall
        facts["raw"] = raw_of(state, name)
    return facts
