"""Scores → probabilities that can be taken at their word, fitted on rows that training has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.nn.layers import Array
from nncli.nn.losses import LOSSES, Loss
from nncli.nn.memory import zeros
from nncli.nn.optimizers import LBFGS

STEPS = 200
SURE = 1e-6  # a mean loss with which all rows are as right as can be: more would only make a endless


@dataclass(frozen=True)
class Calibration:
    """P = softmax(a Z), or of a single output p = σ(a z + b), with a and b fitted.

    Where the loss gives probabilities, a = 1/T for a temperature T (Guo et al. 2017), and b = 0. The single score
    of a margin model has a bias too (Platt 1999). Of more than two classes, predictions stay as they are.
    """

    a: float
    b: float

    def probabilities(self, Z: Array) -> Array:
        """P (n, K), the probability of each class, for scores Z (n, outputs)."""
        scores = (self.a * Z + self.b).astype(Z.dtype)
        P, likelihood = np.empty_like(scores), likelihood_of(Z)
        likelihood.apply_link(scores, P)
        return likelihood.by_class(P)


def likelihood_of(Z: Array) -> Loss:
    """What calibration makes least, with the link that makes probabilities of Z: minus the log-likelihood."""
    return LOSSES.create("binary-cross-entropy" if Z.shape[1] == 1 else "cross-entropy")


def calibrate(Z: Array, y: NDArray[np.int64], loss: Loss, K: int) -> Calibration:
    """Fits to the scores Z (n, outputs) of rows of the classes y (n,), of a model trained with `loss`."""
    Z = Z.astype(np.float64)
    n = len(Z)
    has_bias = Z.shape[1] == 1 and not loss.probabilistic
    unit = max(float(np.abs(Z).max()), 1e-30)  # so that L-BFGS begins with sensible steps
    Z /= unit
    theta, g = zeros(2, np.float64), zeros(2, np.float64)
    likelihood = likelihood_of(Z)
    Y = likelihood.targets(K)[y]
    if not loss.probabilistic:
        # a little doubt, as Platt has it: of the n_k rows of a class and two more, one would be of another class
        doubt = 1 / (np.bincount(y, minlength=K) + 2)[y][:, None]
        Y = (1 - doubt) * Y + doubt * (1 - Y) / (K - 1)
    scores, P, dZ = np.empty_like(Z), np.empty_like(Z), np.empty_like(Z)

    def objective() -> float:
        np.copyto(scores, theta[0] * Z + theta[1])  # a Z + b
        value = float(likelihood.forward(scores, Y, P).mean())
        likelihood.backward(scores, P, Y, dZ)
        g[:] = np.vdot(dZ, Z) / n, dZ.sum() / n if has_bias else 0
        return value

    optimizer = LBFGS()
    optimizer.start(theta)
    for _ in range(STEPS):
        value = objective()
        if value < SURE:
            break
        optimizer.step(theta, g, 1.0, value, objective)
        if optimizer.done:
            break
    return Calibration(float(theta[0]) / unit, float(theta[1]))
