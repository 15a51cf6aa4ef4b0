# ruff: noqa: E501  (each message stands on one line)
"""Networks as scalar graphs: the engine's derivatives, the lectures' numbers, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_errors import BAD_COMMAND, BAD_DATA
from nncli import load
from nncli.diagnostics.gradcheck import every_loss
from nncli.diagnostics.network_graph import loss_graph
from nncli.nn.activations import ACTIVATIONS
from nncli.nn.losses import LOSSES
from nncli.nn.network import Network, multilayer

Run = Callable[..., Any]
LEARNED = [name for name in ACTIVATIONS if ACTIVATIONS[name].differentiable]


def network_of(activation: str | None, hidden: tuple[int, ...], outputs: int, seed: int) -> Network:
    rng = np.random.default_rng(seed)
    network = multilayer(3, hidden, outputs, activation or "identity", "float64", dropout=0.5)
    network.initialize(None, rng)
    network.theta += rng.normal(0, 0.3, network.size)
    return network


@pytest.mark.parametrize("activation", LEARNED)
@pytest.mark.parametrize("loss_spec", every_loss())
def test_a_graph_has_the_derivatives_of_backpropagation(loss_spec: str, activation: str) -> None:
    loss = LOSSES.create(loss_spec)
    for hidden, K in (((4,), 2), ((4, 3), 4)):
        network = network_of(activation, hidden, loss.outputs(K), seed=K)
        for y, x in enumerate(np.random.default_rng(0).normal(size=(K, 3))):
            graph, difference = loss_graph(network, loss, x, y, K)
            assert difference < 1e-9
            Z, Y = network.forward(x[None]), loss.targets(K)[[y]]
            assert graph.nodes[-1].value == pytest.approx(loss.forward(Z, Y, np.empty_like(Z))[0], rel=1e-9)
            assert graph.nodes[-1].name == "L"


@pytest.mark.parametrize("loss_spec", every_loss())
@pytest.mark.parametrize("K", [2, 3])
def test_linear_models(loss_spec: str, K: int) -> None:
    loss = LOSSES.create(loss_spec)
    for y in range(K):
        _, difference = loss_graph(network_of(None, (), loss.outputs(K), 1), loss, np.array([0.5, -1, 2]), y, K)
        assert difference < 1e-9


@pytest.mark.parametrize("activation", LEARNED)
@pytest.mark.parametrize("loss_spec", every_loss())
def test_kinks_are_taken_on_the_same_side(loss_spec: str, activation: str) -> None:
    """With inputs and biases of 0, every unit stands at its kink, and all scores are the same."""
    loss = LOSSES.create(loss_spec)
    for K in (2, 3):
        network = network_of(activation, (4,), loss.outputs(K), 0)
        for block in network.blocks:
            if block.name.startswith("b"):
                block.view(network.theta)[...] = 0
        for y in range(K):
            assert loss_graph(network, loss, np.zeros(3), y, K)[1] < 1e-9


def test_the_numbers_of_the_lectures() -> None:
    """One row of softmax regression of two classes, with the columns of W the classes."""
    network = multilayer(2, (), 2, dtype="float64")
    network.theta[:] = [0.65, 0.69, 1.19, -0.92, 0, 0]
    graph, _ = loss_graph(network, LOSSES.create("cross-entropy"), np.array([0.2, 0.7]), 0, 2)
    by_name = {node.name: node.value for node in graph.nodes if node.name}
    assert by_name["Z1[0]"] == pytest.approx(0.963)
    assert by_name["Z1[1]"] == pytest.approx(-0.506)
    assert by_name["e0"] == pytest.approx(2.61954, abs=5e-6)
    assert by_name["p0"] == pytest.approx(0.81291, abs=5e-6)
    assert by_name["L"] == pytest.approx(0.20714, abs=5e-6)
    derivatives = {node.text: node.grad for node in graph.nodes if node.is_variable}
    expected = {
        "W1[0, 0]": -0.03742, "W1[1, 0]": -0.13097, "W1[0, 1]": 0.03742, "W1[1, 1]": 0.13097,
        "b1[0]": -0.18709, "b1[1]": 0.18709, "x[0]": 0.00748, "x[1]": -0.39477,
    }  # fmt: skip
    assert derivatives == pytest.approx(expected, abs=6e-6)


def test_a_wrong_derivative_of_the_engine_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    network, loss = network_of("tanh", (4,), 3, 0), LOSSES.create("cross-entropy")
    backward = network.backward

    def wrong(dZ: np.ndarray, dX: np.ndarray) -> None:
        backward(dZ, dX)
        network.grad[5] *= 1.0001

    monkeypatch.setattr(network, "backward", wrong)
    assert loss_graph(network, loss, np.ones(3), 1, 3)[1] == pytest.approx(1e-4, rel=1e-3)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model small enough to look at."""
    from nncli.cli.main import main

    path = tmp_path_factory.mktemp("models") / "small.npz"
    assert main(["train", "iris", "--hidden", "2", "--activation", "tanh", "--epochs", "5", "-q", "-o", str(path)]) == 0
    return path


