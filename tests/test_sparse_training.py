"""Training on sparse rows comes to what training on the same rows with their zeros does."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from nncli.data.scaled_rows import SparseMatrix, Subset
from nncli.diagnostics.gradcheck import check_gradients
from nncli.diagnostics.training_objective import Objective
from nncli.errors import TrainingError
from nncli.nn import missed_steps
from nncli.nn.averages import AVERAGES
from nncli.nn.kernels.plain import NUMPY
from nncli.nn.models import MODELS
from nncli.nn.optimizers import OPTIMIZERS
from nncli.nn.regularisation import Penalty
from nncli.nn.touched_rows import TouchedRows
from nncli.training.batch import evaluate, judged
from nncli.training.trainer import Trainer
from numba_extra import needs_numba
from sparse_training import ELEMENTWISE, K, both, exactly, rows_and_classes, same, sparse_rows, trained, trainer


def compare(
    rtol: float = 1e-9, numbers: bool = False, norms: bool = True, kernels: str = "numpy", **options: object
) -> Trainer:
    """Train on both kinds of rows, with validation, the sparse ones with some kernels, and return the trainer of
    these."""
    X, y = rows_and_classes()
    if numbers:
        y = X @ np.random.default_rng(2).normal(size=X.shape[1])
    order = np.random.default_rng(3).permutation(len(y))
    weights = np.random.default_rng(4).uniform(0.5, 2, len(y))
    train, val = (both(X, y, part, weights=weights) for part in (order[:160], order[160:]))
    dense = trained(train[0], val[0], **options)
    sparse = trained(train[1], val[1], **options, kernels=kernels)
    same(dense, sparse, rtol, norms)
    return sparse


@pytest.mark.parametrize("kernels", ["numpy", pytest.param("numba", marks=needs_numba)])
@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("optimizer", ELEMENTWISE)
def test_every_optimizer_and_average(optimizer: str, average: str, kernels: str) -> None:
    how: dict[str, Any] = {"average": average, "kernels": kernels}
    if OPTIMIZERS[optimizer].margin:
        sparse = compare(model="mira", batch_size=1, **how)
    else:
        # l2=0, as a decay apart from g and what moves on by itself come one after the other
        sparse = compare(optimizer=exactly(optimizer), l2=0, schedule="cosine", **how)
    assert sparse.parameters.touched is not None
    assert sparse.parameters.touched._compact


@pytest.mark.parametrize("model", MODELS)
def test_every_model(model: str) -> None:
    preset = MODELS[model]
    options: dict[str, Any] = {"model": model, "batch_size": min(preset.batch_size, 8)}
    if preset.batch_size > 1:
        options |= {"optimizer": exactly("adam"), "l2": 0}
    X, y = rows_and_classes()
    _, rows = both(X, y if preset.classes else y.astype(float))
    if not trainer(rows, **options).network.takes_sparse_rows:
        return  # a network with a layer before the first dense one
    sparse = compare(numbers=not preset.classes, **options)
    assert sparse.parameters.touched is not None
    assert sparse.parameters.touched._compact


@pytest.mark.parametrize(
    "options",
    [
        {"model": "mlp", "hidden": (7, 5), "activation": "prelu", "dropout": 0.3},
        {"model": "mlp", "hidden": (6,), "ensemble": "3"},
        {"model": "mlp", "hidden": (6,), "ensemble": "3", "clip_norm": 0.05, "dropout": 0.2},
        {"clip_norm": 0.05},
        {"max_norm": 0.05},
        {"lr_scale": "weight=fan-in,bias=0.1"},
        {"label_smoothing": 0.1},
        {"schedule": "plateau:patience=1"},
        {"batch_size": 64},
    ],
    ids=lambda options: ",".join(options),
)
def test_what_else_a_step_does(options: dict[str, object]) -> None:
    compare(optimizer="momentum", **options)
    compare(optimizer=exactly("adam"), **options)


def test_numbers_by_every_way_to_their_optimum() -> None:
    for optimizer, batch_size, l2 in (("adagrad", 8, 0), ("lbfgs", None, 0.01), ("exact", None, 0.01)):
        compare(1e-6, numbers=True, model="linear", optimizer=optimizer, batch_size=batch_size, l2=l2)


def test_a_penalty_shrinks_rows_that_no_step_touches() -> None:
    """By SGD, as much as eager steps do; by others nearly, and towards 0."""
    # the gradient of the penalty at rows that are not touched is not in its norm
    compare(norms=False, optimizer="sgd", l2=0.1)
    compare(norms=False, optimizer="sgd", l2=0.1, lr_scale="weight=0.5", decay_schedule="flat-cos")
    X, y = rows_and_classes()
    for optimizer, l1, l2, near in (
        ("sgd", 0.001, 0.0, 0.02),
        ("sgd", 0.001, 0.05, 0.02),
        ("adagrad", 0.0, 0.01, 0.05),
        ("momentum", 0.0, 0.01, 0.05),
        ("rmsprop", 0.0, 0.01, 0.2),
        (exactly("adamw"), 0.0, 0.5, 0.05),
        (exactly("adam"), 0.0, 0.001, 0.05),
    ):
        how = {"optimizer": optimizer, "l1": l1, "l2": l2, "average": "mean"}
        dense, sparse = (trained(rows, **how).average.mean for rows in both(X, y))
        plain = trained(both(X, y)[1], optimizer=optimizer, l2=0, average="mean").average.mean
        assert np.linalg.norm(sparse - dense) < near * np.linalg.norm(dense), optimizer
        assert np.linalg.norm(sparse) < np.linalg.norm(plain), optimizer


def test_steps_are_caught_up_once_an_epoch_or_when_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    caught_up, catch_up_all = [], TouchedRows.catch_up_all
    monkeypatch.setattr(
        TouchedRows, "catch_up_all", lambda self: caught_up.append(self.missed.now) or catch_up_all(self)
    )
    X, y = rows_and_classes()
    dense, sparse = (trained(rows, optimizer=exactly("adam"), average="mean") for rows in both(X, y))
    assert [steps for steps in caught_up if steps] == [25, 25]  # 200 rows by 8, in each of two epochs
    same(dense, sparse)
    caught_up.clear()
    monkeypatch.setattr(missed_steps, "MOST", 10)
    again = trained(both(X, y)[1], optimizer=exactly("adam"), average="mean")
    assert [steps for steps in caught_up if steps] == [10, 10, 5] * 2
    same(dense, again)


def test_a_rate_that_is_not_as_planned() -> None:
    """As somebody may change it within an epoch."""
    X, y = rows_and_classes()
    found = []
    for rows in both(X, y):
        one = trainer(rows, optimizer="momentum", schedule="constant")
        one.begin_epoch()
        while len(one.rows_left):
            one.step(one.at_once)
            one.learning_rate.base *= 0.9
        one.end_epoch()
        found.append(one)
    same(*found)


def test_a_step_costs_as_much_however_many_inputs_there_are() -> None:
    """The same rows with their columns far apart: the networks that take the steps are of the same sizes."""
    X, y = rows_and_classes(d=600)
    wide = csr_array((X.data, X.indices * 400, X.indptr), (len(y), 600 * 400))
    found = []
    for rows in (X, wide):
        one = trainer(Subset(SparseMatrix(rows, rows.dtype), y, np.arange(len(y))), optimizer="sgd", init="zeros")
        assert len([*one.run()]) == 2
        assert one.parameters.touched is not None
        found.append((sorted(one.parameters.touched._compact), one))
    assert found[0][0] == found[1][0]
    assert max(found[0][0]) <= 8 * 5 * 9 / 8 + 16  # 8 rows with 5 entries each, a ninth more at most
    few, many = (one.network.dense[0].W for _, one in found)
    np.testing.assert_array_equal(many[::400], few)
    assert np.count_nonzero(many) == np.count_nonzero(few)


@pytest.mark.parametrize("model", ["logistic", "averaged-perceptron"])
def test_no_row_is_written_out_with_its_zeros(model: str) -> None:
    """2,000 rows × 2^18 inputs are 2 GB in float32; the parameters, 1 MB; the entries, 80 kB."""
    d, n = 1 << 18, 2000
    X, y = sparse_rows(n, d, 5, dtype="float32"), np.arange(n) % 2
    parts = [Subset(SparseMatrix(X, X.dtype), y, part) for part in np.split(np.arange(n), [1500])]
    tracemalloc.start()
    one = trained(*parts, model=model, batch_size=1 if model != "logistic" else 32)
    judged(one.network, one.loss, parts[1], 2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 * d * 4


def test_evaluation_and_scores() -> None:
    X, y = rows_and_classes()
    dense, sparse = both(X, y, np.arange(0, 200, 3))
    for options in ({}, {"model": "mlp", "ensemble": "2"}):
        one = trainer(dense, **options)
        assert evaluate(one.network, one.loss, sparse, K) == pytest.approx(evaluate(one.network, one.loss, dense, K))
        mine, its = (judged(one.network, one.loss, rows, K) for rows in (sparse, dense))
        np.testing.assert_array_equal(mine.predicted, its.predicted)
        np.testing.assert_allclose(mine.losses, its.losses)


def test_dropout_of_inputs_drops_entries() -> None:
    X, y = rows_and_classes()
    one = trainer(both(X, y)[1], input_dropout=0.25, batch_size=100, lr=0.0)
    layer = one.network.layers[0]
    layer.rng = np.random.default_rng(0)
    dropped = layer.of_sparse(X)
    kept = dropped.data != 0
    assert abs(kept.mean() - 0.75) < 4 * math.sqrt(0.25 * 0.75 / X.nnz)
    np.testing.assert_allclose(dropped.data[kept], X.data[kept] / 0.75)
    layer.rng = None
    assert layer.of_sparse(X) is X
    assert trained(both(X, y)[1], both(X, y)[1], input_dropout=0.25).parameters.touched._compact


@needs_numba
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("model", ["logistic", "softmax", "mlp", "perceptron"])
def test_fused_kernels_come_to_the_same(model: str, classes: int) -> None:
    X, y = rows_and_classes()
    batch, optimizer = 1 if model == "perceptron" else 8, None
    if model in ("logistic", "softmax"):
        optimizer = "adam:eps=1e-30"  # with which it does not matter whether rows miss steps, or none does
    one, other = (
        trained(both(X, y % classes)[1], model=model, optimizer=optimizer, batch_size=batch, kernels=kernels)
        for kernels in ("numpy", "numba")
    )
    same(one, other)
    np.testing.assert_allclose(other.network.theta, one.network.theta, rtol=1e-7, atol=1e-9)


def test_numbers_that_are_not_finite_are_said() -> None:
    X, y = rows_and_classes()
    huge = csr_array((X.data * 1e160, X.indices, X.indptr), X.shape)
    with pytest.raises(TrainingError, match="epoch 1, batch") as found:
        trained(both(huge, y)[1], model="adaline", optimizer="sgd", lr=1.0)
    assert "W1 is not finite" in str(found.value) or "finite loss" in str(found.value)


@pytest.mark.parametrize(
    "options",
    [{}, {"hidden": (4,), "activation": "tanh"}, {"hidden": (3,), "activation": "tanh", "ensemble": "2"}],
    ids=["linear", "hidden layer", "ensemble"],
)
def test_gradients_of_sparse_rows_are_checked_at_the_weights_that_they_touch(options: dict[str, object]) -> None:
    X, y = rows_and_classes(20)
    one = trainer(both(X, y)[1], **{"model": "mlp" if options else "softmax", **options})
    one.network.theta += np.random.default_rng(0).normal(0, 0.1, one.network.size)
    subset = both(X, y, np.arange(0, 20, 2))[1]
    how = one.network, one.loss, Penalty(0.01, 0.1), 0, subset, K, np.random.SeedSequence(0)
    found = check_gradients(Objective(*how))
    assert found.passed
    assert found.max_relative_error < 1e-6
    first = found.blocks[0]
    assert first.shape[0] == len(np.unique(X[::2].indices)) < X.shape[1]
    assert len(found.blocks) == len(one.network.blocks)


def test_a_wrong_gradient_of_sparse_rows_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = rows_and_classes(20)
    one = trainer(both(X, y)[1])
    right = NUMPY.sparse_dense_backward
    monkeypatch.setattr(NUMPY, "sparse_dense_backward", lambda dZ, X, dW, db: right(dZ * 1.01, X, dW, db))
    found = check_gradients(Objective(one.network, one.loss, Penalty(), 0, both(X, y)[1], K, np.random.SeedSequence(0)))
    assert not found.passed


def test_rows_of_a_compact_network_that_are_not_in_use_are_0() -> None:
    """Else a penalty would have a gradient there, and what is clipped another norm."""
    X, y = rows_and_classes()
    one = trainer(both(X, y)[1], optimizer="adam", l2=0.1)
    one.begin_epoch()
    for rows in (np.arange(9), np.arange(9, 17), np.arange(17, 25)):
        used = len(np.unique(X[rows].indices))
        plan = 9, lambda n: np.full(n, 0.1)
        with one.parameters.touched.step(X[rows], one.parameters.penalty, 0.1, plan) as (learner, touched):
            assert touched.shape[1] > used
            for vector in learner.vectors:
                W = learner.network.blocks[0].view(vector)
                assert np.count_nonzero(W[used:]) == 0
            learner.network.blocks[0].view(learner.network.theta)[:used] += 1
