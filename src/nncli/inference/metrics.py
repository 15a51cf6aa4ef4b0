"""Metrics of predictions: figures with intervals, figures per class, and which classes are confused.

No matrix of classes × classes is needed: of 10,000 classes, few pairs are ever confused. The tests compare all of it
with scikit-learn, whose import takes most of a second.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.system import plain_json

CALIBRATION_BINS = 15
Z_95 = 1.959963984540054  # the 97.5 % point of the normal distribution
MOST_CLASSES = 200  # for which the whole confusion matrix is given, zeros included
SCORES_AT_ONCE = 1 << 21  # scores of rows × classes that are worked on at a time
METRICS_FORM = {"n": range(1, (1 << 53) + 1), "accuracy_interval": [float], "per_class": dict, "classes": [str]}
METRICS_FORM |= dict.fromkeys(("accuracy", "balanced_accuracy", "f1_macro", "f1_weighted"), float)
METRICS_FORM |= dict.fromkeys(("log_loss", "roc_auc", "ece"), (float, None))
METRICS_FORM |= {"confusion_matrix": ([[int]], None), "confusion_matrix_omitted": bool, "confusion_counts": [[int]]}
CLASS_FORM = {"precision": float, "recall": float, "f1": float, "n": int}


def accuracy_interval(correct: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """Return the interval of Wilson (1927) for a share of `correct` in `n` > 0, of 95 % unless `z`, a point of the
    normal distribution, says otherwise."""
    p = correct / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def pooled(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the metrics of all rows together, from those of each part by `all_metrics`; only those that add up."""
    n = sum(part["n"] for part in parts)
    counts = np.concatenate([np.array(part["confusion_counts"], np.int64).reshape(-1, 3) for part in parts])
    true, predicted, rows = counts.T
    support, right = np.bincount(true, rows), np.bincount(true, rows * (true == predicted))
    correct = int(right.sum())
    losses = [part["log_loss"] for part in parts]
    return {
        "n": n,
        "accuracy": correct / n,
        "accuracy_interval": list(accuracy_interval(correct, n)),
        "balanced_accuracy": float((right[support > 0] / support[support > 0]).mean()),
        "log_loss": None if None in losses else sum(part["log_loss"] * part["n"] for part in parts) / n,
    }


def calibration_error(P: NDArray[Any], y: NDArray[np.int64], bins: int = CALIBRATION_BINS) -> float:
    """Return the expected calibration error Σ_bins (share of rows) · |accuracy − mean confidence|, over bins of equal
    width of the confidence max_k p_k, for P (n, K) and y (n,) (Guo et al. 2017)."""
    confidence = P.max(axis=1).astype(np.float64)
    correct = P.argmax(axis=1) == y
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(bin_of, correct, bins) - np.bincount(bin_of, confidence, bins)
    return float(np.abs(gap).sum() / len(y))


