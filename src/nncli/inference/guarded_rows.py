"""Say how rows that a model is judged on differ from its training rows."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from nncli.guards.report import report_of
from nncli.inference.rows_to_judge import RowsToJudge
from nncli.model.model import Model

ROWS_AT_ONCE = 1 << 14
WHEN_JUDGED = "the figures are of other rows than the model learned from: train it anew on such rows if they are worse"


def guard_lines(model: Model, found: RowsToJudge, predicted: NDArray[Any], as_decided: bool = True) -> list[str]:
    """Return what there is to say of rows that were named, and, unless somebody decides in another way than the model,
    of what is predicted of them."""
    guard = model.guard() if found.guarded else None
    if guard is None:
        return []
    for start in range(0, len(found.rows), ROWS_AT_ONCE):
        guard.look(found.dataset.table.take(found.rows[start : start + ROWS_AT_ONCE]))
    if as_decided:
        guard.look_at_predictions(predicted)
    report = report_of(guard, found.told, WHEN_JUDGED)
    return [*report.notes, *report.warnings]
