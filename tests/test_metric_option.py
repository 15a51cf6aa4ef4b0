"""--metric: which ones a command takes, what it says of the others, and that its advice works."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from nncli.data.bundled import path_of
from nncli.nn.losses import LOSSES

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.mark.parametrize("model", ["svm", "perceptron", "adaline", "softmax", "mlp"])
def test_the_loss_of_the_test_rows_is_that_of_training(model: str, nncli: Run) -> None:
    trained = nncli("train", "wine", "-m", model, "--epochs", 20, "--json").json
    found = nncli("eval", "model.npz", "--metric", "loss", "--json").json["metric"]
    assert found["value"] == pytest.approx(trained["test"]["loss"], rel=1e-6)
    assert found["interval"] is None or found["interval"][0] <= found["value"] <= found["interval"][1]


def test_the_hinge_loss_of_new_rows_by_hand(nncli: Run) -> None:
    """max(0, 1 − t z), with the score z of the second class, t = 1 for it and −1 for the other."""
    nncli("train", "breast-cancer", "-m", "svm", "-q")
    table = [
        line.split(",")
        for line in nncli("predict", "model.npz", "breast-cancer", "--proba", "--keep", "class").out.splitlines()
    ]
    t = np.array([1 if row[0] == "malignant" else -1 for row in table[1:]])
    z = np.array([float(row[table[0].index("score_malignant")]) for row in table[1:]])
    found = nncli("eval", "model.npz", "breast-cancer", "--metric", "loss", "--json").json["metric"]
    assert found["value"] == pytest.approx(np.maximum(0, 1 - t * z).mean(), rel=1e-5)


@pytest.mark.parametrize("rest", [["--metric", "loss"], ["--metric", "log-loss"]])
def test_a_column_is_as_important_by_the_loss_as_by_what_it_is(rest: list[str], nncli: Run) -> None:
    nncli("train", "wine", "-m", "softmax", "--epochs", 20, "-q")
    found = nncli("explain", "model.npz", *rest, "--json").json
    assert found["value"] == pytest.approx(nncli("eval", "model.npz", "--json").json["log_loss"])
    assert len(found["importance"]) == 13
    assert max(one["importance"] for one in found["importance"]) > 0.01


@pytest.mark.parametrize(
    ("data", "metric", "advice"),
    [
        ("iris", "top-k:k=9", "top-k:k=2"),
        ("iris", "top-k:k=3", "top-k:k=2"),
        ("iris", "top-k", "top-k:k=2"),
        ("breast-cancer", "top-k:k=2", "accuracy"),
        ("iris", "f-beta:beta=0.5", "f-beta:average=macro:beta=0.5 or f-beta:average=weighted:beta=0.5"),
        ("iris", "f-beta", "f-beta:average=macro or f-beta:average=weighted"),
        ("iris", "f1:average=positive", "f1:average=macro or f1:average=weighted"),
    ],
)
def test_a_metric_that_says_nothing_of_these_classes_is_refused_with_one_that_does(
    data: str, metric: str, advice: str, nncli: Run
) -> None:
    """The k likeliest of K ≤ k classes are all of them, so that every row is right."""
    nncli("train", data, "--epochs", 2, "-q")
    for command in (["eval", "model.npz"], ["train", data, "--epochs", 2, "-o", "other.npz"]):
        refused = nncli(*command, "--metric", metric, "-q")
        assert refused.code == 2
        assert refused.err.endswith(f"Use {advice}.\n")
        for other in advice.split(" or "):
            assert nncli(*command, "--metric", other, "-q").code == 0


def test_losses_of_two_models_are_not_compared_and_the_advice_works(nncli: Run) -> None:
    for model, advice in (("softmax", "log-loss"), ("svm", "accuracy")):
        nncli("train", "wine", "-m", model, "--epochs", 20, "-q")
        refused = nncli("eval", "model.npz", "model.npz", "--metric", "loss")
        assert re.search(r"Use (.*)\.\n$", refused.err)[1] == advice
        assert nncli("eval", "model.npz", "model.npz", "--metric", advice).code == 0


def test_of_two_classes_both_cross_entropies_are_one_number() -> None:
    """−log p of the true class, by scikit-learn: from one score z, and from the two scores 0 and z."""
    rng = np.random.default_rng(0)
    z, y = rng.normal(scale=3, size=(50, 1)), rng.integers(2, size=50)
    of = []
    for name, Z in (("binary-cross-entropy", z), ("cross-entropy", np.hstack([np.zeros_like(z), z]))):
        loss, Y, P = LOSSES.create(name), np.empty_like(Z), np.empty_like(Z)
        loss.write_targets(y, Y)
        of.append(loss.forward(Z, Y, P))
    p = 1 / (1 + np.exp(-z[:, 0]))
    assert of[0] == pytest.approx(of[1])
    assert of[0].mean() == pytest.approx(metrics.log_loss(y, p))


def test_a_sweep_compares_the_cross_entropies_of_two_classes_and_of_no_more(nncli: Run) -> None:
    how = ["--model", "logistic,mlp", "--metric", "loss", "--epochs", 2, "--jobs", 1, "-q"]
    found = nncli("sweep", "breast-cancer", *how, "--json")
    assert found.code == 0, found.err
    assert nncli("sweep", "--show", "model.sweep.jsonl", "--json").json["standings"] == found.json["standings"]
    for other in (["iris", *how, "-o", "i.npz"], ["breast-cancer", *how, "--loss", "mse,cross-entropy", "-o", "b.npz"]):
        refused = nncli("sweep", *other)
        assert (refused.code, refused.err.split(".")[0]) == (
            2,
            "--metric: losses of different kinds cannot be compared",
        )


def test_eval_reports_the_metric_that_is_asked_for_first(nncli: Run, iris_model: Path) -> None:
    """F0.5, macro, by scikit-learn from what `predict` says; one that does not fit is refused with one that does."""
    found = nncli("eval", iris_model, "iris", "--metric", "f-beta:beta=0.5:average=macro", "--json", "-q").json
    predicted = nncli("predict", iris_model, "iris").out.split()[1:]
    y = [line.split(",")[-1] for line in path_of("iris").read_text().split()[1:]]
    expected = metrics.fbeta_score(y, predicted, beta=0.5, average="macro")
    assert found["metric"]["value"] == pytest.approx(expected, rel=1e-9)
    assert found["metric"]["interval"][0] < expected < found["metric"]["interval"][1]
    shown = nncli("eval", iris_model, "iris", "--metric", "f-beta:beta=0.5:average=macro", "-q").out
    assert shown.splitlines()[3].startswith("F0.5, macro")
    refused = nncli("eval", iris_model, "iris", "--metric", "f1")
    assert refused.err.endswith("Use f1:average=macro or f1:average=weighted.\n")
    assert nncli("eval", iris_model, "iris", "--metric", "f1:average=macro").code == 0


def test_figures_of_the_positive_class_are_those_of_the_class_that_is_named(nncli: Run) -> None:
    """By scikit-learn, with the first of two classes as the positive one."""
    nncli("train", "breast-cancer", "--positive", "benign", "--epochs", "3", "-o", "m.npz", "-q")
    found = nncli("eval", "m.npz", "breast-cancer", "--metric", "f-beta", "--json", "-q").json
    predicted = nncli("predict", "m.npz", "breast-cancer", "--proba", "-q").out.split("\n")[:-1]
    y = [line.split(",")[-1] for line in path_of("breast-cancer").read_text().split("\n")[1:-1]]
    said, p = zip(*(line.split(",")[:2] for line in predicted[1:]), strict=True)
    assert predicted[0] == "prediction,p_benign,p_malignant"
    expected = metrics.precision_score(y, said, pos_label="benign")
    assert found["metrics"]["precision"]["value"] == pytest.approx(expected)
    assert found["metric"]["value"] == pytest.approx(metrics.fbeta_score(y, said, beta=2, pos_label="benign"))
    is_benign = [one == "benign" for one in y]
    expected = metrics.average_precision_score(is_benign, np.array(p, float))
    assert found["metrics"]["average-precision"]["value"] == pytest.approx(expected, abs=1e-4)
    assert "precision of benign" in nncli("eval", "m.npz", "breast-cancer", "-q").out
