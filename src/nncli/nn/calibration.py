"""Scores → probabilities that can be taken at their word, fitted on rows that training has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.nn.layers import Array
from nncli.nn.losses import LOSSES, Loss
from nncli.nn.memory import zeros
from nncli.nn.optimizers import LBFGS

STEPS = 200


@dataclass(frozen=True)
class Calibration:
    """P = link(a Z + b), of which a (outputs,) and b (outputs,) are fitted, each output by itself.

    Where the loss gives probabilities, b = 0 and all a are 1/T for a temperature T (Guo et al. 2017), with the
    link of the loss. Scores are read through the sigmoid, each against the rest (Platt 1999; Zadrozny and
    Elkan 2002 for more than two classes).
    """

    a: NDArray[np.float64]
    b: NDArray[np.float64]
    loss: Loss  # whose link and whose reading of P it takes

    def probabilities(self, Z: Array) -> Array:
        """P (n, K), the probability of each class."""
        scores = (Z * self.a + self.b).astype(Z.dtype)
        P = np.empty_like(scores)
        self.loss.apply_link(scores, P)
        return self.loss.by_class(P)


def loss_of(loss: Loss) -> Loss:
    """What calibration makes least for scores that were trained with `loss`: minus the log-likelihood."""
    return LOSSES.create("cross-entropy" if loss.link == "softmax" else "binary-cross-entropy")


def calibrate(Z: Array, y: NDArray[np.int64], loss: Loss, K: int) -> Calibration:
    """Fits to the scores Z (n, outputs) of rows of the classes y (n,), of a model trained with `loss`."""
    likelihood = loss_of(loss)
    Z = Z.astype(np.float64)
    Y = likelihood.targets(K)[y]
    outputs = Z.shape[1]
    if loss.probabilistic:
        a = _fit(Z[:, :, None], Y, likelihood)[0]
        return Calibration(np.full(outputs, a), np.zeros(outputs), likelihood)
    theta = np.empty((outputs, 2))
    for k in range(outputs):
        # a little doubt, as Platt has it: of m rows of a class, one more would be of the other
        m = np.array([np.sum(Y[:, k] == 0), np.sum(Y[:, k] == 1)])
        doubtful = np.where(Y[:, k] == 1, (m[1] + 1) / (m[1] + 2), 1 / (m[0] + 2))[:, None]
        features = np.stack([Z[:, k], np.ones(len(Z))], axis=1)[:, None, :]
        theta[k] = _fit(features, doubtful, likelihood)
    return Calibration(theta[:, 0], theta[:, 1], likelihood)


def _fit(F: NDArray[Any], Y: NDArray[Any], loss: Loss) -> NDArray[Any]:
    """θ that makes the mean loss of the scores Z = F θ least; F is (n, outputs, len θ)."""
    scale = np.maximum(np.abs(F).max(axis=(0, 1)), 1e-30)  # so that L-BFGS begins with sensible steps
    F = F / scale
    theta, g = zeros(F.shape[2], np.float64), zeros(F.shape[2], np.float64)
    Z, P, dZ = np.empty(Y.shape), np.empty(Y.shape), np.empty(Y.shape)

    def objective() -> float:
        np.matmul(F, theta, out=Z)
        value = float(loss.forward(Z, Y, P).mean())
        loss.backward(Z, P, Y, dZ)
        np.einsum("nk,nkt->t", dZ / len(Z), F, out=g)
        return value

    optimizer = LBFGS()
    optimizer.start(theta)
    for _ in range(STEPS):
        value = objective()
        optimizer.step(theta, g, 1.0, value, objective)
        if optimizer.done:
            break
    fitted: NDArray[Any] = theta / scale
    return fitted
