"""The expression language of calculations: compiled once, evaluated over operand slots."""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from ess_actors.core.variables import Value

Node: TypeAlias = Callable[[Sequence[Value]], Value]

_TOKEN: Final = re.compile(r"\s*(?:([(),])|'([^']*)'|([^\s(),']+))")
_SLOT: Final = re.compile(r"\{([1-9][0-9]*)\}\Z")
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?\Z")


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


_FUNCTIONS: Final[Mapping[str, tuple[int, Callable[[Sequence[Value]], Value]]]] = {
    "sqrt": (1, _root),
    "max": (2, lambda a: max(_number(a[0]), _number(a[1]))),
    "min": (2, lambda a: min(_number(a[0]), _number(a[1]))),
    "if": (3, lambda a: a[1] if _truth(a[0]) else a[2]),
}


def compile_expression(text: str) -> Node:
    """A callable over the operands ({1} is the first). Raises ExpressionError with what does not parse;
    the callable raises it when an evaluation has no result."""
    parser = _Parser(text)
    node = parser.expression(0)
    if parser.next is not None:
        raise ExpressionError(f"unexpected {parser.next[0]!r}")
    return node


class _Parser:
    """Precedence climbing over (token, is quoted) pairs."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, bool]] = []
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

    def expression(self, rank: int) -> Node:
        """An expression whose operators all bind at least as tightly as `rank`."""
        left = self._operand()
        while self.next is not None and not self.next[1] and self.next[0] in _BINARY:
            symbol = self.next[0]
            own, apply = _BINARY[symbol]
            if own < rank:
                break
            self.tokens.pop()
            right = self.expression(own if symbol in _RIGHT_TO_LEFT else own + 1)
            left = _binary(apply, left, right)
        return left

    def _operand(self) -> Node:
        if self.next is None:
            raise ExpressionError("an operand is missing at the end")
        token, quoted = self.tokens.pop()
        if quoted:
            return _constant(token)
        if token in _UNARY:
            inner, change = self.expression(_UNARY_RANK), _UNARY[token]
            return lambda operands: change(inner(operands))
        if (token, quoted) == ("(", False):
            inner = self.expression(0)
            self._mark(")")
            return inner
        if token in _FUNCTIONS and self.next == ("(", False):
            return self._call(token)
        if token in _BINARY or token in (")", ","):
            raise ExpressionError(f"an operand is missing before {token!r}")
        return _literal(token)

    def _call(self, name: str) -> Node:
        count, apply = _FUNCTIONS[name]
        self._mark("(")
        arguments = [self.expression(0)]
        while len(arguments) < count:
            self._mark(",")
            arguments.append(self.expression(0))
        self._mark(")")
        return lambda operands: apply([argument(operands) for argument in arguments])


def _binary(apply: Callable[[Value, Value], Value], left: Node, right: Node) -> Node:
    return lambda operands: apply(left(operands), right(operands))


def _constant(value: Value) -> Node:
    return lambda _operands: value


def _literal(token: str) -> Node:
    slot = _SLOT.match(token)
    if slot:
        index = int(slot.group(1)) - 1

        def read(operands: Sequence[Value]) -> Value:
            if index >= len(operands):
                raise ExpressionError(f"there is no operand {{{index + 1}}}")
            return operands[index]

        return read
    if _NUMBER.match(token):
        number = float(token)
        return _constant(int(number) if number.is_integer() and abs(number) < 2**53 else number)
    return _constant({"true": True, "false": False}.get(token, token))
