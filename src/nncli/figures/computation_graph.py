"""The figure of a computation graph: each node in a box, with its value and its derivative, from leaves to output."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from nncli.errors import OptionError
from nncli.figures.figure import Arrows, Axis, Boxes, Figure, Panel
from nncli.nn.autodiff.graph import Graph

MOST_NODES = 120  # that a person can follow
PASSES = 8
SHARES = (0.5, 0.36, 0.64, 0.43, 0.57)  # of the way of an arrow, where its text may stand
APART = 0.19  # units from text to text
LONGEST = 21  # characters in a box


def figure_of_graph(graph: Graph, title: str) -> Figure:
    """Draw a graph on which `backward` was called; OptionError for one too large to be read.

    A node stands right of all its operands, and a leaf left of the first node that uses it. In their columns, nodes are
    ordered by the mean height of their neighbours, first on one side and then on the other, in turns (Sugiyama, Tagawa,
    Toda 1981): so few arrows cross. An arrow has the local derivative, by which what comes back along it is multiplied.
    """
    n = len(graph.nodes)
    if n > MOST_NODES:
        problem = f"expected a graph of at most {MOST_NODES} nodes to draw, found {n:,}"
        raise OptionError("out", problem, "Leave it out: the table and the tree have all nodes")
    column = _columns(graph)
    edges = [(j, i, p) for i, node in enumerate(graph.nodes) for j, p in zip(node.operands, node.partials, strict=True)]
    ways = _ways(edges, column)
    y = _heights(ways, column)
    lines = tuple(
        (_short(f"u{i + 1} = {node}"), f"{node.value + 0.0:.5g}", f"∂ {node.grad + 0.0:.5g}")
        for i, node in enumerate(graph.nodes)
    )
    paths = [[(float(column[k]), y[k]) for k in way] for way in ways]
    texts = tuple(f"{p + 0.0:.4g}" for *_, p in edges)
    arrows = Arrows(tuple(map(_from_side_to_side, paths)), texts, _text_places(paths))
    boxes = Boxes(np.array(column[:n], np.float64), np.array(y[:n]), lines)
    across, up = Axis("", -0.5, max(column) + 0.5), Axis("", min(y) - 0.5, max(y) + 0.5)
    notes = (
        "in a box: the node, its value, and the derivative of the last node with respect to it",
        "on an arrow: the local derivative, by which what comes back along it is multiplied",
    )
    return Figure(title, (Panel(across, up, (arrows, boxes), bare=True),), notes)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _from_side_to_side(path: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Return the places of an arrow that leaves a box on its right, runs level past columns, and ends left of a box."""
    sides = -Boxes.HALF_WIDTH, Boxes.HALF_WIDTH
    return tuple((x + side, height) for x, height in path for side in sides)[1:-1]


def _text_places(paths: Sequence[list[tuple[float, float]]]) -> tuple[tuple[float, float], ...]:
    """Return a place for the text of each arrow, before its last column, where there is no other text yet."""
    found: list[tuple[float, float]] = []
    for path in paths:
        (a, b), (c, d) = path[-2:]
        start, length = a + Boxes.HALF_WIDTH, c - a - 2 * Boxes.HALF_WIDTH
        choices = [(start + share * length, b + share * (d - b)) for share in SHARES]
        room = [min((max(abs(x - u), abs(y - v)) for u, v in found), default=APART) for x, y in choices]
        found.append(choices[next((i for i, its in enumerate(room) if its >= APART), int(np.argmax(room)))])
    return tuple(found)


def _columns(graph: Graph) -> list[int]:
    """Return the column of each node: of one with operands, the length of the longest way to it from a leaf."""
    column = [0] * len(graph.nodes)
    for i, node in enumerate(graph.nodes):  # in topological order
        column[i] = 1 + max((column[j] for j in node.operands), default=-1)
    for i, node in enumerate(graph.nodes):
        used_by = [column[k] for k, other in enumerate(graph.nodes) if i in other.operands]
        if not node.operands and used_by:
            column[i] = min(used_by) - 1
    return column


def _ways(edges: Sequence[tuple[int, int, float]], column: list[int]) -> list[list[int]]:
    """Return the places that each arrow passes, one in each column: its ends, and places of its own between them, whose
    columns are added."""
    ways = []
    for start, end, _ in edges:
        between = range(len(column), len(column) + column[end] - column[start] - 1)
        column.extend(range(column[start] + 1, column[end]))
        ways.append([start, *between, end])
    return ways


def _heights(ways: Sequence[Sequence[int]], column: Sequence[int]) -> list[float]:
    """Order the places of each column, and return the height of each: the middle of every column is at 0."""
    before: list[list[int]] = [[] for _ in column]
    behind: list[list[int]] = [[] for _ in column]
    for way in ways:
        for a, b in itertools.pairwise(way):
            before[b].append(a)
            behind[a].append(b)
    columns = [[i for i, its in enumerate(column) if its == k] for k in range(max(column) + 1)]
    height = [0.0] * len(column)

    def place(places: list[int]) -> None:
        for k, i in enumerate(places):
            height[i] = (len(places) - 1) / 2 - k

    for places in columns:
        place(places)
    for turn in range(PASSES):
        beside = before if turn % 2 == 0 else behind
        for places in columns if turn % 2 == 0 else reversed(columns):
            means = {i: np.mean([height[j] for j in beside[i]]) if beside[i] else height[i] for i in places}
            places.sort(key=lambda i: -means[i])
            place(places)
    return height
