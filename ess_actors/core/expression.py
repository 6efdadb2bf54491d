"""The expression language of calculations: compiled once to postfix steps, evaluated over operand slots."""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from ess_actors.core.variables import Value

_Step: TypeAlias = Callable[[list[Value], Sequence[Value]], None]
"""Takes its arguments off the stack and puts the result there."""

_TOKEN: Final = re.compile(r"\s*(?:([(),])|'([^']*)'|([^\s(),']+))")
_SLOT: Final = re.compile(r"\{([1-9][0-9]*)\}\Z")
_NUMBER: Final = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z")
_OPEN: Final = "("
_DEEPEST: Final = 60
"""Parentheses, function calls and chains of right-associative operators inside one another."""


class ExpressionError(Exception):
    """The text does not parse, or this evaluation has no result."""


def _number(value: Value) -> float:
    if isinstance(value, str):
        raise ExpressionError(f"text {value!r} where a number is needed")
    return value + 0


def _int32(value: Value) -> int:
    whole = int(_number(value)) & 0xFFFFFFFF
    return whole - (1 << 32) if whole >> 31 else whole


def _arithmetic(step: Callable[[float, float], float]) -> Callable[[Value, Value], Value]:
    def apply(left: Value, right: Value) -> Value:
        try:
            result = step(_number(left), _number(right))
            finite = math.isfinite(result)
        except (ZeroDivisionError, OverflowError, ValueError) as error:
            raise ExpressionError(str(error)) from error
        if not finite:
            raise ExpressionError("the result is too large")
        return result

    return apply


def _bits(step: Callable[[int, int], int]) -> Callable[[Value, Value], Value]:
    return lambda left, right: _int32(step(_int32(left), _int32(right)))


def _shift(step: Callable[[int, int], int]) -> Callable[[Value, Value], Value]:
    return lambda left, right: _int32(step(_int32(left), _int32(right) & 31))


def _order(step: Callable[[float, float], bool]) -> Callable[[Value, Value], Value]:
    return lambda left, right: step(_number(left), _number(right))


def _equal(left: Value, right: Value) -> bool:
    if isinstance(left, str) is not isinstance(right, str):
        raise ExpressionError(f"{left!r} cannot be compared with {right!r}")
    return left == right


def _truth(value: Value) -> bool:
    return _number(value) != 0


_BINARY: Final[Mapping[str, tuple[int, Callable[[Value, Value], Value]]]] = {
    "**": (11, _arithmetic(math.pow)),
    "*": (10, _arithmetic(operator.mul)),
    "/": (10, _arithmetic(operator.truediv)),
    "%": (10, _arithmetic(math.fmod)),
    "+": (9, _arithmetic(operator.add)),
    "-": (9, _arithmetic(operator.sub)),
    "<<": (8, _shift(operator.lshift)),
    ">>": (8, _shift(operator.rshift)),
    "<": (7, _order(operator.lt)),
    "<=": (7, _order(operator.le)),
    ">": (7, _order(operator.gt)),
    ">=": (7, _order(operator.ge)),
    "==": (6, _equal),
    "!=": (6, lambda left, right: not _equal(left, right)),
    "&": (5, _bits(operator.and_)),
    "^": (4, _bits(operator.xor)),
    "|": (3, _bits(operator.or_)),
    "&&": (2, lambda left, right: _truth(left) & _truth(right)),
    "and": (2, lambda left, right: _truth(left) & _truth(right)),
    "||": (1, lambda left, right: _truth(left) | _truth(right)),
    "or": (1, lambda left, right: _truth(left) | _truth(right)),
}
_RIGHT_TO_LEFT: Final = frozenset({"**"})
_UNARY_RANK: Final = 12
_UNARY: Final[Mapping[str, Callable[[Value], Value]]] = {
    "!": lambda value: not _truth(value),
    "not": lambda value: not _truth(value),
    "~": lambda value: ~_int32(value),
}


def _root(arguments: Sequence[Value]) -> Value:
    value = _number(arguments[0])
    if value < 0:
        raise ExpressionError("root of a negative number")
    return math.sqrt(value)


_WORDS: Final[Mapping[str, Value]] = {"true": True, "false": False}
_FUNCTIONS: Final[Mapping[str, tuple[int, Callable[[Sequence[Value]], Value]]]] = {
    "sqrt": (1, _root),
    "max": (2, lambda a: max(_number(a[0]), _number(a[1]))),
    "min": (2, lambda a: min(_number(a[0]), _number(a[1]))),
    "if": (3, lambda a: a[1] if _truth(a[0]) else a[2]),
}


