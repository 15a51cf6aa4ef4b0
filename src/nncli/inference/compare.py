"""Compare two models on the same rows: each figure of both, the difference with its interval, and a paired test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.csv.header import DETECTED, TextOptions
from nncli.data.sources import Source
from nncli.errors import DataError, ModelFileError
from nncli.inference.evaluate import evaluate_model
from nncli.inference.judged_rows import JudgedRows
from nncli.metrics.intervals import Z
from nncli.metrics.paired import sign_flip_p
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.system.output import note_of
from nncli.training.reference import mcnemar

SAMPLES, SEED = 2000, 0
MANY_ROWS = 50_000
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """The figures of two models, one and the other; their `difference` is that of the first from the second."""

    files: tuple[str, str]
    evaluated_on: str
    n: int
    figures: dict[str, dict[str, Any]]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        return {"models": list(self.files), "evaluated_on": self.evaluated_on, "n": self.n, "figures": self.figures}


def compare_models(
    loaded: tuple[tuple[str, Model, Provenance], tuple[str, Model, Provenance]],
    source: Source = (),
    text: TextOptions = DETECTED,
    memory: int | None = None,
) -> Comparison:
    """Compare two models on all rows of a source, or without one on their test rows, which must be the same. Raises
    ModelFileError for models of other classes or test rows."""
    (one, a, of_a), (other, b, of_b) = loaded
    if set(a.classes) != set(b.classes):
        raise ModelFileError(other, f"expected the classes of {one}, found others", "Compare models of one task")
    if not source and not _have_one_test(of_a, of_b):
        raise ModelFileError(other, f"it was tested on other rows than {one}", "Name the data: nncli eval A B DATA")
    judged: list[JudgedRows] = []
    evaluations = []
    for file, model, provenance in loaded:
        found = evaluate_model(model, provenance, file, source, text, memory, on_rows=lambda its: judged.append(its))
        evaluations.append(found)
    first, second = judged
    if [a.classes[k] for k in first.y.tolist()] != [b.classes[k] for k in second.y.tolist()]:
        raise DataError(evaluations[0].evaluated_on, "the two models read other classes in it", "Train both in one way")
    notes = [note_of(file, note) for (file, _, _), its in zip(loaded, evaluations, strict=True) for note in its.notes]
    return Comparison((one, other), evaluations[0].evaluated_on, len(first.y), _figures(first, second), notes)


def _have_one_test(one: Provenance, other: Provenance) -> bool:
    """Tell whether two models have the same test rows."""
    files = [{name: its.sha256 for name, its in p.files.items() if name != "val_data"} for p in (one, other)]
    return files[0] == files[1] and np.array_equal(one.test_bits, other.test_bits)


def _figures(one: JudgedRows, other: JudgedRows) -> dict[str, dict[str, Any]]:
    right = [(rows.predicted == rows.y).astype(np.float64) for rows in (one, other)]
    wins, losses = int((right[0] > right[1]).sum()), int((right[1] > right[0]).sum())
    every = np.zeros(len(one.y), np.int64)
    found = {"accuracy": _compared(right[0], right[1], every) | {"p_value": mcnemar(wins, losses)}}
    support = np.bincount(one.y)
    weights = len(one.y) / ((support > 0).sum() * support[one.y])  # with which the mean is that of the recalls
    found["balanced_accuracy"] = _compared(weights * right[0], weights * right[1], one.y)
    if one.model.probabilistic and other.model.probabilistic:
        lost = [-rows.scored.log_p() for rows in (one, other)]
        found["log_loss"] = _compared(lost[0], lost[1], every)
    costs = [None if rows.model.decision is None else rows.model.decision.costs for rows in (one, other)]
    if costs[0] and one.model.classes == other.model.classes and costs[0] == costs[1]:
        C = np.array(costs[0])
        found["mean_cost"] = _compared(C[one.y, one.predicted], C[other.y, other.predicted], every)
    return found


def _compared(one: Vector, other: Vector, group: NDArray[np.int64]) -> dict[str, Any]:
    """Compare the means of two numbers for each row (n,): both, their difference, its 95 % interval, and a p-value."""
    d = one - other
    return {
        "values": [float(one.mean()), float(other.mean())],
        "difference": float(d.mean()),
        "interval": list(mean_interval(d, group)),
        "p_value": sign_flip_p(d),
    }


def mean_interval(d: Vector, group: NDArray[np.int64]) -> tuple[float, float]:
    """Return the 95 % interval of a mean of numbers d (n,): of 2,000 samples of the rows with replacement, of each
    group as many as there are (Efron 1979); of very many rows, that of the normal distribution."""
    n, members = len(d), [np.flatnonzero(group == k) for k in np.unique(group)]
    if n > MANY_ROWS:
        half = Z * math.sqrt(sum(len(rows) * float(d[rows].var()) for rows in members)) / n
        return float(d.mean()) - half, float(d.mean()) + half
    rng, means = np.random.default_rng(SEED), np.empty(SAMPLES)
    for i in range(SAMPLES):
        means[i] = sum(float(d[rows[rng.integers(len(rows), size=len(rows))]].sum()) for rows in members) / n
    low, high = np.quantile(means, [0.025, 0.975]).tolist()
    return low, high
