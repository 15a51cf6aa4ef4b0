"""Work out what a model that goes on from another one has gained and forgotten: judge both on the same rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Positions, Table
from nncli.data.row_hashes import hash_rows
from nncli.errors import DataError
from nncli.inference.rows_to_judge import RowsToJudge, rows_to_judge
from nncli.metrics.definitions import METRICS
from nncli.metrics.paired import compared
from nncli.metrics.rows import ScoredRows
from nncli.model.model import Model
from nncli.model.network import EVAL_ROWS
from nncli.model.provenance import Provenance
from nncli.system.output import counted
from nncli.training.before import Before
from nncli.training.prepare import Prepared
from nncli.training.repeated_rows import known_test_rows

OF_CLASSES, OF_NUMBERS = ("accuracy", "log-loss"), ("rmse", "mae")


@dataclass(frozen=True)
class Change:
    """The figures of the model before and after on some rows, which are called `where`: of each metric both values, the
    difference of the second from the first, its 95 % interval and p-value."""

    where: str
    n: int
    figures: dict[str, dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        return {"rows": self.where, "n": self.n, "figures": self.figures}


def gained(before: Before, prepared: Prepared, model: Model, provenance: Provenance) -> Change | None:
    """Compare both models on the test rows of the new data; None where there are none."""
    if not prepared.test:
        return None
    if provenance.has_test_file:
        found = rows_to_judge(model, provenance, "the new model")
        return _change(before.model, model, found, model.classes)
    dataset, rows = prepared.dataset, prepared.split.test
    where = f"the {counted(len(rows), 'test row')} of {dataset.where}"
    return _change(before.model, model, RowsToJudge(dataset, rows, where, prepared.test_groups, []), dataset.classes)


def forgotten(before: Before, prepared: Prepared, model: Model) -> tuple[Change | None, list[str]]:
    """Compare both models on the test rows of before: those of the data of before that are given, or else of the data
    of the old model, where these can be had. Also say why they cannot, or that some of these rows are among the new
    ones."""
    notes = list[str]()
    assert prepared.start is not None
    if own := prepared.start.old.test:
        dataset, rows = prepared.dataset, np.concatenate([*own.values()])
        where = f"the {counted(len(rows), 'test row')} of {' and '.join(own)}"
        found, classes = RowsToJudge(dataset, rows, where, None, []), dataset.classes
    else:
        try:
            found = rows_to_judge(before.model, before.provenance, before.file)
        except DataError as error:
            return None, [f"what was forgotten is not known: {error.where}: {error.problem}"]
        classes = before.model.classes
        tested = hash_rows(found.dataset.table.take(found.rows))
        if seen := prepared.hashes.in_training(tested):
            notes = [known_test_rows(seen, len(tested))]
    return _change(before.model, model, found, classes), notes


def _change(old: Model, new: Model, found: RowsToJudge, classes: Sequence[str]) -> Change:
    """Compare two models on rows whose positions of classes are those among `classes`."""
    y = found.dataset.y[found.rows]
    if new.target is None:
        y = np.array([new.classes.index(name) for name in classes])[y.astype(np.int64)]
    rows = [_scored(one, new, found.dataset.table, found.rows, y, found.groups) for one in (old, new)]
    names: tuple[str, ...] = OF_NUMBERS if new.target is not None else OF_CLASSES
    if new.metric is not None:
        names = tuple(dict.fromkeys([new.metric, *names]))
    figures: dict[str, dict[str, Any]] = {}
    for name in names:
        metric = METRICS.create(name)
        is_known = metric.needs not in ("scores", "probabilities") or old.classes == new.classes
        if not is_known or any(metric.problem(one.oriented) for one in rows):
            continue
        its = dataclasses.asdict(compared(metric, rows[1], rows[0]))
        after, was = its.pop("values")
        figures[name] = {"before": was, "after": after} | its | {"interval": its["interval"] and [*its["interval"]]}
    return Change(found.evaluated_on, len(found.rows), figures)


def _scored(
    model: Model, new: Model, table: Table, rows: Positions, y: NDArray[Any], groups: NDArray[np.int64] | None
) -> ScoredRows:
    """Return rows with what a model says of them, as classes of the new one; without scores, if its classes are
    others."""
    Z = np.concatenate(
        [model.scores(table.take(rows[at : at + EVAL_ROWS])) for at in range(0, max(1, len(rows)), EVAL_ROWS)]
    )
    if model.target is not None:
        return ScoredRows.of_numbers(y, model.numbers(Z), groups=groups)
    predicted = np.array([new.classes.index(name) for name in model.classes])[model.predicted(Z)]
    K, decision = len(new.classes), new.decision
    costs = None if decision is None else decision.cost_matrix
    if model.classes != new.classes:
        return ScoredRows(y, predicted, K, np.empty((len(y), 0)), False, costs=costs, groups=groups)
    logits = model.logits(Z)
    return ScoredRows(y, predicted, K, logits, model.probabilistic, positive=new.positive, costs=costs, groups=groups)
