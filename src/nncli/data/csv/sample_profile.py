"""The profile of the columns of a training file, from the cells that detection looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from nncli.data.cells import as_number
from nncli.data.column_profile import ColumnProfile
from nncli.data.csv.column_kinds import present
from nncli.data.dates import days_of

MOST_COLUMNS = 5_000  # of a table with a profile: it must not make the file of a wide model large


def profile_columns(
    cells: Mapping[str, Sequence[str]], kinds: Mapping[str, str], missing: tuple[str, ...], decimal: str
) -> tuple[ColumnProfile, ...]:
    """Describe all columns, in the order of the file. `kinds` are those of the columns that are used; their numbers
    are looked at when all have been read."""
    if len(cells) > MOST_COLUMNS:
        return ()
    others = present({name: some for name, some in cells.items() if name not in kinds}, missing)
    return tuple(
        _profile(name, others[name], decimal) if name in others else ColumnProfile(name, kinds[name]) for name in cells
    )


def _profile(name: str, cells: Sequence[str], decimal: str) -> ColumnProfile:
    counts = Counter(cells)
    values = {cell: float(number) for cell in counts if (number := as_number(cell, decimal)) is not None}
    numbers = np.array([value for value in values.values() if np.isfinite(value)])
    if not len(numbers) or 2 * sum(map(counts.__getitem__, values)) < len(cells):
        dates = sum(n for cell, n in counts.items() if days_of(cell) is not None)
        return ColumnProfile(name, "date" if dates and 2 * dates >= len(cells) else "text")
    return ColumnProfile(name, "number", float(numbers.min()), float(numbers.max()), bool((numbers % 1 == 0).all()))
