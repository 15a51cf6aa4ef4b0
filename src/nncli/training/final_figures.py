"""Work out the figures a training run ends with: loss and accuracy of each part, the baseline, the chosen metric."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.scaled_rows import Subset
from nncli.data.task import REGRESSION
from nncli.metrics.definitions import METRICS
from nncli.metrics.rows import ScoredRows
from nncli.metrics.stored_logits import gathered
from nncli.model.model import Model
from nncli.model.provenance import losses_of
from nncli.model.training_state import Epoch
from nncli.training.batch import Batch, evaluate, judged_numbers, scores

if TYPE_CHECKING:
    from nncli.model.target_scale import TargetScale
    from nncli.training.prepare import Prepared
    from nncli.training.trainer import Trainer


def figures_of(model: Model, part: Subset, seen: Callable[..., None] | None = None) -> dict[str, float | None]:
    """Return accuracy and log loss of the model as it is used: calibrated, with its decision, each row counting once;
    and the objective, the mean loss that training minimises. The loss is the log loss; without probabilities there is
    none, and it is the objective. Of numbers, see `figures_of_numbers`. Of classes, `seen`
    is given the scores Z, y and what is predicted, of some rows at a time."""
    if model.target is not None:
        rows = scored(model, part)
        assert rows.losses is not None
        return {"loss": float(rows.losses.mean()), **figures_of_numbers(rows)}
    K, right, minus_log_p = len(model.classes), 0, 0.0

    def look(batch: Batch) -> None:
        nonlocal right, minus_log_p
        y, predicted = batch.y.astype(np.int64), model.predicted(batch.Z)
        if seen is not None:
            seen(batch.Z, y, predicted)
        right += int(np.count_nonzero(predicted == y))
        if model.probabilistic:
            minus_log_p -= float(ScoredRows(y, predicted, K, model.logits(batch.Z), True).log_p().sum())

    objective, _, _ = evaluate(model.network, model.loss, part, K, look)
    n = len(part)
    return {**losses_of(objective, minus_log_p / n if model.probabilistic else None), "accuracy": right / n}


def figures_of_numbers(rows: ScoredRows) -> dict[str, float | None]:
    """Return the metrics that are reported of predicted numbers; None for one that is not defined."""
    from nncli.metrics.reported import OF_NUMBERS

    found = {name: METRICS.create(name) for name in OF_NUMBERS}
    return {key_of(name): None if one.problem(rows) else one.value(rows) for name, one in found.items()}


def key_of(name: str) -> str:
    """Return the key of a metric in a document."""
    return name.replace("-", "_")


def baselines(scale: TargetScale, y: NDArray[np.float64]) -> dict[str, dict[str, float | None]]:
    """Return the figures of always predicting the mean, or the median, of the training rows, for rows with the numbers
    y (n,)."""
    guesses = {"mean": scale.mean, "median": scale.median}
    return {
        name: figures_of_numbers(ScoredRows.of_numbers(y, np.full(len(y), guess))) for name, guess in guesses.items()
    }


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
    """Return the rows of a part with what the model says of them; of numbers, with their losses."""
    if model.target is not None:
        return judged_numbers(model.network, model.loss, part, model.target)
    K, decision = len(model.classes), model.decision
    predicted = list[NDArray[np.int64]]()

    def logits() -> Iterator[NDArray[Any]]:
        for Z in scores(model.network, model.loss, part, K):
            predicted.append(model.predicted(Z))
            yield model.logits(Z.copy())

    found = gathered(logits(), len(part))
    return ScoredRows(
        part.y[part.rows].astype(np.int64),
        np.concatenate(predicted),
        K,
        found,
        model.probabilistic,
        positive=model.positive,
        costs=None if decision is None else decision.cost_matrix,
    )


def known_figures(prepared: Prepared, trainer: Trainer, best: Epoch) -> dict[str, Any]:
    """Return the figures that need no model; the baseline predicts the commonest class of the rows it is judged on, so
    that no other constant answer is right more often."""
    evaluated = prepared.test or prepared.val or prepared.train
    if prepared.target is not None:
        y = prepared.target.numbers(evaluated.y[evaluated.rows][:, None])
        return {
            "task": REGRESSION,
            "model": prepared.config.model.name,
            **_counts(prepared, trainer, best),
            "baseline": baselines(prepared.target, y),
        }
    return {
        "model": prepared.config.model.name,
        "classes": list(prepared.dataset.classes),
        "positive": _positive(prepared),
        **_counts(prepared, trainer, best),
        "baseline_accuracy": float(np.bincount(evaluated.y[evaluated.rows]).max() / len(evaluated)),
    }


def _counts(prepared: Prepared, trainer: Trainer, best: Epoch) -> dict[str, Any]:
    """Return the figures that a run for classes and one for numbers have in common."""
    return {
        "n_train": len(prepared.train),
        "n_val": len(prepared.val),
        "n_test": len(prepared.test),
        "epochs": len(trainer.history),
        "best_epoch": best.number,
        **dict.fromkeys(("train", "val", "test", "metric", "reference", "refit", "folds")),
    }
