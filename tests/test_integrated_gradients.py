"""Integrated gradients say what each input adds to a score, and add up to the difference from the background."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nncli.nn.activations import ACTIVATIONS
from nncli.nn.integrated_gradients import integrated_gradients
from nncli.nn.network import Network, multilayer


def random_network(seed: int, hidden: tuple[int, ...], activation: str, dtype: str = "float32") -> Network:
    rng = np.random.default_rng(seed)
    network = multilayer(12, hidden, 3, activation, dtype)
    network.initialize(None, rng)
    network.theta += rng.normal(size=network.size) / 10
    return network


def rows(seed: int, n: int, network: Network) -> tuple[NDArray[Any], ...]:
    rng = np.random.default_rng(1000 + seed)
    arrays = rng.normal(size=(n, 12)), rng.normal(size=12) / 3, rng.normal(size=(n, 3))
    return tuple(array.astype(network.dtype) for array in arrays)


def by_gradients(network: Network, X: NDArray[Any], x0: NDArray[Any], V: NDArray[Any], points: int) -> NDArray[Any]:
    """Return (x − x₀) times the mean of backpropagated gradients at many points of the path."""
    mean, dX = np.zeros_like(X), np.empty_like(X)
    for t in (np.arange(points) + 0.5) / points:
        network.forward((x0 + t * (X - x0)).astype(X.dtype))
        network.backward(V.copy(), dX)
        mean += dX / points
    return mean * (X - x0)


def test_their_sum_is_within_1_percent_on_200_random_networks_though_nothing_is_corrected() -> None:
    names = [name for name in ACTIVATIONS if ACTIVATIONS[name].differentiable]
    worst, is_exact = 0.0, []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        hidden = tuple(rng.integers(2, 40, size=1 + seed % 4).tolist())
        network = random_network(seed, hidden, names[seed % len(names)])
        X, x0, V = rows(seed, 1, network)
        found = integrated_gradients(network, X, x0, V)
        scores = [np.vecdot(network.forward(one).astype(float), V[0]) for one in (X, x0[None])]
        difference = float(scores[0][0] - scores[1][0])
        assert found.difference[0] == pytest.approx(difference, abs=1e-4, rel=1e-3)
        if abs(difference) > 1e-3:
            off = abs(float(found.of_inputs.sum()) - difference) / abs(difference)
            worst = max(worst, off)
            is_exact += [off < 1e-5] * (len(hidden) > 1)
    assert worst < 0.01
    assert not all(is_exact), "a sum that is exact by construction would measure nothing"


@pytest.mark.long
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "prelu", "sigmoid,relu"])
def test_they_are_the_integral_of_backpropagated_gradients(activation: str) -> None:
    for hidden in [(16, 9)] if "," in activation else [(20,), (16, 9)]:
        network = random_network(3, hidden, activation, "float64")
        X, x0, V = rows(3, 40, network)
        expected = by_gradients(network, X, x0, V, 3000)
        found = integrated_gradients(network, X, x0, V).of_inputs
        gap = np.abs(found - expected).sum(axis=1) / np.abs(expected).sum(axis=1)
        assert np.median(gap) < 0.005
        assert gap.max() < 0.03


def test_the_error_of_the_sum_tells_how_good_the_integral_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """With too few points on the path the sum is off, and that shows."""
    network = random_network(3, (16, 9, 9), "relu", "float64")
    X, x0, V = rows(3, 200, network)
    off = []
    for halvings in (0, 3, 12):
        monkeypatch.setattr("nncli.nn.integrated_gradients.HALVINGS", halvings)
        found = integrated_gradients(network, X, x0, V)
        off.append(np.median(np.abs(found.of_inputs.sum(axis=1) - found.difference) / np.abs(found.difference)))
    assert off[0] > off[1] > off[2]
    assert off[2] < 0.003 < 0.01 < off[0]


def test_no_row_of_thousands_has_a_sum_that_is_off_by_1_percent() -> None:
    network = multilayer(12, (64, 64), 3)
    network.initialize(None, np.random.default_rng(0))
    X, x0, V = rows(0, 5000, network)
    found = integrated_gradients(network, X, x0, V)
    Z = network.forward(X).astype(float)
    difference = ((Z - network.forward(x0[None]).astype(float)) * V).sum(axis=1)
    known = np.abs(difference) > 1e-3  # less is made of rounding
    off = np.abs(found.of_inputs.sum(axis=1) - difference) / np.abs(difference)
    assert known.sum() > 4900
    assert off[known].max() < 0.01


def test_on_linear_networks_they_are_weight_times_difference() -> None:
    network = random_network(0, (), "relu", "float64")
    X, x0, V = rows(0, 50, network)
    found = integrated_gradients(network, X, x0, V)
    W = network.dense[0].W
    for x, v, contributions in zip(X, V, found.of_inputs, strict=True):
        expected = [sum(W[j, k] * v[k] for k in range(3)) * (x[j] - x0[j]) for j in range(12)]
        assert contributions == pytest.approx(np.array(expected), rel=1e-12)


def test_a_row_that_is_the_background_has_no_contributions() -> None:
    network = random_network(5, (8, 8), "relu")
    _, x0, V = rows(5, 1, network)
    found = integrated_gradients(network, x0[None], x0, V)
    assert (found.of_inputs == 0).all()
    assert found.difference == 0
