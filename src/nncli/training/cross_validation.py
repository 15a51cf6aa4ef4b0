"""Cross-validation: every row is judged by a model that has not seen it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Dataset
from nncli.errors import OptionError
from nncli.metrics.definitions import METRICS
from nncli.metrics.intervals import IN_TIME, Estimate, estimate, few_groups
from nncli.metrics.reported import OF_NUMBERS, in_document
from nncli.metrics.rows import ScoredRows
from nncli.system.output import counted
from nncli.system.workers import Stop
from nncli.training.guessing import guess, say_above
from nncli.training.prepare import Prepared, apart_from_test, prepare
from nncli.training.run import fit, keep_best, new_trainer
from nncli.training.splitting import Fold

FIRST = ("accuracy", "balanced-accuracy", "log-loss", "cost")  # those that a person is shown, where they are defined
MOST_RANKED = 1 << 18  # rows × classes; of more, the interval of a ranking that nobody asked for would take long


@dataclass(frozen=True)
class JudgedFold:
    """The rows of a fold, judged by a model of the other folds, and the epoch at which that was best."""

    rows: ScoredRows
    best_epoch: int
    repeated: int  # rows with the same values as a row that the model was trained on
    trained: int  # rows that the model was trained on, or that chose its epoch
    failure: str  # why its training broke off after that epoch, if it did


def cross_validate(
    prepared: Prepared, stop: Stop, on_fold: Callable[[int], None]
) -> tuple[dict[str, Any], int, list[str], NDArray[Any]] | None:
    """Train on all folds but one, each in turn; return the figures of the rows left out, the mean number of epochs that
    were best, what one should know of the figures, a line each, and what is predicted of each row, (n,). None if `stop`
    has become true.

    For each fold, validation rows from the other folds choose the epoch, so that nothing is chosen on the rows that
    are judged. Of each metric that `eval` reports: its value for all rows together with its 95 % interval, and its mean
    and standard deviation over the folds. Folds that are drawn several times are several such sets of all rows, whose
    values and ends of the interval are averaged: more draws make the figure steadier, and not the rows more.
    """
    config, dataset = prepared.config.options, apart_from_test(prepared)
    assert config.folds is not None
    folds, repeats = config.folds
    if config.test_data or prepared.read.test is not None:  # they are for the final model
        config = dataclasses.replace(config, test_data=(), test=0.0)
    found: list[list[JudgedFold]] = []
    for repeat in range(repeats):
        found.append([])
        for number in range(folds):
            judged_fold = _judge(config, dataset, Fold(number, folds, True, repeat), stop)
            if judged_fold is None:
                return None
            found[-1].append(judged_fold)
            on_fold(repeat * folds + number + 1)
    asked = () if config.metric in (None, "loss") else (config.metric,)
    every = [one for repeat in found for one in repeat]
    rows = [_together(repeat).oriented for repeat in found]
    first = tuple(OF_NUMBERS) if prepared.target is not None else FIRST
    for name in asked:
        if problem := METRICS.create(name).problem(rows[0]):
            raise OptionError("metric", f"{name} of these rows: {problem[0]}", problem[1])
    names = dict.fromkeys([*asked, *first, *in_document(rows[0].K, rows[0].costs is not None)])
    of_folds = [one.rows.oriented for one in every]
    metrics = {name: _figures(name, rows, of_folds, sure=name in (*asked, *first)) for name in names}
    epochs = round(float(np.mean([one.best_epoch for one in every])))
    return (
        {
            "folds": folds,
            "repeats": repeats,
            "n": sum(len(one.rows) for one in found[0]),
            "repeated": sum(one.repeated for one in found[0]),
            "epochs": epochs,
            "metrics": {name: figures for name, figures in metrics.items() if figures is not None},
        },
        epochs,
        _notes(config, found),
        np.concatenate([one.rows.predicted for one in found[0]]),
    )


def _notes(config: TrainConfig, found: Sequence[Sequence[JudgedFold]]) -> list[str]:
    """Say what the figures of the folds do not tell by themselves."""
    notes, n = [], sum(len(one.rows) for one in found[0])
    if repeated := sum(one.repeated for one in found[0]):
        same = f"{repeated:,} of {counted(n, 'row')} {'has' if repeated == 1 else 'have'} the same values as a row"
        notes.append(f"{same} of another fold: the figures of the folds look better than they are")
    every = [one for repeat in found for one in repeat]
    if failures := [one.failure for one in every if one.failure]:
        broke = f"the training for {len(failures)} of {len(every)} folds broke off ({failures[0].rstrip('.')})"
        notes.append(f"warning: {broke}; what is judged is the best epoch before that")
    if config.time is not None:
        earliest = counted(found[0][0].trained, "row")
        notes.append(f"the earliest {earliest} are only trained on, as no other rows come before them")
        notes.append(IN_TIME)
    rows = _together(found[0])
    is_weighted = config.weight is not None or config.class_weight not in (None, "none")  # as somebody asked
    if rows.probabilistic and not is_weighted:
        against = guess(rows, np.bincount(rows.y, minlength=rows.K))
        notes += [say_above("the rows of the folds", against)] if against.loss > against.guessed else []
    return [*notes, *([] if rows.groups is None else few_groups(rows.groups))]


def _judge(config: TrainConfig, dataset: Dataset, fold: Fold, stop: Stop) -> JudgedFold | None:
    prepared = prepare(config, dataset, fold)
    trainer = new_trainer(prepared)
    failure = fit(trainer, stop=stop)
    if stop() or trainer.kept.epoch is None:
        return None
    keep_best(trainer)
    rows = trainer.evaluator.judged(prepared.test)
    repeated = prepared.hashes.seen("train", "test")
    rows = dataclasses.replace(rows, groups=prepared.test_groups)
    trained = len(prepared.train) + len(prepared.val)
    return JudgedFold(rows, trainer.kept.epoch.number, repeated, trained, str(failure or ""))


def _figures(
    name: str, of_repeats: Sequence[ScoredRows], of_folds: Sequence[ScoredRows], sure: bool
) -> Mapping[str, Any] | None:
    """Return the figures of a metric, from all rows of each repeat and those of each fold: None where it is not defined
    for all rows. A fold in which it is not defined, as without rows of a class, has none. Unless `sure`, an interval
    that takes long is left out."""
    metric = METRICS.create(name)
    if any(metric.problem(rows) for rows in of_repeats):
        return None
    interval, method = None, None
    if sure or metric.needs != "scores" or len(of_repeats[0]) * of_repeats[0].K <= MOST_RANKED:
        estimates = [estimate(metric, rows) for rows in of_repeats]
        interval, method = _mean_interval(estimates), estimates[0].method
    values = [metric.value(rows) for rows in of_folds if not metric.problem(rows)]
    return {
        "value": float(np.mean([metric.value(rows) for rows in of_repeats])),
        "interval": interval,
        "method": method,
        "mean": float(np.mean(values)) if values else None,
        "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
    }


def _mean_interval(estimates: Sequence[Estimate]) -> list[float] | None:
    intervals = [one.interval for one in estimates if one.interval is not None]
    return np.mean(intervals, axis=0).tolist() if len(intervals) == len(estimates) else None


def _together(folds: Sequence[JudgedFold]) -> ScoredRows:
    """Return the rows of all folds as one."""
    parts = [fold.rows for fold in folds]
    return dataclasses.replace(
        parts[0],
        y=np.concatenate([part.y for part in parts]),
        predicted=np.concatenate([part.predicted for part in parts]),
        logits=np.concatenate([part.logits for part in parts]),
        losses=None,
        groups=None if parts[0].groups is None else np.concatenate([part.groups for part in parts]),
    )
