"""What is checked is what training makes smaller: with all that the options add to the loss."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.config.train_config import TrainConfig
from nncli.diagnostics import gradcheck
from nncli.diagnostics.gradcheck import NetworkKind, check_all_kinds
from nncli.diagnostics.training_objective import ROWS, objective_of_options
from nncli.nn.layers import Array, Dropout
from nncli.nn.losses import CrossEntropy
from nncli.nn.network import Network
from nncli.nn.regularisation import Penalty
from nncli.training.batch import Batch

Run = Callable[..., Any]
KIND = NetworkKind("tanh", "cross-entropy", (5, 4), 3)
add_gradient, backward = Penalty.add_gradient, Batch.backward


def without_l1(self: Penalty, network: Network) -> None:
    add_gradient(Penalty(0, self.l2, self.decoupled), network)


def without_l2(self: Penalty, network: Network) -> None:
    add_gradient(Penalty(self.l1, 0), network)


def without_mask(self: Dropout, dA: Array, X: Array, A: Array, dX: Array | None) -> None:
    if dX is not None:
        np.copyto(dX, dA)


def without_smoothing(self: CrossEntropy, Z: Array, P: Array, Y: Array, dZ: Array) -> None:
    np.subtract(P, np.round(Y), out=dZ)


def without_weights(self: Batch, dX: Array | None = None) -> None:
    n = len(self.rows)
    dZ = self.dZ[:n]
    self.loss.backward(self.Z, self.P[:n], self.Y[:n], dZ)
    dZ /= n
    self.network.backward(dZ, dX)


FORGOTTEN = {
    "L1": (Penalty, "add_gradient", without_l1, ["--l1", "0.1"]),
    "L2": (Penalty, "add_gradient", without_l2, ["--l2", "0.1"]),
    "the mask of dropout": (Dropout, "backward", without_mask, ["--dropout", "0.3"]),
    "the mask of input dropout": (Dropout, "backward", without_mask, ["--input-dropout", "0.3"]),
    "label smoothing": (CrossEntropy, "backward", without_smoothing, ["--label-smoothing", "0.2"]),
    "class weights": (Batch, "backward", without_weights, ["--class-weight", "balanced"]),
}


@pytest.mark.parametrize("what", FORGOTTEN)
def test_what_the_gradient_forgets_is_found_where_the_loss_has_it(
    nncli: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str
) -> None:
    owner, name, forgetful, options = FORGOTTEN[what]
    model = tmp_path / "model.npz"
    words = ["wine", "--hidden", "5", "--activation", "tanh"]
    assert nncli("train", *words, *options, "--epochs", "2", "-q", "-o", model).code == 0
    monkeypatch.setattr(owner, name, forgetful)
    assert nncli("gradcheck", *words, "--json").json["passed"]
    for argv in ([*words, *options], [model]):
        outcome = nncli("gradcheck", *argv, "--json")
        assert outcome.code == 1
        assert "wrong" in {block["verdict"] for block in outcome.json["blocks"]}


@pytest.mark.parametrize("what", FORGOTTEN)
def test_the_check_of_all_kinds_includes_all_terms_of_the_objective(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(gradcheck, "network_kinds", lambda: [KIND])
    [(_, right)] = check_all_kinds(0)
    assert right.passed
    owner, name, forgetful, _ = FORGOTTEN[what]
    monkeypatch.setattr(owner, name, forgetful)
    [(_, wrong)] = check_all_kinds(0)
    assert not wrong.passed


def test_weights_are_those_that_training_would_draw_but_never_0() -> None:
    for init, variance in (("glorot", 2 / (64 + 200)), ("he", 2 / 64)):
        config = TrainConfig(("digits",), hidden=(200,), init=init)
        assert objective_of_options(config, ()).network.dense[0].W.var() == pytest.approx(variance, rel=0.05)
    for config in (TrainConfig(("iris",), model="softmax"), TrainConfig(("iris",), model="softmax", init="zeros")):
        network = objective_of_options(config, ()).network
        assert (network.dense[0].W != 0).all()
        assert (network.dense[0].b != 0).all()


def test_rows_are_as_many_as_usual_unless_the_batch_size_is_given() -> None:
    config = TrainConfig(("iris",), model="perceptron")  # which trains on one row at a time
    assert len(objective_of_options(config, ()).subset) == ROWS
    assert len(objective_of_options(TrainConfig(("iris",), batch_size=1), ("batch_size",)).subset) == 1


def test_rows_that_count_nothing_are_not_drawn(tmp_path: Path) -> None:
    rows = "".join(f"{i % 9},{i % 4},{i % 3},{'pq'[i % 2]}\n" for i in range(200))
    (tmp_path / "data.csv").write_text("a,b,w,class\n" + rows)
    subset = objective_of_options(TrainConfig((str(tmp_path / "data.csv"),), weight="w", target="class"), ()).subset
    assert subset.weights is not None
    assert (subset.weights[subset.rows] > 0).all()


def test_another_seed_takes_other_rows_of_a_saved_model(nncli: Run, iris_model: Path) -> None:
    found = [nncli("gradcheck", iris_model, "--seed", seed, "--json").json["blocks"][0] for seed in (0, 0, 1)]
    assert found[0] == found[1]
    assert found[0]["analytic"] != found[2]["analytic"]


def test_a_column_of_weights_is_left_out_with_a_saved_model_and_that_is_said(nncli: Run, tmp_path: Path) -> None:
    data, model = tmp_path / "data.csv", tmp_path / "model.npz"
    data.write_text("a,b,w,class\n" + "".join(f"{i % 9},{i % 4},{i % 3},{'pq'[i % 2]}\n" for i in range(200)))
    assert nncli("train", data, "--weight", "w", "--epochs", "2", "-q", "-o", model).code == 0
    outcome = nncli("gradcheck", model)
    assert outcome.code == 0
    assert "all rows have equal weight here: the column of weights is ignored\n" in outcome.err
