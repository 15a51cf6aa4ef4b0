"""Which validation rows of a sweep belong together: those of a group, and those of a row that folds draw repeatedly.

Such rows count once in a test. A sweep that needs it has it in the header of its ledger, for those who have no data.
"""

from __future__ import annotations

import base64
import functools
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Dataset, Positions
from nncli.sweep.trial import data_config, fold_of
from nncli.system.plain_json import check_form
from nncli.training.prepare import prepare

MOST_ROWS = 1 << 21  # × repeats; of more, it is not kept, …
MOST_FOLDS = 10_000  # × repeats
MOST_TEXT = 3 << 20  # … nor if it does not fit in a line of the ledger beside the rest
COUNT = range(1, MOST_ROWS + 1)
FORM = {"rows": COUNT, "units": COUNT, "unit_of_row": str, "fold_of_unit": str}
Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Units:
    """The unit of each of n rows (n,), from 0, and the fold of each of m units in each repeat (repeats, m)."""

    unit_of_row: Whole
    fold_of_unit: Whole
    folds: int

    @classmethod
    def of_rows(cls, rows_of_fold: Mapping[int, int]) -> Units:
        """Make a unit of each row, of folds that have so many validation rows and are drawn once."""
        sizes = np.zeros(max(rows_of_fold) + 1, np.int64)
        sizes[list(rows_of_fold)] = list(rows_of_fold.values())
        return cls(np.arange(sizes.sum()), np.repeat(np.arange(len(sizes)), sizes)[None], len(sizes))

    @property
    def count(self) -> int:
        return self.fold_of_unit.shape[1]

    @functools.cached_property
    def sizes(self) -> Whole:
        """Return how many validation rows each fold has, repeat after repeat."""
        rows_of_unit = np.bincount(self.unit_of_row, minlength=self.count)
        return np.concatenate(
            [np.bincount(its, rows_of_unit, self.folds).astype(np.int64) for its in self.fold_of_unit]
        )

    @functools.cached_property
    def _fold_by_fold(self) -> tuple[Whole, Whole]:
        """Return the unit of each validation row of all folds, one behind the other, and where each fold begins."""
        orders = [np.argsort(its[self.unit_of_row], kind="stable") for its in self.fold_of_unit]
        return self.unit_of_row[np.concatenate(orders)], np.cumsum(np.append(0, self.sizes))

    def of_fold(self, number: int) -> Whole:
        """Return the unit of each validation row of a fold."""
        units, edges = self._fold_by_fold
        return units[edges[number] : edges[number + 1]]

    def equals(self, other: Units) -> bool:
        """Tell whether two are the same."""
        pairs = (self.unit_of_row, other.unit_of_row), (self.fold_of_unit, other.fold_of_unit)
        return self.folds == other.folds and all(np.array_equal(*pair) for pair in pairs)

    def to_json(self) -> dict[str, Any] | None:
        """Return them for the header of a ledger; None if that is too much."""
        if self.sizes.sum() > MOST_ROWS or len(self.sizes) > MOST_FOLDS:
            return None
        steps = _packed(np.diff(self.unit_of_row, prepend=0), "<i4")
        folds = _packed(self.fold_of_unit, _type(self.folds))
        if len(steps) + len(folds) > MOST_TEXT:
            return None
        return {"rows": len(self.unit_of_row), "units": self.count, "unit_of_row": steps, "fold_of_unit": folds}

    @classmethod
    def from_json(cls, document: Mapping[str, Any], folds: int, repeats: int) -> Units:
        """Read them from the header of a ledger; ValueError for what no sweep has written."""
        check_form(document, FORM, "units")
        rows, units = document["rows"], document["units"]
        if rows * repeats > MOST_ROWS or folds * repeats > MOST_FOLDS or not folds <= units <= rows:
            raise ValueError("'units' has numbers that do not go together")
        unit_of_row = np.cumsum(_unpacked(document["unit_of_row"], "<i4", rows))
        fold_of_unit = _unpacked(document["fold_of_unit"], _type(folds), units * repeats).reshape(repeats, units)
        if not np.array_equal(np.unique(unit_of_row), np.arange(units)) or fold_of_unit.max() >= folds:
            raise ValueError("'units' has rows or folds that cannot be")
        return cls(unit_of_row, fold_of_unit, folds)


UNKNOWN = Units(np.zeros(0, np.int64), np.zeros((1, 0), np.int64), 0)  # there are some, which the ledger does not have


def units_in(header: Mapping[str, Any]) -> Units | None:
    """Return the units of a ledger, None where each row counts alone; ValueError for what no sweep has written."""
    found, repeats = header.get("units"), header.get("repeats", 1)
    if found is not None:
        return Units.from_json(found, header["folds"], repeats)
    return UNKNOWN if "units" in header or repeats > 1 else None


def find_units(config: TrainConfig, dataset: Dataset, folds: int, repeats: int) -> Units | None:
    """Find the units of a sweep: the groups, or the rows that are drawn repeatedly; None where each row counts alone.

    DataError for data that cannot be split into such folds.
    """
    if config.group is None and repeats == 1:
        return None
    rows, ids = list[Positions](), list[Positions]()
    for number in range(folds * repeats):
        prepared = prepare(data_config(config), dataset, fold_of(number, folds))
        rows.append(prepared.val.rows)
        ids.append(prepared.val.rows if prepared.val_groups is None else prepared.val_groups)
    return _units(rows, ids, folds)


def _units(rows: Sequence[Positions], ids: Sequence[Positions], folds: int) -> Units:
    """Make them of the row numbers and the unit of each validation row, fold by fold."""
    order = np.argsort(np.concatenate(rows[:folds]))
    known, unit_of_row = np.unique(np.concatenate(ids[:folds])[order], return_inverse=True)
    fold_of_unit = np.zeros((len(ids) // folds, len(known)), np.int64)
    for number, its in enumerate(ids):
        fold_of_unit[number // folds, np.searchsorted(known, its)] = number % folds
    return Units(unit_of_row, fold_of_unit, folds)


def _type(folds: int) -> str:
    return "<u1" if folds <= 1 << 8 else "<u4"


def _packed(numbers: Whole, dtype: str) -> str:
    return base64.b64encode(zlib.compress(numbers.astype(dtype).tobytes(), 9)).decode()


def _unpacked(text: str, dtype: str, count: int) -> Whole:
    """ValueError for a text that is not so many numbers; it never takes more memory than they do."""
    reader, size = zlib.decompressobj(), count * np.dtype(dtype).itemsize
    try:
        found = reader.decompress(base64.b64decode(text, validate=True), size + 1)
    except zlib.error:
        found = b""
    if len(found) != size or not reader.eof or reader.unused_data:
        raise ValueError("'units' is not of its form")
    return np.frombuffer(found, dtype).astype(np.int64)