def test_a_saved_model_on_a_row(nncli: Run, small: Path) -> None:
    outcome = nncli("graph", small, "--row", "150")
    assert outcome.code == 0
    first, second = outcome.err.splitlines()
    assert first == "row 150 of iris, virginica: mlp 4-2-3, tanh, cross-entropy; 61 nodes"
    assert second.startswith("every derivative is that of the engine's backpropagation, ")
    table, tree = outcome.out.split("\n\n")
    assert len([line for line in table.splitlines() if line.startswith("u")]) == 61
    assert "Z1[0] = u" in table
    assert tree.startswith("u61 = L = −u60 = ")


def test_a_saved_model_as_json_agrees_with_its_prediction(nncli: Run, small: Path) -> None:
    found = nncli("graph", small, "--row", "1", "--json").json
    assert found["backprop_difference"] < 1e-9
    # iris in one of its rows: the loss is −log p of its class
    rows = Path("datasets/iris.csv").read_text().splitlines()
    X = np.array([[float(cell) for cell in rows[1].split(",")[:4]]])
    model = load(small)
    assert found["value"] == pytest.approx(
        -np.log(model.predict_proba(dict(zip(model.feature_names_in_, X.T, strict=True)))[0, 0]), rel=1e-4
    )
    assert set(found["variables"]) >= {"x[0]", "W1[3, 1]", "b1[1]", "W2[1, 2]", "b2[2]"}
    assert len(found["variables"]) == 4 + (4 * 2 + 2) + (2 * 3 + 3)


def test_inputs_have_the_names_of_columns(nncli: Run, small: Path) -> None:
    outcome = nncli("graph", small, "--row", "1")
    assert "u4     petal_width_cm = x[3]" in outcome.out
    assert "u1 = sepal_length_cm = x[0] = " in outcome.out
    nodes = nncli("graph", small, "--row", "1", "--json").json["nodes"]
    names = ["sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm"]
    assert [node["is"] for node in nodes[:4]] == [f"{name} = x[{i}]" for i, name in enumerate(names)]


