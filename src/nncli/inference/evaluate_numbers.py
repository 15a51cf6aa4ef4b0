"""Evaluate a saved model that predicts numbers, on its own test rows or on other data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncli.data.csv.header import DETECTED, TextOptions
from nncli.data.row_blocks import OnError
from nncli.data.sources import Source
from nncli.data.task import REGRESSION
from nncli.guards.report import Report
from nncli.inference.guarded_rows import guard_report, refuse_unlike
from nncli.inference.judged_numbers import JudgedNumbers
from nncli.inference.prediction_sets import SHARE
from nncli.inference.rows_to_judge import RowsToJudge, read_again_with, rows_to_judge
from nncli.metrics.definitions import METRICS
from nncli.metrics.intervals import estimate
from nncli.metrics.reported import OF_NUMBERS
from nncli.metrics.rows import CELLS_AT_ONCE, ScoredRows
from nncli.metrics.student import share_interval
from nncli.model.model import Model
from nncli.model.network import eval_rows, network_inputs
from nncli.model.provenance import Provenance
from nncli.system.output import warnings_in
from nncli.training.final_figures import baselines, key_of
from nncli.training.memory import check_memory_to_evaluate


@dataclass(frozen=True)
class EvaluationOfNumbers:
    """The metrics of a model that predicts numbers, those of always predicting the mean or the median of its training
    rows, which rows they were measured on, and what else a person should know."""

    n: int
    figures: dict[str, dict[str, Any]]  # value, interval and method of each metric, that which was asked for first
    baseline: dict[str, dict[str, float | None]]
    target: dict[str, Any]  # its name, and the mean and standard deviation of these rows
    evaluated_on: str
    notes: list[str]
    interval: dict[str, Any] | None = None  # of each prediction: its share, half width, and which rows it holds
    guard: Report | None = None  # how rows that were named differ from those of training

    def to_json(self) -> dict[str, Any]:
        """Return what `eval --json` prints."""
        values = {key_of(name): one["value"] for name, one in self.figures.items()}
        return {
            "task": REGRESSION,
            "evaluated_on": self.evaluated_on,
            "n": self.n,
            "target": self.target,
            **values,
            "metrics": {key_of(name): one for name, one in self.figures.items()},
            "baseline": self.baseline,
            "interval": self.interval,
            "warnings": warnings_in(self.notes),
        }


def evaluate_numbers(
    model: Model,
    provenance: Provenance,
    model_file: str,
    source: Source = (),
    text: TextOptions = DETECTED,
    memory: int | None = None,
    metric: str | None = None,
    on_error: OnError = "fail",
    on_rows: Callable[[JudgedNumbers], None] | None = None,
    by: str | None = None,
    command: str = "eval",
    strict: bool = False,
) -> EvaluationOfNumbers:
    """Evaluate a model on all rows of a source, or without one on the test rows of its training run; see
    `evaluate_model`, also for `on_rows`, `by`, `command` and `strict`. Raises DataError where there are no such rows,
    OptionError where `memory` is too little."""
    found = rows_to_judge(model, provenance, model_file, source, text, memory, on_error, command)
    if strict:
        refuse_unlike(model, found, source, on_error)
    rows = predicted_rows(model, found, memory)
    if on_rows is not None:
        beside = None
        if by is not None and by not in model.schema.names:
            beside = read_again_with(model, found.dataset, by, bool(source), text, on_error)
        judged = found.dataset.table, found.rows, rows.predicted[:, None], rows, "" if source else "test", beside
        on_rows(JudgedNumbers(model, *judged, model.of_numbers.half_width(SHARE)))
    figures = {}
    for name in dict.fromkeys([*([] if metric is None else [metric]), *OF_NUMBERS]):
        one = dataclasses.asdict(estimate(METRICS.create(name), rows))
        figures[name] = one | {"interval": one["interval"] and list(one["interval"])}
    baseline = baselines(model.of_numbers, rows.y)
    interval = _coverage(model, rows)
    target = {"name": model.schema.target, "mean": float(rows.y.mean()), "sd": float(rows.y.std())}
    guard = guard_report(model, found, rows.predicted)
    notes = [*found.notes, *([] if guard is None else guard.said)]
    return EvaluationOfNumbers(len(rows), figures, baseline, target, found.evaluated_on, notes, interval, guard)


def _coverage(model: Model, rows: ScoredRows) -> dict[str, Any] | None:
    """Return how many rows lie in the interval around their prediction that should hold 90 %; None where too few
    validation rows tell how wide that is."""
    half_width = model.of_numbers.half_width(SHARE)
    if half_width is None:
        return None
    held = int((np.abs(rows.predicted - rows.y) <= half_width).sum())
    coverage = {"held": held, "coverage": held / len(rows), "coverage_interval": list(share_interval(held, len(rows)))}
    return {"share": SHARE, "half_width": half_width, **coverage}


def predicted_rows(model: Model, found: RowsToJudge, memory: int | None = None) -> ScoredRows:
    """Return the rows with what a model predicts for them, and their losses, block by block. Raises OptionError where
    `memory`, in bytes, is too little."""
    dataset, rows = found.dataset, found.rows
    inputs = network_inputs(model.preprocess, dataset.table)
    at_once = eval_rows(model.network.widths, inputs.words > 0 or inputs.not_zero is not None)
    block = max(at_once, CELLS_AT_ONCE // inputs.stored // at_once * at_once)
    if memory is not None:
        check_memory_to_evaluate(
            memory, model, inputs, n=len(dataset), evaluated=len(rows), block=min(block, len(rows))
        )
    y, predicted, losses = dataset.y[rows], np.empty(len(rows)), np.empty(len(rows))
    for start in range(0, len(rows), block):
        part = slice(start, start + block)
        Z = found.scores(model, part)
        predicted[part], losses[part] = model.numbers(Z), model.losses(Z, y[part])
    return ScoredRows.of_numbers(y, predicted, losses, found.groups)
