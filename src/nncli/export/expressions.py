"""Read the expression of an activation, such as z*sigmoid(z), and write it in another language."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

FUNCTIONS = ("arctan", "cos", "exp", "relu", "sigmoid", "sign", "softplus", "step", "tanh")
VARIABLES = ("z", "slope")
SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
T = TypeVar("T")


@dataclass(frozen=True)
class Language(Generic[T]):
    """How a language says what an expression is made of: numbers, sums and products of two, and functions of one."""

    number: Callable[[float], T]
    operation: Callable[[str, T, T], T]  # one of + - * / and its two sides
    function: Callable[[str, T], T]

    def translated(self, expression: str, variables: Mapping[str, T]) -> T:
        """Translate an expression, with what stands for z and slope. ValueError for one that no activation has."""
        return self._of(parsed(expression), variables)

    def _of(self, node: ast.expr, variables: Mapping[str, T]) -> T:
        match node:
            case ast.Constant(value=int() | float() as value):
                return self.number(float(value))
            case ast.Name(id=name):
                return variables[name]
            case ast.UnaryOp(operand=operand):
                return self.operation("-", self.number(0.0), self._of(operand, variables))
            case ast.BinOp(left=left, op=op, right=right):
                return self.operation(SIGNS[type(op)], self._of(left, variables), self._of(right, variables))
            case ast.Call(func=ast.Name(id=name), args=[argument]):
                return self.function(name, self._of(argument, variables))
        raise ValueError("an activation of another form")


def parsed(expression: str) -> ast.expr:
    """Parse an expression. ValueError for anything but z, slope, numbers, + - * / and `FUNCTIONS` of one value."""
    try:
        tree = ast.parse(expression, mode="eval").body
    except (SyntaxError, MemoryError, RecursionError):
        raise ValueError("an activation of another form") from None
    _check(tree)
    return tree


def plain(expression: str) -> str:
    """Return an expression as Python and JavaScript both write it, from its parts alone. ValueError as of `parsed`."""
    return ast.unparse(parsed(expression))


def _check(node: ast.expr) -> None:
    match node:
        case ast.Constant(value=int() | float()) | ast.Name(id="z" | "slope"):
            return None
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _check(operand)
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div(), left=left, right=right):
            _check(left)
            return _check(right)
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
            return _check(argument)
    raise ValueError("an activation of another form")
