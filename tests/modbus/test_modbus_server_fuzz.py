"""A short form of `python -m tests.modbus.fuzz_server`: broken requests on TCP and on a line, honest masters beside."""

import pytest

from tests.modbus.fuzz_server import fuzz


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_a_master_sends_breaks_the_server(seed: int) -> None:
    figures = fuzz(1.0, seed)
    assert figures.crashes == [], figures
    assert figures.frames > 50 and figures.units > 50 and figures.honest > 5, figures
