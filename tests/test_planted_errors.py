"""Wrong gradients, planted on purpose: each is found, in the right block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from cli_errors import BAD_DATA
from nncli.nn.activations import ACTIVATIONS, Tanh
from nncli.nn.layers import Activation, Array
from nncli.nn.losses import LOSSES, CrossEntropy
from nncli.registry import Registry

Run = Callable[..., Any]


@pytest.fixture
def plant() -> Iterator[Callable[..., None]]:
    """plant(ACTIVATIONS, Broken) registers the component as `broken`, for one test."""
    planted: list[Registry[Any]] = []

    def register(registry: Registry[Any], component: type) -> None:
        registry.register("broken")(component)
        planted.append(registry)

    yield register
    for registry in planted:
        del registry._components["broken"]


def wrong_blocks(outcome: Any) -> list[str]:
    assert outcome.code == BAD_DATA, outcome.err
    assert not outcome.json["passed"]
    return [block["name"] for block in outcome.json["blocks"] if block["verdict"] == "wrong"]


# planted errors: what lies between the error and the outputs stays right


class WrongSign(Activation):
    """tanh, and dL/dZ of the wrong sign"""

    def forward(self, Z: Array, A: Array) -> None:
        np.tanh(Z, out=A)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        dZ[...] = -(1 - A * A) * dA


class ForgottenDerivative(Tanh):
    """tanh, and dL/dZ = dL/dA"""

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        dZ[...] = dA


class Mixing(Activation):
    """A = Z M"""

    kinds: ClassVar[Mapping[str, str]] = {"M": "weight"}

    def shapes(self, d: int) -> dict[str, tuple[int, ...]]:
        return {"M": (d, d)}

    def bind(self, parameters: Any, gradients: Any) -> None:
        self.M, self.dM = parameters["M"], gradients["M"]

    def reset(self) -> None:
        self.M[...] = np.arange(self.M.size).reshape(self.M.shape) % 5 - 2

    def forward(self, Z: Array, A: Array) -> None:
        np.matmul(Z, self.M, out=A)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        np.matmul(Z.T, dA, out=self.dM)
        np.matmul(dA, self.M.T, out=dZ)


class TransposedFactor(Mixing):
    """A = Z M, and dL/dZ = dL/dA M, not Mᵀ"""

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        super().backward(dA, Z, A, dZ)
        np.matmul(dA, self.M, out=dZ)


class Shifting(Activation):
    """A = Z + c"""

    kinds: ClassVar[Mapping[str, str]] = {"c": "bias"}

    def shapes(self, d: int) -> dict[str, tuple[int, ...]]:
        return {"c": (d,)}

    def bind(self, parameters: Any, gradients: Any) -> None:
        self.c, self.dc = parameters["c"], gradients["c"]

    def forward(self, Z: Array, A: Array) -> None:
        np.add(Z, self.c, out=A)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        np.sum(dA, axis=0, out=self.dc)
        np.copyto(dZ, dA)


class OnePercentOff(Shifting):
    """A = Z + c, and one entry of dL/dc is 1 % too large"""

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        super().backward(dA, Z, A, dZ)
        self.dc[3] *= 1.01


class WrongSignOfLoss(CrossEntropy):
    """Cross-entropy, and dL/dZ = Y − P"""

    def backward(self, Z: Array, P: Array, Y: Array, dZ: Array) -> None:
        np.subtract(Y, P, out=dZ)


class MeanForgotten(CrossEntropy):
    """Cross-entropy, and a gradient n times too large, as if nobody had divided by the number of rows"""

    def backward(self, Z: Array, P: Array, Y: Array, dZ: Array) -> None:
        np.subtract(P, Y, out=dZ)
        dZ *= len(dZ)


@dataclass
class Scaled(CrossEntropy):
    """Cross-entropy as it should be, times a constant"""

    def forward(self, Z: Array, Y: Array, P: Array) -> Any:
        return 3 * super().forward(Z, Y, P)

    def backward(self, Z: Array, P: Array, Y: Array, dZ: Array) -> None:
        np.subtract(P, Y, out=dZ)
        dZ *= 3


@pytest.mark.parametrize("broken", [WrongSign, ForgottenDerivative, TransposedFactor])
def test_an_error_in_an_activation_is_found_in_what_is_before_it(nncli: Run, plant: Run, broken: type) -> None:
    plant(ACTIVATIONS, broken)
    outcome = nncli("gradcheck", "wine", "--hidden", "6x5", "--activation", "tanh,broken", "--json")
    right = [block["name"] for block in outcome.json["blocks"] if block["verdict"] == "ok"]
    assert wrong_blocks(outcome) == ["W1", "b1", "W2", "b2", "X"]
    assert right == ["M2", "W3", "b3"] if broken is TransposedFactor else ["W3", "b3"]


def test_one_percent_in_one_entry_of_a_bias_is_found_and_named(nncli: Run, plant: Run) -> None:
    plant(ACTIVATIONS, OnePercentOff)
    outcome = nncli("gradcheck", "wine", "--hidden", "6", "--activation", "broken", "--json")
    assert wrong_blocks(outcome) == ["c1"]
    block = next(block for block in outcome.json["blocks"] if block["name"] == "c1")
    assert block["worst_index"] == [3]
    assert block["analytic"] == pytest.approx(1.01 * block["numeric"], rel=1e-6)
    assert 0.001 < block["relative_error"] < 0.0101  # against the entry itself, or the typical one if that is larger


@pytest.mark.parametrize("broken", [WrongSignOfLoss, MeanForgotten])
def test_an_error_in_a_loss_is_found_everywhere(nncli: Run, plant: Run, broken: type) -> None:
    plant(LOSSES, broken)
    outcome = nncli("gradcheck", "wine", "--hidden", "6", "--loss", "broken", "--json")
    assert wrong_blocks(outcome) == ["W1", "b1", "W2", "b2", "X"]


@pytest.mark.parametrize(
    ("registry", "component", "option"),
    [(ACTIVATIONS, Mixing, "--activation"), (ACTIVATIONS, Shifting, "--activation"), (LOSSES, Scaled, "--loss")],
)
def test_the_same_components_without_the_error_pass(
    nncli: Run, plant: Run, registry: Registry[Any], component: type, option: str
) -> None:
    plant(registry, component)
    assert nncli("gradcheck", "wine", "--hidden", "6", option, "broken", "--json").json["passed"]


@pytest.mark.long
def test_a_broken_component_fails_in_the_matrix_of_all(nncli: Run, plant: Run, one_loss: None) -> None:
    plant(ACTIVATIONS, ForgottenDerivative)
    outcome = nncli("gradcheck", "--all", "--json")
    assert outcome.code == BAD_DATA
    failed = {network["activation"] for network in outcome.json["networks"] if not network["passed"]}
    assert failed == {"broken"}


def test_errors_in_the_table_are_told_in_words(nncli: Run, plant: Run) -> None:
    plant(ACTIVATIONS, ForgottenDerivative)
    outcome = nncli("gradcheck", "iris", "--hidden", "4", "--activation", "broken", "-q")
    assert outcome.code == BAD_DATA
    assert outcome.out.splitlines()[-1].endswith("with 1e-06 allowed: failed, the gradient of W1, b1, X is wrong")
    assert outcome.err == ""
