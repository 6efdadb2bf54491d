"""Codecs, points and components of every kind, for the property tests of the Modbus core."""

from hypothesis import strategies as st

from ess_actors.core.codec import Codec, Shape
from ess_actors.core.points import Component, Point, Register, Table

WORD = st.integers(0, 0xFFFF)
NASTY = (
    '"',
    "'",
    "{x}",
    "{0}",
    "\\",
    "a\nb",
    "'); raise SystemExit #",
    "Ü ß",
    "\ud800",
    "",
    "def",
    "v0",
    "%s",
)
"""Ids that would break a text they are pasted into."""


@st.composite
def whole_codecs(draw: st.DrawFn, size: int) -> Codec:
    """Of one point that is a whole register."""
    width = 16 * size
    order = draw(st.permutations(range(size)))
    mask = draw(st.one_of(st.just(0), st.integers(0, (1 << width) - 1)))
    shape = draw(
        st.sampled_from([Shape.NUMBER, Shape.NUMBER, Shape.NUMBER, Shape.FIELD, Shape.ENUM, Shape.PARENT])
    )
    texts = draw(st.dictionaries(st.integers(0, width - 1), st.sampled_from("abc"), max_size=4))
    is_float = size > 1 and shape is Shape.NUMBER and draw(st.booleans())
    numeric = shape is Shape.NUMBER
    scale = draw(st.sampled_from([None, 1, -1, 10, -10, 0.1, 2.5, 1000, -0.01, 1e-99])) if numeric else None
    return Codec(
        shape=shape,
        size=size,
        order=tuple(order),
        mask=mask,
        bits=width,
        signed=numeric and not is_float and draw(st.booleans()),
        is_float=is_float,
        scale=scale,
        shift=draw(st.sampled_from([0, 0, 7, -40, 0.5, -273.15, 1e30])) if numeric else 0,
        texts=texts if shape in (Shape.FIELD, Shape.ENUM) else {},
        hidden=draw(st.integers(0, (1 << width) - 1)) if shape is Shape.FIELD else 0,
    )


@st.composite
def part_codecs(draw: st.DrawFn, whole: Codec) -> Codec:
    """Of one bit or packed child of a register."""
    width = 16 * whole.size
    bits = draw(st.integers(1, width))
    first = draw(st.integers(0, width - bits))
    shape = draw(st.sampled_from([Shape.NUMBER, Shape.BIT, Shape.FIELD, Shape.ENUM]))
    numeric = shape is Shape.NUMBER
    return Codec(
        shape=shape,
        size=whole.size,
        order=whole.order,
        mask=whole.mask,
        first_bit=first,
        bits=1 if shape is Shape.BIT else bits,
        signed=numeric and draw(st.booleans()),
        scale=draw(st.sampled_from([None, -1, 10, -10])) if numeric else None,
        shift=draw(st.sampled_from([0, 3, -0.5])) if numeric else 0,
        texts={0: "a", 1: "b"},
    )


@st.composite
def entries(draw: st.DrawFn, number: int) -> list[Point]:
    """The points of one register somewhere among the first twenty."""
    size = draw(st.sampled_from([1, 1, 2, 4]))
    held = Register(
        id=f"r{number}",
        unit=1,
        table=Table.HOLDING,
        address=100 + draw(st.integers(0, 20 - size)),
        size=size,
        period_ms=1000,
    )
    whole = draw(whole_codecs(size))
    found = [Point(id=f"{draw(st.sampled_from(NASTY))}{number}", register=held, codec=whole)]
    children = range(draw(st.integers(0, 4)) if whole.shape is Shape.PARENT else 0)
    codecs = [draw(part_codecs(whole)) for _ in children]
    return found + [Point(id=f"c{number}_{n}", register=held, codec=codec) for n, codec in enumerate(codecs)]


@st.composite
def blocks_of_points(draw: st.DrawFn) -> list[Point]:
    return [found for number in range(draw(st.integers(1, 12))) for found in draw(entries(number))]


@st.composite
def components(draw: st.DrawFn) -> Component:
    """Registers of two units, all tables and two periods, close together, overlapping or far apart."""
    points: list[Point] = []
    for number in range(draw(st.integers(1, 30))):
        table = draw(st.sampled_from([Table.INPUT, Table.HOLDING, Table.HOLDING, Table.COIL]))
        size = 1 if table.is_bits else draw(st.sampled_from([1, 1, 2, 4]))
        held = Register(
            id=f"p{number}",
            unit=draw(st.sampled_from([1, 2])),
            table=table,
            address=draw(st.integers(0, 5000 if table.is_bits else 600)),
            size=size,
            period_ms=draw(st.sampled_from([100, 1000])),
        )
        if table.is_bits:
            codec = Codec(shape=Shape.BIT, size=0, order=(), bits=1)
        else:
            codec = Codec(size=size, order=tuple(range(size)), bits=16 * size)
        points.append(Point(id=f"p{number}", register=held, codec=codec))
        if not table.is_bits and draw(st.booleans()):
            bit = Codec(shape=Shape.BIT, size=size, order=codec.order, first_bit=3, bits=1)
            points.append(Point(id=f"b{number}", register=held, codec=bit))
    return Component(
        id="c",
        uri="/components/c",
        unit=1,
        points=tuple(points),
        max_gap_words=draw(st.integers(0, 124)),
        max_words=draw(st.sampled_from([4, 17, 125])),
        max_bits=draw(st.sampled_from([1, 200, 2000])),
    )
