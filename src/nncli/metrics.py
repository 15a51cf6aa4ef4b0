"""How good predictions are. Accuracy and its interval here; anything beyond by scikit-learn, loaded only then."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli import meta

CALIBRATION_BINS = 15
FORM = {
    "n": int, "accuracy": float, "accuracy_interval": [float], "balanced_accuracy": float, "log_loss": (float, None),
    "f1_macro": float, "f1_weighted": float, "roc_auc": (float, None), "ece": (float, None), "per_class": dict,
    "confusion_matrix": [[int]], "classes": [str],
}  # fmt: skip
OF_A_CLASS = {"precision": float, "recall": float, "f1": float, "n": int}


def accuracy_interval(correct: int, n: int) -> tuple[float, float]:
    """The 95 % interval of Wilson (1927) for a share of `correct` in `n`; n must be positive."""
    z = 1.959963984540054  # the 97.5 % point of the normal distribution
    p = correct / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def pooled(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of what `all_metrics` says of several sets of rows, what it says of all these rows: that which adds up."""
    n = sum(part["n"] for part in parts)
    matrix = np.sum([part["confusion_matrix"] for part in parts], axis=0)
    rows, right = matrix.sum(axis=1), np.diag(matrix)
    losses = [part["log_loss"] for part in parts]
    return {
        "n": n,
        "accuracy": int(right.sum()) / n,
        "accuracy_interval": list(accuracy_interval(int(right.sum()), n)),
        "balanced_accuracy": float((right[rows > 0] / rows[rows > 0]).mean()),
        "log_loss": None if None in losses else sum(part["log_loss"] * part["n"] for part in parts) / n,
    }


def calibration_error(P: NDArray[Any], y: NDArray[np.int64], bins: int = CALIBRATION_BINS) -> float:
    """Expected calibration error: Σ_bins (share of rows) · |accuracy − mean confidence|, bins of equal width
    over the confidence max_k p_k (Guo et al. 2017)."""
    confidence = P.max(axis=1).astype(np.float64)
    correct = P.argmax(axis=1) == y
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(bin_of, correct, bins) - np.bincount(bin_of, confidence, bins)
    return float(np.abs(gap).sum() / len(y))


def all_metrics(
    figures: NDArray[Any],
    predicted: NDArray[np.int64],
    y: NDArray[np.int64],
    classes: Sequence[str],
    probabilistic: bool,
) -> dict[str, Any]:
    """What `eval` reports, for the probability of each class (or its score), figures (n, K), the predicted
    classes (n,) and the true ones y (n,).

    `log_loss` is −log p_y, mean over rows, with p_y at least the smallest normal float32 (so it is finite); it
    and `ece` are None where there are only scores. `roc_auc` is one-against-rest, macro-averaged, and None
    where a class has no row among y; of scores, it is that of the lead over the best other class.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, roc_auc_score

    K = len(classes)
    correct = int((predicted == y).sum())
    labels = np.arange(K)
    log_loss = ece = None
    ranked = figures
    if probabilistic:
        of_truth = figures[np.arange(len(y)), y].astype(np.float64)
        log_loss = float(-np.log(np.maximum(of_truth, np.finfo(np.float32).tiny)).mean())
        ece = calibration_error(figures, y)
    else:
        two_best = np.sort(figures, axis=1)[:, -2:]
        ranked = figures - np.where(figures == two_best[:, 1:], two_best[:, :1], two_best[:, 1:])
    precision, recall, f1, support = precision_recall_fscore_support(y, predicted, labels=labels, zero_division=0)
    present = support > 0
    roc_auc = None
    if present.all():
        of_class = [roc_auc_score(y == k, ranked[:, k]) for k in ([1] if K == 2 else labels)]
        roc_auc = float(np.mean(of_class))  # class by class, as a table of all takes n K numbers more
    return {
        "n": len(y),
        "accuracy": correct / len(y),
        "accuracy_interval": list(accuracy_interval(correct, len(y))),
        "balanced_accuracy": float(recall[present].mean()),
        "log_loss": log_loss,
        "f1_macro": float(f1[present].mean()),
        "f1_weighted": float(np.average(f1, weights=support)),
        "roc_auc": roc_auc,
        "ece": ece,
        "per_class": {
            name: {"precision": float(p), "recall": float(r), "f1": float(f), "n": int(s)}
            for name, p, r, f, s in zip(classes, precision, recall, f1, support, strict=True)
        },
        "confusion_matrix": confusion_matrix(y, predicted, labels=labels).tolist(),
        "classes": list(classes),
    }


def check_metrics(found: Any, classes: list[str]) -> None:
    """ValueError for what `all_metrics` never says of these classes."""
    meta.check(found, FORM)
    meta.check(found["per_class"], dict.fromkeys(classes, OF_A_CLASS))
    matrix, K = found["confusion_matrix"], len(classes)
    if found["classes"] != classes or [len(row) for row in matrix] != [K] * K or len(found["accuracy_interval"]) != 2:
        raise ValueError("the metrics of another model")
    if min(map(min, matrix)) < 0 or not 0 < sum(map(sum, matrix)) == found["n"]:
        raise ValueError("another number of rows")