def test_names_of_columns_break_neither_a_line_nor_graphviz(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{i % 7},{'pq'[i % 7 > 3]}" for i in range(60)]
    Path("d.csv").write_text("\n".join(['"a ""b\\\x1b[31m\u202e",label', *rows]) + "\n", "utf-8")
    assert nncli("train", "d.csv", "--model", "logistic", "--epochs", 1, "-q").code == 0
    dot = nncli("graph", "model.npz", "--row", 1, "--dot").out
    assert r'u1 [label="u1 = a \"b\\\\x1b[31m\\u202e = x[0]\n' in dot
    assert not {"\x1b", "\u202e"} & {*nncli("graph", "model.npz", "--row", 1).out}


def test_a_saved_model_on_other_rows(nncli: Run, small: Path, tmp_path: Path) -> None:
    data = tmp_path / "one.csv"
    data.write_text("class,petal_width_cm,petal_length_cm,sepal_width_cm,sepal_length_cm\nsetosa,0.2,1.4,3.5,5.1\n")
    outcome = nncli("graph", small, data, "--row", "1", "--dot")
    assert outcome.code == 0
    assert outcome.err.startswith(f"row 1 of {data}, setosa: ")
    assert outcome.out.startswith("digraph {\n")


@pytest.mark.parametrize(
    ("argv", "code", "line"),
    [
        ("SMALL --row 151", BAD_COMMAND, "--row: expected a row from 1 to 150 of iris, found 151."),
        ("SMALL --row 0", BAD_COMMAND, "--row: expected a whole number from 1, found '0'."),
        ("SMALL --row x", BAD_COMMAND, "--row: expected a whole number from 1, found 'x'."),
        ("SMALL", BAD_COMMAND, "--row: expected the row that SMALL is to be shown on. Add --row 1."),
        ("SMALL --row 1 --at x=1", BAD_COMMAND, "--at: a model has its own values. Leave it out."),
        ("LARGE --row 1", BAD_COMMAND, "LARGE: expected a graph of at most 500 nodes, and this network needs 515 or more. Train one with fewer hidden units, or on fewer columns."),
        ("a b --at a=1", BAD_COMMAND, "EXPRESSION: expected one, found another: 'b'. Put it between quotation marks."),
        ("nothing.npz --row 1", BAD_DATA, "nothing.npz: cannot read the model: No such file or directory. Make one with: nncli train."),
    ],
)  # fmt: skip
def test_what_cannot_be_shown(
    nncli: Run,
    small: Path,
    iris_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    argv: str,
    code: int,
    line: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    def named(text: str) -> str:
        return text.replace("SMALL", str(small)).replace("LARGE", str(iris_model))

    outcome = nncli("graph", *named(argv).split())
    assert (outcome.code, outcome.err, outcome.out) == (code, named(line) + "\n", "")


def test_a_value_that_overflows_is_one_line(nncli: Run, small: Path, tmp_path: Path) -> None:
    model, path = load(small), tmp_path / "huge.npz"
    model.model_.network.theta[:] = 0
    model.model_.network.theta[-3:] = 1e4  # b2
    model.save(path)
    outcome = nncli("graph", path, "--row", "1")
    assert outcome.code == BAD_DATA
    assert outcome.err == "iris, row 1: too large for a number, at 10000: exp(z0).\n"


def test_a_network_just_small_enough_and_just_too_large(nncli: Run, tmp_path: Path) -> None:
    codes = {}
    for hidden in (21, 22):
        path = tmp_path / f"{hidden}.npz"
        assert nncli("train", "iris", "--hidden", hidden, "--epochs", "1", "-q", "-o", path).code == 0
        codes[hidden] = nncli("graph", path, "--row", "1", "--json").code
    # 4 inputs; 8 h + 3 parameters; 7 h products and 7 h sums; h activations; some more for the loss
    assert codes == {21: 0, 22: BAD_COMMAND}


def test_rows_of_a_file_that_has_changed_are_not_those_of_training(nncli: Run, tmp_path: Path) -> None:
    data, model = tmp_path / "data.csv", tmp_path / "model.npz"
    data.write_text("a,b,class\n" + "".join(f"{i},{i * i % 7},{'pq'[i % 2]}\n" for i in range(40)))
    assert nncli("train", data, "--hidden", "2", "--epochs", "1", "-q", "-o", model).code == 0
    data.write_text(data.read_text() + "1,2,p\n")
    for words in (["graph", model, "--row", "1"], ["gradcheck", model]):
        outcome = nncli(*words)
        assert (outcome.code, outcome.out) == (BAD_DATA, "")
        assert outcome.err == (
            f"{data}: the data have changed since {model} was trained on them: 286 bytes, and had 280 then. "
            "Name the data behind the model.\n"
        )
    assert nncli("graph", model, data, "--row", "41", "-q").code == 0
