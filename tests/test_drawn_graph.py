"""`nncli graph --out FILE` draws a computation graph: every node, value and derivative, from left to right."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nncli.errors import OptionError
from nncli.figures.computation_graph import MOST_NODES, figure_of_graph
from nncli.figures.figure import Arrows, Boxes
from nncli.nn.autodiff.expression import graph_of

Run = Callable[..., Any]
SQUARE = ("(w*x + b - y)^2", {"w": 1.0, "x": 2.0, "b": 0.0, "y": 3.0})


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


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
    found = {line.split(" = ")[-1]: (value, grad) for line, value, grad in boxes.lines}
    assert found["w"] == ("1", "∂ -4")
    assert found["x"] == ("2", "∂ -2")
    assert found["y"] == ("3", "∂ 2")
    assert boxes.lines[-1][1:] == ("1", "∂ 1")
    assert sorted(arrows.texts) == sorted(["2", "1", "1", "1", "-1", "1", "1", "-2"])


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
        assert (round(path[0][0] - Boxes.HALF_WIDTH, 9), path[0][1]) in places
        level = [(a, b) for (a, b), (c, d) in itertools.pairwise(path) if c - a > 0.5]  # past a column
        assert not any(abs(a + Boxes.HALF_WIDTH - x) < 1e-9 and abs(b - y) < 1 for a, b in level for x, y in places)


def test_a_graph_that_is_too_large_to_read_is_refused() -> None:
    expression = " + ".join(["w*x"] * MOST_NODES)
    with pytest.raises(OptionError, match=f"at most {MOST_NODES} nodes to draw, found"):
        marks(expression, {"w": 1.0, "x": 1.0})


def test_the_picture_of_a_network_on_a_row_has_all_its_nodes(nncli: Run) -> None:
    pytest.importorskip("vl_convert")
    nncli("train", "moons", "--hidden", 2, "--epochs", 2, "-q", "-o", "m.npz")
    outcome = nncli("graph", "m.npz", "--row", 7, "--out", "g.svg", "--json")
    assert outcome.code == 0, outcome.err
    texts = {node.text for node in ElementTree.parse("g.svg").iter() if node.tag.endswith("text")}
    for node in outcome.json["nodes"]:
        assert f"{node['value'] + 0.0:.5g}" in texts
        assert f"∂ {node['derivative'] + 0.0:.5g}" in texts


def test_names_of_an_expression_are_text_in_a_picture(nncli: Run) -> None:
    pytest.importorskip("vl_convert")
    assert nncli("graph", "é*2", "--at", "é=3", "--out", "g.html", "-q").code == 0
    assert "u1 = é" in Path("g.html").read_text()
    refused = nncli("graph", "x*2", "--at", "x=3", "--out", "g.gif")
    line = "--out: expected a name that ends in .svg, .png or .html, found 'g.gif'.\n"
    assert (refused.code, refused.err) == (2, line)
