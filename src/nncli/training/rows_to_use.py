"""Find the rows of the data that take part in a run, and those of validation in a file of their own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Dataset, Positions
from nncli.data.rare_classes import UNKNOWN
from nncli.data.row_hashes import Hashes
from nncli.data.split import row_numbers
from nncli.errors import DataError, OptionError, flag
from nncli.system.output import counted, in_quotes
from nncli.training.class_weights import Weights
from nncli.training.repeated_rows import first_rows


def rows_to_use(
    config: TrainConfig, dataset: Dataset, of_row: Weights, hashes: Hashes, elsewhere: Hashes
) -> tuple[Positions, list[str]]:
    """Return the rows that take part: those that count, and with --dedupe only the first of those that are the same,
    and none that is `elsewhere` too; also return notes. DataError where no row of a class counts."""
    rows, notes = row_numbers(len(dataset)), []
    if config.rare is not None:
        rows = rows[dataset.y != UNKNOWN]
    if of_row is not None and not of_row.all():
        rows = rows[of_row[rows] > 0]
        column = f"column '{config.weight}'"
        of_class = None if dataset.is_numeric else np.bincount(dataset.y[rows], minlength=len(dataset.classes))
        if of_class is not None and not of_class.all():
            problem = f"all rows of class {in_quotes(dataset.classes[int(of_class.argmin())])} have a weight of 0"
            raise DataError(dataset.where, f"{column}: {problem}", "Leave the class out, or let it count")
    if config.dedupe:
        once = first_rows(hashes, dataset.y, rows)
        kept = once[np.isin(hashes[once], elsewhere, invert=True)]
        repeated, others = counted(len(rows) - len(once), "row"), counted(len(once) - len(kept), "row")
        notes.append(f"{flag('dedupe')}: left out {repeated} with the same values and class as a row that is kept")
        if len(kept) < len(once):
            told = "with the same values as a row of another file, whatever its class"
            notes.append(f"{flag('dedupe')}: left out {others} {told}")
        rows = kept
        if not len(rows):
            raise OptionError("dedupe", "no row is left: all are in the other files too", "Leave the option out")
    return rows, notes


def val_rows_to_use(config: TrainConfig, own: Mapping[str, Hashes], of_row: Weights) -> tuple[Positions, list[str]]:
    """Return the rows of --val-data that count, with --dedupe none that a file of test rows has too; also return
    notes."""
    rows = row_numbers(len(own["val"])) if of_row is None else np.flatnonzero(of_row)
    if not config.dedupe or "test" not in own:
        return rows, []
    before, rows = len(rows), rows[np.isin(own["val"][rows], own["test"], invert=True)]
    if not len(rows):
        problem = f"no row of {flag('val_data')} is left: all are among the test rows too"
        raise OptionError("dedupe", problem, "Leave the option out")
    left_out = counted(before - len(rows), "row")
    return rows, [f"{flag('dedupe')}: left out {left_out} of {flag('val_data')} that the test rows have too"]
