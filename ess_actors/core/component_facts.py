"""Everything known of one point, for the operator: its words, its quality, and the configuration in force."""

from ess_actors.core.component import ComponentState
from ess_actors.core.component_writes import Reply
from ess_actors.core.points import Point
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
    """Where the point lives, the keys in force, what it shows and how good that is. Ages in ms."""
    point, words, last = state.points[name], state.wire(name), state.last(name)
    quality, reason = state.quality(name, now)
    full: Reply = {
        "uri": f"{state.component.uri}/{name}",
        "type": point.table.name.lower(),
        "address": point.address,
        **_keys(point),
        "value": state.shown(name, now),
        "quality": quality.name,
        "reason": reason,
        "age_ms": state.age_ms(name, now),
        "last_good": None if last is None else last.wall,
        "last_value": None if last is None else last.value,
        "forced": name in state.forced,
        "enabled": name not in state.disabled,
        "isolated": name in state.isolated,
        "words": None,
        "hex": None,
    }
    if words is not None:
        raw = raw_of(state, name)
        full |= {"words": raw["words"], "hex": raw["hex"], "raw": raw["value"]}
    return full


def _keys(point: Point) -> Reply:
    """The keys of a file as they are in force, also where the file leaves them to their defaults."""
    codec = point.codec
    keys: Reply = {
        "name": point.label,
        "units": point.units,
        "unit": point.unit,
        "size": point.size,
        "period_ms": point.period_ms,
        "format": "clothed" if point.clothed else "naked",
        "debounce": point.debounce_s,
        "multi_write_op_code": point.multi_write,
        "verify_writes": point.verify,
        "reassert": point.reassert,
        "shape": codec.shape.name.lower(),
    }
    if codec.size == 0:
        return keys | {"inverted": codec.inverted, "use_bool": codec.use_bool}
    return keys | {
        "word_order": [place + 1 for place in codec.order],
        "signed": codec.signed,
        "float": codec.is_float,
        "scale": codec.scale,
        "shift": codec.shift,
        "invert_mask": f"0x{codec.mask:X}",
        "starting_bit_pos": codec.first_bit,
        "number_of_bits": codec.bits,
        "bit_strings": {str(number): text for number, text in codec.texts.items()},
    }
