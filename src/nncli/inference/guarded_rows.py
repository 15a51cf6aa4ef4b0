"""Say how rows that a model is judged on differ from its training rows, or refuse them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from nncli.data.dataset import Table
from nncli.data.row_blocks import OnError
from nncli.data.sources import Source
from nncli.guards.report import Report, report_of
from nncli.inference.guarding import unlike
from nncli.inference.rows_to_judge import RowsToJudge
from nncli.model.model import Model

ROWS_AT_ONCE = 1 << 14
WHEN_JUDGED = "the figures are of other rows than the model learned from: train it anew on such rows if they are worse"


def guard_report(model: Model, found: RowsToJudge, predicted: NDArray[Any], as_decided: bool = True) -> Report | None:
    """Report on rows that were named and have been judged, and, unless somebody decides in another way than the model,
    on what is predicted of them. None for the rows of its own training run, and where its training columns are not
    known."""
    guard = model.guard() if found.guarded else None
    if guard is None:
        return None
    for _, table in _blocks(found):
        guard.look(table)
    guard.look_at_texts(found.cells.unknown)
    if as_decided:
        guard.look_at_predictions(predicted)
    return report_of(guard, found.told, WHEN_JUDGED)


def refuse_unlike(model: Model, found: RowsToJudge, source: Source, on_error: OnError) -> None:
    """Raise DataError for the first row that has what no training row had."""
    which = " of those that can be read" if on_error == "skip" else ""
    guard = model.guard()
    assert guard is not None
    for start, table in _blocks(found):
        its = guard.first_unlike(table)
        if its is not None:
            row, column, problem = its
            raise unlike(source, start + row, column, problem, which)


def _blocks(found: RowsToJudge) -> Iterator[tuple[int, Table]]:
    for start in range(0, len(found.rows), ROWS_AT_ONCE):
        yield start, found.dataset.table.take(found.rows[start : start + ROWS_AT_ONCE])
