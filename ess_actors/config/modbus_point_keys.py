"""The keys that groups, points and packed children of a client file know, and their spellings."""

import re
from typing import Final

from ess_actors.config.modbus_inherited import LEVELS_CKG, LEVELS_CKGP
from ess_actors.config.modbus_keys import Level
from ess_actors.core.points import Table

TABLES: Final = {
    "coil": Table.COIL,
    "coils": Table.COIL,
    "discrete input": Table.DISCRETE,
    "discrete inputs": Table.DISCRETE,
    "input": Table.INPUT,
    "input register": Table.INPUT,
    "input registers": Table.INPUT,
    "holding": Table.HOLDING,
    "holding register": Table.HOLDING,
    "holding registers": Table.HOLDING,
}
BAD_ID: Final = re.compile(r'[{}\\/"%\s]')

GROUP: Final = Level(
    (
        "type",
        "starting_offset",
        "number_of_registers",
        "map",
        "word_order",
        "decode_offset_range",
        *LEVELS_CKG,
        *LEVELS_CKGP,
    ),
    ("note", "hex offset", "hex_offset", "hex ofset", "comment*", "name", "id"),
)
_VALUE_KEYS: Final = (
    "id",
    "signed",
    "scale",
    "shift",
    "bit_field",
    "individual_bits",
    "enum",
    "random_enum",
    "bit_strings",
    "individual_enums",
    "enum_field",
    "name",
    "unit",
    "units",
)
POINT: Final = Level(
    (
        *_VALUE_KEYS,
        "offset",
        "size",
        "float",
        "invert_mask",
        "word_order",
        "packed_register",
        "bit_ranges",
        "use_bool",
        "debounce",
        "echo_id",
        *LEVELS_CKGP,
    ),
    (
        "repeat_of_offset",
        "bool",
        "uri",
        "web_ui_*",
        "note*",
        "comment*",
        "twins_id",
        "deadband",
        "normal_set",
        "bitfield_type",
        "heartbeat_enabled",
        "offset_time",
        "component_heartbeat_read_uri",
        "starting_bit_pos",
        "number_of_bits",
    ),
)
CHILD: Final = Level(
    (*_VALUE_KEYS, "starting_bit_pos", "number_of_bits"),
    ("note*", "comment*", "web_ui_*", "uri", "float", "size"),
)
