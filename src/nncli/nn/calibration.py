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
    """P = softmax(a Z + b), for a single output σ(a z + b), with a and b (outputs,) fitted.

    Where the loss gives probabilities, b = 0 and a = 1/T for a temperature T (Guo et al. 2017). Scores have b
    too: Platt scaling (1999), and its like for more than two classes.
    """

    a: float
    b: NDArray[np.float64]

    @property
    def loss(self) -> Loss:
        """What it makes least, with the link that makes probabilities: minus the log-likelihood."""
        return LOSSES.create("binary-cross-entropy" if len(self.b) == 1 else "cross-entropy")

    def probabilities(self, Z: Array) -> Array:
        """P (n, K), the probability of each class, for scores Z (n, outputs)."""
        scores = (self.a * Z + self.b).astype(Z.dtype)
        P = np.empty_like(scores)
        self.loss.apply_link(scores, P)
        return self.loss.by_class(P)


def calibrate(Z: Array, y: NDArray[np.int64], loss: Loss, K: int) -> Calibration:
    """Fits to the scores Z (n, outputs) of rows of the classes y (n,), of a model trained with `loss`."""
    Z = Z.astype(np.float64)
    n, outputs = Z.shape
    unit = max(float(np.abs(Z).max()), 1e-30)  # so that L-BFGS begins with sensible steps
    Z /= unit
    theta, g = zeros(1 + outputs, np.float64), zeros(1 + outputs, np.float64)
    likelihood = Calibration(0, theta[1:]).loss
    Y = likelihood.targets(K)[y]
    if not loss.probabilistic:
        # a little doubt, as Platt has it: of the n_k rows of a class and two more, one would be of another class
        doubt = 1 / (np.bincount(y, minlength=K) + 2)[y][:, None]
        Y = (1 - doubt) * Y + doubt * (1 - Y) / (K - 1)
    scores, P, dZ = np.empty_like(Z), np.empty_like(Z), np.empty_like(Z)

    def objective() -> float:
        np.multiply(Z, theta[0], out=scores)
        scores[...] += theta[1:]  # a Z + b
        value = float(likelihood.forward(scores, Y, P).mean())
        likelihood.backward(scores, P, Y, dZ)
        g[0] = np.vdot(dZ, Z) / n
        g[1:] = 0 if loss.probabilistic else dZ.sum(axis=0) / n
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
    return Calibration(float(theta[0]) / unit, theta[1:].copy())
