"""Work out the figures a training run ends with: loss and accuracy of each part, the baseline, the chosen metric."""

from __future__ import annotations

from typing import Any

import numpy as np

from nncli.data.scaled_rows import Subset
from nncli.metrics.definitions import METRICS
from nncli.metrics.rows import ScoredRows
from nncli.model.model import Model
from nncli.model.training_state import Epoch
from nncli.training.batch import Batch, evaluate, scores
from nncli.training.prepare import Prepared
from nncli.training.trainer import Trainer


def figures_of(model: Model, part: Subset) -> dict[str, float | None]:
    """Return the loss of training on some rows; and accuracy and log loss of the model as it is used: calibrated, with
    its decision, each row counting once. Without probabilities, there is no log loss."""
    K, right, minus_log_p = len(model.classes), 0, 0.0

    def look(batch: Batch) -> None:
        nonlocal right, minus_log_p
        y, predicted = batch.y.astype(np.int64), model.predicted(batch.Z)
        right += int(np.count_nonzero(predicted == y))
        if model.probabilistic:
            minus_log_p -= float(ScoredRows(y, predicted, K, model.logits(batch.Z), True).log_p().sum())

    loss, _, _ = evaluate(model.network, model.loss, part, K, look)
    n = len(part)
    return {"loss": loss, "log_loss": minus_log_p / n if model.probabilistic else None, "accuracy": right / n}


def _positive(prepared: Prepared) -> str | None:
    """Return the positive class, of two."""
    classes, decision = prepared.dataset.classes, prepared.decision
    return None if len(classes) != 2 else classes[1 if decision is None else decision.positive]


def chosen_metric(model: Model, prepared: Prepared) -> dict[str, Any] | None:
    """Return the metric that the epoch was chosen by for each part, None where it is not defined; None for the loss,
    which is known."""
    name = prepared.config.options.metric
    if name in (None, "loss"):
        return None
    metric, found = METRICS.create(name), dict[str, Any]()
    for key, part in (("train", prepared.train), ("val", prepared.val), ("test", prepared.test)):
        rows = scored(model, part).oriented if part else None
        found[key] = None if rows is None or metric.problem(rows) else metric.value(rows)
    return {"name": name, **found}


def scored(model: Model, part: Subset) -> ScoredRows:
    """Return the rows of a part with what the model says of them."""
    K, decision = len(model.classes), model.decision
    Z = np.concatenate([one.copy() for one in scores(model.network, model.loss, part, K)])
    return ScoredRows(
        part.y[part.rows].astype(np.int64),
        model.predicted(Z),
        K,
        model.logits(Z),
        model.probabilistic,
        positive=model.positive,
        costs=None if decision is None else decision.cost_matrix,
    )


def known_figures(prepared: Prepared, trainer: Trainer, best: Epoch) -> dict[str, Any]:
    """Return the figures that need no model; the baseline predicts the commonest class of the rows it is judged on, so
    that no other constant answer is right more often."""
    evaluated = prepared.test or prepared.val or prepared.train
    return {
        "model": prepared.config.model.name,
        "classes": list(prepared.dataset.classes),
        "positive": _positive(prepared),
        "n_train": len(prepared.train),
        "n_val": len(prepared.val),
        "n_test": len(prepared.test),
        "epochs": len(trainer.history),
        "best_epoch": best.number,
        "train": None,
        "val": None,
        "test": None,
        "metric": None,
        "reference": None,
        "refit": None,
        "folds": None,
        "baseline_accuracy": float(np.bincount(evaluated.y[evaluated.rows]).max() / len(evaluated)),
    }
