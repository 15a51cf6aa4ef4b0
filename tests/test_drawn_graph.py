"""`nncli graph -o FILE` draws a computation graph: every node, value and derivative, to the right or down."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.errors import OptionError
from nncli.figures.computation_graph import MOST_NODES, figure_of_graph
from nncli.figures.figure import Arrows, Boxes
from nncli.nn.autodiff.expression import graph_of

Run = Callable[..., Any]
SQUARE = ("(w*x + b - y)^2", {"w": 1.0, "x": 2.0, "b": 0.0, "y": 3.0})

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def marks(expression: str, values: dict[str, float]) -> tuple[Boxes, Arrows]:
    graph = graph_of(expression, values)
    graph.backward()
    (panel,) = figure_of_graph(graph, expression).panels
    arrows, boxes = panel.marks
    assert isinstance(boxes, Boxes)
    assert isinstance(arrows, Arrows)
    return boxes, arrows


def test_each_box_has_a_node_its_value_and_its_derivative() -> None:
    """u = wx = 2, e = u + b − y = −1, L = e² = 1: ∂L/∂e = 2e = −2, ∂L/∂w = −2x = −4, ∂L/∂y = 2."""
    boxes, arrows = marks(*SQUARE)
    found = {text: (value, grad) for _, text, value, grad in boxes.lines}
    assert found["w"] == ("1", "∂ -4")
    assert found["x"] == ("2", "∂ -2")
    assert found["y"] == ("3", "∂ 2")
    assert boxes.lines[-1][2:] == ("1", "∂ 1")
    assert sorted(filter(None, arrows.texts)) == ["-1", "-2", "2"], "the other five are 1, and said once"
    assert len(arrows.texts) == 8


@pytest.mark.parametrize(
    ("expression", "values"),
    [SQUARE, ("-log(sigmoid(w*x)) + w^2", {"w": 0.5, "x": 2.0}), ("x*x + x", {"x": 3.0})],
)
def test_arrows_run_from_left_to_right_and_no_two_boxes_share_a_place(
    expression: str, values: dict[str, float]
) -> None:
    boxes, arrows = marks(expression, values)
    places = list(zip(boxes.x.tolist(), boxes.y.tolist(), strict=True))
    for (a, b), (c, d) in itertools.combinations(places, 2):
        assert a != c or abs(b - d) >= 1
    for path in arrows.paths:
        assert all(before[0] < behind[0] for before, behind in itertools.pairwise(path))
        assert (round(path[0][0] - boxes.half[0], 9), path[0][1]) in places
        level = [(a, b) for (a, b), (c, d) in itertools.pairwise(path) if b == d and c - a < 2 * boxes.half[0] + 1e-9]
        assert not any(abs(a + boxes.half[0] - x) < 1e-9 and abs(b - y) < 1 for a, b in level for x, y in places)


@pytest.mark.parametrize("rows", [2, 12])
def test_a_graph_of_a_hundred_nodes_fits_on_a_page_and_no_two_texts_touch(rows: int) -> None:
    """Two texts touch if they are less than half of both lengths apart across, at 6 pixels a letter, and less than 11
    pixels up and down. A deep graph runs down, a wide one to the right."""
    if rows == 2:
        expression, values = "w*x", {"w": 0.7, "x": 1.3}
        for i in range(10):
            values[f"v{i}"] = i / 7
            expression = f"sigmoid(v{i}*({expression}))*tanh(x)"
    else:
        values = {f"w{i}": i / 7 for i in range(rows)} | {f"x{i}": 1.1 + i / 9 for i in range(rows)}
        expression = " + ".join(f"w{i}*x{i}" for i in range(rows))
    boxes, arrows = marks(expression, values)
    assert len(boxes.lines) >= 40
    assert np.ptp(boxes.x) * boxes.unit[0] < 1500
    placed = [(x, y, text) for (x, y), text in zip(arrows.text_places, arrows.texts, strict=True) if text]
    for (x, y, one), (u, v, other) in itertools.combinations(placed, 2):
        apart = abs(x - u) * boxes.unit[0] >= 3 * (len(one) + len(other)) or abs(y - v) * boxes.unit[1] >= 11
        assert apart, (one, other)


def test_a_graph_that_is_too_large_to_read_is_refused() -> None:
    expression = " + ".join(["w*x"] * MOST_NODES)
    with pytest.raises(OptionError, match=f"at most {MOST_NODES} nodes to draw, found"):
        marks(expression, {"w": 1.0, "x": 1.0})


def test_the_picture_of_a_network_on_a_row_has_all_its_nodes(nncli: Run) -> None:
    pytest.importorskip("vl_convert")
    nncli("train", "moons", "--hidden", 2, "--epochs", 2, "-q", "-o", "m.npz")
    outcome = nncli("graph", "m.npz", "--row", 7, "-o", "g.svg", "--json")
    assert outcome.code == 0, outcome.err
    texts = {node.text for node in ElementTree.parse("g.svg").iter() if node.tag.endswith("text")}
    for node in outcome.json["nodes"]:
        assert f"{node['value'] + 0.0:.5g}" in texts
        assert f"∂ {node['derivative'] + 0.0:.5g}" in texts


ELSEWHERE = {
    "graph w*x --svg": "nncli graph: no such option: --svg. Draw it with -o graph.svg.",
    "plot w*x graph": "WHAT: graph has a command of its own. Draw it with: nncli graph 'w*x' -o graph.svg.",
    "plot m.npz graph": "WHAT: graph has a command of its own. Draw it with: nncli graph m.npz --row 1 -o graph.svg.",
}


@pytest.mark.parametrize("words", ELSEWHERE)
def test_who_looks_for_the_picture_elsewhere_is_told_where_it_is(nncli: Run, words: str) -> None:
    Path("m.npz").touch()
    outcome = nncli(*words.split())
    assert (outcome.code, outcome.err) == (2, f"{ELSEWHERE[words]}\n")


@pytest.mark.long
def test_names_of_an_expression_are_text_in_a_picture(nncli: Run) -> None:
    pytest.importorskip("vl_convert")
    assert nncli("graph", "é*2", "--at", "é=3", "--out", "g.html", "-q").code == 0
    assert "é" in Path("g.html").read_text()
    refused = nncli("graph", "x*2", "--at", "x=3", "--out", "g.gif")
    line = "--out: expected a name that ends in .svg, .png or .html, found 'g.gif'.\n"
    assert (refused.code, refused.err) == (2, line)