class Expression:
    """A compiled text. Called with the operands ({1} is the first) it gives the value, or raises
    ExpressionError when this evaluation has none. It needs no recursion, however long it is."""

    def __init__(self, steps: Sequence[_Step], slots: int, words: Sequence[str]) -> None:
        self._steps = tuple(steps)
        self.slots = slots
        """The largest operand number it reads."""
        self.words = tuple(words)
        """The bare words it takes for text."""

    def __call__(self, operands: Sequence[Value]) -> Value:
        stack: list[Value] = []
        for step in self._steps:
            step(stack, operands)
        return stack[0]


def compile_expression(text: str) -> Expression:
    """Raises ExpressionError with what does not parse."""
    parser = _Parser(text)
    parser.expression(0)
    if parser.next is not None:
        raise ExpressionError(f"unexpected {parser.next[0]!r}")
    return Expression(parser.steps, parser.slots, parser.words)


class _Parser:
    """Precedence climbing over (token, is quoted) pairs; `steps` grow in the order of evaluation."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, bool]] = []
        self.steps: list[_Step] = []
        self.slots = 0
        self.words: list[str] = []
        self.depth = 0
        position, text = 0, text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise ExpressionError(f"a quote is not closed at {text[position:]!r}")
            mark, quoted, word = match.groups()
            self.tokens.append((mark or word, False) if quoted is None else (quoted, True))
            position = match.end()
        self.tokens.reverse()

    @property
    def next(self) -> tuple[str, bool] | None:
        """The token to come."""
        return self.tokens[-1] if self.tokens else None

    def _mark(self, wanted: str) -> None:
        if self.next != (wanted, False):
            raise ExpressionError(f"{wanted!r} is missing")
        self.tokens.pop()

    def expression(self, rank: int) -> None:
        """An expression whose operators all bind at least as tightly as `rank`."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ExpressionError(f"more than {_DEEPEST} levels inside one another")
        self._operand()
        while self.next is not None and not self.next[1] and self.next[0] in _BINARY:
            symbol = self.next[0]
            own, apply = _BINARY[symbol]
            if own < rank:
                break
            self.tokens.pop()
            self.expression(own if symbol in _RIGHT_TO_LEFT else own + 1)
            self.steps.append(_binary(apply))
        self.depth -= 1

    def _operand(self) -> None:
        if self.next is None:
            raise ExpressionError("an operand is missing at the end")
        token, quoted = self.tokens.pop()
        if quoted:
            self.steps.append(_constant(token))
        elif token in _UNARY:
            self.expression(_UNARY_RANK)
            self.steps.append(_unary(_UNARY[token]))
        elif token == _OPEN:
            self.expression(0)
            self._mark(")")
        elif token in _FUNCTIONS and self.next == ("(", False):
            self._call(token)
        elif token in _BINARY or token in (")", ","):
            raise ExpressionError(f"an operand is missing before {token!r}")
        else:
            self._literal(token)

    def _call(self, name: str) -> None:
        count, apply = _FUNCTIONS[name]
        self._mark("(")
        self.expression(0)
        for _ in range(count - 1):
            self._mark(",")
            self.expression(0)
        self._mark(")")
        self.steps.append(_call(count, apply))

    def _literal(self, token: str) -> None:
        slot = _SLOT.match(token)
        if slot:
            self.slots = max(self.slots, int(slot.group(1)))
            self.steps.append(_operand(int(slot.group(1)) - 1))
        elif _NUMBER.match(token):
            number = float(token)
            if not math.isfinite(number):
                raise ExpressionError(f"{token} is too large")
            whole = number.is_integer() and abs(number) < 2**53
            self.steps.append(_constant(int(number) if whole else number))
        elif token in _WORDS:
            self.steps.append(_constant(_WORDS[token]))
        else:
            self.words.append(token)
            self.steps.append(_constant(token))


def _binary(apply: Callable[[Value, Value], Value]) -> _Step:
    def step(stack: list[Value], _operands: Sequence[Value]) -> None:
        right = stack.pop()
        stack[-1] = apply(stack[-1], right)

    return step


def _unary(apply: Callable[[Value], Value]) -> _Step:
    def step(stack: list[Value], _operands: Sequence[Value]) -> None:
        stack[-1] = apply(stack[-1])

    return step


def _call(count: int, apply: Callable[[Sequence[Value]], Value]) -> _Step:
    def step(stack: list[Value], _operands: Sequence[Value]) -> None:
        arguments = stack[-count:]
        del stack[-count:]
        stack.append(apply(arguments))

    return step


def _operand(index: int) -> _Step:
    def step(stack: list[Value], operands: Sequence[Value]) -> None:
        if index >= len(operands):
            raise ExpressionError(f"there is no operand {{{index + 1}}}")
        stack.append(operands[index])

    return step


def _constant(value: Value) -> _Step:
    return lambda stack, _operands: stack.append(value)
