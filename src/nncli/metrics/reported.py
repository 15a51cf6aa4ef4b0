"""Which metrics are reported of judged rows without being asked for: by `eval`, and of the folds of `train`."""

from __future__ import annotations

OF_ALL = ("accuracy", "balanced-accuracy", "log-loss", "brier", "roc-auc", "average-precision", "ece")
OF_LABELS = ("mcc", "kappa", "f1:average=macro", "f1:average=weighted")
OF_TWO = ("precision", "recall", "f1")  # of the positive class
OF_MANY = ("precision:average=macro", "recall:average=macro")
OF_NUMBERS = ("rmse", "mae", "r2", "median-error")
TOP, TOP_FROM = "top-k:k=5", 10  # classes from which it says something


def reported(K: int, has_costs: bool) -> tuple[str, ...]:
    """Return the metrics that are reported of a model with K classes, or of numbers (K = 0)."""
    if not K:
        return OF_NUMBERS
    own = OF_TWO if K == 2 else OF_MANY
    return (*("cost",) * has_costs, *OF_ALL, *OF_LABELS, *own, *((TOP,) if K >= TOP_FROM else ()))
