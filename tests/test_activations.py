from __future__ import annotations

import numpy as np
import pytest

from nncli.errors import OptionError
from nncli.nn.activations import ACTIVATIONS, Activation

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
        ("softplus", 0.0, 0.69315), ("softplus", 1.0, 1.31326),  # log 2;  log 3.71828
        ("silu", 1.0, 0.73106),  # σ(1)
        ("gelu", 1.0, 0.84119),  # √(2/π) · 1.044715 = 0.83356, tanh of it 0.68238, (1 + 0.68238) / 2
    ],
)  # fmt: skip
def test_values(name: str, z: float, a: float) -> None:
    assert applied(name, np.array([[z]]))[0, 0] == pytest.approx(a, abs=5e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_largest_floats_give_no_overflow(name: str) -> None:
    largest = np.finfo(np.float32).max
    assert np.isfinite(applied(name, np.array([[-largest, largest]], np.float32))).all()


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
