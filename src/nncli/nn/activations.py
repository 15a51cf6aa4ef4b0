"""Activations: A = f(Z), elementwise. To add one, write one class here.

`backward` may use the buffer of A as scratch where that helps: nobody reads A after it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nncli.nn.components import positive, setting
from nncli.nn.exponential_units import exponential_unit, exponential_unit_backward, sigmoid
from nncli.nn.layers import Activation, Array
from nncli.registry import Registry

ACTIVATIONS: Registry[Activation] = Registry("activation")


@ACTIVATIONS.register("identity")
class Identity(Activation):
    """A = Z;  dA/dZ = 1"""

    graph = "z"

    def forward(self, Z: Array, A: Array) -> None:
        np.copyto(A, Z)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        np.copyto(dZ, dA)


@ACTIVATIONS.register("step")
class Step(Activation):
    """A = 1 if Z ≥ 0 else 0;  dA/dZ = 0"""

    differentiable = False

    def forward(self, Z: Array, A: Array) -> None:
        np.greater_equal(Z, 0, out=A)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        dZ[...] = 0


@ACTIVATIONS.register("sign")
class Sign(Step):
    """A = 1 if Z ≥ 0 else −1;  dA/dZ = 0"""

    def forward(self, Z: Array, A: Array) -> None:
        np.greater_equal(Z, 0, out=A)  # 1 or 0
        A *= 2
        A -= 1


@ACTIVATIONS.register("sigmoid")
class Sigmoid(Activation):
    """A = σ(Z) = 1 / (1 + e^−Z);  dA/dZ = A (1 − A)"""

    graph = "sigmoid(z)"

    def forward(self, Z: Array, A: Array) -> None:
        sigmoid(Z, A)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        np.subtract(1, A, out=dZ)  # 1 − A
        dZ *= A  # dA/dZ = A (1 − A)
        dZ *= dA  # dL/dZ = dL/dA ∘ A (1 − A)


@ACTIVATIONS.register("tanh")
class Tanh(Activation):
    """A = tanh Z;  dA/dZ = 1 − A²"""

    graph = "tanh(z)"

    def forward(self, Z: Array, A: Array) -> None:
        np.tanh(Z, out=A)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        np.multiply(A, A, out=dZ)  # A²
        np.subtract(1, dZ, out=dZ)  # dA/dZ = 1 − A²
        dZ *= dA  # dL/dZ = dL/dA ∘ (1 − A²)


@ACTIVATIONS.register("arctan")
class Arctan(Activation):
    """A = arctan Z;  dA/dZ = 1 / (1 + Z²)"""

    graph = "arctan(z)"

    def forward(self, Z: Array, A: Array) -> None:
        np.arctan(Z, out=A)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        np.cos(A, out=dZ)  # cos(arctan z) = 1 / √(1 + z²), which cannot overflow
        dZ *= dZ  # dA/dZ = 1 / (1 + Z²)
        dZ *= dA  # dL/dZ = dL/dA ∘ 1 / (1 + Z²)


@ACTIVATIONS.register("relu")
class ReLU(Activation):
    """A = max(Z, 0);  dA/dZ = 1 if Z > 0 else 0"""

    graph = "relu(z)"
    initializer = "he"
    in_place = True

    def forward(self, Z: Array, A: Array) -> None:
        self.kernels.relu(Z, A)  # A = max(Z, 0)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        self.kernels.relu_backward(dA, A, dZ)  # dL/dZ = dL/dA ∘ [A > 0]


@ACTIVATIONS.register("leaky-relu")
@dataclass
class LeakyReLU(Activation):
    """A = max(Z, s Z), slope s = 0.01;  dA/dZ = 1 if Z > 0 else s (Maas et al. 2013)"""

    slope: float = setting(0.01, "0 ≤ {name} ≤ 1", lambda value: 0 <= value <= 1)

    graph = "slope*z + (1 - slope)*relu(z)"
    initializer = "he"

    def forward(self, Z: Array, A: Array) -> None:
        np.multiply(Z, self.slope, out=A)  # s Z
        np.maximum(Z, A, out=A)  # A = max(Z, s Z)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        np.greater(Z, 0, out=dZ)  # [Z > 0]
        dZ *= 1 - self.slope
        dZ += self.slope  # dA/dZ = s + (1 − s) [Z > 0]
        dZ *= dA  # dL/dZ = dL/dA ∘ dA/dZ


@ACTIVATIONS.register("prelu")
class PReLU(Activation):
    """A = max(Z, 0) + s min(Z, 0), slope s of each unit learned from 0.25;  dA/ds = min(Z, 0) (He et al. 2015)"""

    graph = "z + (1 - slope)*relu(-z)"
    initializer = "he"
    kinds: ClassVar[Mapping[str, str]] = {"slope": "slope"}

    def shapes(self, d: int) -> dict[str, tuple[int, ...]]:
        return {"slope": (d,)}

    def bind(self, parameters: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        self.s, self.ds = parameters["slope"], gradients["slope"]

    def reset(self) -> None:
        self.s[...] = 0.25

    def forward(self, Z: Array, A: Array) -> None:
        np.sign(Z, out=A)
        np.minimum(A, 0, out=A)  # −1 where Z < 0, else 0
        A *= 1 - self.s
        A += 1  # s where Z < 0, else 1
        A *= Z  # A = max(Z, 0) + s min(Z, 0)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        np.minimum(Z, 0, out=A)  # dA/ds = min(Z, 0)
        A *= dA
        np.sum(A, axis=0, out=self.ds)  # dL/ds = Σ_i dL/da_i ∘ min(z_i, 0)   (h,)
        np.sign(Z, out=dZ)
        np.minimum(dZ, 0, out=dZ)
        dZ *= 1 - self.s
        dZ += 1  # dA/dZ = s where Z < 0, else 1
        dZ *= dA  # dL/dZ = dL/dA ∘ dA/dZ


@ACTIVATIONS.register("elu")
@dataclass
class ELU(Activation):
    """A = Z if Z > 0 else α (e^Z − 1), α = 1;  dA/dZ = 1 if Z > 0 else A + α (Clevert et al. 2016)"""

    alpha: float = positive(1.0)

    graph = "relu(z) + alpha*(exp(z - relu(z)) - 1)"
    initializer = "he"
    in_place = True

    def forward(self, Z: Array, A: Array) -> None:
        exponential_unit(Z, A, 1, self.alpha)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        exponential_unit_backward(dA, A, dZ, 1, self.alpha)


@ACTIVATIONS.register("selu")
class SELU(Activation):
    """A = λ Z if Z > 0 else λ α (e^Z − 1), λ = 1.0507009873554805, α = 1.6732632423543772 (Klambauer et al. 2017)

    dA/dZ = λ if Z > 0 else A + λ α. With these λ and α, units of mean 0 and variance 1 stay so from layer to layer.
    """

    scale, alpha = 1.0507009873554805, 1.6732632423543772  # λ and α

    graph = f"{scale}*(relu(z) + {alpha}*(exp(z - relu(z)) - 1))"
    initializer = "lecun"
    in_place = True

    def forward(self, Z: Array, A: Array) -> None:
        exponential_unit(Z, A, self.scale, self.alpha)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        exponential_unit_backward(dA, A, dZ, self.scale, self.alpha)


@ACTIVATIONS.register("softplus")
class Softplus(Activation):
    """A = log(1 + e^Z);  dA/dZ = σ(Z)"""

    graph = "log(1 + exp(z))"
    initializer = "he"

    def forward(self, Z: Array, A: Array) -> None:
        np.logaddexp(0, Z, out=A)  # log(e⁰ + e^Z) without overflow

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        sigmoid(Z, dZ)  # dA/dZ = σ(Z)
        dZ *= dA  # dL/dZ = dL/dA ∘ σ(Z)


@ACTIVATIONS.register("gelu")
class GELU(Activation):
    """A = ½ Z (1 + tanh(√(2/π) (Z + 0.044715 Z³))), which is Z Φ(Z) within 0.0005 (Hendrycks and Gimpel 2016)"""

    graph = "0.5*z*(1 + tanh(0.7978845608028654*(z + 0.044715*z*z*z)))"
    initializer = "he"

    def forward(self, Z: Array, A: Array) -> None:
        self._tanh(Z, A)
        A += 1
        A *= 0.5
        A *= Z  # A = ½ (1 + T) Z

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        # T = tanh U, dU/dZ = √(2/π) (1 + 0.134145 Z²):   dA/dZ = ½ (1 + T + Z (1 − T²) dU/dZ)
        self._tanh(Z, A)  # T, in the buffer of A
        np.clip(Z, -10, 10, out=dZ)  # beyond, 1 − T² is 0, and must not meet an infinite Z²
        dZ *= dZ
        dZ *= 0.134145
        dZ += 1
        dZ *= math.sqrt(2 / math.pi)  # dU/dZ
        np.subtract(1, A, out=A)
        dZ *= A  # (1 − T) dU/dZ
        np.subtract(2, A, out=A)  # 1 + T
        dZ *= A  # (1 − T²) dU/dZ
        dZ *= Z
        dZ += A
        dZ *= 0.5  # dA/dZ
        dZ *= dA  # dL/dZ = dL/dA ∘ dA/dZ

    def _tanh(self, Z: Array, T: Array) -> None:
        with np.errstate(over="ignore"):  # tanh ∞ = 1 is right
            np.multiply(Z, Z, out=T)
            T *= 0.044715
            T += 1
            T *= Z
            T *= math.sqrt(2 / math.pi)  # U = √(2/π) (Z + 0.044715 Z³)
        np.tanh(T, out=T)


@ACTIVATIONS.register("silu")
class SiLU(Activation):
    """A = Z σ(Z), also called swish;  dA/dZ = σ(Z) (1 + Z − A) (Elfwing et al. 2018)"""

    graph = "z*sigmoid(z)"
    initializer = "he"

    def forward(self, Z: Array, A: Array) -> None:
        sigmoid(Z, A)
        A *= Z  # A = Z σ(Z)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        sigmoid(Z, dZ)
        np.subtract(Z, A, out=A)
        A += 1
        dZ *= A  # dA/dZ = σ (1 + Z (1 − σ)) = σ (1 + Z − A)
        dZ *= dA  # dL/dZ = dL/dA ∘ dA/dZ


@ACTIVATIONS.register("mish")
class Mish(Activation):
    """A = Z tanh(log(1 + e^Z));  dA/dZ = A / Z + Z σ(Z) (1 − (A / Z)²) (Misra 2019)"""

    graph = "z*tanh(logsumexp(0, z))"
    initializer = "he"

    def forward(self, Z: Array, A: Array) -> None:
        self.kernels.mish(Z, A)

    def backward(self, dA: Array, Z: Array, A: Array, dZ: Array) -> None:
        self.kernels.mish_backward(dA, Z, A, dZ)
