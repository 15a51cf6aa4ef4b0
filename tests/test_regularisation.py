from __future__ import annotations

import numpy as np
import pytest

from nncli.data.scaled_rows import Matrix, Subset
from nncli.nn.layers import Dropout
from nncli.nn.losses import LOSSES
from nncli.nn.network import multilayer
from nncli.nn.regularisation import Penalty, limit_norms
from training import blobs, trainer


def test_dropout_leaves_out_its_share_and_keeps_the_expectation() -> None:
    layer, X = Dropout(0.3), np.full((400, 500), 2.0, np.float32)
    A = np.empty_like(X)
    layer.rng = np.random.default_rng(0)
    layer.forward(X, A)
    # of 200,000 draws a share of 0.3 ± 0.001 (one deviation)
    assert np.mean(A == 0) == pytest.approx(0.3, abs=0.005)
    # p is a multiple of 1 / 65,536: 0.3 · 65,536 = 19,660.8, so that 65,536 − 19,661 = 45,875 of as many are left
    np.testing.assert_allclose(A[A != 0], 2 * 65_536 / 45_875, rtol=1e-6)
    assert A.mean(dtype=float) == pytest.approx(2, rel=0.01)


def test_nothing_is_dropped_outside_training() -> None:
    layer, X = Dropout(0.9), np.random.default_rng(0).normal(size=(3, 4))
    A = np.empty_like(X)
    layer.forward(X, A)
    np.testing.assert_array_equal(A, X)


def test_units_that_are_dropped_get_no_gradient() -> None:
    layer, X, dA = Dropout(0.5), np.ones((50, 50)), np.full((50, 50), 3.0)
    A, dX = np.empty_like(X), np.empty_like(X)
    layer.rng = np.random.default_rng(0)
    layer.forward(X, A)
    layer.backward(dA, X, A, dX)
    np.testing.assert_array_equal(dX, np.where(A == 0, 0, 6))


def test_a_generator_that_starts_anew_drops_the_same_units_of_any_numbers() -> None:
    """As a check of gradients does, with more or fewer rows between, which have other masks."""
    layer, X = Dropout(0.4), np.random.default_rng(1).normal(size=(30, 7))
    for numbers in (X, X, X + 1, X[:9], X[:9] - 2, X):
        A, expected, other = np.empty_like(numbers), np.empty_like(numbers), Dropout(0.4)
        layer.rng, other.rng = np.random.default_rng(3), np.random.default_rng(3)
        layer.forward(numbers, A)
        other.forward(numbers, expected)
        np.testing.assert_array_equal(A, expected)
        assert 0 < np.count_nonzero(A) < A.size


def test_dropout_draws_anew_for_every_batch_and_is_off_at_request() -> None:
    network = multilayer(5, (20,), 2, dropout=0.5, input_dropout=0.2, dtype="float64")
    network.initialize(None, np.random.default_rng(0))
    X = np.random.default_rng(1).normal(size=(4, 5))
    calm = network.forward(X).copy()
    network.drop_with(np.random.default_rng(2))
    first = network.forward(X).copy()
    assert not np.allclose(first, calm)
    assert not np.allclose(first, network.forward(X))
    network.drop_with(None)
    np.testing.assert_array_equal(network.forward(X), calm)


def test_backpropagation_through_dropout_agrees_with_central_differences() -> None:
    rng = np.random.default_rng(3)
    network = multilayer(6, (8, 8), 3, "tanh", "float64", dropout=0.5, input_dropout=0.3)
    network.initialize(None, rng)
    loss, X = LOSSES.create("cross-entropy"), rng.normal(size=(5, 6))
    Y = loss.targets(3)[rng.integers(3, size=5)]
    P, dZ = np.empty((5, 3)), np.empty((5, 3))

    def mean_loss() -> float:
        network.drop_with(np.random.default_rng(1))  # the same units each time
        return float(loss.forward(network.forward(X), Y, P).mean())

    mean_loss()
    loss.backward(P, P, Y, dZ)
    network.backward(dZ / 5)
    analytic, h = network.grad.copy(), 1e-6
    assert np.mean(analytic == 0) > 0.1, "some units must have been dropped"
    for i in range(network.size):
        kept = network.theta[i]
        network.theta[i] = kept + h
        above = mean_loss()
        network.theta[i] = kept - h
        below = mean_loss()
        network.theta[i] = kept
        assert analytic[i] == pytest.approx((above - below) / (2 * h), rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])  # with the penalty in the gradient, and apart from it
