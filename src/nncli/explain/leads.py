"""How far a class leads, or which number is predicted, as a function of the scores: what coefficients and reasons add
up to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.metrics.rows import Floats
from nncli.model.model import Model
from nncli.system.output import in_quotes


def lead_of_scores(model: Model) -> tuple[Floats, Floats]:
    """Return V (outputs, K) and c (K,): the lead of each class over the others is Z V + c, after calibration.

    It is log (p_k / p_j) of two classes, and of more the mean of that over the others, z_k − mean_{j≠k} z_j: a shift of
    all scores, which changes no probability, changes no lead. Where each class is judged against the rest by itself, it
    is z_k. Without probabilities, scores are in the place of logarithms.

    Of a model of numbers, Z V + c (1 column) is the predicted number, in the unit of the target.
    """
    if model.target is not None:
        return np.array([[model.target.sd]]), np.array([model.target.mean])
    K, outputs = len(model.classes), model.loss.outputs(len(model.classes))
    a, b = _calibration(model)
    if outputs == 1:
        sign = np.array([-1.0, 1.0])
        border = 0 if model.calibration else model.loss.border
        return a * sign[None], (b - border) * sign
    if _is_separate(model):
        return np.eye(K), np.zeros(K)
    return a * (np.eye(K) * K - 1) / (K - 1), np.zeros(K)


def runners_up(Z: NDArray[Any], predicted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the class (n,) with the highest of the scores Z (n, outputs) beside the predicted one (n,)."""
    if Z.shape[1] <= 2:
        return 1 - predicted
    others = Z.copy()
    others[np.arange(len(Z)), predicted] = -np.inf
    return np.asarray(others.argmax(axis=1), np.int64)


def leads(model: Model, predicted: NDArray[np.int64], runner_up: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return V (n, outputs) and c (n,): the lead of the predicted class of each row (n,) over its runner-up (n,) is
    z · v + c.

    It is log (p_k / p_r) of the predicted class k and the runner-up r, which is z_k − z_r after calibration. Where each
    class is judged against the rest by itself, it is the difference of the logarithms of two odds. Without
    probabilities, scores are in the place of logarithms. Of numbers, z · v + c is what is predicted.
    """
    n, K = len(predicted), len(model.classes)
    if K == 2 or model.target is not None:
        V, c = lead_of_scores(model)
        return V.T[predicted], c[predicted]
    of_rows, rows = np.zeros((n, K)), np.arange(n)
    of_rows[rows, predicted], of_rows[rows, runner_up] = (sign * _calibration(model)[0] for sign in (1, -1))
    return of_rows, np.zeros(n)


def _calibration(model: Model) -> tuple[float, float]:
    return (1.0, 0.0) if model.calibration is None else (model.calibration.a, model.calibration.b)


def _is_separate(model: Model) -> bool:
    """Tell whether each class is judged against the rest by itself."""
    return model.loss.separate and model.calibration is None


def coefficients_title(model: Model) -> str:
    """Say what coefficients add up to, as the end of a sentence."""
    if model.target is not None:
        return f"the predicted {in_quotes(model.schema.target)}"
    if not model.probabilistic:
        return "its score" if len(model.classes) == 2 else "its score minus the mean of the others"
    if len(model.classes) > 2 and not _is_separate(model):
        return "the mean logarithm of its odds against each other class"
    return "the logarithm of its odds"


def reasons_title(model: Model, runner_up: str) -> str:
    """Say what the reasons for a prediction add up to, as the end of a sentence; of more than two classes, which the
    runner-up is: a phrase, or its name in quotes."""
    if len(model.classes) == 2 or model.target is not None:
        return coefficients_title(model)
    if not model.probabilistic:
        return f"its score minus that of {runner_up}"
    if _is_separate(model):
        return f"the logarithm of its odds against the rest minus that of {runner_up}"
    return f"the logarithm of its odds against {runner_up}"
