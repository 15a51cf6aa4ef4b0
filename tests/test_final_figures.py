"""The figures that a training run ends with are those of the model as it is used, each under its own name."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss

from nncli.config.train_config import TrainConfig
from nncli.training.prepare import prepare

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def said(nncli: Run, data: str) -> tuple[np.ndarray, np.ndarray]:
    """Return what `predict` says of each row: its class, and the probability of each, in the order of their names."""
    lines = [line.split(",") for line in nncli("predict", "model.npz", data, "--proba", "-q").out.splitlines()]
    P = np.array([[*map(float, line[1:])] for line in lines[1:]])
    return np.array([line[0] for line in lines[1:]]), P / P.sum(axis=1, keepdims=True)  # it writes a few figures


WITH_PROBABILITIES = [
    "iris",
    "iris --calibrate",
    "iris --model logistic",  # one against the rest: K losses are added up
    "iris --model logistic --calibrate",
    "iris --model svm --calibrate",
    "iris --loss mse:link=softmax",
    "iris --class-weight balanced",
    "iris --label-smoothing 0.2",
    "moons --model logistic --metric log-loss",
    "moons --model svm --calibrate",
    "moons --cost missed=9,false-alarm=1 --positive upper",
]


@pytest.mark.parametrize("options", WITH_PROBABILITIES)
def test_log_loss_and_accuracy_are_those_of_what_predict_says(nncli: Run, options: str) -> None:
    figures = nncli("train", *options.split(), "--epochs", 5, "--hidden", 8, "--json").json
    data = options.split()[0]
    prepared = prepare(TrainConfig(data=(data,)))
    classes = np.array(prepared.dataset.classes)
    predicted, P = said(nncli, data)
    for key, part in (("train", prepared.train), ("val", prepared.val), ("test", prepared.test)):
        y = classes[prepared.dataset.y[part.rows]]
        assert figures[key]["log_loss"] == pytest.approx(log_loss(y, P[part.rows], labels=classes), rel=1e-5)
        assert figures[key]["accuracy"] == pytest.approx(accuracy_score(y, predicted[part.rows]))
    judged = nncli("eval", "model.npz", "--json").json
    assert judged["log_loss"] == pytest.approx(figures["test"]["log_loss"], rel=1e-12)


@pytest.mark.parametrize("options", WITH_PROBABILITIES)
def test_the_table_shows_the_log_loss_of_eval_once(nncli: Run, options: str) -> None:
    table = nncli("train", *options.split(), "--epochs", 20, "--hidden", 8).out
    assert len(re.findall("loss", table)) == len(re.findall("log loss", table)) == 1
    shown = next(line for line in io.StringIO(table) if line.startswith("test")).split()[2]
    assert shown == next(
        line for line in io.StringIO(nncli("eval", "model.npz").out) if line.startswith("log loss")
    ).split()[2]  # fmt: skip


@pytest.mark.parametrize("options", WITH_PROBABILITIES)
def test_loss_and_log_loss_are_one_number_and_another_one_has_another_name(nncli: Run, options: str) -> None:
    """Not only in the documents: after `--metric loss`, eval shows one figure called a loss."""
    trained = nncli("train", *options.split(), "--epochs", 5, "--hidden", 8, "--json").json
    assert all(trained[part]["loss"] == trained[part]["log_loss"] for part in ("train", "val", "test"))
    asked = nncli("eval", "model.npz", "--metric", "loss", "--json").json
    first = nncli("eval", "model.npz", "--metric", "loss").out.splitlines()[3].split("  ")[0]
    is_log_loss = trained["test"]["objective"] == pytest.approx(trained["test"]["log_loss"], rel=1e-6)
    is_weighted = "--class-weight" in options
    name = "log-loss" if is_log_loss and not is_weighted else "objective"
    assert (asked["metric"]["name"], first) == (name, name.replace("-", " "))
    if name == "log-loss":
        assert asked["metric"]["value"] == asked["log_loss"]


def test_the_curve_and_progress_call_what_is_no_log_loss_the_objective(nncli: Run) -> None:
    for options, name in (([], "loss"), (["--calibrate"], "objective"), (["-m", "logistic"], "objective")):
        outcome = nncli("train", "iris", "--epochs", 2, *options, "--plot")
        assert re.findall(r"^(loss|objective)\b", outcome.err, re.M)[0] == name
        panel = nncli("plot", "model.npz", "curve", "--json").json["panels"][0]
        assert panel["y"]["title"] == name


@pytest.mark.parametrize("options", ["iris --model svm", "iris --model perceptron", "iris --model adaline"])
def test_without_probabilities_the_loss_of_training_is_shown_under_its_name(nncli: Run, options: str) -> None:
    outcome = nncli("train", *options.split(), "--epochs", 5)
    assert "log loss" not in outcome.out
    assert re.search(r"rows +loss +accuracy", outcome.out)
    assert nncli("train", *options.split(), "--epochs", 5, "--json").json["test"]["log_loss"] is None


def test_a_metric_that_is_shown_anyway_has_no_second_column(nncli: Run) -> None:
    for name in ("accuracy", "log-loss"):
        header = nncli("train", "iris", "--epochs", 3, "--metric", name).out.splitlines()[0]
        assert header.split() == ["rows", "log", "loss", "accuracy"]