def test_the_decay_follows_its_schedule(optimizer: str) -> None:
    """Rows of zeros have no gradient: a step only shrinks the weights. The schedule is 1, 1, 1 and ½ in four steps."""
    rows = Subset(Matrix(np.zeros((6, 2)), np.dtype("float64")), np.arange(6) % 3, np.arange(6))
    how = {"lr": 0.1, "l2": 1.0, "schedule": "constant", "decay_schedule": "flat-cos", "epochs": 4, "batch_size": 6}
    mine = trainer(rows, optimizer=optimizer, **how)
    [layer] = mine.network.dense
    layer.W[...] = 1
    found = [float(layer.W[0, 0]) for _ in mine.run()]
    assert found == pytest.approx([0.9, 0.81, 0.729, 0.729 * 0.95])


def test_what_is_dropped_follows_its_schedule() -> None:
    how = {"input_dropout": 0.4, "dropout_schedule": "flat-cos", "epochs": 4, "batch_size": 9000}
    mine = trainer(blobs(9000), **how)
    mine.drop = np.random.default_rng(0)
    [layer] = [layer for layer in mine.network.layers if isinstance(layer, Dropout)]
    found = [(np.mean(layer.mask == 0), layer.mask.max()) for _ in mine.run()]
    # of 18,000 numbers a share of 0.4 ± 0.004 (one deviation); those that are left are made larger, by 1 / (1 − p)
    for (share, left), p in zip(found, [0.4, 0.4, 0.4, 0.2], strict=True):
        assert share == pytest.approx(p, abs=0.02)
        assert left == pytest.approx(1 / (1 - p), rel=2e-5)  # as p is a multiple of 1 / 65,536


def test_penalties_by_hand() -> None:
    # weights 3 and −4, bias 10:  ½ · 0.1 · (9 + 16) = 0.45 + 0.8 and 0.2 · (3 + 4) = 0.6 + 0.8;  gradients
    # 0.3 + 0.2 and −0.4 − 0.2
    network = multilayer(2, (), 1, dtype="float64")
    network.theta[:] = [3, -4, 10]
    network.grad[:] = 1
    penalty = Penalty(l1=0.2, l2=0.1)
    assert penalty.terms(network).tolist() == pytest.approx([1.05, 1.6])
    assert penalty.value(network) == pytest.approx(2.65)
    penalty.add_gradient(network)
    assert network.grad.tolist() == pytest.approx([1.5, 0.4, 1])
    penalty.decay(network, 0.5)
    assert network.theta.tolist() == [3, -4, 10]
    assert Penalty(l2=0.1, decoupled=True).value(network) == 0


def test_slopes_of_prelu_are_not_held_down() -> None:
    network = multilayer(2, (3,), 1, "prelu", "float64")
    network.initialize("glorot", np.random.default_rng(0))
    network.grad[:] = 0
    Penalty(l2=1).add_gradient(network)
    for block in network.blocks:
        held = block.name.startswith("W")
        np.testing.assert_array_equal(block.view(network.grad), held * block.view(network.theta))


def test_long_vectors_are_penalised_to_their_end() -> None:
    network = multilayer(300, (400,), 2, dtype="float64")
    network.initialize(None, np.random.default_rng(0))
    network.grad[:] = 0
    Penalty(l2=2).add_gradient(network)
    for block in network.blocks:
        np.testing.assert_array_equal(block.view(network.grad), 2 * block.is_weight * block.view(network.theta))


def test_max_norm_by_hand() -> None:
    # the units' weights are (3, 4), of length 5, and (0.6, 0.8), of length 1: the first is shortened to (1.2, 1.6)
    network = multilayer(2, (), 2, dtype="float64")
    network.theta[:] = [3, 0.6, 4, 0.8, 7, 7]
    limit_norms(network, 2)
    assert network.theta.tolist() == pytest.approx([1.2, 0.6, 1.6, 0.8, 7, 7])


def test_max_norm_leaves_units_without_weights_alone() -> None:
    network = multilayer(2, (), 2)
    network.theta[:] = [3, 0, 4, 0, 0, 0]
    limit_norms(network, 1)
    np.testing.assert_allclose(network.theta, [0.6, 0, 0.8, 0, 0, 0], rtol=1e-6)
