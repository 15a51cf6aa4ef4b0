"""Calibration: scores → probabilities that are as often right as they say, fitted on rows not trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.nn.buffers import zeros
from nncli.nn.layers import Array
from nncli.nn.losses import LOSSES
from nncli.nn.optimizers import LBFGS
from nncli.nn.row_loss import Loss

STEPS = 200
LARGEST = 1e30  # score, so that probabilities are made of numbers
MOST = 50  # of log (a · size), lest the line search make it overflow
LEAST = 0.01  # of a, times the size of the scores: below, rounding would blur their order
SD = 0.5  # of log T before any row is seen: two of three temperatures lie between 0.6 and 1.6


@dataclass(frozen=True)
class Calibration:
    """P = softmax(a Z), or of a single output p = σ(a z + b), with a > 0 and b fitted.

    If the loss gives probabilities, a = 1/T for a temperature T (Guo et al. 2017), and b = 0; few rows say little
    against a T of 1, see `calibrate`. The single score of a margin model has a bias too (Platt 1999). With more than
    two classes, predictions do not change.
    """

    a: float
    b: float

    def __str__(self) -> str:
        return f"scores z become {self.a:.4g} z" + (f" {self.b:+.4g}" if self.b else "")

    def scores(self, Z: Array) -> Array:
        """Return a Z + b."""
        with np.errstate(over="ignore"):
            scores: Array = (self.a * Z + self.b).astype(Z.dtype)
        return np.clip(scores, -LARGEST, LARGEST, out=scores)


def likelihood_of(Z: Array) -> Loss:
    """Return the loss that calibration minimises, minus the log-likelihood, with the link that reads Z."""
    return LOSSES.create("binary-cross-entropy" if Z.shape[1] == 1 else "cross-entropy")


def calibrate(
    Z: Array, y: NDArray[np.int64], loss: Loss, K: int, weights: NDArray[np.float64] | None = None
) -> Calibration:
    """Fit to the scores Z (n, outputs) of rows of the classes y (n,), of a model trained with `loss`.

    Where that gives probabilities, log T has a normal distribution about 0 beforehand, and the likeliest T after the
    rows is taken: the mean log loss plus ½ (log T / 0.5)² / n is least. Scores of another loss have no scale of their
    own; there, of the n_k rows of a class and two more, one is of another class, as Platt has it. Without either, rows
    that are all predicted right would drive a to infinity.

    `weights` (n,) are the weights of the rows; None: all are 1. In place of n is then (Σ w)² / Σ w², the rows of equal
    weight that would tell as much.
    """
    Z = Z.astype(np.float64)
    w = np.ones(len(Z)) if weights is None else weights
    w = w / w.sum()
    size = float(np.median(np.abs(Z))) or float(np.abs(Z).max()) or 1.0
    has_bias = Z.shape[1] == 1 and not loss.probabilistic
    precision = float(w @ w) / SD**2 if loss.probabilistic else 0.0
    likelihood = likelihood_of(Z)
    Y = np.empty_like(Z)
    likelihood.write_targets(y, Y)
    if not loss.probabilistic:
        doubt = 1 / (np.bincount(y, minlength=K) + 2)[y][:, None]
        Y = (1 - doubt) * Y + doubt * (1 - Y) / (1 if Z.shape[1] == 1 else K - 1)
    theta, g = zeros(2, np.float64), zeros(2, np.float64)  # log (a · size), so that a > 0, and b
    P, dZ = np.empty_like(Z), np.empty_like(Z)

    def slope() -> float:
        return math.exp(min(theta[0], MOST)) / size

    def objective() -> float:
        a, b = slope(), float(theta[1])
        scores = a * Z + b
        value = float(w @ likelihood.forward(scores, Y, P))
        likelihood.backward(scores, P, Y, dZ)
        dZ[...] *= w[:, None]
        log_a = min(theta[0], MOST) - math.log(size)
        g[:] = a * np.vdot(dZ, Z) + precision * log_a, dZ.sum() if has_bias else 0
        return value + precision * log_a**2 / 2

    optimizer = LBFGS()
    optimizer.start(theta)
    for _ in range(STEPS):
        optimizer.step(theta, g, 1.0, objective(), objective)
        if optimizer.done:
            break
    return Calibration(max(slope(), LEAST / size), float(theta[1]))
