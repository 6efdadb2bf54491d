"""The expression language: precedence, kinds, and what has no result."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ess_actors.core.expression import ExpressionError, compile_expression
from tests.core.engine_bench import Bench, on_set


@pytest.mark.parametrize(
    ("text", "operands", "result"),
    [
        ("2 + 3 * 4", [], 14),
        ("2 ** 3 ** 2", [], 512),
        ("~ 5", [], -6),
        ("! ( 3 > 2 )", [], False),
        ("if({1} > 50, high, low)", [61], "high"),
        ("if({1} >= 3 && ! false, 10, 20)", [3], 10),
        ("6 & 3 == 3", [], 0),
        ("10 - 4 - 3", [], 3),
        ("-13 % 5", [], -3),
        ("{1} == true", [1], True),
        ("{1} == 'two words'", ["two words"], True),
        ("{1} != Run", ["Run"], False),
        ("max(2, min(9, 4)) + sqrt(16)", [], 8),
        ("1 << 3 | 1", [], 9),
        ("1 << 31", [], -(2**31)),
        ("not true or true and false", [], False),
        ("true + true", [], 2),
    ],
)
def test_results(text: str, operands: list[Any], result: Any) -> None:
    found = compile_expression(text)(operands)
    assert found == result and isinstance(found, bool) is isinstance(result, bool)


@pytest.mark.parametrize("text", ["", "1 +", "( 1", "1 2", "max(1)", "'open", "* 2", "if(1, 2, 3", ")"])
def test_what_does_not_parse(text: str) -> None:
    with pytest.raises(ExpressionError):
        compile_expression(text)


@pytest.mark.parametrize(
    "text", ["1 / 0", "a + 1", "a == 1", "{1}", "sqrt(-1)", "-8 ** 0.5", "9 ** 999", "a < b"]
)
def test_what_has_no_result(text: str) -> None:
    node = compile_expression(text)
    with pytest.raises(ExpressionError):
        node([])


NUMBERS = st.one_of(st.integers(-1000, 1000), st.floats(-1e6, 1e6, allow_nan=False))


@settings(max_examples=80, deadline=None)
@given(NUMBERS, NUMBERS, NUMBERS, st.sampled_from("+-*"), st.sampled_from("+-*"))
def test_arithmetic_is_that_of_python(a: float, b: float, c: float, first: str, second: str) -> None:
    found = compile_expression(f"{{1}} {first} {{2}} {second} {{3}}")([a, b, c])
    wanted = eval(f"({a!r}) {first} ({b!r}) {second} ({c!r})")
    assert math.isclose(float(found), wanted, rel_tol=1e-12, abs_tol=1e-12)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(["1", "{1}", "+", "(", ")", "!", "if", ",", "'a b'", "x", "==", "**"]), max_size=12
    )
)
def test_any_text_parses_or_is_refused(words: list[str]) -> None:
    try:
        node = compile_expression(" ".join(words))
        node([1])
    except ExpressionError:
        return


def calculated(expression: str, start: Any, **more: Any) -> Bench:
    result = {
        "value": start,
        "useExpr": True,
        "expression": expression,
        "numVars": 1,
        "variable1": "/t:a",
        **more,
    }
    tables = {
        "/t": {"a": 4},
        "/r": {"r": result, "go": on_set({"func": [{"func": "CalculateVar", "var": "/r:r"}]})},
    }
    return Bench(tables)


def test_in_a_variable() -> None:
    assert calculated("{1} > 3", 0).value("/r:r") == 1
    assert calculated("{1} > 3", False).value("/r:r") is True
    assert calculated("{1} + {2}", 10, includeCurrVal=True).value("/r:r") == 14
    bench = calculated("{1} / 0", 7)
    assert (bench.value("/r:r"), bench.count("expr_errors")) == (0, 1)
    bench = calculated("{1} +", 7)
    assert (bench.value("/r:r"), bench.count("not_calculated")) == (7, 1)
