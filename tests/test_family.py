"""Every model, on data it can learn and on data it cannot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.config.train_config import TrainConfig
from nncli.nn.losses import LOSSES
from nncli.nn.models import MODELS
from nncli.nn.optimizers import OPTIMIZERS
from nncli.training.prepare import prepare
from nncli.training.run import run_training
from short_and_long import some_short

OF_CLASSES = [name for name in MODELS if MODELS[name].classes]
LINEAR = [name for name in OF_CLASSES if not MODELS[name].hidden]


def accuracy(**options: object) -> float:
    """On the test rows."""
    done = run_training(prepare(TrainConfig(**options)))
    assert done is not None
    return float(done.figures["test"]["accuracy"])


@pytest.mark.parametrize("model", OF_CLASSES)
def test_every_model_learns_two_classes_and_more(model: str) -> None:
    # always the commonest class: 62 % and 33 %. Least squares to 0 and 1 hide the second of three classes
    # that lie in a row, as those of iris do, behind the others
    assert accuracy(data=("breast-cancer",), model=model, test=0.3, epochs=30) > 0.92
    assert accuracy(data=("iris",), model=model, test=0.3) > 0.75


@pytest.mark.parametrize("model", some_short(LINEAR, 4))
def test_linear_models_cannot_separate_these(model: str) -> None:
    # three of the four clouds at best;  the moons overlap any line;  three arms wind around each other
    assert accuracy(data=("xor",), model=model, test=0.3) < 0.82
    assert accuracy(data=("moons",), model=model, test=0.3) < 0.93
    assert accuracy(data=("spirals",), model=model, test=0.3) < 0.65


@pytest.mark.parametrize("model", some_short(LINEAR, 3))
def test_with_a_hidden_layer_any_of_them_can(model: str) -> None:
    """The loss of the model, behind hidden units and with an optimizer that can train them."""
    parts = {"model": model, "hidden": (64,), "optimizer": "adam", "batch_size": 32}
    assert accuracy(data=("xor",), test=0.3, **parts) > 0.97
    assert accuracy(data=("moons",), test=0.3, **parts) > 0.97


def test_the_network_of_the_course_divides_them() -> None:
    assert accuracy(data=("xor",), model="mlp", test=0.3) > 0.98
    assert accuracy(data=("moons",), model="mlp", test=0.3) > 0.98
    assert accuracy(data=("spirals",), model="mlp", test=0.3) > 0.95


def test_two_hidden_units_are_enough_for_exclusive_or() -> None:
    assert accuracy(data=("xor",), test=0.3, hidden=(2,), activation="tanh", lr=0.05, patience=300) > 0.98


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_any_loss_goes_with_any_optimizer_or_is_refused(
    loss: str, optimizer: str, nncli: Callable[..., Any], tmp_path: Path
) -> None:
    found = nncli("train", "iris", "-m", "softmax", "--loss", loss, "--optimizer", optimizer, "--epochs", 20,
                  "-q", "--json", "-o", tmp_path / "m.npz")  # fmt: skip
    if not LOSSES[loss].for_classes:
        assert (found.code, found.err.startswith(f"--loss: {loss} is of numbers")) == (2, True)
    elif OPTIMIZERS[optimizer].exact:
        assert (found.code, found.err.startswith("--optimizer: exact is for numbers")) == (2, True)
    elif (OPTIMIZERS[optimizer].margin and not LOSSES[loss].margin) or (
        OPTIMIZERS[optimizer].smooth and not LOSSES[loss].smooth
    ):
        assert found.code == 2
        assert found.err.startswith(f"--optimizer: {optimizer} needs a loss with")
    else:
        assert found.json["val"]["accuracy"] > 0.6, "three classes, guessed right a third of the time"


# --- what a model that gives scores says


@pytest.fixture(scope="module")
def svm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from nncli.cli.main import main

    path = tmp_path_factory.mktemp("svm") / "svm.npz"
    assert main(["train", "iris", "-m", "svm", "-q", "--json", "-o", str(path)]) == 0
    return path


ROW = "sepal_length_cm,sepal_width_cm,petal_length_cm,petal_width_cm\n5.1,3.5,1.4,0.2\n6.3,3.3,6.0,2.5\n"


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    (tmp_path / "rows.csv").write_text(ROW)
    return tmp_path / "rows.csv"


def test_a_margin_model_gives_scores(svm: Path, rows: Path, nncli: Callable[..., Any]) -> None:
    found = nncli("predict", svm, rows, "--proba")
    assert found.err == "svm gives scores, not probabilities; nncli train --calibrate fits them\n"
    header, *lines = found.out.splitlines()
    assert header == "prediction,score_setosa,score_versicolor,score_virginica"
    for line, name in zip(lines, ("setosa", "virginica"), strict=True):
        prediction, *scores = line.split(",")
        assert prediction == name
        assert max(map(float, scores)) > 1, "ahead by a margin, not a probability"
        assert scores.index(max(scores, key=float)) == ["setosa", "versicolor", "virginica"].index(name)


def test_scores_have_no_log_loss(svm: Path, nncli: Callable[..., Any]) -> None:
    found = nncli("eval", svm, "--json").json
    assert (found["log_loss"], found["ece"]) == (None, None)
    assert found["roc_auc"] > 0.9
    (shown,) = (line for line in nncli("eval", svm).out.splitlines() if line.startswith("log loss"))
    assert shown.split(maxsplit=3)[2:] == ["·", "not defined: scores are not probabilities"]


def test_a_threshold_needs_probabilities(tmp_path: Path, nncli: Callable[..., Any]) -> None:
    model = tmp_path / "m.npz"
    assert nncli("train", "moons", "-m", "perceptron", "-q", "-o", model).code == 0
    found = nncli("predict", model, "moons", "--threshold", 0.5)
    assert (found.code, found.out) == (2, "")
    assert found.err == (
        "--threshold: expected a model with probabilities, and perceptron gives scores. Train it with --calibrate.\n"
    )


@pytest.mark.parametrize("model", OF_CLASSES)
@pytest.mark.parametrize("data", some_short(["iris", "moons"], 1))
def test_every_calibrated_model_gives_probabilities(
    model: str, data: str, nncli: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "m.npz"
    trained = nncli("train", data, "-m", model, "--calibrate", "--epochs", 20, "--json", "-q", "-o", file).json
    found = nncli("eval", file, "--json").json
    assert found["accuracy"] == trained["test"]["accuracy"]
    assert found["log_loss"] < np.log(2 if data == "moons" else 3), "better than guessing"
    answers = [line.split(",") for line in nncli("predict", file, data, "--proba").out.splitlines()]
    assert [name.split("_")[0] for name in answers[0][1:]] == ["p"] * (len(answers[0]) - 1)
    P = np.array([row[1:] for row in answers[1:]], float)
    np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-5)
    classes = [name.removeprefix("p_") for name in answers[0][1:]]
    assert [row[0] for row in answers[1:]] == [classes[k] for k in P.argmax(axis=1)]
    assert json.loads(nncli("info", file, "--json").out)["calibration"] is not None


def test_a_temperature_does_not_move_predictions(nncli: Callable[..., Any], tmp_path: Path) -> None:
    for flags in ([], ["--calibrate"]):
        assert nncli("train", "digits", "--epochs", 3, *flags, "-q", "-o", tmp_path / f"{len(flags)}.npz").code == 0
    before, after = (nncli("predict", tmp_path / f"{i}.npz", "digits").out for i in (0, 1))
    assert before == after


# --- the last hidden layer


def test_embeddings_are_what_the_last_hidden_layer_gives(tmp_path: Path, rows: Path, nncli: Callable[..., Any]) -> None:
    model = tmp_path / "m.npz"
    nncli("train", "iris", "--hidden", "7x3", "--activation", "relu,tanh", "--epochs", 5, "-q", "-o", model)
    header, *lines = nncli("predict", model, rows, "--embed", "--keep", "petal_width_cm").out.splitlines()
    assert header == "petal_width_cm,h_0,h_1,h_2"
    H = np.array([line.split(",") for line in lines], float)
    assert H[:, 0].tolist() == [0.2, 2.5]
    with np.load(model) as file:  # W1 (4, 7), b1, W2 (7, 3), b2, W3 (3, 3), b3
        theta, shift, scale = file["theta"], file["shift"], file["scale"]
    X = (np.array([[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]) - shift) * scale
    A1 = np.maximum(X @ theta[:28].reshape(4, 7) + theta[28:35], 0)
    A2 = np.tanh(A1 @ theta[35:56].reshape(7, 3) + theta[56:59])
    np.testing.assert_allclose(H[:, 1:], A2, atol=1e-5)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--embed", "--proba"],
         "--embed: it replaces the predictions, and --proba asks for them. Leave one of them out."),
        (["--embed"], "--embed: model 'svm' has no hidden layer. Train one with --model mlp."),
    ],
)  # fmt: skip
def test_embeddings_that_cannot_be(
    flags: list[str], message: str, svm: Path, iris_model: Path, rows: Path, nncli: Callable[..., Any]
) -> None:
    found = nncli("predict", iris_model if "--proba" in flags else svm, rows, *flags)
    assert (found.code, found.err) == (2, message + "\n")


def test_an_embedding_of_one_unit_has_no_empty_lines(tmp_path: Path, nncli: Callable[..., Any]) -> None:
    model = tmp_path / "m.npz"
    nncli("train", "iris", "--hidden", 1, "--epochs", 2, "-q", "-o", model)
    (tmp_path / "bad.csv").write_text(ROW.replace("6.3", "oops"))
    found = nncli("predict", model, tmp_path / "bad.csv", "--embed", "--on-error", "blank").out.splitlines()
    assert (found[0], found[2]) == ("h_0", '""')
