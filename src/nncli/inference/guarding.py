"""Guard what a model is asked: stop at rows unlike its training rows, and report on those that it has seen."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from nncli.data.row_blocks import RowBlock
from nncli.data.sources import Source, title
from nncli.errors import DataError, ModelFileError, listing, mention
from nncli.guards.guard import Guard
from nncli.guards.report import Report
from nncli.model.model import Model
from nncli.system.output import in_quotes, note_of

MOST_NAMED = 5  # columns
NOT_KNOWN = (
    "it has no statistics of its training columns (an older nncli saved it, it was trained in steps, or the columns "
    "are very many, or stored sparse)"
)
TRAIN_AGAIN = "If it is an older one, train it again with this version"


def before_unlike(block: RowBlock, guard: Guard | None, source: str, before: int) -> tuple[RowBlock, DataError | None]:
    """Return the rows of a block before the first that has what no training row had, and the error for that one; all
    rows, and None, where there is none. `before` is how many rows of the source came before the block."""
    good = np.delete(np.arange(len(block)), [*block.errors])
    found = guard and guard.first_unlike(block.without_errors().table if block.errors else block.table)
    if not found:
        return block, None
    row = int(good[found[0]])
    return block.before(row), unlike((source,), before + row, *found[1:])


def unlike(source: Source, row: int, column: str, problem: str, which: str = "") -> DataError:
    """Return the error for a row, counted from 0 among `which` rows, that has in a column what no training row had."""
    remedy = f"Correct it, leave the row out, or leave {mention('strict')} out"
    return DataError(f"{title(source)}: row {row + 1:,}{which}", f"column {in_quotes(column)}: {problem}", remedy)


def refuse_unknown(model: Model, model_file: str) -> None:
    """Raise ModelFileError for a model whose training columns are not known: nothing can be refused by them."""
    if model.distribution is None:
        problem = f"{mention('strict')} compares rows with its training rows, and {NOT_KNOWN}"
        raise ModelFileError(model_file, problem, TRAIN_AGAIN)


def refuse_drift(report: Report, source: Source) -> None:
    """Raise DataError where rows have drifted, or more are outside of the training range than by chance, or where
    something else about columns has been told."""
    if report.warnings or report.told:
        what = listing([*map(in_quotes, report.differing)], MOST_NAMED) or "the predictions"
        problem = f"expected rows like those of training, found others, by {what}"
        remedy = f"Look at what has changed, train the model anew on such rows, or leave {mention('strict')} out"
        raise DataError(title(source), problem, remedy)


def document(report: Report | None, model_file: str, source: Source) -> dict[str, Any]:
    """Return what --guard writes; of a model whose training columns are not known, that."""
    known = {"model": model_file, "data": list(source), "known": report is not None}
    return known | ({} if report is None else report.to_json())


def as_json(found: dict[str, Any]) -> bytes:
    """Write a document of --guard."""
    return (json.dumps(found, indent=2, allow_nan=False) + "\n").encode()


def lines_of(report: Report, source: Source) -> list[str]:
    """Return the lines of a report that are said, which begin with the name of the data."""
    return [note_of(title(source), line) for line in report.said]
