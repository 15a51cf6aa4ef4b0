from __future__ import annotations

import math

import numpy as np
import pytest

from nncli.errors import OptionError
from nncli.nn.activations import ACTIVATIONS
from nncli.nn.layers import Activation
from nncli.nn.network import multilayer

Z = np.linspace(-4, 4, 40).reshape(5, 8)  # 0 is not among them, so no kink is


def applied(name: str, Z: np.ndarray) -> np.ndarray:
    A = np.empty_like(Z)
    created(name, Z.shape[1]).forward(Z, A)
    return A


def created(name: str, units: int) -> Activation:
    """With its parameters, if it has any, at what they start from."""
    activation = ACTIVATIONS.create(name)
    arrays = [{key: np.zeros(shape) for key, shape in activation.shapes(units).items()} for _ in range(2)]
    activation.bind(*arrays)
    activation.reset()
    return activation


@pytest.mark.parametrize("name", [*ACTIVATIONS, "leaky-relu:slope=0.3", "elu:alpha=0.7"])
def test_backward_is_the_derivative_of_forward(name: str) -> None:
    h = 1e-6
    numeric = (applied(name, Z + h) - applied(name, Z - h)) / (2 * h)
    dA = np.random.default_rng(0).normal(size=Z.shape)
    dZ = np.empty_like(Z)
    created(name, Z.shape[1]).backward(dA, Z, applied(name, Z), dZ)
    np.testing.assert_allclose(dZ, dA * numeric, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "z", "a"),
    [  # by hand: e⁻¹ = 0.36788, so σ(1) = 1 / 1.36788; tanh 1 = (e² − 1) / (e² + 1) = 6.38906 / 8.38906
        ("identity", -2.5, -2.5), ("sigmoid", 1.0, 0.73106), ("sigmoid", 0.0, 0.5), ("tanh", 1.0, 0.76159),
        ("relu", -3.0, 0.0), ("relu", 2.0, 2.0),
        ("step", -0.1, 0.0), ("step", 0.0, 1.0), ("sign", -0.1, -1.0), ("sign", 0.0, 1.0),
        ("arctan", 1.0, 0.78540),  # π / 4
        ("leaky-relu", -3.0, -0.03), ("leaky-relu", 2.0, 2.0), ("prelu", -3.0, -0.75), ("prelu", 2.0, 2.0),
        ("elu", -1.0, -0.63212), ("elu", 2.0, 2.0),  # e⁻¹ − 1
        ("selu", -1.0, -1.11133), ("selu", 2.0, 2.10140),  # 1.050701 · 1.673263 · (e⁻¹ − 1); 1.050701 · 2
        ("softplus", 0.0, 0.69315), ("softplus", 1.0, 1.31326),  # log 2;  log 3.71828
        ("silu", 1.0, 0.73106),  # σ(1)
        ("mish", 1.0, 0.86510), ("mish", -1.0, -0.30340),  # tanh log 3.71828 = (3.71828² − 1) / (3.71828² + 1)
        ("gelu", 1.0, 0.84119),  # √(2/π) · 1.044715 = 0.83356, tanh of it 0.68238, (1 + 0.68238) / 2
    ],
)  # fmt: skip
def test_values(name: str, z: float, a: float) -> None:
    assert applied(name, np.array([[z]]))[0, 0] == pytest.approx(a, abs=5e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_largest_floats_give_no_overflow(name: str) -> None:
    largest = 0.9 * np.finfo(np.float32).max  # of which selu makes 1.05 times as much
    assert np.isfinite(applied(name, np.array([[-largest, largest]], np.float32))).all()


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if ACTIVATIONS[name].differentiable])
def test_the_derivative_far_from_0_is_that_of_a_line(name: str) -> None:
    """With a step that float64 shows: each activation is a line out there, or stays as it is."""
    far, h, passed = np.array([[-1e10, -1e5, -100.0, 100.0, 1e5, 1e10]]), 1e-3, np.empty((1, 6), np.float32)
    Z = far.astype(np.float32)
    created(name, 6).backward(np.ones_like(Z), Z, applied(name, Z), passed)
    numeric = (applied(name, far * (1 + h)) - applied(name, far * (1 - h))) / (2 * h * far)
    np.testing.assert_allclose(passed, numeric, rtol=1e-5, atol=1e-4)


def test_mish_in_float32_is_as_exact_as_its_numbers() -> None:
    z = np.linspace(-30, 30, 601).astype(np.float32)
    exact = [float(one) * math.tanh(math.log1p(math.exp(one))) for one in z]
    np.testing.assert_allclose(applied("mish", z[np.newaxis])[0], exact, rtol=1e-6)


def test_selu_keeps_mean_and_variance_through_layers() -> None:
    network = multilayer(100, [200] * 12, 1, "selu", "float64")
    network.initialize(None, np.random.default_rng(0))
    network.forward(np.random.default_rng(1).normal(size=(400, 100)))
    for _, A in network.activations():
        assert A.mean() == pytest.approx(0, abs=0.1)
        assert A.var() == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if ACTIVATIONS[name].in_place])
def test_in_place_is_as_apart(name: str) -> None:
    """Also of more rows than are taken at a time."""
    wide = np.random.default_rng(3).normal(size=(3, 40_000))
    dA, dZ = np.random.default_rng(4).normal(size=wide.shape), np.empty_like(wide)
    A, activation = applied(name, wide), created(name, 40_000)
    activation.backward(dA, wide, A.copy(), dZ)
    here = wide.copy()
    activation.forward(here, here)
    np.testing.assert_array_equal(here, A)
    activation.backward(dA, here, here, dA)
    np.testing.assert_array_equal(dA, dZ)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_formula_stands_in_the_docstring(name: str) -> None:
    assert ACTIVATIONS.summary(name).startswith("A = ")


def test_a_line_with_a_kink() -> None:
    """x + relu(x − 5) has slope 1 below 5 and 2 above: 1, and what relu passes back at x − 5."""
    x, passed = np.array([[4.0, 6.0]]), np.empty((1, 2))
    created("relu", 2).backward(np.ones((1, 2)), x - 5, applied("relu", x - 5), passed)
    assert (1 + passed).tolist() == [[1, 2]]


@pytest.mark.parametrize("spec", ["elu:alpha=0", "elu:alpha=inf", "leaky-relu:slope=2"])
def test_settings_outside_their_range_are_refused(spec: str) -> None:
    with pytest.raises(OptionError, match=r"expected (0 |a number)"):
        ACTIVATIONS.create(spec)
