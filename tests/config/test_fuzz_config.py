"""The short form of the fuzz of configuration files: never an exception, never a hang."""

import pytest

from tests.config.fuzz_config import SLOW_S, Mutator, no_longer_than, seeds, try_one

CASES = 60


@pytest.mark.parametrize("seed", range(5))
def test_no_mutated_file_makes_the_check_fail(seed: int) -> None:
    mutator = Mutator(seed, seeds())
    for number in range(CASES):
        content = mutator.draw()
        try:
            with no_longer_than(SLOW_S):
                try_one(content)
        except Exception as error:
            raise AssertionError(f"case {number} of seed {seed}: {content[:2000]!r}") from error


def test_the_unchanged_files_pass() -> None:
    for content in seeds():
        try_one(content)
