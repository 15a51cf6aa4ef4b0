"""Expressions → graphs of their elementary operations. Python's parser reads them; nothing is evaluated."""

from __future__ import annotations

import ast
import keyword
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial

from nncli.errors import UsageError, did_you_mean
from nncli.nn.autodiff.graph import Graph, Operation, power, softmax
from nncli.system.output import shortened

WHERE = "EXPRESSION"
NODE = re.compile(r"u\d+")
OF_ONE = ("exp", "log", "sqrt", "abs", "sigmoid", "tanh", "arctan", "cos", "relu", "step", "sign", "hinge")
OF_SEVERAL = ("sum", "max", "logsumexp", "softmax")
FUNCTIONS = (*OF_ONE, *OF_SEVERAL)
RANGE = re.compile(r"(\w)\.\.(?=\w)")  # as in w1..w3
NUMBERED = re.compile(r"(.*?)(\d{1,6})")
LONGEST = 1000  # of a vector
BINARY = {ast.Add: "add", ast.Mult: "multiply", ast.Div: "divide"}
OF_NUMBERS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
DEEPEST = 200  # parentheses within parentheses
TOO_DEEP = f"expected at most {DEEPEST} operations within one another, found more"
EXPECTED = "expected + - * / ^, a function, a variable or a number"
Element = Callable[[], int]  # adds a node at its first call, and returns its position
Value = (
    int | tuple[Element, ...]
)  # the position of a node; the elements of a vector, which are added where they are used


