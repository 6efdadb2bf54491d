"""The expression language: precedence, kinds, and what has no result."""

import ctypes
import math
from collections.abc import Callable
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
        ("if(1 + 1 == 2, 'a b', c)", [], "a b"),
        ("if({1}, 1, 2)", [0], 2),
        ("~ 2 ** 2", [], 9),
        ("not 1 == 0", [], True),
        ("! ! 3", [], True),
        ("-13", [], -13),
        (".5 + 1.", [], 1.5),
        ("2 - -3", [], 5),
        ("1 < 2 == true", [], True),
        ("1 | 6 ^ 2 & 3", [], 5),
        ("2 || 0 && 0", [], True),
        ("-2.7 & -1", [], -2),
        ("4294967295 & -1", [], -1),
        ("-8 >> 1", [], -4),
        ("true == 1", [], True),
        ("Run == 'Run'", [], True),
        ("max(2,3) * 1", [], 3),
    ],
)
def test_results(text: str, operands: list[Any], result: Any) -> None:
    found = compile_expression(text)(operands)
    assert found == result and isinstance(found, bool) is isinstance(result, bool)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "( 1",
        "1 2",
        "max(1)",
        "'open",
        "* 2",
        "if(1, 2, 3",
        ")",
        "{1} {2}",
        "1e999",
        "(" * 500 + "1",
    ],
)
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


RANKS = {
    "**": 11,
    **dict.fromkeys("*/%", 10),
    **dict.fromkeys("+-", 9),
    **dict.fromkeys(("<<", ">>"), 8),
    **dict.fromkeys(("<", "<=", ">", ">="), 7),
    **dict.fromkeys(("==", "!="), 6),
    "&": 5,
    "^": 4,
    "|": 3,
    **dict.fromkeys(("&&", "and"), 2),
    **dict.fromkeys(("||", "or"), 1),
}


def int32(value: float) -> int:
    return ctypes.c_int32(int(value)).value


ORACLE: dict[str, Callable[..., Any]] = {
    "**": lambda a, b: float(a) ** float(b),
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": math.fmod,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "<<": lambda a, b: int32(int32(a) << (int32(b) & 31)),
    ">>": lambda a, b: int32(a) >> (int32(b) & 31),
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "&": lambda a, b: int32(a) & int32(b),
    "^": lambda a, b: int32(a) ^ int32(b),
    "|": lambda a, b: int32(a) | int32(b),
    "&&": lambda a, b: bool(a) and bool(b),
    "and": lambda a, b: bool(a) and bool(b),
    "||": lambda a, b: bool(a) or bool(b),
    "or": lambda a, b: bool(a) or bool(b),
    "!": lambda a: not a,
    "not": lambda a: not a,
    "~": lambda a: ~int32(a),
    "sqrt": math.sqrt,
    "max": lambda a, b: max(a + 0, b + 0),
    "min": lambda a, b: min(a + 0, b + 0),
}

CALLS = ("sqrt", "max", "min", "if")
LEAVES = st.one_of(
    st.integers(-70, 70),
    st.sampled_from([0.5, -2.5, 1e9, -3e9, 2**31, 2**32 + 5]),
    st.booleans(),
    st.sampled_from(["Run", "two words"]),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(sorted(RANKS)), inner, inner),
        st.tuples(st.sampled_from(["!", "not", "~"]), inner),
        st.tuples(st.just("sqrt"), inner),
        st.tuples(st.sampled_from(["max", "min"]), inner, inner),
        st.tuples(st.just("if"), inner, inner, inner),
    ),
    max_leaves=9,
)


def evaluated(tree: Any) -> Any:
    """What Python says of a tree. Raises ArithmeticError, ValueError or TypeError where there is no result."""
    if not isinstance(tree, tuple):
        return tree
    operator, *rest = tree
    values = [evaluated(one) for one in rest]
    if operator == "if":
        if isinstance(values[0], str):
            raise TypeError
        return values[1] if values[0] else values[2]
    texts = [isinstance(value, str) for value in values]
    if any(texts) and not (operator in ("==", "!=") and all(texts)):
        raise TypeError
    result = ORACLE[operator](*values)
    if isinstance(result, complex) or not math.isfinite(result):
        raise OverflowError
    return result


def written(tree: Any, operands: list[Any]) -> str:
    """The tree with the parentheses it needs and no others; every second leaf is an operand."""
    if not isinstance(tree, tuple):
        if len(operands) % 2 or isinstance(tree, float):
            operands.append(tree)
            return f"{{{len(operands)}}}"
        operands.append(None)
        return f"'{tree}'" if isinstance(tree, str) else str(tree).lower()
    operator, *rest = tree
    if operator in CALLS:
        return f"{operator}({', '.join(written(one, operands) for one in rest)})"
    own = RANKS.get(operator, 12)
    texts = []
    for place, one in enumerate(rest):
        other = RANKS.get(one[0], 12) if isinstance(one, tuple) and one[0] not in CALLS else 13
        needy = 0 if operator == "**" else 1
        looser = other < own or (other == own < 12 and place == needy)
        text = written(one, operands)
        texts.append(f"( {text} )" if looser else text)
    return f"{operator} {texts[0]}" if len(texts) == 1 else f"{texts[0]} {operator} {texts[1]}"


@settings(max_examples=600, deadline=None)
@given(TREES)
def test_every_operator_binds_and_counts_as_in_python(tree: Any) -> None:
    operands: list[Any] = []
    text = written(tree, operands)
    try:
        wanted = evaluated(tree)
    except (ArithmeticError, ValueError, TypeError):
        with pytest.raises(ExpressionError):
            compile_expression(text)(operands)
        return
    found = compile_expression(text)(operands)
    assert isinstance(found, bool) is isinstance(wanted, bool), text
    if isinstance(wanted, (bool, str)):
        assert found == wanted, text
    else:
        assert math.isclose(found, wanted, rel_tol=1e-12, abs_tol=1e-300), text


def test_a_long_expression_needs_no_recursion() -> None:
    assert compile_expression(" + ".join(["{1}"] * 5000))([1]) == 5000


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
    assert (bench.value("/r:r"), bench.count("expr_errors")) == (0, 1), "also one that does not parse"
    assert "does not parse" in next(line.text for line in bench.ess.drain_log() if "/r:r" in line.text)
