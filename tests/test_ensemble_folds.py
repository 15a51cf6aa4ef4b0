"""Ensembles whose members each leave out a fold: they never see it, and are validated on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss

from nncli import NNClassifier
from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.bundled import path_of
from nncli.data.scaled_rows import Matrix, Subset
from nncli.errors import NncliError
from nncli.model.network import build_network
from nncli.nn.calibration import calibrate
from nncli.nn.ensemble import Ensemble
from nncli.nn.input_layers import InputKinds
from nncli.nn.losses import LOSSES
from nncli.training.batch import Batch
from nncli.training.prepare import prepare
from nncli.training.run import run_training
from nncli.training.splitting import Fold, repeated_in_folds
from nncli.training.trainer import Trainer
from training import K, blobs

Run = Callable[..., Any]


def trainer(train: Subset, val: Subset, rngs: list[np.random.Generator], **options: object) -> Trainer:
    asked = TrainConfig(**{"hidden": (5,), "dtype": "float64", "epochs": 5, "batch_size": 0, **options})
    config = resolve(asked, len(train), has_val=True)
    network, loss = build_network(config.model, InputKinds(2), K)
    network.initialize(config.model.init, *rngs)
    return Trainer(network, loss, config, train, val, K, np.random.default_rng(7))


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_a_member_learns_from_all_rows_but_its_fold(weighted: bool) -> None:
    """With full batches it learns what a network does that never had the others."""
    every = blobs(60)
    weights = np.random.default_rng(1).uniform(0.5, 2, 60) if weighted else None
    every = dataclasses.replace(every, weights=weights)
    folds = np.arange(60) % 3
    rngs = [np.random.default_rng(i) for i in range(3)]
    together = trainer(every, dataclasses.replace(every, folds=folds), rngs, ensemble="folds:3")
    list(together.run())
    losses, right = [], []
    for i, theta in enumerate(together.network.theta.reshape(3, -1)):
        train = dataclasses.replace(every, rows=np.flatnonzero(folds != i))
        val = dataclasses.replace(every, rows=np.flatnonzero(folds == i))
        alone = trainer(train, val, [np.random.default_rng(i)])
        list(alone.run())
        np.testing.assert_allclose(theta, alone.network.theta, rtol=1e-9, atol=1e-12)
        losses.append([one.val_loss for one in alone.history])
        right.append([one.val_accuracy for one in alone.history])
    shown = [(one.val_loss, one.val_accuracy) for one in together.history]
    np.testing.assert_allclose([one for _, one in shown], np.mean(right, axis=0), rtol=1e-12)
    if not weighted:  # of folds of the same size the mean of their means is that of all rows
        np.testing.assert_allclose([one for one, _ in shown], np.mean(losses, axis=0), rtol=1e-9)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_a_batch_in_parts_has_the_gradient_of_one_pass(weighted: bool) -> None:
    """Each part has other shares of the folds: of the first fold, all rows are in the first two."""
    every, folds = blobs(60), np.repeat([0, 1, 2], [23, 17, 20])
    weights = np.random.default_rng(1).uniform(0.5, 2, 60) if weighted else None
    every = dataclasses.replace(every, weights=weights, folds=folds)
    rngs = [np.random.default_rng(i) for i in range(3)]
    network = trainer(every, every, rngs, ensemble="folds:3").network
    loss, found, gradients = LOSSES.create("cross-entropy"), [], []
    for size in (60, 13):  # 13 rows at a time: 13, 13, 13, 13 and 8
        batch = Batch(every, loss, K, network, size, each_member=True)
        found.append(batch.learn(every.rows))
        gradients.append(network.grad.copy())
    np.testing.assert_allclose(gradients[1], gradients[0], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12)


def test_a_fold_that_a_batch_is_whole_teaches_its_member_nothing() -> None:
    every = blobs(12)
    folds = np.zeros(12, np.int64)
    one = trainer(every, dataclasses.replace(every, folds=folds), [np.random.default_rng(0)] * 2, ensemble="folds:2")
    first, second = one.network.theta.reshape(2, -1)
    list(one.run())
    assert np.abs(first - second).max() > 1e-3
    begun = trainer(every, dataclasses.replace(every, folds=folds), [np.random.default_rng(0)] * 2, ensemble="folds:2")
    assert np.array_equal(first, begun.network.theta.reshape(2, -1)[0])


def test_validation_figures_are_those_of_rows_left_out() -> None:
    """As scikit-learn has them, of each row by the member that never saw it."""
    prepared = prepare(TrainConfig(data=("iris",), hidden=(6,), epochs=12, ensemble="folds:4", dtype="float64"))
    run = run_training(prepared)
    assert run is not None
    network, model, folds = run.model.network, run.model, prepared.val.folds
    assert isinstance(network, Ensemble)
    assert folds is not None
    assert isinstance(prepared.train.matrix, Matrix)
    rows = prepared.train.rows
    assert np.array_equal(rows, prepared.val.rows)
    assert sorted(np.bincount(folds[rows]).tolist()) == [32, 32, 32, 32]  # of 128 rows beside 22 for the test
    P = np.empty((len(rows), 3))
    for i, member in enumerate(network.members()):
        alone = dataclasses.replace(model, network=member)
        own = folds[rows] == i
        P[own] = alone.by_class(member.forward(prepared.train.inputs()[own]).copy())
    y = prepared.dataset.y[rows]
    assert run.figures["val"]["accuracy"] == pytest.approx(accuracy_score(y, P.argmax(axis=1)))
    assert run.figures["val"]["loss"] == pytest.approx(log_loss(y, P), rel=1e-6)


def test_calibration_and_metric_are_of_rows_left_out() -> None:
    """Of each row the member that never saw it decides; the mean of all members would look better than it is."""
    asked = TrainConfig(data=("wine",), hidden=(20,), epochs=20, ensemble="folds:4", dtype="float64")
    prepared = prepare(dataclasses.replace(asked, calibrate=True, metric="accuracy"))
    run = run_training(prepared)
    assert run is not None
    network, folds = run.model.network, prepared.val.folds
    assert isinstance(network, Ensemble)
    assert folds is not None
    assert isinstance(prepared.train.matrix, Matrix)
    rows = prepared.train.rows
    of_members = np.array([member.forward(prepared.train.inputs()).copy() for member in network.members()])
    Z, y = of_members[folds[rows], np.arange(len(rows))], prepared.dataset.y[rows].astype(np.int64)
    together = network.forward(prepared.train.inputs()).copy()
    assert accuracy_score(y, Z.argmax(axis=1)) < accuracy_score(y, together.argmax(axis=1))
    assert run.figures["metric"]["val"] == pytest.approx(accuracy_score(y, Z.argmax(axis=1)))
    expected, found = calibrate(Z, y, run.model.loss, K), run.model.calibration
    assert found is not None
    assert found.a == pytest.approx(expected.a, rel=1e-6)


def test_rows_of_a_group_are_left_out_together(tmp_path: Path) -> None:
    header, *lines = Path(path_of("iris")).read_text().splitlines()
    rows = [f"{line},g{i % 30}" for i, line in enumerate(lines)]
    (tmp_path / "d.csv").write_text("\n".join([f"{header},who", *rows, ""]))
    prepared = prepare(TrainConfig(data=(str(tmp_path / "d.csv"),), target="class", group="who", ensemble="folds:3"))
    folds = prepared.val.folds
    assert folds is not None
    for who in range(30):
        assert len({*folds[np.arange(150) % 30 == who].tolist()}) == 1


def test_repeated_rows_in_other_folds_are_told() -> None:
    """By hand: rows 0 and 2 are the same, and in two folds; 1 and 4 are the same, and in one."""
    hashes, folds = np.array([7, 9, 7, 8, 9], np.uint64), np.array([0, 1, 1, 0, 1])
    [said] = repeated_in_folds(hashes, folds)
    assert said.startswith("2 of 5 rows have the same values as a row of another fold")
    assert repeated_in_folds(hashes, np.zeros(5, np.int64)) == []


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_model_of_folds_is_like_any_other(nncli: Run, here: Path) -> None:
    how = ("--hidden", "4", "--epochs", "6", "--ensemble", "folds:3", "-q", "--json")
    outcome = nncli("train", "iris", *how, "-o", "m.npz")
    assert (outcome.code, outcome.json["n_train"], outcome.json["n_val"]) == (0, 128, 128), outcome.err
    assert nncli("eval", "m.npz", "-q", "--json").json["n"] == 22
    assert nncli("predict", "m.npz", "iris", "--uncertainty", "-q").code == 0


@pytest.mark.long
def test_a_model_of_folds_has_a_report(nncli: Run, here: Path) -> None:
    how = ("--hidden", "4", "--epochs", "6", "--ensemble", "folds:3", "-q")
    assert nncli("train", "iris", *how, "-o", "m.npz").code == 0
    assert nncli("report", "m.npz", "-o", "r.html", "-q").code == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("train wine --ensemble folds:60", 1, "Use fewer members in --ensemble"),
        ("train wine --ensemble folds:1", 2, "--ensemble: expected a number of members"),
        ("train wine --ensemble folds:3 --folds 3", 2, "--folds: with --ensemble folds:3"),
        ("train wine --ensemble folds:3 --refit", 2, "--refit: with --ensemble folds:3"),
        ("train wine --ensemble folds:3 --val-data wine", 2, "--val-data: with --ensemble folds:3"),
        ("train wine --ensemble folds:3 --test 0 --reference linear", 2, "--reference: there are no rows"),
        ("sweep wine --ensemble folds:3,1", 2, "--ensemble: members that leave out folds"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) and value.startswith(("train", "sweep")) else "",
)
def test_folds_without_meaning_are_refused(words: str, code: int, said: str, nncli: Run, here: Path) -> None:
    outcome = nncli(*words.split(), "-q", "-o", "m.npz")
    assert (outcome.code, Path("m.npz").exists()) == (code, False)
    assert said in outcome.err


def test_more_steps_need_another_ensemble() -> None:
    X = np.random.default_rng(0).normal(size=(30, 2))
    with pytest.raises(NncliError, match="leave out a fold"):
        NNClassifier(ensemble="folds:3").partial_fit(X, np.arange(30) % 2, classes=[0, 1])


@pytest.mark.usefixtures("in_a_folder_of_its_own")
@pytest.mark.parametrize("test", [0.15, 0.5])
@pytest.mark.parametrize("rows", [20, 60, 130])
def test_folds_of_few_numbers_have_the_test_rows_that_the_model_has(rows: int, test: float) -> None:
    """No fold of a sweep or of --folds validates what the model at the end is tested on; each other row is in one."""
    y = np.random.default_rng(rows).normal(size=rows)
    Path("d.csv").write_text("x,y\n" + "".join(f"{i / 7:.3f},{one:.4f}\n" for i, one in enumerate(y)))
    options = TrainConfig(data=("d.csv",), target="y", task="regression", hidden=(2,), test=test)
    tested = prepare(options).split.test.tolist()
    assert len(tested) == round(rows * test)
    for folds in (2, 5):
        parts = [prepare(options, fold=Fold(i, folds)).split for i in range(folds)]
        parts_judged = [prepare(options, fold=Fold(i, folds, is_test=True)).split.test for i in range(folds)]
        assert all(part.test.tolist() == tested for part in parts)
        for found in ([part.val for part in parts], parts_judged):
            assert sorted([*np.concatenate(found).tolist(), *tested]) == [*range(rows)]
        members = prepare(dataclasses.replace(options, ensemble=f"folds:{folds}"))
        assert members.split.test.tolist() == tested
        assert members.val.folds is not None
        assert {*members.val.folds[members.train.rows].tolist()} == {*range(folds)}


def test_train_says_who_judges_the_validation_rows(nncli: Run) -> None:
    said = nncli("train", "iris", "--hidden", 2, "--epochs", 1, "--ensemble", "folds:2", "--dry-run").err
    assert "rows: 128 training, 128 validation (each by the member that leaves it out), 22 test" in said


@pytest.mark.long
@pytest.mark.usefixtures("in_a_folder_of_its_own")
def test_a_report_says_which_rows_told_when_to_stop(nncli: Run) -> None:
    """They are no others than those that the members learned from."""
    Path("d.csv").write_text("x,y\n" + "".join(f"{i % 7 / 7 + i / 60:.2f},{i / 10 + i % 7:.1f}\n" for i in range(60)))
    words = ["-t", "y", "--task", "regression", "--hidden", 2, "--epochs", 2, "--ensemble", "folds:2", "-q"]
    assert nncli("train", "d.csv", *words, "-o", "m.npz").code == 0
    assert nncli("report", "m.npz", "-q", "-o", "r.md").code == 0
    said = Path("r.md").read_text()
    assert "| ensemble | 2 members that each leave out a fold of the rows; their predictions are averaged |" in said
    assert "| rows | 51 training, 51 validation (each by the member that leaves it out), 9 test |" in said