def areas_under_the_curve(scores: NDArray[Any], y: NDArray[np.int64], classes: Sequence[int]) -> NDArray[np.float64]:
    """Return the area under the ROC curve of each given class against the rest, from its column of `scores` (n, K).

    It is the share of pairs (a row of the class, another row) in which the first has the higher score; ties count
    half. There must be rows of both kinds.
    """
    n, areas = len(y), np.empty(len(classes))
    order = np.argsort(y, kind="stable")  # the rows of class k are order[starts[k] : starts[k + 1]]
    starts = np.concatenate([[0], np.bincount(y, minlength=scores.shape[1]).cumsum()])
    at_once = max(1, SCORES_AT_ONCE // n)
    for first in range(0, len(classes), at_once):
        some = classes[first : first + at_once]
        columns = np.ascontiguousarray(scores[:, some[0] : some[-1] + 1].T)  # (classes, n)
        for i, k in enumerate(some, first):
            column = columns[k - some[0]]
            own = column[order[starts[k] : starts[k + 1]]]
            column.sort()
            below_or_equal = column.searchsorted(own, "left") + column.searchsorted(own, "right")
            # twice the pairs in the right order; pairs of two rows of the class, half of them in order, are taken off
            pairs = int(below_or_equal.sum()) - len(own) ** 2
            areas[i] = pairs / (2 * len(own) * (n - len(own)))
    return areas


def lead_over_the_others(scores: NDArray[Any]) -> None:
    """Subtract from each score, in place, the best score of the other classes."""
    at_once = max(1, SCORES_AT_ONCE // scores.shape[1])
    for start in range(0, len(scores), at_once):
        some = scores[start : start + at_once]
        two_best = np.partition(some, -2, axis=1)[:, -2:]
        some -= np.where(some == two_best[:, 1:], two_best[:, :1], two_best[:, 1:])


def confusion_counts(y: NDArray[np.int64], predicted: NDArray[np.int64], K: int) -> NDArray[np.int64]:
    """Return (true class, predicted class, count) for each pair that occurs, (pairs, 3)."""
    pairs, counts = np.unique(y * K + predicted, return_counts=True)
    return np.stack([pairs // K, pairs % K, counts], axis=1)


def all_metrics(
    scores: NDArray[Any],
    predicted: NDArray[np.int64],
    y: NDArray[np.int64],
    classes: Sequence[str],
    probabilistic: bool,
) -> dict[str, Any]:
    """Return what `eval --json` reports.

    scores: (n, K), the probability of each class, or its score if `probabilistic` is false; scores are overwritten, as
    there may be no memory for a second copy. predicted, y: (n,), the predicted and true classes.

    `log_loss` is the mean of −log p_y, with p_y at least the smallest normal float32, so that it is finite; it and
    `ece` are None for scores. `roc_auc` is the macro average of one class against the rest, None if a class has no
    row; for scores, it is that of the lead over the best other class. `confusion_counts` lists the non-zero entries of
    the confusion matrix: true class, predicted class, count.
    """
    n, K = len(y), len(classes)
    counts = confusion_counts(y, predicted, K)
    right = np.bincount(y[predicted == y], minlength=K)
    support, claimed = np.bincount(y, minlength=K), np.bincount(predicted, minlength=K)
    precision, recall, f1 = _share(right, claimed), _share(right, support), _share(2 * right, support + claimed)
    present = support > 0
    log_loss = ece = roc_auc = None
    if probabilistic:
        p_y = scores[np.arange(n), y].astype(np.float64)
        log_loss = float(-np.log(np.maximum(p_y, np.finfo(np.float32).tiny)).mean())
        ece = calibration_error(scores, y)
    if present.all():
        if not probabilistic:
            lead_over_the_others(scores)
        roc_auc = float(areas_under_the_curve(scores, y, [1] if K == 2 else range(K)).mean())
    correct = int(right.sum())
    return {
        "n": n,
        "accuracy": correct / n,
        "accuracy_interval": list(accuracy_interval(correct, n)),
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
        "confusion_matrix": _matrix(counts, K) if K <= MOST_CLASSES else None,
        "confusion_matrix_omitted": K > MOST_CLASSES,
        "confusion_counts": counts.tolist(),
        "classes": list(classes),
    }


def _share(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Return part / whole, and 0 where the whole is 0."""
    shares = np.zeros(len(whole))
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


def _matrix(counts: NDArray[np.int64], K: int) -> list[list[int]]:
    matrix = np.zeros((K, K), np.int64)
    matrix[counts[:, 0], counts[:, 1]] = counts[:, 2]
    return matrix.tolist()


def check_metrics(found: Any, classes: list[str]) -> None:
    """Raise ValueError for anything that `all_metrics` cannot have returned for these classes."""
    plain_json.check_form(found, METRICS_FORM)
    plain_json.check_form(found["per_class"], dict.fromkeys(classes, CLASS_FORM))
    counts, K = found["confusion_counts"], len(classes)
    if found["classes"] != classes or len(found["accuracy_interval"]) != 2:
        raise ValueError("the metrics of another model")
    if any(len(one) != 3 or not (0 <= one[0] < K and 0 <= one[1] < K and one[2] > 0) for one in counts):
        raise ValueError("counts of unknown classes")
    if len({(one[0], one[1]) for one in counts}) < len(counts) or sum(one[2] for one in counts) != found["n"]:
        raise ValueError("counts that do not add up to the rows")
    matrix = None if K > MOST_CLASSES else _matrix(np.array(counts, np.int64), K)
    if (found["confusion_matrix"], found["confusion_matrix_omitted"]) != (matrix, matrix is None):
        raise ValueError("a matrix that does not match the counts")
