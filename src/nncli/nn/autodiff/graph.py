"""Scalar computation graphs, and backpropagation on them.

A graph is a row of nodes u₁ … u_n, each a variable, a number, or an elementary operation on nodes before it. So the
nodes stand in topological order: going forward, every node finds the values it needs. Going backward, every
node gets ∂u_n/∂u_i, by Algorithm 1 of the lectures:

    grad[u_n] = 1
    for i = n − 1 … 1:
        grad[u_i] = Σ grad[u_j] · ∂u_j/∂u_i   over the successors u_j of u_i, those that were made from it
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Operation(NamedTuple):
    """An operation u = value(a, b) with its local derivatives (∂u/∂a, ∂u/∂b) = partials(u, a, b). `text` shows it, with
    a pair of braces for each operand, or {all} for any number of them. Where there is no value or no derivative, one of
    the two raises ValueError or ZeroDivisionError."""

    text: str
    value: Callable[..., float]
    partials: Callable[..., tuple[float, ...]]


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _logsumexp(*x: float) -> float:
    largest = max(x)
    return largest + math.log(sum(math.exp(one - largest) for one in x))


def _softmax(*x: float) -> tuple[float, ...]:
    total = _logsumexp(*x)
    return tuple(math.exp(one - total) for one in x)


def _first_largest(u: float, *x: float) -> tuple[float, ...]:
    return tuple(float(i == x.index(u)) for i in range(len(x)))


OPERATIONS = {
    "negative": Operation("−{}", lambda x: -x, lambda u, x: (-1.0,)),
    "square": Operation("{}²", lambda x: x * x, lambda u, x: (2 * x,)),
    "exp": Operation("exp {}", math.exp, lambda u, x: (u,)),
    "log": Operation("log {}", math.log, lambda u, x: (1 / x,)),
    "sigmoid": Operation("σ({})", _sigmoid, lambda u, x: (u * (1 - u),)),
    "tanh": Operation("tanh {}", math.tanh, lambda u, x: (1 - u * u,)),
    "arctan": Operation("arctan {}", math.atan, lambda u, x: (1 / (1 + x * x),)),
    "cos": Operation("cos {}", math.cos, lambda u, x: (-math.sin(x),)),
    "relu": Operation("max({}, 0)", lambda x: max(x, 0.0), lambda u, x: (1.0 if x > 0 else 0.0,)),
    "abs": Operation("|{}|", abs, lambda u, x: (math.copysign(1.0, x) if x else 0.0,)),
    "sqrt": Operation("√{}", math.sqrt, lambda u, x: (0.5 * math.pow(x, -0.5),)),
    "step": Operation("step({})", lambda x: float(x >= 0), lambda u, x: (0.0,)),
    "sign": Operation("sign({})", lambda x: 1.0 if x >= 0 else -1.0, lambda u, x: (0.0,)),
    "hinge": Operation("max(1 − {}, 0)", lambda x: max(1 - x, 0.0), lambda u, x: (-1.0 if x < 1 else 0.0,)),
    "add": Operation("{} + {}", lambda a, b: a + b, lambda u, a, b: (1.0, 1.0)),
    "multiply": Operation("{} · {}", lambda a, b: a * b, lambda u, a, b: (b, a)),
    "divide": Operation("{} / {}", lambda a, b: a / b, lambda u, a, b: (1 / b, -u / b)),
    "max": Operation("max({all})", lambda *x: max(x), _first_largest),
    "logsumexp": Operation("logsumexp({all})", _logsumexp, lambda u, *x: _softmax(*x)),
}


def power(exponent: float) -> Operation:
    """Return the operation x^c with a constant exponent c, whose derivative is c·x^(c−1)."""

    def partials(u: float, x: float) -> tuple[float, ...]:
        return (exponent * math.pow(x, exponent - 1) if exponent else 0.0,)

    return Operation(f"{{}}^{exponent:g}", lambda x: math.pow(x, exponent), partials)


def softmax(k: int) -> Operation:
    """Return the operation p_k = exp(x_k) / Σ_j exp(x_j), k from 0, with ∂p_k/∂x_j = p_k (δ_kj − p_j)."""

    def partials(u: float, *x: float) -> tuple[float, ...]:
        return tuple(u * ((j == k) - p) for j, p in enumerate(_softmax(*x)))

    return Operation(f"softmax({{all}})[{k + 1}]", lambda *x: _softmax(*x)[k], partials)


@dataclass
class Node:
    """A node u_i: what it is, as text; the positions of its operands; its value; the local derivatives ∂u_i/∂operand;
    and ∂u_n/∂u_i, after `backward`. `name` is empty if nobody named it."""

    text: str
    operands: tuple[int, ...]
    value: float
    partials: tuple[float, ...]
    is_variable: bool = False
    grad: float = 0.0
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name} = {self.text}" if self.name else self.text


@dataclass
class Graph:
    """Nodes in topological order; the last one is the output."""

    nodes: list[Node] = field(default_factory=list)

    def variable(self, name: str, value: float) -> int:
        """Add a node to differentiate by, and return its position, as all methods that add nodes do."""
        return self._append(Node(name, (), value, (), is_variable=True))

    def number(self, value: float) -> int:
        return self._append(Node(f"{value:g}", (), value, ()))

    def apply(self, operation: str | Operation, *operands: int) -> int:
        """Add a node made from others by an operation, or one of that name. ZeroDivisionError, ValueError or
        OverflowError where it has no finite value."""
        how = OPERATIONS[operation] if isinstance(operation, str) else operation
        values = [self.nodes[i].value for i in operands]
        u = how.value(*values)
        partials = how.partials(u, *values)
        if not all(map(math.isfinite, (u, *partials))):
            raise OverflowError
        names = [f"u{i + 1}" for i in operands]
        return self._append(Node(how.text.format(*names, all=", ".join(names)), operands, u, partials))

    def sum(self, terms: Sequence[int]) -> int:
        """Add the sum of one or more nodes, which are added in pairs, the sums in pairs again, and so on."""
        while len(terms) > 1:
            pairs = [self.apply("add", *pair) for pair in zip(terms[::2], terms[1::2], strict=False)]
            terms = [*pairs, *terms[2 * len(pairs) :]]
        return terms[0]

    def call(self, i: int, name: str) -> None:
        """Give a node a name, if it has none."""
        node = self.nodes[i]
        node.name = node.name or ("" if node.is_variable else name)

    def backward(self) -> None:
        """Fill the `grad` of every node (Algorithm 1); a node that is used twice collects from both its successors.
        OverflowError, with the node, where a derivative has no finite value."""
        for node in self.nodes:
            node.grad = 0.0
        self.nodes[-1].grad = 1.0  # grad[u_n] = 1
        for node in reversed(self.nodes):
            for i, partial in zip(node.operands, node.partials, strict=True):
                self.nodes[i].grad += node.grad * partial  # grad[u_i] += grad[u_j] · ∂u_j/∂u_i
        for i, node in enumerate(self.nodes):
            if not math.isfinite(node.grad):
                raise OverflowError(node.text if node.is_variable else f"u{i + 1} = {node}")

    def describe(self) -> dict[str, Any]:
        """Return the graph for JSON."""
        return {
            "value": self.nodes[-1].value,
            "variables": {
                node.text: {"value": node.value, "derivative": node.grad} for node in self.nodes if node.is_variable
            },
            "nodes": [
                {
                    "name": f"u{i + 1}",
                    "is": str(node),
                    "operands": [f"u{j + 1}" for j in node.operands],
                    "value": node.value,
                    "local_derivatives": list(node.partials),
                    "derivative": node.grad,
                }
                for i, node in enumerate(self.nodes)
            ],
        }

    def dot(self) -> str:
        """Return the graph for Graphviz: values and derivatives at the nodes, local derivatives at the edges."""
        lines = ["digraph {", "  rankdir=LR", "  node [shape=box]"]
        for i, node in enumerate(self.nodes):
            text = str(node).replace("\\", r"\\").replace('"', r"\"")
            lines.append(f'  u{i + 1} [label="u{i + 1} = {text}\\n= {node.value:.6g}\\n∂ {node.grad:.6g}"]')
            for j, partial in zip(node.operands, node.partials, strict=True):
                lines.append(f'  u{j + 1} -> u{i + 1} [label="{partial:.6g}"]')
        return "\n".join([*lines, "}"])

    def _append(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1
