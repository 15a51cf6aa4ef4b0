"""The figure of a computation graph: each node in a box, with its value and its derivative, from leaves to output."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from nncli.errors import OptionError
from nncli.figures.figure import Arrows, Axis, Boxes, Figure, Panel
from nncli.nn.autodiff.graph import Graph

MOST_NODES = 120  # that a person can follow
PASSES = 8
SHARES = (0.5, 0.36, 0.64, 0.24, 0.76, 0.43, 0.57)  # of the way of an arrow, where its text may stand
LETTER, LINE = 6.0, 11.0  # pixels of a text: of a letter, and from one line to the next that does not touch it
LONGEST = 15  # letters in a line of a box
BOX = 96, 62  # pixels
PAGE = 1600  # pixels, on which a graph runs from left to right; a longer one runs down
GAPS = {"right": (90, 8), "down": (8, 58)}  # pixels between boxes, to the right and down

Place = tuple[float, float]


def figure_of_graph(graph: Graph, title: str) -> Figure:
    """Draw a graph on which `backward` was called; OptionError for one too large to be read.

    A node stands in the layer before that of the first node that uses it. In their layers, nodes are ordered by the
    mean place of their neighbours, first on one side and then on the other, in turns (Sugiyama, Tagawa, Toda 1981): so
    few arrows cross. An arrow has the local derivative, by which what comes back along it is multiplied. Layers run to
    the right, or down where they would not fit on a page.
    """
    n = len(graph.nodes)
    if n > MOST_NODES:
        problem = f"expected a graph of at most {MOST_NODES} nodes to draw, found {n:,}"
        raise OptionError("out", problem, "Leave it out: the table and the tree have all nodes")
    layer = _layers(graph)
    edges = [(j, i, p) for i, node in enumerate(graph.nodes) for j, p in zip(node.operands, node.partials, strict=True)]
    ways = _ways(edges, layer)
    ahead = _places_in_layers(ways, layer)
    runs_right = (BOX[0] + GAPS["right"][0]) * (max(layer) + 1) <= PAGE
    gaps = GAPS["right" if runs_right else "down"]
    unit = BOX[0] + gaps[0], BOX[1] + gaps[1]
    half = BOX[0] / unit[0] / 2, BOX[1] / unit[1] / 2
    places = [(float(a), b) if runs_right else (-b, -float(a)) for a, b in zip(layer, ahead, strict=True)]
    side = (half[0], 0.0) if runs_right else (0.0, -half[1])
    paths = tuple(_from_side_to_side([places[k] for k in way], side) for way in ways)
    texts = tuple("" if p == 1 else f"{p + 0.0:.4g}" for *_, p in edges)
    ends = [((c - a) * unit[0], (b - d) * unit[1]) for (a, b), (c, d) in (path[-2:] for path in paths)]
    angles = tuple(math.degrees(math.atan2(down, right)) for right, down in ends)
    lines = tuple(
        (
            _short(f"u{i + 1} = {node.name}" if node.name else f"u{i + 1}"),
            _short(node.text),
            f"{node.value + 0.0:.5g}",
            f"∂ {node.grad + 0.0:.5g}",
        )
        for i, node in enumerate(graph.nodes)
    )
    x, y = (np.array(its) for its in zip(*places[:n], strict=True))
    across, up = (Axis("", min(its) - 0.5, max(its) + 0.5) for its in zip(*places, strict=True))
    marks = (
        Arrows(paths, texts, _text_places(paths, texts, unit), angles),
        Boxes(x, y, lines, unit, half),
    )
    notes = (
        "in a box: the node, what it is, its value, and the derivative of the last node with respect to it",
        "on an arrow: the local derivative, by which what comes back along it is multiplied; without a number, it is 1",
    )
    return Figure(title, (Panel(across, up, marks, bare=True),), notes)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _from_side_to_side(path: list[Place], side: Place) -> tuple[Place, ...]:
    """Return the places of an arrow from the far side of a box, straight past layers, to the near side of a box."""
    (right, up) = side
    return tuple((x + sign * right, y + sign * up) for x, y in path for sign in (-1, 1))[1:-1]


def _text_places(paths: Sequence[tuple[Place, ...]], texts: Sequence[str], unit: tuple[int, int]) -> tuple[Place, ...]:
    """Return a place for the text of each arrow, on its last piece, where it touches no other text, if there is one."""
    found: list[tuple[float, float, str]] = []
    for path, text in zip(paths, texts, strict=True):
        (a, b), (c, d) = path[-2:]
        choices = [(a + share * (c - a), b + share * (d - b)) for share in SHARES]

        def room(place: Place, text: str = text) -> float:
            """Return how far the next text is, in sizes of a text: from 1 on, they do not touch."""
            x, y = place
            sizes = ((x - u, y - v, LETTER * (len(text) + len(other) + 1) / 2) for u, v, other in found if other)
            apart = (max(abs(p) * unit[0] / wide, abs(q) * unit[1] / LINE) for p, q, wide in sizes)
            return min(apart, default=1.0)

        place = next((place for place in choices if room(place) >= 1), max(choices, key=room))
        found.append((*place, text))
    return tuple((x, y) for x, y, _ in found)


def _layers(graph: Graph) -> list[int]:
    """Return the layer of each node: right before the first node that uses it, the last one at the end."""
    to_end = [0] * len(graph.nodes)
    for i, node in reversed([*enumerate(graph.nodes)]):  # in topological order
        for j in node.operands:
            to_end[j] = max(to_end[j], to_end[i] + 1)
    return [max(to_end) - steps for steps in to_end]


def _ways(edges: Sequence[tuple[int, int, float]], layer: list[int]) -> list[list[int]]:
    """Return the places that each arrow passes, one in each layer: its ends, and places of its own between them, whose
    layers are added."""
    ways = []
    for start, end, _ in edges:
        between = range(len(layer), len(layer) + layer[end] - layer[start] - 1)
        layer.extend(range(layer[start] + 1, layer[end]))
        ways.append([start, *between, end])
    return ways


def _places_in_layers(ways: Sequence[Sequence[int]], layer: Sequence[int]) -> list[float]:
    """Order the places of each layer, and return how far each is before the middle of its layer."""
    before: list[list[int]] = [[] for _ in layer]
    behind: list[list[int]] = [[] for _ in layer]
    for way in ways:
        for a, b in itertools.pairwise(way):
            before[b].append(a)
            behind[a].append(b)
    layers = [[i for i, its in enumerate(layer) if its == k] for k in range(max(layer) + 1)]
    ahead = [0.0] * len(layer)

    def place(places: list[int]) -> None:
        for k, i in enumerate(places):
            ahead[i] = (len(places) - 1) / 2 - k

    for places in layers:
        place(places)
    for turn in range(PASSES):
        beside = before if turn % 2 == 0 else behind
        for places in layers if turn % 2 == 0 else reversed(layers):
            means = {i: np.mean([ahead[j] for j in beside[i]]) if beside[i] else ahead[i] for i in places}
            places.sort(key=lambda i: -means[i])
            place(places)
    return ahead
