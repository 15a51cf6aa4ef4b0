"""Expressions → graphs of their elementary operations. Python's parser reads them; nothing is evaluated."""

from __future__ import annotations

import ast
import keyword
import math
import re
from collections.abc import Mapping

from nncli.errors import UsageError, did_you_mean
from nncli.nn.autodiff.graph import OPERATIONS, Graph
from nncli.system.output import shortened

WHERE = "EXPRESSION"
NODE = re.compile(r"u\d+")
FUNCTIONS = tuple(name for name in OPERATIONS if name in ("exp", "log", "sigmoid", "tanh", "arctan", "relu"))
BINARY = {ast.Add: "add", ast.Mult: "multiply", ast.Div: "divide"}
DEEPEST = 200  # parentheses within parentheses
TOO_DEEP = f"expected at most {DEEPEST} operations within one another, found more"


def graph_of(text: str, values: Mapping[str, float]) -> Graph:
    """Return the graph of an expression such as (w*x + b - y)^2, its variables at the given values.

    + − * / ^2, parentheses, numbers, and the functions exp, log, sigmoid, tanh, arctan, relu. a − b is a + (−b).
    UsageError, with the column, for anything else, and where a value is not finite.
    """
    graph = Graph()
    _Reader(text, graph, {}, {}, values)
    return graph


def add(graph: Graph, text: str, nodes: Mapping[str, int], definitions: Mapping[str, str] | None = None) -> int:
    """Add an expression to a graph, and return the position of its node. Its names are those of nodes, or of
    definitions: expressions themselves, which are added once, and only if they are needed."""
    return _Reader(text, graph, dict(nodes), definitions or {}, {}).result


class _Reader:
    """Reads `text` into `graph`. `nodes` are the positions of the known names, and get those of the new ones."""

    def __init__(
        self,
        text: str,
        graph: Graph,
        nodes: dict[str, int],
        definitions: Mapping[str, str],
        values: Mapping[str, float],
    ) -> None:
        self.text, self.graph, self.nodes, self.definitions, self.values = text, graph, nodes, definitions, values
        python = text.replace("^", "**")
        for word in re.finditer(r"#|\w+", text):
            if word[0] == "#" or keyword.iskeyword(word[0]):
                problem = f"expected an expression, found '{word[0]}'"
                raise self._error(word.start() + 1, problem, "Call it something else" if word[0] != "#" else "")
        try:
            parsed = ast.parse(python.strip() or python, mode="eval")
        except (RecursionError, MemoryError):
            raise self._error(1, TOO_DEEP) from None
        except (SyntaxError, ValueError) as error:
            column = getattr(error, "offset", None) or len(text) + 1
            reason = getattr(error, "msg", "")
            if "nested" in reason:
                raise self._error(column, TOO_DEEP) from None
            if "limit" in reason:  # of digits, of which Python reads so many at most
                raise self._error(1, "expected a number up to 1.8e308, found one with thousands of digits") from None
            if "never closed" in reason or "unmatched" in reason:
                raise self._error(column, f"{self._what(python, column)} has no other half") from None
            if "invalid decimal literal" in reason:
                raise self._error(column, "expected an operator after a number", "Write 2*x for 2x") from None
            raise self._error(column, f"expected an expression, found {self._what(python, column)}") from None
        self.shift = len(python) - len(python.lstrip())
        self.python = python
        self.result = self._node(parsed.body, 0)

    def _node(self, node: ast.expr, depth: int) -> int:
        """Add what the node stands for, and return its position in the graph."""
        if depth > DEEPEST:
            raise self._error(node, TOO_DEEP)
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                try:
                    number = float(value)
                except OverflowError:
                    number = math.inf
                if not math.isfinite(number):
                    problem = f"expected a number up to 1.8e308, found {self._source(node)}"
                    raise self._error(node, problem)
                return self.graph.number(number)
            case ast.Name(id=name):
                return self._variable(name, node)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._apply(node, "negative", self._node(operand, depth + 1))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self._node(operand, depth + 1)
            case ast.BinOp(op=ast.Pow(), left=left, right=ast.Constant(value=2)):
                return self._apply(node, "square", self._node(left, depth + 1))
            case ast.BinOp(op=ast.Sub(), left=left, right=right):
                a, b = self._node(left, depth + 1), self._node(right, depth + 1)
                return self._apply(node, "add", a, self._apply(right, "negative", b))
            case ast.BinOp(op=ast.Add() | ast.Mult() | ast.Div() as operator, left=left, right=right):
                return self._apply(
                    node, BINARY[type(operator)], self._node(left, depth + 1), self._node(right, depth + 1)
                )
            case ast.Call(func=ast.Name(id=name), args=[operand], keywords=[]) if name in FUNCTIONS:
                return self._apply(node, name, self._node(operand, depth + 1))
            case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS:
                raise self._error(node, f"expected one value for {name}, found '{self._source(node)}'")
            case ast.Call(func=ast.Name(id=name)):
                name = shortened(name)
                problem = f"expected one of the functions {', '.join(FUNCTIONS)}, found '{name}'"
                raise self._error(node, problem, did_you_mean(name, FUNCTIONS))
            case ast.BinOp(op=ast.Pow(), right=right):
                raise self._error(right, f"expected ^2, found ^{self._source(right)}", "Write x*x*x for x^3")
        expected = "expected + - * / ^2, a function, a variable or a number"
        raise self._error(node, f"{expected}, found '{self._source(node)}'")

    def _variable(self, name: str, node: ast.expr) -> int:
        if name in self.definitions and name not in self.nodes:
            reader = _Reader(self.definitions[name], self.graph, self.nodes, self.definitions, self.values)
            self.nodes[name] = reader.result
            self.graph.call(reader.result, name)
        if name not in self.nodes:
            if NODE.fullmatch(name):
                raise self._error(node, f"'{name}' is what a node is called", "Call it something else")
            if name not in self.values:
                near = did_you_mean(shortened(name), self.values) or f"Give it one with --at {shortened(name)}=1"
                raise self._error(node, f"the variable '{shortened(name)}' has no value", near)
            self.nodes[name] = self.graph.variable(name, self.values[name])
        return self.nodes[name]

    def _apply(self, node: ast.expr, operation: str, *operands: int) -> int:
        found = [self.graph.nodes[i].value for i in operands]
        try:
            return self.graph.apply(operation, *operands)
        except ZeroDivisionError:
            problem = "division by 0"
        except ValueError:
            problem = f"expected the log of a positive number, found that of {found[0]:g}"
        except OverflowError:
            problem = f"too large for a number, at {', '.join(f'{value:g}' for value in found)}"
        raise self._error(node, f"{problem}: {self._source(node)}")

    def _column(self, node: ast.expr) -> int:
        """Return the column of the text where the node begins, from 1: there, ^ is one character and not two."""
        before = self.python[: self.shift] + self.python.lstrip().encode()[: node.col_offset].decode()
        return len(before) - before.count("**") + 1

    def _source(self, node: ast.expr) -> str:
        return shortened((ast.get_source_segment(self.python.strip(), node) or "").replace("**", "^"))

    def _what(self, python: str, column: int) -> str:
        rest = python.strip()[column - 1 :]
        return f"'{rest[0]}'" if rest else "its end"

    def _error(self, place: ast.expr | int, problem: str, remedy: str = "") -> UsageError:
        column = place if isinstance(place, int) else self._column(place)
        return UsageError(f"{WHERE}, column {column}", problem, remedy)
