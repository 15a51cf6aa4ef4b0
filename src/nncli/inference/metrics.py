"""Work out what `eval` reports of judged rows: figures with intervals, figures per class, and confusions of classes.

No matrix of classes × classes is needed: of 10,000 classes, few pairs are ever confused. The tests compare all of it
with scikit-learn, whose import takes most of a second.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.errors import OptionError
from nncli.metrics.definitions import METRICS
from nncli.metrics.intervals import estimate
from nncli.metrics.metric import Metric, shares
from nncli.metrics.reported import in_document, reported
from nncli.metrics.rows import ScoredRows
from nncli.metrics.student import share_interval
from nncli.model.model import Model
from nncli.system import plain_json
from nncli.training.decision import which_is_positive

OBJECTIVE = "objective"  # the name of the loss beside a log loss that is another number
MOST_CLASSES = 200  # for which the whole confusion matrix is given, zeros included
KEYS = {"accuracy": "accuracy", "balanced_accuracy": "balanced-accuracy", "log_loss": "log-loss"}
KEYS |= {"f1_macro": "f1:average=macro", "f1_weighted": "f1:average=weighted", "roc_auc": "roc-auc", "ece": "ece"}
METRICS_FORM = {"n": range(1, (1 << 53) + 1), "accuracy_interval": [float], "per_class": dict, "classes": [str]}
METRICS_FORM |= dict.fromkeys(("accuracy", "balanced_accuracy", "f1_macro", "f1_weighted"), float)
METRICS_FORM |= dict.fromkeys(("log_loss", "roc_auc", "ece"), (float, None))
METRICS_FORM |= {"confusion_matrix": ([[int]], None), "confusion_matrix_omitted": bool, "confusion_counts": [[int]]}
METRICS_FORM |= {"metrics": dict, "positive": (str, None), "baseline": dict}
ESTIMATE_FORM = {"value": (float, None), "interval": ([float], None), "method": (str, None)}
CLASS_FORM = {**dict.fromkeys(("precision", "recall", "f1"), (float, None)), "n": int}


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
        "accuracy_interval": list(share_interval(correct, n)),
        "balanced_accuracy": float((right[support > 0] / support[support > 0]).mean()),
        "log_loss": None if None in losses else sum(part["log_loss"] * part["n"] for part in parts) / n,
    }


def metric_for(spec: str, rows: ScoredRows) -> Metric:
    """Return a metric; OptionError where it is not defined for the rows."""
    metric = METRICS.create(spec)
    if problem := metric.problem(rows.oriented):
        raise OptionError("metric", f"{spec} of these rows: {problem[0]}", problem[1])
    return metric


def check_positive_is_said(spec: str, model: Model, rows: ScoredRows) -> None:
    """Raise OptionError for a metric of the positive class, where nobody has said which that is, and of these rows more
    are of the second class."""
    is_said = model.decision is not None or model.config.options.positive is not None
    if rows.K == 2 and not is_said and METRICS.create(spec).is_of_positive and 2 * rows.y.sum() > len(rows):
        raise which_is_positive("metric", model.classes)


def one_metric(spec: str, rows: ScoredRows) -> dict[str, Any]:
    """Return the name, value, interval and method of a metric; OptionError where it is not defined for the rows."""
    metric = metric_for(spec, rows)
    return {"name": spec, **dataclasses.asdict(estimate(metric, rows))}


def all_metrics(rows: ScoredRows, classes: Sequence[str]) -> dict[str, Any]:
    """Return what `eval --json` reports.

    `metrics` has all figures with their intervals. One that is not defined is None: log loss, Brier score and
    calibration error without probabilities, the area under the ROC curve where a class has no row. A macro average is
    over the classes that have rows, and a class without has no figures. `confusion_counts` lists the non-zero entries
    of the confusion matrix: true class, predicted class, count.
    """
    n, K, counts = len(rows), rows.K, rows.confusions
    names = in_document(K, rows.costs is not None)
    found = {name: dataclasses.asdict(estimate(METRICS.create(name), rows)) for name in names}
    for one in found.values():
        one["interval"] = one["interval"] and list(one["interval"])
    right = np.bincount(counts[:, 0], counts[:, 2] * (counts[:, 0] == counts[:, 1]), K)
    support, claimed = np.bincount(rows.y, minlength=K), np.bincount(rows.predicted, minlength=K)
    each = shares(right, claimed), shares(right, support), shares(2 * right, support + claimed)
    return {
        "n": n,
        **{key: found[name]["value"] for key, name in KEYS.items()},
        "accuracy_interval": found["accuracy"]["interval"],
        "baseline": _baseline(rows, support),
        "metrics": found,
        "per_class": {
            name: dict(zip(("precision", "recall", "f1"), map(float, figures) if s else (None,) * 3, strict=True))
            | {"n": int(s)}
            for name, s, *figures in zip(classes, support, *each, strict=True)
        },
        "confusion_matrix": _matrix(counts, K) if K <= MOST_CLASSES else None,
        "confusion_matrix_omitted": K > MOST_CLASSES,
        "confusion_counts": counts.tolist(),
        "classes": list(classes),
        "positive": classes[rows.positive] if K == 2 else None,
    }


def shown(metrics: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return those figures of `all_metrics` that a person is shown, by the name of their metric."""
    found = metrics["metrics"]
    return {name: found[name] for name in reported(len(metrics["classes"]), "cost" in found)}


def _baseline(rows: ScoredRows, support: NDArray[np.int64]) -> dict[str, float]:
    """Return the accuracy of the commonest class for all rows, and the mean cost of the class that costs least."""
    found = {"accuracy": float(support.max() / len(rows))}
    if rows.costs is not None:
        found["cost"] = float((support @ rows.costs).min() / len(rows))
    return found


def _matrix(counts: NDArray[np.int64], K: int) -> list[list[int]]:
    matrix = np.zeros((K, K), np.int64)
    matrix[counts[:, 0], counts[:, 1]] = counts[:, 2]
    return matrix.tolist()


def check_metrics(found: Any, classes: list[str]) -> None:
    """Raise ValueError for anything that `all_metrics` cannot have returned for these classes."""
    plain_json.check_form(found, METRICS_FORM)
    plain_json.check_form(found["per_class"], dict.fromkeys(classes, CLASS_FORM))
    names = in_document(len(classes), has_costs="cost" in found["metrics"])
    plain_json.check_form(found["baseline"], dict.fromkeys(found["metrics"].keys() & {"accuracy", "cost"}, float))
    plain_json.check_form(found["metrics"], dict.fromkeys(names, ESTIMATE_FORM))
    if any(len(one["interval"] or (0, 0)) != 2 for one in found["metrics"].values()):
        raise ValueError("an interval without two ends")
    counts, K = found["confusion_counts"], len(classes)
    if found["positive"] not in (classes if len(classes) == 2 else [None]):
        raise ValueError("a positive class that there is not")
    if found["classes"] != classes or len(found["accuracy_interval"]) != 2:
        raise ValueError("the metrics of another model")
    if any(len(one) != 3 or not (0 <= one[0] < K and 0 <= one[1] < K and one[2] > 0) for one in counts):
        raise ValueError("counts of unknown classes")
    if len({(one[0], one[1]) for one in counts}) < len(counts) or sum(one[2] for one in counts) != found["n"]:
        raise ValueError("counts that do not add up to the rows")
    matrix = None if K > MOST_CLASSES else _matrix(np.array(counts, np.int64), K)
    if (found["confusion_matrix"], found["confusion_matrix_omitted"]) != (matrix, matrix is None):
        raise ValueError("a matrix that does not match the counts")
