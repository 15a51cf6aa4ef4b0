from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from nncli.nn.activations import ACTIVATIONS
from nncli.nn.buffers import shared_full
from nncli.nn.elementwise import Elementwise
from nncli.nn.layers import Activation, Dense
from nncli.nn.losses import LOSSES
from nncli.nn.network import Network, multilayer
from nncli.nn.optimizers import OPTIMIZERS


def mean_loss(network: Network, loss_name: str, X: np.ndarray, Y: np.ndarray) -> float:
    Z = network.forward(X)
    return float(LOSSES.create(loss_name).forward(Z, Y, np.empty_like(Z)).mean())


@pytest.mark.parametrize("hidden", [(), (5,), (5, 4)], ids=["linear", "one hidden", "two hidden"])
@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if ACTIVATIONS[name].differentiable])
@pytest.mark.parametrize("loss_name", LOSSES)
def test_backpropagation_agrees_with_central_differences(
    hidden: tuple[int, ...], activation: str, loss_name: str
) -> None:
    rng = np.random.default_rng(3)
    loss = LOSSES.create(loss_name)
    K = 2
    network = multilayer(3, hidden, loss.outputs(K), activation, "float64")
    network.initialize("glorot", rng)
    network.theta += rng.normal(0, 0.1, network.size)  # biases too
    X, Y = rng.normal(size=(7, 3)), loss.targets(K)[rng.integers(K, size=7)]
    Z = network.forward(X)
    P, dZ = np.empty_like(Z), np.empty_like(Z)
    loss.forward(Z, Y, P)
    loss.backward(Z, P, Y, dZ)
    network.backward(dZ / 7)
    analytic, h = network.grad.copy(), 1e-6
    for i in range(network.size):
        kept = network.theta[i]
        network.theta[i] = kept + h
        above = mean_loss(network, loss_name, X, Y)
        network.theta[i] = kept - h
        below = mean_loss(network, loss_name, X, Y)
        network.theta[i] = kept
        assert analytic[i] == pytest.approx((above - below) / (2 * h), rel=1e-5, abs=1e-8)


def test_parameters_are_views_of_one_vector() -> None:
    network = multilayer(3, (4,), 2)
    assert [(block.name, block.shape) for block in network.blocks] == [
        ("W1", (3, 4)), ("b1", (4,)), ("W2", (4, 2)), ("b2", (2,)),
    ]  # fmt: skip
    assert network.size == 3 * 4 + 4 + 4 * 2 + 2
    network.theta[:] = 1
    # every unit: 3 inputs of 1 and a bias of 1 are 4, which relu keeps; every score: 4 units of 4 and a bias
    np.testing.assert_array_equal(network.forward(np.ones((2, 3), np.float32)), np.full((2, 2), 17, np.float32))


def test_a_row_gives_the_same_whatever_batch_it_is_in() -> None:
    rng = np.random.default_rng(0)
    network = multilayer(6, (8, 8), 3, dtype="float64")
    network.initialize(None, rng)
    X = rng.normal(size=(20, 6))
    whole = network.forward(X).copy()
    for n in (1, 7, 20, 3):  # the buffers shrink and grow
        np.testing.assert_allclose(network.forward(X[:n]), whole[:n], rtol=1e-12)


@pytest.mark.parametrize("optimizer", [name for name in OPTIMIZERS if issubclass(OPTIMIZERS[name], Elementwise)])
def test_a_training_step_allocates_no_matrix(optimizer: str) -> None:
    n, d, h, K = 64, 300, 200, 10
    rng = np.random.default_rng(0)
    network, loss, update = multilayer(d, (h,), K), LOSSES.create("cross-entropy"), OPTIMIZERS.create(optimizer)
    network.initialize(None, rng)
    update.start(network.theta)
    X = rng.normal(size=(n, d)).astype(np.float32)
    Y = loss.targets(K)[rng.integers(K, size=n)].astype(np.float32)
    P, dZ = np.empty((n, K), np.float32), np.empty((n, K), np.float32)

    def step() -> None:
        Z = network.forward(X)
        loss.forward(Z, Y, P)
        loss.backward(Z, P, Y, dZ)
        network.backward(dZ)
        update.step(network.theta, network.grad, 0.01)

    step()
    tracemalloc.start()
    step()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # a hidden matrix is 51 KB, W1 is 240 KB; NumPy's own casting buffers and the row losses are allowed
    assert peak < 40_000


def test_initialisers_have_the_variance_they_promise() -> None:
    rng = np.random.default_rng(0)
    network = multilayer(400, (300,), 200, "relu", "float64")
    for name, of_first in (("glorot", 2 / 700), ("he", 2 / 400), ("lecun", 1 / 400), ("zeros", 0)):
        network.initialize(name, rng)
        W1, b1 = network.blocks[0].view(network.theta), network.blocks[1].view(network.theta)
        assert W1.var() == pytest.approx(of_first, rel=0.02)
        assert W1.mean() == pytest.approx(0, abs=1e-3)
        assert not b1.any()


def test_an_initialiser_that_suits_the_activation() -> None:
    for activation, variance in (("relu", 2 / 500), ("tanh", 2 / 800), ("selu", 1 / 500)):
        network = multilayer(500, (300,), 2, activation, "float64")
        network.initialize(None, np.random.default_rng(0))
        assert network.blocks[0].view(network.theta).var() == pytest.approx(variance, rel=0.02)


def test_sign_units_compute_exclusive_or() -> None:
    # lectures: z1 = sign(20 x1 + 20 x2 − 10), z2 = sign(−20 x1 − 20 x2 + 30), sign(20 z1 + 20 z2 − 30)
    network = Network(2, [Dense(2), ACTIVATIONS.create("sign"), Dense(1), ACTIVATIONS.create("sign")])
    network.theta[:] = [20, -20, 20, -20, -10, 30, 20, 20, -30]
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    assert network.forward(X)[:, 0].tolist() == [-1, 1, 1, -1]


def test_each_hidden_layer_has_the_activation_given_for_it() -> None:
    network = multilayer(2, (3, 4), 1, "relu,tanh")
    assert [layer.name for layer in network.layers if isinstance(layer, Activation)] == ["relu", "tanh"]


def test_the_slopes_of_prelu_start_at_a_quarter_and_are_parameters() -> None:
    network = multilayer(2, (3,), 1, "prelu")
    network.initialize(None, np.random.default_rng(0))
    [slope] = [block for block in network.blocks if block.name == "slope1"]
    assert slope.view(network.theta).tolist() == [0.25, 0.25, 0.25]


def test_parameters_gradients_and_state_start_at_cache_lines() -> None:
    for h in range(1, 6):
        network, adam = multilayer(7, (h,), 3), OPTIMIZERS.create("adam")
        adam.start(network.theta)
        for vector in (network.theta, network.grad, *adam.vectors.values()):
            assert vector.ctypes.data % 64 == 0


def test_zeros_that_are_shared_grow_and_cannot_be_written() -> None:
    dtype = np.dtype("float64")
    for shape in ((2, 3), (400, 5), (3, 1)):
        zeros = shared_full(0, shape, dtype)
        assert (zeros.shape, zeros.dtype, np.any(zeros)) == (shape, dtype, False)
        with pytest.raises(ValueError, match="read-only"):
            zeros[0, 0] = 1
