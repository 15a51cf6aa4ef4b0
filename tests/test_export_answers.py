"""Exported models give the answers of `nncli predict`, in its own runtime: twelve kinds of tables, all models."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import exported
from nncli.cli.main import main
from nncli.export.description import description_of
from nncli.export.golden import table_of
from nncli.model import checkpoint
from nncli.model.model import Model

CLASSES = ["no 'way'", "yes", 'so "so"']
OF_CLASSES = {
    "perceptron": ["--model", "perceptron"],
    "averaged-perceptron": ["--model", "averaged-perceptron"],
    "mira": ["--model", "mira"],
    "adaline": ["--model", "adaline"],
    "logistic": ["--model", "logistic"],
    "softmax": ["--model", "softmax"],
    "svm": ["--model", "svm"],
    "svm, calibrated": ["--model", "svm", "--calibrate"],
    "mlp, two layers": ["--model", "mlp", "--hidden", "16,8", "--activation", "prelu,gelu"],
    "mlp, selu and mish": ["--model", "mlp", "--hidden", "16,8", "--activation", "selu,mish"],
    "mlp in float64": ["--model", "mlp", "--dtype", "float64", "--activation", "elu"],
    "mlp, one against the rest": ["--model", "mlp", "--loss", "binary-cross-entropy", "--activation", "softplus"],
    "mlp, squared error": ["--model", "mlp", "--loss", "mse:link=softmax", "--activation", "leaky-relu"],
    "mlp, costs": ["--model", "mlp", "--activation", "arctan", "--cost", "costs.csv"],
    "mlp, robust": ["--model", "mlp", "--scale", "robust"],
}
OF_TWO = {
    "perceptron": ["--model", "perceptron"],
    "logistic": ["--model", "logistic"],
    "svm, calibrated": ["--model", "svm", "--calibrate"],
    "mlp, threshold": [
        "--model",
        "mlp",
        "--activation",
        "tanh",
        "--positive",
        "yes",
        "--choose-threshold",
        "recall=0.9",
    ],
    "logistic, robust": ["--model", "logistic", "--scale", "robust"],
    "mlp, sigmoid": ["--model", "mlp", "--activation", "sigmoid", "--loss", "mse:link=sigmoid"],
}
OF_NUMBERS = {
    "linear": ["--model", "linear"],
    "mlp, float64": ["--model", "mlp", "--dtype", "float64", "--activation", "silu"],
    "mlp, quantile": ["--model", "mlp", "--loss", "quantile"],
    "mlp, robust": ["--model", "mlp", "--scale", "robust", "--dtype", "float64"],
}
NEAR = {"float32": 1e-6, "float64": 1e-9}
COSTS = "class,no 'way',so \"so\",yes\nno 'way',0,1,9\nso \"so\",2,0,2\nyes,1,5,0\n"
ODD = 5  # every fifth row has cells that no row of training has


def check(kind: str, of: str, models: Sequence[str], n: int, databases: Sequence[str]) -> None:
    """Train models on a table of that kind, export each to every target, and compare the answers for n new rows."""
    K, options = {"classes": (3, OF_CLASSES), "two": (2, OF_TWO), "numbers": (0, OF_NUMBERS)}[of]
    training, rows = exported.table(kind, 240, seed=K), exported.table(kind, n, seed=9, odd=True)
    values = np.array([exported.value_of(row) for row in training])
    borders = np.quantile(values, [[], [], [0.6], [0.3, 0.6]][K])
    named = [f"{100 + 20 * value:.3f}" if not K else CLASSES[np.searchsorted(borders, value)] for value in values]
    Path("training.csv").write_text(exported.as_csv(kind, training, named), "utf-8")
    Path("new.csv").write_text(exported.as_csv(kind, rows), "utf-8")
    Path("costs.csv").write_text(COSTS)
    for i, name in enumerate(models):
        file = Path(f"model{i}_of_{os.getpid()}_{kind.replace(' ', '_')}_{of}.npz").resolve()
        words = ["train", "training.csv", "-t", "target", "--epochs", "15", "-q", "--json", "-o", str(file)]
        assert main([*words, *options[name]]) == 0
        compare(
            file,
            rows,
            name,
            [*databases, *(one for one in ("onnx", "c", "python", "js") if one not in exported.MISSING)],
        )


def compare(file: Path, rows: Sequence[exported.Row], name: str, runtimes: Sequence[str]) -> None:
    """Export a model, and compare the answers of the runtimes with those of `predict`."""
    model, provenance = checkpoint.load(file)
    description = description_of(model, provenance)
    is_number = model.target is not None
    assert main(["predict", str(file), "new.csv", "-q", "-o", "own.csv", *([] if is_number else ["--proba"])]) == 0
    own = [*csv.reader(Path("own.csv").read_text("utf-8").splitlines())][1:]
    answers = np.array([[float(cell) for cell in row[not is_number :]] for row in own])
    allowed = tolerances(model, answers, rows)
    for target in {"sql" if one in ("sqlite", "duckdb") else one for one in runtimes}:
        assert main(["export", str(file), "--to", target, "-q"]) == 0
    for runtime in runtimes:
        predictions, found = {
            "onnx": lambda: exported.in_onnx(file.with_suffix(".onnx"), rows),
            "c": lambda: exported.in_c(file.with_suffix(".c"), rows, description),
            "python": lambda: exported.in_python(file.with_suffix(".py"), rows),
            "js": lambda: exported.in_javascript(file.with_suffix(".mjs"), rows),
            "sqlite": lambda: exported.in_sqlite(file.with_suffix(".sql"), rows),
            "duckdb": lambda: exported.in_duckdb(file.with_suffix(".sql"), rows),
        }[runtime]()
        off = np.abs(found - answers).max(axis=1)
        assert (off <= allowed).all(), f"{name} in {runtime}: row {np.argmax(off / allowed)} is off by {off.max()}"
        if not is_number:
            other = [i for i, row in enumerate(own) if row[0] != predictions[i] and not is_level(model, answers[i])]
            assert not other, f"{name} in {runtime}: other classes in the rows {other}"


def tolerances(model: Model, answers: np.ndarray, rows: Sequence[exported.Row]) -> np.ndarray:
    """Return how far off the answers (n, K) may be, (n,): 1e-6 for probabilities, in float64 1e-9. Scores and numbers
    have units: they may be that far off in proportion to their size, and numbers, which are rounded, by one unit of
    their last place. Odd rows may also be as far off as float32 makes `predict` itself in one
    of them (four times that)."""
    dtype = model.network.dtype.name
    if model.target is not None:
        size = np.maximum(model.target.sd, np.abs(answers - model.target.mean))[:, 0]
        near = NEAR[dtype] * size + 10.0 ** -model.target.decimals(dtype)
    else:
        size = np.ones(len(answers)) if model.probabilistic else np.maximum(1, np.abs(answers)).max(axis=1)
        near = NEAR[dtype] * size
    table = table_of(rows, model.schema)
    exact = model.in_double()
    if model.target is not None:
        rounded = np.abs(exact.numbers(exact.scores(table)) - model.numbers(model.scores(table)))
    else:
        rounded = np.abs(exact.by_class(exact.scores(table)) - answers).max(axis=1)
    is_odd = (np.arange(len(answers)) % ODD == 0) | (not model.probabilistic)
    return np.asarray(near + np.where(is_odd, 4 * rounded.max(), 0))


def is_level(model: Model, answers: np.ndarray) -> bool:
    """Tell whether the first two classes are nearer than 1e-5."""
    if model.decision is not None and model.decision.threshold is not None:
        return bool(abs(answers[model.positive] - model.decision.threshold) <= 1e-5)
    if model.decision is not None and model.decision.costs:
        answers = -answers @ np.array(model.decision.costs)
    first, second = np.sort(answers)[::-1][:2]
    return bool(first - second <= 1e-5 * max(1, abs(first)))


@pytest.fixture(autouse=True)
def _in_a_folder(in_a_folder_of_its_own: None) -> None:
    pass


SHORT = [
    ("all", "classes", "mlp, two layers"),
    ("names", "classes", "mlp, costs"),
    ("names", "classes", "mlp, selu and mish"),
    ("times", "two", "mlp, threshold"),
    ("missing", "two", "svm, calibrated"),
    ("all", "numbers", "mlp, quantile"),
    ("all", "classes", "mlp, robust"),
    ("missing", "numbers", "mlp, robust"),
]


@pytest.mark.parametrize(("kind", "of", "name"), SHORT, ids=[f"{kind}-{of}-{name}" for kind, of, name in SHORT])
def test_answers_are_those_of_predict(kind: str, of: str, name: str) -> None:
    check(kind, of, [name], 100, ["sqlite"])


@exported.needs_node
@exported.needs_cc
def test_cells_far_outside_overflow_nowhere() -> None:
    """The exponentials of a hidden unit that gets ±10³ or more have no place among the numbers."""
    training, rows = exported.table("numbers", 60, seed=1), exported.table("numbers", 24, seed=2)
    Path("training.csv").write_text(exported.as_csv("numbers", training, [CLASSES[i % 3] for i in range(60)]), "utf-8")
    far = [{name: value * 10.0 ** (1 + i % 8) for name, value in row.items()} for i, row in enumerate(rows)]
    Path("new.csv").write_text(exported.as_csv("numbers", far), "utf-8")
    words = ["train", "training.csv", "-t", "target", "--epochs", "2", "--dtype", "float64", "-q", "--json"]
    for activation in ("selu,mish", "softplus,elu"):
        file = Path(f"far_{activation.replace(',', '_')}.npz").resolve()  # as a library is loaded once for each name
        assert main([*words, "--hidden", "6,6", "--activation", activation, "-o", str(file)]) == 0
        compare(file, far, activation, ["sqlite", "onnx", "c", "python", "js"])


@exported.needs_node
@pytest.mark.long
@pytest.mark.parametrize("of", ["classes", "two", "numbers"])
@pytest.mark.parametrize("kind", exported.KINDS)
def test_answers_are_those_of_predict_for_all_models(kind: str, of: str) -> None:
    models = {"classes": OF_CLASSES, "two": OF_TWO, "numbers": OF_NUMBERS}[of]
    check(kind, of, [*models], 300, ["sqlite", "duckdb"] if kind in ("all", "names", "times") else ["sqlite"])
