"""Arrays one below the other, some of them on the disk, as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.disk.memmap import DiskArray


class Stacked(DiskArray):
    """Arrays (n_i,) or (n_i, d), in memory or on the disk, as one: a row is read from the array that has it."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self.parts = list(parts)
        self.dtype = np.result_type(*(part.dtype for part in parts))
        self.ends = np.cumsum([len(part) for part in parts])
        self.shape = (int(self.ends[-1]), *parts[0].shape[1:])

    def __getitem__(self, rows: slice | NDArray[Any]) -> NDArray[Any]:
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        if rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)
        found: NDArray[Any] = np.empty((len(rows), *self.shape[1:]), self.dtype)
        of_part = np.searchsorted(self.ends, rows, side="right")
        for i, part in enumerate(self.parts):
            its = np.flatnonzero(of_part == i)
            if len(its):
                found[its] = part[rows[its] - (self.ends[i] - len(part))]
        return found

    def column(self, place: int) -> NDArray[Any]:
        return np.concatenate(
            [part.column(place) if isinstance(part, DiskArray) else part[:, place] for part in self.parts]
        )

    def without(self, place: int) -> DiskArray:
        return Stacked(
            [
                part.without(place) if isinstance(part, DiskArray) else np.delete(part, place, axis=1)
                for part in self.parts
            ]
        )
