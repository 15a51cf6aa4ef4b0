"""Losses, each with its link Z → P, so that no pairing of output and loss can be wrong.

The targets of a row of class y are row y of the loss's table of targets: Y = table[y]; where a number is predicted,
Y is that number. To add a loss, write one class here.
Row losses are float64, and finite for any finite float32 Z: logarithms are taken of Z, never of a
rounded P. Gradients are those of the row losses; for the gradient of their mean, divide by n.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nncli.nn.buffers import one_hot, shared_full
from nncli.nn.components import positive, setting
from nncli.nn.layers import Array
from nncli.nn.links import softmax
from nncli.nn.row_loss import Loss, RowLosses
from nncli.registry import Registry

LOSSES: Registry[Loss] = Registry("loss")


@LOSSES.register("cross-entropy")
class CrossEntropy(Loss):
    """L = −Σ_k y_k log p_k, P = softmax Z;  dL/dZ = P − Y"""

    links = ("softmax",)
    bend = 0.5

    def is_log_loss(self, K: int) -> bool:
        return True

    def forward(self, Z: Array, Y: Array, P: Array) -> RowLosses:
        m, s = softmax(Z, P)
        # −Σ_k y_k log p_k = max z − Σ_k y_k z_k + log Σ_j exp(z_j − max z),   as Σ_k y_k = 1: in this order, as
        # the first two are often the same, and large
        return m[:, 0].astype(np.float64) - np.vecdot(Y, Z) + np.log(s[:, 0])

    def backward(self, Z: Array, P: Array, Y: Array, dZ: Array) -> None:
        np.subtract(P, Y, out=dZ)  # dL/dZ = P − Y                (n, K)

    def graph(self, target: Sequence[float]) -> dict[str, str]:
        return {"L": f"-log(p{target.index(1)})"}


@LOSSES.register("binary-cross-entropy")
class BinaryCrossEntropy(Loss):
    """L = −Σ_k (y_k log p_k + (1 − y_k) log(1 − p_k)), P = σ(Z);  dL/dZ = P − Y

    Two classes have one output, the probability of the second. More have one each, against the rest.
    """

    links = ("sigmoid",)
    bend = 0.25

    def is_log_loss(self, K: int) -> bool:
        return K == 2  # of more, it is the sum of K of them, each of a class against the rest

    def forward(self, Z: Array, Y: Array, P: Array) -> RowLosses:
        self._link.forward(Z, P)
        # −y log σ(z) − (1 − y) log(1 − σ(z)) = max(z, 0) − y z + log(1 + e^−|z|), where numbers of two types, or new
        # arrays, would take NumPy longer
        Z = Z.astype(np.float64)
        rest, of_targets = np.abs(Z), Y.astype(np.float64)
        np.negative(rest, out=rest)
        np.exp(rest, out=rest)
        np.log1p(rest, out=rest)
        of_targets *= Z
        losses = np.maximum(Z, shared_full(0, Z.shape, Z.dtype), out=Z)
        losses -= of_targets
        losses += rest
        return losses[:, 0] if losses.shape[1] == 1 else losses.sum(axis=1)

    def backward(self, Z: Array, P: Array, Y: Array, dZ: Array) -> None:
        np.subtract(P, Y, out=dZ)  # dL/dZ = P − Y                (n, outputs)

    def graph(self, target: Sequence[float]) -> dict[str, str]:
        # 1 − σ(z) = σ(−z), which does not lose its digits where σ(z) is nearly 1
        return {"L": " ".join(f"- log(sigmoid({'' if y else '-'}z{k}))" for k, y in enumerate(target))}


@LOSSES.register("mse")
class MeanSquaredError(Loss):
    """L = ½ Σ_k (p_k − y_k)², P = Z, σ(Z) or softmax Z;  dL/dP = P − Y"""

    links = ("identity", "sigmoid", "softmax")
    power, bend = 2, 1

    def forward(self, Z: Array, Y: Array, P: Array) -> RowLosses:
        self._link.forward(Z, P)
        E = np.subtract(P, Y, dtype=np.float64)
        return 0.5 * np.vecdot(E, E)  # ½ Σ_k (p_k − y_k)²

    def backward(self, Z: Array, P: Array, Y: Array, dZ: Array) -> None:
        np.subtract(P, Y, out=dZ)  # dL/dP = P − Y                (n, outputs)
        self._link.backward(P, dZ)

    def graph(self, target: Sequence[float]) -> dict[str, str]:
        return {"L": "0.5*(" + " + ".join(f"({one})^2" for one in _errors(target)) + ")"}


@LOSSES.register("mae")
class MeanAbsoluteError(Loss):
    """L = Σ_k |p_k − y_k|, P = Z, σ(Z) or softmax Z;  dL/dP = sign(P − Y)"""

    links = ("identity", "sigmoid", "softmax")
    smooth = False
    power = 1

    def forward(self, Z: Array, Y: Array, P: Array) -> RowLosses:
        self._link.forward(Z, P)
        return np.abs(np.subtract(P, Y, dtype=np.float64)).sum(axis=1)  # Σ_k |p_k − y_k|

    def backward(self, Z: Array, P: Array, Y: Array, dZ: Array) -> None:
        np.subtract(P, Y, out=dZ)
        np.sign(dZ, out=dZ)  # dL/dP = sign(P − Y)          (n, outputs)
        self._link.backward(P, dZ)

    def graph(self, target: Sequence[float]) -> dict[str, str]:
        errors = {f"d{k}": one for k, one in enumerate(_errors(target))}
        return errors | {"L": " + ".join(f"relu({d}) + relu(-{d})" for d in errors)}


@LOSSES.register("huber")
@dataclass
class HuberLoss(Loss):
    """L = Σ_k ½ e_k² while |e_k| ≤ δ, else δ (|e_k| − ½ δ), E = P − Y;  dL/dP = E cut off at ±δ (Huber 1964)

    It is of numbers: δ = 1 counts standard deviations of the target in the training rows.
    """

    delta: float = positive(1.0)

    power, bend = 2, 1
    for_classes = False

    def forward(self, Z: Array, Y: Array, P: Array) -> RowLosses:
        self._link.forward(Z, P)
        E = np.abs(np.subtract(P, Y, dtype=np.float64))
        near = np.minimum(E, self.delta)
        return (near * (E - 0.5 * near)).sum(axis=1)  # ½ e² where near = |e|, δ (|e| − ½ δ) where near = δ

    def backward(self, Z: Array, P: Array, Y: Array, dZ: Array) -> None:
        np.subtract(P, Y, out=dZ)
        np.clip(dZ, -self.delta, self.delta, out=dZ)  # dL/dP, E cut off at ±δ      (n, outputs)

    def graph(self, target: Sequence[float]) -> dict[str, str]:
        errors = {f"d{k}": one for k, one in enumerate(_errors(target))}
        beyond = {f"u{d}": f"relu({d} - {self.delta!r}) + relu(-{d} - {self.delta!r})" for d in errors}
        return errors | beyond | {"L": " + ".join(f"0.5*{d}^2 - 0.5*u{d}^2" for d in errors)}


@LOSSES.register("quantile")
@dataclass
class QuantileLoss(Loss):
    """L = Σ_k max(q e_k, (q − 1) e_k), E = Y − P, q = 0.5;  dL/dP = −q where P < Y, 1 − q where P > Y (Koenker 1978)

    It is of numbers: least where a share q of the targets lies below the prediction, so q = 0.5 predicts the median.
    """

    q: float = setting(0.5, "a share between 0 and 1", lambda value: 0 < value < 1)

    smooth = False
    power = 1
    for_classes = False

    def forward(self, Z: Array, Y: Array, P: Array) -> RowLosses:
        self._link.forward(Z, P)
        E = np.subtract(Y, P, dtype=np.float64)
        return np.maximum(self.q * E, (self.q - 1) * E).sum(axis=1)

    def backward(self, Z: Array, P: Array, Y: Array, dZ: Array) -> None:
        np.subtract(P, Y, out=dZ)
        np.sign(dZ, out=dZ)
        dZ += (1 - 2 * self.q) * np.abs(dZ)
        dZ *= 0.5  # 1 − q where P > Y, −q where P < Y, 0 between      (n, outputs)

    def graph(self, target: Sequence[float]) -> dict[str, str]:
        errors = {f"d{k}": one for k, one in enumerate(_errors(target))}
        return errors | {"L": " + ".join(f"{1 - self.q!r}*relu({d}) + {self.q!r}*relu(-{d})" for d in errors)}


@LOSSES.register("perceptron")
class PerceptronLoss(Loss):
    """L = max_j z_j − z_y;  dL/dz = 1 at the predicted class, −1 at y, 0 where they are the same

    Two classes have one output: ŷ = 1 if z ≥ 0 else 0, L = (ŷ − y) z, dL/dz = ŷ − y.
    """

    smooth, soft = False, False
    sparse, homogeneous = True, True

    def forward(self, Z: Array, Y: Array, P: Array) -> RowLosses:
        self._link.forward(Z, P)
        Z = Z.astype(np.float64)
        two: RowLosses = np.vecdot((Z >= 0) - Y, Z)  # (ŷ − y) z
        more: RowLosses = Z.max(axis=1) - np.vecdot(Y, Z)  # max_j z_j − z_y
        return two if Z.shape[1] == 1 else more

    def backward(self, Z: Array, P: Array, Y: Array, dZ: Array) -> None:
        if Z.shape[1] == 1:
            np.subtract(Z >= 0, Y, out=dZ)  # ŷ − y                       (n, 1)
        else:
            one_hot(Z.argmax(axis=1), dZ)
            dZ -= Y  # 1 at ŷ, −1 at y             (n, K)

    def graph(self, target: Sequence[float]) -> dict[str, str]:
        if len(target) == 1:
            return {"L": "relu(-z0)" if target[0] else "z0 + relu(-z0)"}  # a z of 0 says 1
        others = _largest([f"z{k}" for k in range(len(target))])
        return others | {"L": f"largest - z{target.index(1)}"}


@LOSSES.register("hinge")
class HingeLoss(Loss):
    """L = max(0, 1 + max_{j≠y} z_j − z_y), after Crammer and Singer;  dL/dz = 1 at that j, −1 at y while L > 0

    Two classes have one output: L = max(0, 1 − t z), t = 2y − 1, dL/dz = −t while L > 0.
    """

    smooth, soft = False, False
    sparse, margin = True, True

    def forward(self, Z: Array, Y: Array, P: Array) -> RowLosses:
        self._link.forward(Z, P)
        Z = Z.astype(np.float64)
        two: RowLosses = np.maximum(0, 1 - np.vecdot(2 * Y - 1, Z))  # 1 − t z
        more: RowLosses = self._leads(Z, Y).max(axis=1)  # 0 if no other comes near enough
        return two if Z.shape[1] == 1 else more

    def backward(self, Z: Array, P: Array, Y: Array, dZ: Array) -> None:
        if Z.shape[1] == 1:
            T = 2 * Y - 1
            np.multiply(T * Z < 1, -T, out=dZ)  # −t while t z < 1            (n, 1)
        else:
            leads = self._leads(Z, Y)
            one_hot(leads.argmax(axis=1), dZ)
            dZ -= Y  # 1 at j, −1 at y             (n, K)
            dZ *= (leads.max(axis=1) > 0)[:, None]  # a margin of just 1 is no loss

    def graph(self, target: Sequence[float]) -> dict[str, str]:
        if len(target) == 1:
            return {"L": f"relu(1 {'-' if target[0] else '+'} z0)"}
        y = target.index(1)
        return _largest([f"z{j}" for j in range(len(target)) if j != y]) | {"L": f"relu(1 + largest - z{y})"}

    def _leads(self, Z: Array, Y: Array) -> Array:
        """Return 1 + z_j − z_y, and 0 for y itself."""
        # the difference first, as the 1 would be lost beside a large z; in float64, where that of any two floats fits
        leads: Array = np.subtract(Z, np.vecdot(Y, Z)[:, None], dtype=np.float64)
        leads += 1 - Y
        return leads


@LOSSES.register("squared-hinge")
class SquaredHingeLoss(Loss):
    """L = Σ_k max(0, 1 − t_k z_k)², t_k = 1 for k = y, else −1;  dL/dZ = −2 T max(0, 1 − T Z)

    Two classes have one output; more have one each, against the rest.
    """

    soft, bend = False, 2

    def forward(self, Z: Array, Y: Array, P: Array) -> RowLosses:
        self._link.forward(Z, P)
        M = np.maximum(0, 1 - (2 * Y - 1) * Z.astype(np.float64))
        return np.vecdot(M, M)  # Σ_k max(0, 1 − t_k z_k)²

    def backward(self, Z: Array, P: Array, Y: Array, dZ: Array) -> None:
        T = 2 * Y - 1
        M = np.clip(1 - T * Z, 0, np.finfo(Z.dtype).max / 2)  # twice a larger one would overflow
        np.multiply(-2 * T, M, out=dZ)  # −2 T max(0, 1 − T Z)        (n, outputs)

    def graph(self, target: Sequence[float]) -> dict[str, str]:
        return {"L": " + ".join(f"relu(1 {'-' if y else '+'} z{k})^2" for k, y in enumerate(target))}


def _errors(target: Sequence[float]) -> list[str]:
    """Return p_k − y_k as expressions, with all figures of y."""
    return [
        f"p{k} {'+' if y < 0 else '-'} {f'{abs(y):.17g}' if y % 1 else f'{abs(y):.0f}'}" for k, y in enumerate(target)
    ]


def _largest(names: Sequence[str]) -> dict[str, str]:
    """Return expressions for `largest`, the largest of some names; of equal ones the first, as argmax has it."""
    definitions, so_far = {}, names[0]
    for i, name in enumerate(names[1:], 2):
        definitions[f"m{i}"] = f"{so_far} + relu({name} - {so_far})"
        so_far = f"m{i}"
    return definitions | {"largest": so_far}
