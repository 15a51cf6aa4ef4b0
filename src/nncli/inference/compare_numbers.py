"""Compare two models that predict numbers on the same rows."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nncli.data.csv.header import DETECTED, TextOptions
from nncli.data.sources import Source
from nncli.errors import DataError, ModelFileError
from nncli.inference.compare import Comparison, have_one_test
from nncli.inference.evaluate_numbers import predicted_rows
from nncli.inference.rows_to_judge import rows_to_judge
from nncli.metrics.definitions import METRICS
from nncli.metrics.paired import compared
from nncli.metrics.reported import OF_NUMBERS
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.system.output import note_of


def compare_numbers(
    loaded: tuple[tuple[str, Model, Provenance], tuple[str, Model, Provenance]],
    source: Source = (),
    text: TextOptions = DETECTED,
    memory: int | None = None,
    metric: str | None = None,
) -> Comparison:
    """Compare two models on all rows of a source, or without one on their test rows, which must be the same; by a
    `metric` first, if one is asked for. Raises ModelFileError for models of other targets or test rows, DataError where
    they read other numbers in the rows."""
    (one, a, of_a), (other, b, of_b) = loaded
    if a.schema.target != b.schema.target:
        problem = f"expected a model of '{a.schema.target}', as {one} is, found one of '{b.schema.target}'"
        raise ModelFileError(other, problem, "Compare models of one task")
    if not source and not have_one_test(of_a, of_b):
        raise ModelFileError(other, f"it was tested on other rows than {one}", "Name the data: nncli eval A B DATA")
    found = [rows_to_judge(model, provenance, file, source, text, memory) for file, model, provenance in loaded]
    first, second = (predicted_rows(model, its, memory) for (_, model, _), its in zip(loaded, found, strict=True))
    if not np.array_equal(first.y, second.y):
        raise DataError(found[0].evaluated_on, "the two models read other numbers in it", "Train both in one way")
    of_both = [note for note in found[0].notes if note in found[1].notes]
    notes = [
        note_of(file, note)
        for (file, _, _), its in zip(loaded, found, strict=True)
        for note in its.notes
        if note not in of_both
    ]
    figures: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys([*([] if metric in (None, "loss") else [str(metric)]), *OF_NUMBERS]):
        its_metric = METRICS.create(name)
        if not its_metric.problem(first):
            figures[name] = {
                key: list(value) if isinstance(value, tuple) else value
                for key, value in dataclasses.asdict(compared(its_metric, first, second)).items()
            }
    return Comparison((one, other), found[0].evaluated_on, len(first), None, figures, [*notes, *of_both])
