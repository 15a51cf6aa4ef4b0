# ruff: noqa: E501  (each message stands on one line)
"""Gradient checks: right ones pass, planted errors are found in the right block, kinks are told apart."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_errors import BAD_COMMAND, BAD_DATA
from nncli import load
from nncli.data.scaled_rows import Matrix, Subset
from nncli.diagnostics.gradcheck import GradientCheck, check_gradients, network_kinds
from nncli.diagnostics.training_objective import ROWS, Objective
from nncli.nn.activations import ACTIVATIONS
from nncli.nn.losses import LOSSES
from nncli.nn.network import multilayer
from nncli.nn.regularisation import Penalty

Run = Callable[..., Any]
DOCS = Path(__file__).parents[1] / "docs"


# right gradients


@pytest.mark.long  # a matrix of one loss is checked below
def test_every_kind_of_network_passes(nncli: Run) -> None:
    outcome = nncli("gradcheck", "--all", "--json")
    assert outcome.code == 0
    assert outcome.json["passed"]
    assert outcome.json["max_relative_error"] < 1e-6
    # each loss of classes with each of its links, for 2 classes and 3, and each of numbers: linear, and with each
    # activation once and twice
    of_classes = sum(len(loss.links) for loss in LOSSES.values() if loss.for_classes)
    losses = 2 * of_classes + sum(loss.power > 0 for loss in LOSSES.values())
    assert len(outcome.json["networks"]) == losses * (1 + 2 * len(ACTIVATIONS))
    assert f" {len(outcome.json['networks'])} small networks" in (DOCS / "how-to/check-gradients.md").read_text("utf-8")
    one = outcome.json["networks"][-1]
    assert set(one) == {"activation", "loss", "hidden", "K", "passed", "max_relative_error", "blocks"}


@pytest.mark.long
def test_the_matrix_of_all_names_every_activation(nncli: Run, one_loss: None) -> None:
    outcome = nncli("gradcheck", "--all", "-q")
    assert outcome.code == 0
    for name in ("linear", *ACTIVATIONS):
        assert [line for line in outcome.out.splitlines() if line.split()[0] == name], name
    assert f"{len(network_kinds())} networks, {len(network_kinds())} right" in outcome.out


@pytest.mark.parametrize(
    "options",
    [
        "--hidden 8 --l1 0.01 --l2 0.1",
        "--hidden 8x6 --activation selu,mish --dropout 0.4 --input-dropout 0.2 --dropout-schedule cosine",
        "--hidden 8 --label-smoothing 0.2 --class-weight balanced",
        "--model svm --class-weight balanced",
        "--model mira",
        "--model adaline --l2 0.3",
        "--model averaged-perceptron",
        "--model logistic --optimizer adamw --l2 0.1",
        "--model softmax --optimizer lbfgs",
        "--hidden 4 --loss mae:link=softmax --scale minmax",
        "--hidden 4 --init he --batch-size full --threads 1",
    ],
)
@pytest.mark.parametrize("data", ["wine", "random:inputs=7:classes=2"])
def test_any_options_of_train_can_be_checked(nncli: Run, data: str, options: str) -> None:
    outcome = nncli("gradcheck", data, *options.split(), "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["passed"]
    assert outcome.json["tolerance"] == 1e-6
    assert outcome.json["max_relative_error"] < 1e-6
    assert [block["name"] for block in outcome.json["blocks"]][-1] == "X"
    for block in outcome.json["blocks"]:
        assert block["entries"] == min(np.prod(block["shape"]), 200)
        assert block["worst_index"] is None or len(block["worst_index"]) == len(block["shape"])


def test_the_batch_size_says_how_many_rows(nncli: Run) -> None:
    shapes = {}
    for size in (None, "5", "full"):
        outcome = nncli("gradcheck", "wine", "--json", *(["--batch-size", size] if size else []))
        shapes[size] = outcome.json["blocks"][-1]["shape"]
    assert shapes == {None: [ROWS, 13], "5": [5, 13], "full": [178 - 2 * 27, 13]}  # 15 % of 178 are 27


def test_penalties_are_part_of_the_gradient(nncli: Run) -> None:
    """With rates this large, they are most of it; decoupled decay is a step of its own, and none."""

    def largest(*options: str) -> float:
        blocks = nncli("gradcheck", "iris", "--hidden", "4", "--json", *options).json["blocks"]
        return max(abs(block["analytic"]) for block in blocks if block["name"] == "W1")

    assert largest("--l2", "1000") > 100 * largest()
    assert largest("--l1", "1000") > 100 * largest()
    assert largest("--optimizer", "adamw", "--l2", "1000") < 10 * largest()


def test_options_without_effect_are_named(nncli: Run) -> None:
    outcome = nncli("gradcheck", "iris", "--lr", "0.1", "--epochs", "3", "--max-norm", "2", "--dtype", "float32")
    decoupled = nncli("gradcheck", "iris", "--optimizer", "adamw", "--l2", "5")
    assert "and ignored: --l2\n" in decoupled.err
    assert "l2 5" not in decoupled.err
    assert "random weights are used instead" in nncli("gradcheck", "iris", "-m", "softmax", "--init", "zeros").err
    assert "without effect on derivatives, and ignored: --dtype, --lr, --epochs, --max-norm\n" in outcome.err


# saved models


def test_a_saved_model_is_checked_where_it_is(nncli: Run, iris_model: Path) -> None:
    outcome = nncli("gradcheck", iris_model, "--json")
    assert outcome.code == 0
    assert outcome.json["passed"]
    random = nncli("gradcheck", iris_model, "random", "--json").json
    assert random["passed"]
    assert [block["shape"] for block in random["blocks"]] == [block["shape"] for block in outcome.json["blocks"]]
    assert random["blocks"][0]["analytic"] != outcome.json["blocks"][0]["analytic"]


def test_a_saved_model_on_other_rows_and_under_another_name(nncli: Run, iris_model: Path, tmp_path: Path) -> None:
    shutil.copy(iris_model, tmp_path / "model")
    (tmp_path / "two.csv").write_text(
        "sepal_length_cm,sepal_width_cm,petal_length_cm,petal_width_cm,class\n5,3,1.4,0.2,setosa\n6,3,5,2,virginica\n"
    )
    outcome = nncli("gradcheck", tmp_path / "model", tmp_path / "two.csv", "--json")
    assert outcome.json["passed"]
    assert outcome.json["blocks"][-1]["shape"] == [2, 4]


def test_class_weights_of_a_saved_model_where_a_class_has_no_rows(nncli: Run, tmp_path: Path) -> None:
    model, data = tmp_path / "model.npz", tmp_path / "two.csv"
    assert nncli("train", "iris", "--class-weight", "balanced", "--epochs", "3", "-q", "-o", model).code == 0
    data.write_text(
        "sepal_length_cm,sepal_width_cm,petal_length_cm,petal_width_cm,class\n5,3,1.4,0.2,setosa\n6,3,5,2,virginica\n"
    )
    assert nncli("gradcheck", model, data, "--json").json["passed"]


# kinks


def checked(
    X: Any, y: Any, theta: Any, hidden: tuple[int, ...] = (), loss: str = "hinge", **penalty: float
) -> GradientCheck:
    """What the check makes of a network with the given parameters, for two classes."""
    chosen = LOSSES.create(loss)
    network = multilayer(len(X[0]), hidden, chosen.outputs(2), dtype="float64")
    network.theta[:] = theta
    matrix = Matrix(np.array(X, float), network.dtype)
    subset = Subset(matrix, np.array(y), np.arange(len(y)))
    return check_gradients(Objective(network, chosen, Penalty(**penalty), 0, subset, 2, np.random.SeedSequence(0)))


def kinks_of(result: GradientCheck) -> dict[str, int]:
    return {name: block.kinks for name, block in zip(("W1", "b1", "W2", "b2", "X"), result.blocks, strict=False)}


def test_the_hinge_at_its_margin_is_a_kink() -> None:
    # t z = 1 · (½ · 2 + 0) = 1, which is where the hinge bends; its second row is far from it
    result = checked([[2], [-3]], [1, 1], [0.5, 0])
    assert [block.kinks for block in result.blocks][:2] == [1, 1]
    assert [block.verdict for block in result.blocks] == ["kink", "kink", "ok"]
    assert result.passed  # X, of which the second row is right


def test_relu_at_0_is_a_kink() -> None:
    # the first hidden unit gets 1 · 1 − 1 = 0, the second 2 · 1 − 1 = 1
    result = checked([[1]], [1], [1, 2, -1, -1, 1, 1, 0], hidden=(2,), loss="binary-cross-entropy")
    W1, b1, W2, b2, X = result.blocks
    assert [W1.verdict, b1.verdict, W2.verdict, b2.verdict, X.verdict] == ["ok", "ok", "ok", "ok", "kink"]
    assert W1.kinks == b1.kinks == 5  # the entry of the first unit, and all 4 directions
    assert (W2.kinks, b2.kinks, X.kinks) == (0, 0, 1)


def test_l1_at_0_is_a_kink() -> None:
    W1, b1, X = checked([[1, 2], [2, 1]], [0, 1], [0, 0.3, 0.1], loss="binary-cross-entropy", l1=0.1).blocks
    assert W1.kinks == 5
    assert W1.worst is not None
    assert W1.worst.index == (1, 0)
    assert (b1.kinks, X.kinks) == (0, 0)


def test_kinks_are_shown_and_nothing_but_kinks_does_not_pass(nncli: Run, tmp_path: Path) -> None:
    model, constant = tmp_path / "model.npz", tmp_path / "data.csv"
    constant.write_text("a,b,class\n" + "".join(f"{i},0,{'pq'[i // 10]}\n" for i in range(20)))
    assert nncli("train", constant, "-m", "softmax", "--l1", "0.01", "-q", "-o", model).code == 0
    outcome = nncli("gradcheck", model, "-q")
    # the column b is 0 everywhere, and so are its two weights: |w| bends there
    assert outcome.code == 0
    assert "kinks: there is no derivative to compare with, which counts neither as right nor as wrong\n" in outcome.out
    assert nncli("gradcheck", model, "--json").json["blocks"][0]["kinks"] == 2 + 4


# what is refused


@pytest.mark.parametrize(
    ("argv", "code", "line"),
    [
        ("iris wine", BAD_COMMAND, "DATA: expected a model before 'wine', found 'iris'. Name one file."),
        ("MODEL --hidden 3", BAD_COMMAND, "--hidden: a saved model brings its own options. Leave it out."),
        ("MODEL --model mlp", BAD_COMMAND, "--model: a saved model brings its own options. Leave it out."),
        ("MODEL random:inputs=3", BAD_COMMAND, "DATA: the model already says how wide its rows are, and so does 'random:inputs=3'. Use random alone."),
        ("--all --hidden 3", BAD_COMMAND, "--hidden: --all checks networks of its own. Leave it out."),
        ("iris --all", BAD_COMMAND, "DATA: --all checks networks of its own. Leave it out."),
        ("random --target y", BAD_COMMAND, "--target: random rows do not come from a file. Leave it out."),
        ("random:classes=1", BAD_COMMAND, "DATA: random: classes: expected at least 2, found 1."),
        ("random:rows=5", BAD_COMMAND, "DATA: expected inputs=…, classes=… after 'random'; found 'rows=5'."),
        ("nothing.npz", BAD_DATA, "nothing.npz: cannot read the model: No such file or directory. Make one with: nncli train."),
        ("iris -m softmax --dropout 0.5", BAD_COMMAND, "--dropout: model 'softmax' has no hidden layer. Give it one with --hidden 64."),
        ("iris --activation step", BAD_COMMAND, "--activation: expected activations with a useful derivative, as hidden layers learn by backpropagation, found 'step'."),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused(
    nncli: Run, iris_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: str, code: int, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = nncli("gradcheck", *argv.replace("MODEL", str(iris_model)).split())
    assert (outcome.code, outcome.err, outcome.out) == (code, line + "\n", "")


def test_a_loss_that_overflows_is_one_line(nncli: Run, tmp_path: Path) -> None:
    model = tmp_path / "model.npz"
    assert nncli("train", "iris", "-m", "adaline", "--dtype", "float64", "-q", "-o", model).code == 0
    trained = load(model)
    trained.model_.network.theta[:] = 1e200
    trained.save(model)
    outcome = nncli("gradcheck", model, "-q")
    assert (outcome.code, outcome.out) == (BAD_DATA, "")
    assert outcome.err == "the loss: expected finite numbers, found others. Try --scale auto, or other data.\n"


def test_where_nothing_is_proved_nothing_passes(nncli: Run, tmp_path: Path) -> None:
    """Derivatives that drown in rounding, and those that are all 0."""
    outcome = nncli("gradcheck", "wine", "--scale", "none", "--hidden", "4", "--loss", "mae:link=softmax", "-q")
    assert outcome.code == BAD_DATA
    assert outcome.out.splitlines()[-2:] == [
        "nothing is proved about W1, b1, W2, b2, X: the derivatives are too small, as those of saturated units are",
        "no errors to compare, with 1e-06 allowed: failed, as nothing is proved",
    ]
    model = tmp_path / "model.npz"
    (tmp_path / "far.csv").write_text(
        "a,class\n" + "".join(f"{(i % 2) * 99 + i / 9},{'pq'[i % 2]}\n" for i in range(40))
    )
    assert nncli("train", tmp_path / "far.csv", "-m", "perceptron", "-q", "-o", model).code == 0
    outcome = nncli("gradcheck", model, "--json")
    assert outcome.code == BAD_DATA
    assert {block["verdict"] for block in outcome.json["blocks"]} == {"zero"}


@pytest.mark.parametrize("is_right", [True, False], ids=["right", "twice what it should be"])
def test_at_an_optimum_gradients_are_compared_nearby(
    nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_right: bool
) -> None:
    """Where the line meets every row, dL/dZ = 0, and so is twice that: only away from the optimum they differ."""
    model = tmp_path / "m.npz"
    assert nncli("train", "chocolate", "-m", "linear", "--dtype", "float64", "-q", "-o", model).code == 0
    if not is_right:
        monkeypatch.setattr(LOSSES["mse"], "backward", lambda self, Z, P, Y, dZ: np.multiply(2, P - Y, out=dZ))
    outcome = nncli("gradcheck", model, "-q")
    assert (
        "W1, b1, X: all derivatives are 0 within rounding, as at an optimum; compared at weights and rows moved by"
        in outcome.out
    )
    said = "passed" if is_right else "failed, the gradient of W1, b1, X is wrong"
    assert (outcome.code, outcome.out.endswith(f"allowed: {said}\n")) == (0 if is_right else BAD_DATA, True)


def test_an_error_that_kinks_make_is_gone_nearby(nncli: Run, tmp_path: Path) -> None:
    """relu(x) − relu(−x) = x has the slope 1 at 0, and backpropagation says 0 there: two kinks that hide one another."""
    result = checked([[0], [1]], [0, 1], [1, -1, 0, 0, 1, -1, 0.1], hidden=(2,), loss="binary-cross-entropy")
    W1, _, W2, b2, X = result.blocks
    assert result.passed
    assert X.verdict == "ok"
    assert X.kinks >= 1
    assert [W1.verdict, W2.verdict, b2.verdict] == ["ok"] * 3


def test_a_file_called_random_is_a_file(nncli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("random").write_text("a,b,class\n" + "".join(f"{i % 9},{i * i % 7},{'pq'[i % 2]}\n" for i in range(40)))
    assert nncli("gradcheck", "random", "--json").json["blocks"][-1]["shape"][1] == 2
    assert nncli("train", "nosuch").code == BAD_DATA  # and `random` is no data set to train on
