"""How far a class leads, as a function of the scores: what coefficients and reasons add up to."""

from __future__ import annotations

import numpy as np

from nncli.metrics.rows import Floats
from nncli.model.model import Model


def lead_of_scores(model: Model) -> tuple[Floats, Floats]:
    """Return V (outputs, K) and c (K,): the lead of each class is Z V + c, after calibration.

    It is log (p_k / p_j) of two classes, and of more the mean of that over the others, z_k − mean_{j≠k} z_j: a shift of
    all scores, which changes no probability, changes no lead. Where each class is judged against the rest by itself, it
    is z_k. Without probabilities, scores are in the place of logarithms.
    """
    K, outputs = len(model.classes), model.loss.outputs(len(model.classes))
    a, b = (1.0, 0.0) if model.calibration is None else (model.calibration.a, model.calibration.b)
    if outputs == 1:
        sign = np.array([-1.0, 1.0])
        border = 0 if model.calibration else model.loss.border
        return a * sign[None], (b - border) * sign
    if model.loss.separate and model.calibration is None:
        return np.eye(K), np.zeros(K)
    return a * (np.eye(K) * K - 1) / (K - 1), np.zeros(K)


def lead_title(model: Model) -> str:
    """Say what a lead is, as the end of a sentence."""
    if not model.probabilistic:
        return "its score" if len(model.classes) == 2 else "its score minus the mean of the others"
    if len(model.classes) > 2 and not (model.loss.separate and model.calibration is None):
        return "the mean logarithm of its odds against each other class"
    return "the logarithm of its odds"
