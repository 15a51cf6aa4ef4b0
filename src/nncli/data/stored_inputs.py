"""Inputs that are made of a table on the disk once, and kept in a file: those of texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nncli.data.dataset import Table
from nncli.data.disk import cache
from nncli.data.disk.sparse_rows import DiskSparseNumbers, SparseRowsFile
from nncli.data.disk.texts import DiskTexts

ROWS_AT_ONCE, BYTES_AT_ONCE = 4096, 8 << 20  # of a table, and of its texts, that are in memory at a time


def stored_inputs(
    table: Table, transform: Callable[[Table], Any], width: int, dtype: np.dtype[Any]
) -> DiskSparseNumbers:
    """Return the inputs (n, width) that `transform` makes of the rows of a table, a csr_array of some at a time. They
    are in files that have lost their names, so that nothing is left of them however the process ends. Raises
    OutputError where the disk is full or may not be written to."""
    at_once = _rows_at_once(table)
    with cache.working_folder() as folder:
        file = SparseRowsFile(folder, dtype)
        for start in range(0, len(table), at_once):
            file.append(transform(table.take(np.arange(start, min(start + at_once, len(table))))))
        return file.finish(width)


def _rows_at_once(table: Table) -> int:
    """Return how many rows are looked at at a time: fewer where texts are long."""
    texts = [its.values for its in table.texts.values() if isinstance(its.values, DiskTexts)]
    longest = sum(values.n_bytes / max(1, len(values)) for values in texts)
    return max(1, min(ROWS_AT_ONCE, int(BYTES_AT_ONCE / max(1, longest))))
