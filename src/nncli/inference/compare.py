"""Compare two models on the same rows: each figure of both, the difference with its interval, and a paired test."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncli.data.csv.header import DETECTED, TextOptions
from nncli.data.sources import Source
from nncli.errors import DataError, ModelFileError
from nncli.inference.evaluate import evaluate_model
from nncli.inference.judged_rows import JudgedRows
from nncli.inference.metrics import check_positive_is_said, metric_for
from nncli.metrics.definitions import METRICS
from nncli.metrics.intervals import MOST_CELLS
from nncli.metrics.paired import compared
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.system.output import counted, note_of, warnings_in

FEW = 10  # rows of a class; of 5, 90 % of the intervals of average precision hold, in place of 95
COMPARED = ("accuracy", "balanced-accuracy", "log-loss", "roc-auc", "cost")


@dataclass(frozen=True)
class Comparison:
    """The figures of two models, one and the other; their `difference` is that of the first from the second."""

    files: tuple[str, str]
    evaluated_on: str
    n: int
    positive: str | None  # class, of two: that of the first model
    figures: dict[str, dict[str, Any]]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        known = {"models": list(self.files), "evaluated_on": self.evaluated_on, "n": self.n}
        return known | {"positive": self.positive, "figures": self.figures, "warnings": warnings_in(self.notes)}


def compare_models(
    loaded: tuple[tuple[str, Model, Provenance], tuple[str, Model, Provenance]],
    source: Source = (),
    text: TextOptions = DETECTED,
    memory: int | None = None,
    metric: str | None = None,
    positive: int | None = None,
) -> Comparison:
    """Compare two models on all rows of a source, or without one on their test rows, which must be the same; by a
    `metric` too, if one is asked for. `positive` is the positive class, if not that of the first model. Raises
    ModelFileError for models of other classes or test rows, OptionError for a metric that is not defined for these
    rows."""
    (one, a, of_a), (other, b, of_b) = loaded
    if a.classes != b.classes:
        raise ModelFileError(other, f"expected the classes of {one}, found others", "Compare models of one task")
    if not source and not have_one_test(of_a, of_b):
        raise ModelFileError(other, f"it was tested on other rows than {one}", "Name the data: nncli eval A B DATA")
    judged: list[JudgedRows] = []
    evaluations = []
    for file, model, provenance in loaded:
        how = source, text, memory
        found = evaluate_model(model, provenance, file, *how, on_rows=lambda its: judged.append(its), positive=positive)
        evaluations.append(found)
    first, second = judged
    if not np.array_equal(first.y, second.y):
        raise DataError(evaluations[0].evaluated_on, "the two models read other classes in it", "Train both in one way")
    costs = {its.costs for its in (a.decision, b.decision) if its is not None and its.costs}
    notes = [f"the costs of {one} count for both"] * (len(costs) > 1)
    of_both = [note for note in evaluations[0].notes if note in evaluations[1].notes]
    for (file, _, _), its in zip(loaded, evaluations, strict=True):
        notes += [note_of(file, note) for note in its.notes if note not in of_both]
    notes += of_both
    if metric is not None and positive is None:
        check_positive_is_said(metric, a, first.scored)
    of = a.classes[first.scored.positive] if len(a.classes) == 2 else None
    figures = _figures(first, second, metric)
    rarest = int(np.bincount(first.y)[first.scored.present].min())
    if "average-precision" in figures and rarest < FEW:
        few = f"there is {counted(rarest, 'row')}" if rarest == 1 else f"there are {rarest} rows"
        notes.append(
            f"{few} of a class: so few make the interval of average precision too narrow, and its p-value too low"
        )
    return Comparison((one, other), evaluations[0].evaluated_on, len(first.y), of, figures, notes)


def have_one_test(one: Provenance, other: Provenance) -> bool:
    """Tell whether two models have the same test rows."""
    files = [{name: its.sha256 for name, its in p.files.items() if name != "val_data"} for p in (one, other)]
    return files[0] == files[1] and np.array_equal(one.test_bits, other.test_bits)


def _figures(one: JudgedRows, other: JudgedRows, asked: str | None) -> dict[str, dict[str, Any]]:
    """Return the figures of both models, what is asked for first. The positive class is that of the first model, and so
    are the costs, if it has any. Raises OptionError where what is asked for is not defined."""
    costs = other.scored.costs if one.scored.costs is None else one.scored.costs
    first, second = (
        dataclasses.replace(rows.scored, positive=one.scored.positive, costs=costs) for rows in (one, other)
    )
    if asked is not None:
        for rows in (first, second):
            metric_for(asked, rows)
    found = {}
    main = asked or (COMPARED[0] if costs is None else "cost")  # which says what is better
    for name in dict.fromkeys([main, *COMPARED]):
        metric = METRICS.create(name)
        if name != asked and metric.needs == "scores" and len(first) * first.K > MOST_CELLS:
            continue  # it would take long
        if not (metric.problem(first.oriented) or metric.problem(second.oriented)):
            found[name] = {
                key: list(value) if isinstance(value, tuple) else value
                for key, value in dataclasses.asdict(compared(metric, first, second)).items()
            }
    return found
