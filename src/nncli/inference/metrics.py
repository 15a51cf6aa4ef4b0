"""How good predictions are: figures with intervals, per class, and which classes are taken for which.

Nothing here takes a matrix of classes × classes: of 10,000 classes, few pairs are ever confused. The tests hold all of
it against scikit-learn, which would take most of a second to import.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.system import plain_json

CALIBRATION_BINS = 15
MOST_ROWS = 1 << 53
MOST_CLASSES = 200  # of a confusion matrix with all its zeros
CELLS_AT_ONCE = 1 << 21
FORM = {
    "n": int, "accuracy": float, "accuracy_interval": [float], "balanced_accuracy": float, "log_loss": (float, None),
    "f1_macro": float, "f1_weighted": float, "roc_auc": (float, None), "ece": (float, None), "per_class": dict,
    "confusion_matrix": ([[int]], None), "confusion_matrix_omitted": bool, "confusion_counts": [[int]],
    "classes": [str],
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
    """Work out the metrics of all rows from those that `all_metrics` found for parts of them: those that add up."""
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
    """Expected calibration error: Σ_bins (share of rows) · |accuracy − mean confidence|, bins of equal width
    over the confidence max_k p_k (Guo et al. 2017)."""
    confidence = P.max(axis=1).astype(np.float64)
    correct = P.argmax(axis=1) == y
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(bin_of, correct, bins) - np.bincount(bin_of, confidence, bins)
    return float(np.abs(gap).sum() / len(y))


def areas_under_the_curve(scores: NDArray[Any], y: NDArray[np.int64], classes: Sequence[int]) -> NDArray[np.float64]:
    """Return, for each of the given classes against the rest, the area under the ROC curve of its column of `scores`
    (n, K): of all pairs of a row of the class and another, the share in which the first has the higher score; half of
    those in which both have the same. Both kinds of rows have to be there."""
    n, areas = len(y), np.empty(len(classes))
    order = np.argsort(y, kind="stable")  # the rows of class k are order[starts[k] : starts[k + 1]]
    starts = np.concatenate([[0], np.bincount(y, minlength=scores.shape[1]).cumsum()])
    at_once = max(1, CELLS_AT_ONCE // n)
    for first in range(0, len(classes), at_once):
        some = classes[first : first + at_once]
        columns = np.ascontiguousarray(scores[:, some[0] : some[-1] + 1].T)  # (classes, n)
        for i, k in enumerate(some, first):
            column = columns[k - some[0]]
            own = column[order[starts[k] : starts[k + 1]]]
            column.sort()
            below_or_equal = column.searchsorted(own, "left") + column.searchsorted(own, "right")
            # twice the pairs in order, with those of two rows of the class, which are in order half of the time
            pairs = int(below_or_equal.sum()) - len(own) ** 2
            areas[i] = pairs / (2 * len(own) * (n - len(own)))
    return areas


def lead_over_the_others(scores: NDArray[Any]) -> None:
    """Replace each score, in place, by its lead over the best of the other classes."""
    at_once = max(1, CELLS_AT_ONCE // scores.shape[1])
    for start in range(0, len(scores), at_once):
        some = scores[start : start + at_once]
        two_best = np.partition(some, -2, axis=1)[:, -2:]
        some -= np.where(some == two_best[:, 1:], two_best[:, :1], two_best[:, 1:])


def confusion_counts(y: NDArray[np.int64], predicted: NDArray[np.int64], K: int) -> NDArray[np.int64]:
    """Return the rows (true class, predicted class, count) for the pairs that are there, (pairs, 3)."""
    pairs, counts = np.unique(y * K + predicted, return_counts=True)
    return np.stack([pairs // K, pairs % K, counts], axis=1)


def all_metrics(
    figures: NDArray[Any],
    predicted: NDArray[np.int64],
    y: NDArray[np.int64],
    classes: Sequence[str],
    probabilistic: bool,
) -> dict[str, Any]:
    """Return what `eval` reports, for the probability of each class (or its score), figures (n, K), the predicted
    classes (n,) and the true ones y (n,). Scores are overwritten, as there may be no room for them twice.

    `log_loss` is −log p_y, mean over rows, with p_y at least the smallest normal float32 (so it is finite); it
    and `ece` are None where there are only scores. `roc_auc` is one-against-rest, macro-averaged, and None
    where a class has no row among y; of scores, it is that of the lead over the best other class.
    `confusion_counts` are the entries of the confusion matrix that are not 0: true class, predicted class, count.
    """
    n, K = len(y), len(classes)
    counts = confusion_counts(y, predicted, K)
    right = np.bincount(y[predicted == y], minlength=K)
    support, claimed = np.bincount(y, minlength=K), np.bincount(predicted, minlength=K)
    precision, recall, f1 = _share(right, claimed), _share(right, support), _share(2 * right, support + claimed)
    present = support > 0
    log_loss = ece = roc_auc = None
    if probabilistic:
        of_truth = figures[np.arange(n), y].astype(np.float64)
        log_loss = float(-np.log(np.maximum(of_truth, np.finfo(np.float32).tiny)).mean())
        ece = calibration_error(figures, y)
    if present.all():
        if not probabilistic:
            lead_over_the_others(figures)
        roc_auc = float(areas_under_the_curve(figures, y, [1] if K == 2 else range(K)).mean())
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
    """part / whole, and 0 of nothing."""
    shares = np.zeros(len(whole))
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


def _matrix(counts: NDArray[np.int64], K: int) -> list[list[int]]:
    matrix = np.zeros((K, K), np.int64)
    matrix[counts[:, 0], counts[:, 1]] = counts[:, 2]
    found: list[list[int]] = matrix.tolist()
    return found


def check_metrics(found: Any, classes: list[str]) -> None:
    """ValueError for what `all_metrics` never says of these classes."""
    plain_json.check(found, FORM)
    plain_json.check(found["per_class"], dict.fromkeys(classes, OF_A_CLASS))
    counts, K = found["confusion_counts"], len(classes)
    if found["classes"] != classes or len(found["accuracy_interval"]) != 2:
        raise ValueError("the metrics of another model")
    if any(len(one) != 3 or not (0 <= one[0] < K and 0 <= one[1] < K and one[2] > 0) for one in counts):
        raise ValueError("counts of no classes")
    if len({(one[0], one[1]) for one in counts}) < len(counts) or not 0 < sum(one[2] for one in counts) == found["n"]:
        raise ValueError("another number of rows")
    if found["n"] > MOST_ROWS:
        raise ValueError("more rows than there can be")
    matrix = None if K > MOST_CLASSES else _matrix(np.array(counts, np.int64), K)
    if (found["confusion_matrix"], found["confusion_matrix_omitted"]) != (matrix, matrix is None):
        raise ValueError("a matrix of other counts")
