"""Requests and published values as no sane peer would make them."""

import random

from tests.modbus.modbus_peers import read_pdu


class Chance:
    """Data units, frames and bodies as no sane peer would make them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def pdu(self) -> bytes:
        """A good one, a good one with something changed, or none at all."""
        draw = self.random
        address, count = (
            draw.choice((0, 1, 2, 3, 4, 14, 100, 65535)),
            draw.choice((0, 1, 2, 4, 16, 123, 125, 2000)),
        )
        body = draw.randbytes(2 * draw.choice((1, 2, 4, 16, 123)))
        value = draw.choice((b"\xff\0", b"\0\0", body[:2]))
        good = draw.choice(
            (
                read_pdu(draw.randint(1, 4), address, count),
                bytes((draw.choice((5, 6)),)) + address.to_bytes(2, "big") + value,
                bytes((draw.choice((15, 16)),)) + address.to_bytes(2, "big") + (len(body) // 2).to_bytes(2, "big")
                + bytes((len(body),)) + body,
                b"\x16" + address.to_bytes(2, "big") + draw.randbytes(4),
                b"\x17\0\0" + count.to_bytes(2, "big") + address.to_bytes(2, "big")
                + (len(body) // 2).to_bytes(2, "big") + bytes((len(body),)) + body,
                draw.randbytes(draw.randint(1, 253)),
            )
        )  # fmt: skip
        return (self.mutated(good) if draw.random() < 0.5 else good)[:253] or b"\0"

    def mutated(self, frame: bytes) -> bytes:
        """One to three changes of any kind."""
        draw, found = self.random, bytearray(frame)
        for _ in range(draw.randint(1, 3)):
            place = draw.randrange(len(found) + 1)
            match draw.randrange(4):
                case 0 if place < len(found):
                    found[place] ^= 1 << draw.randrange(8)
                case 1:
                    del found[place : place + draw.randint(1, 4)]
                case 2:
                    found[place:place] = draw.randbytes(draw.randint(1, 4))
                case _:
                    found[place : place + 2] = draw.choice((b"\0\0", b"\xff\xff", b"\x80\0", b"\x7f\xff"))
        return bytes(found)

    def value(self) -> object:
        """What a source might publish, right or wrong."""
        draw = self.random
        number = draw.choice((0, 1, -1, 7.5, 70000, -1e9, 1e300, 2**64, True))
        return draw.choice(
            (
                number,
                {"value": number},
                "x",
                None,
                [{"value": draw.randint(0, 70)}],
                [],
                {"a": 1},
                float("inf"),
            )
        )