def graph_of(text: str, values: Mapping[str, float]) -> Graph:
    """Return the graph of an expression such as (w*x + b - y)^2, its variables at the given values.

    + − * / and powers with a constant exponent, parentheses, numbers, and FUNCTIONS; a − b is a + (−b). x1..x3 is the
    vector of x1, x2 and x3, with which all operations are done element by element, and v[2] the second element of v.
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
        python = RANGE.sub(r"\1 .", text.replace("^", "**"))  # as an attribute, which binds closest
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
        result = self._node(parsed.body, 0)
        if not isinstance(result, int):
            remedy = f"Choose one, as the first with ({self._source(parsed.body)})[1], or take the sum(…)"
            raise self._error(parsed.body, f"expected one value, found a vector of {len(result)}", remedy)
        self.result = result

    def _node(self, node: ast.expr, depth: int) -> Value:
        """Add what the node stands for, and return its position in the graph, or those of a vector."""
        if depth > DEEPEST:
            raise self._error(node, TOO_DEEP)
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                number = _constant(node)
                if number is None:
                    problem = f"expected a number up to 1.8e308, found {self._source(node)}"
                    raise self._error(node, problem)
                return self.graph.number(number)
            case ast.Name(id=name):
                return self._variable(name, node)
            case ast.Attribute(value=ast.Name(id=first), attr=last) if ".." in self._source(node):
                return tuple(partial(self._variable, name, node) for name in self._range(node, first, last))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._apply(node, "negative", self._node(operand, depth + 1))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self._node(operand, depth + 1)
            case ast.BinOp(op=ast.Pow(), left=left, right=right):
                exponent = _constant(right)
                if exponent is None:
                    problem = f"expected a constant power, found ^{self._source(right)}"
                    raise self._error(right, problem, "Write exp(y*log(x)) for x^y")
                return self._apply(node, "square" if exponent == 2 else power(exponent), self._node(left, depth + 1))
            case ast.BinOp(op=ast.Sub(), left=left, right=right):
                a, b = self._node(left, depth + 1), self._node(right, depth + 1)
                return self._apply(node, "add", a, self._apply(right, "negative", b))
            case ast.BinOp(op=ast.Add() | ast.Mult() | ast.Div() as op, left=left, right=right):
                return self._apply(node, BINARY[type(op)], self._node(left, depth + 1), self._node(right, depth + 1))
            case ast.Call(func=ast.Name(id=name), args=[operand], keywords=[]) if name in OF_ONE:
                return self._apply(node, name, self._node(operand, depth + 1))
            case ast.Call(func=ast.Name(id=name)) if name in OF_ONE:
                raise self._error(node, f"expected one value for {name}, found '{self._source(node)}'")
            case ast.Call(func=ast.Name(id=name), args=[_, *_], keywords=[]) if name in OF_SEVERAL:
                found = [self._node(operand, depth + 1) for operand in node.args]
                operands = [one for each in found for one in ((each,) if isinstance(each, int) else each)]
                return self._of_several(node, name, [*map(_position, operands)])
            case ast.Call(func=ast.Name(id=name)) if name in OF_SEVERAL:
                raise self._error(node, f"expected values for {name}, found '{self._source(node)}'")
            case ast.Call(func=ast.Name(id=name)):
                name = shortened(name)
                problem = f"expected one of the functions {', '.join(FUNCTIONS)}, found '{name}'"
                raise self._error(node, problem, did_you_mean(name, FUNCTIONS))
            case ast.Subscript(value=vector, slice=index):
                elements, number = self._node(vector, depth + 1), _constant(index)
                if isinstance(elements, int):
                    raise self._error(vector, f"expected a vector, as x1..x3, found '{self._source(vector)}'")
                if number is None or number not in range(1, len(elements) + 1):
                    problem = f"expected a place from 1 to {len(elements)}, found [{self._source(index)}]"
                    raise self._error(index, problem)
                return elements[int(number) - 1]()
        raise self._error(node, f"{EXPECTED}, found '{self._source(node)}'")

    def _range(self, node: ast.expr, first: str, last: str) -> list[str]:
        """List the names from the first to the last, as w1, w2 and w3."""
        ends = NUMBERED.fullmatch(first), NUMBERED.fullmatch(last)
        if ends[0] and ends[1] and ends[0][1] == ends[1][1]:
            low, high = int(ends[0][2]), int(ends[1][2])
            if low <= high < low + LONGEST:
                return [f"{ends[0][1]}{i}" for i in range(low, high + 1)]
        expected = f"expected names that are numbered upwards, at most {LONGEST:,}, as w1..w3"
        raise self._error(node, f"{expected}, found '{self._source(node)}'")

    def _of_several(self, node: ast.expr, name: str, operands: Sequence[int]) -> Value:
        """Add a function of all those values."""
        if name == "softmax":
            return tuple(cache(partial(self._one, node, softmax(k), *operands)) for k in range(len(operands)))
        if name != "sum":
            return self._one(node, name, *operands)
        try:
            return self.graph.sum(operands)
        except OverflowError:
            raise self._error(node, f"too large for a number: {self._source(node)}") from None

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

    def _apply(self, node: ast.expr, operation: str | Operation, *operands: Value) -> Value:
        """Add an operation, or one for each element of vectors."""
        sizes = {len(operand) for operand in operands if not isinstance(operand, int)}
        if not sizes:
            return self._one(node, operation, *(one for one in operands if isinstance(one, int)))
        if len(sizes) > 1:
            problem = f"expected vectors of the same length, found {' and '.join(map(str, sorted(sizes)))}"
            raise self._error(node, f"{problem}: {self._source(node)}")
        [n] = sizes
        columns = [(operand,) * n if isinstance(operand, int) else operand for operand in operands]
        return tuple(cache(partial(self._one, node, operation, *row)) for row in zip(*columns, strict=True))

    def _one(self, node: ast.expr, operation: str | Operation, *operands: int | Element) -> int:
        positions = [*map(_position, operands)]
        found = [self.graph.nodes[i].value for i in positions]
        try:
            return self.graph.apply(operation, *positions)
        except ZeroDivisionError:
            problem = "division by 0"
        except ValueError:
            problem = f"no value or no derivative at {found[0]:g}"
            if operation in ("log", "sqrt"):
                its = "log" if operation == "log" else "square root"
                problem = f"expected the {its} of a positive number, found that of {found[0]:g}"
        except OverflowError:
            problem = f"too large for a number, at {', '.join(f'{value:g}' for value in found)}"
        raise self._error(node, f"{problem}: {self._source(node)}")

    def _column(self, node: ast.expr) -> int:
        """Return the column of the text where the node begins, from 1: there, ^ is one character and not two."""
        before = self.python[: self.shift] + self.python.lstrip().encode()[: node.col_offset].decode()
        return len(before) - before.count("**") + 1

    def _source(self, node: ast.expr) -> str:
        return shortened(
            (ast.get_source_segment(self.python.strip(), node) or "").replace("**", "^").replace(" .", "..")
        )

    def _what(self, python: str, column: int) -> str:
        rest = python.strip()[column - 1 :]
        return f"'{rest[0]}'" if rest else "its end"

    def _error(self, place: ast.expr | int, problem: str, remedy: str = "") -> UsageError:
        column = place if isinstance(place, int) else self._column(place)
        return UsageError(f"{WHERE}, column {column}", problem, remedy)


def _position(value: int | Element) -> int:
    return value if isinstance(value, int) else value()


def _constant(node: ast.expr) -> float | None:
    """Return the value of an expression of numbers alone; None for another one, and where it is not finite."""
    try:
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                found = float(value)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
                inner = _constant(operand)
                found = math.nan if inner is None else -inner if isinstance(sign, ast.USub) else inner
            case ast.BinOp(op=op, left=left, right=right) if type(op) in OF_NUMBERS:
                a, b = _constant(left), _constant(right)
                found = math.nan if a is None or b is None else OF_NUMBERS[type(op)](a, b)
            case _:
                return None
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return found if math.isfinite(found) else None
