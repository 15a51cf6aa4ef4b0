"""Print a computation graph: a table of its nodes with values and derivatives, and a tree."""

from __future__ import annotations

from rich.text import Text
from rich.tree import Tree

from nncli.nn.autodiff.graph import Graph
from nncli.system.output import put
from nncli.terminal.tables import new_console, new_table, show


def print_graph(graph: Graph) -> None:
    """Print every node with its value and its derivative, as Algorithm 1 leaves them, then the tree."""
    table = new_table("node", "is", align="left")
    for title in ("value", "∂/∂node", "local derivatives"):
        table.add_column(Text(title), justify="right" if title != "local derivatives" else "left")
    for i, node in enumerate(graph.nodes):
        partials: dict[int, list[str]] = {}  # two of an operand that is used twice
        for j, partial in zip(node.operands, node.partials, strict=True):
            partials.setdefault(j, []).append(_signed(partial))
        locals_ = [f"∂u{i + 1}/∂u{j + 1} = {' + '.join(both)}" for j, both in partials.items()]
        table.add_row(f"u{i + 1}", str(node), _signed(node.value), _signed(node.grad), ", ".join(locals_))
    show(table)
    put()
    new_console().print(_tree(graph, len(graph.nodes) - 1, set()))


def _tree(graph: Graph, i: int, shown: set[int]) -> Tree:
    """Return the tree of a node and its operands; a node that was shown is not unfolded again."""
    node = graph.nodes[i]
    again = " (above)" if i in shown and node.operands else ""
    value = "" if str(node) == _signed(node.value) else f" = {_signed(node.value)}"
    tree = Tree(Text(f"u{i + 1} = {node}{value}   ∂ {_signed(node.grad)}{again}"))
    if not again:
        shown.add(i)
        for j in dict.fromkeys(node.operands):
            tree.children.append(_tree(graph, j, shown))
    return tree


def _signed(value: float) -> str:
    return f"{value + 0.0:.6g}"  # −0 is 0
