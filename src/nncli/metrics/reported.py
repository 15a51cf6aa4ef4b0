"""Which metrics are reported of judged rows without being asked for: by `eval`, and of the folds of `train`.

A person is shown the first ones, a document has the others too: all that there are but the loss of training."""

from __future__ import annotations

OF_ALL = ("accuracy", "balanced-accuracy", "log-loss", "brier", "roc-auc", "average-precision", "ece")
OF_LABELS = ("mcc", "kappa", "f1:average=macro", "f1:average=weighted")
OF_TWO = ("precision", "recall", "f1")  # of the positive class
OF_MANY = ("precision:average=macro", "recall:average=macro")
OF_NUMBERS = ("rmse", "mae", "r2", "median-error")
MORE_OF_TWO = ("f-beta:beta=0.5", "f-beta:beta=2")
MORE_OF_MANY = tuple(f"{one}:average=macro" for one in MORE_OF_TWO)
MORE_OF_MANY += ("precision:average=weighted", "recall:average=weighted")
TOP_OF_FEW = "top-k:k=2"
TOP, TOP_FROM = "top-k:k=5", 10  # classes from which it says something


def reported(K: int, has_costs: bool) -> tuple[str, ...]:
    """Return the metrics that are reported of a model with K classes, or of numbers (K = 0)."""
    if not K:
        return OF_NUMBERS
    own = OF_TWO if K == 2 else OF_MANY
    return (*("cost",) * has_costs, *OF_ALL, *OF_LABELS, *own, *((TOP,) if K >= TOP_FROM else ()))


def in_document(K: int, has_costs: bool) -> tuple[str, ...]:
    """Return the metrics that `eval --json` has of a model with K classes, and `train --json` of its folds."""
    if not K:
        return OF_NUMBERS
    if K == 2:
        return (*reported(K, has_costs), *MORE_OF_TWO)
    return (*reported(K, has_costs), *MORE_OF_MANY, *((TOP_OF_FEW,) if K < TOP_FROM else ()))
