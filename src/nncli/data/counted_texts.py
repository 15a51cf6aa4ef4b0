"""The n-grams of the texts of a table, counted by several threads, and kept from learning how rare each is until the
inputs are made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from nncli.data.csv.parallel import side_by_side
from nncli.data.dataset import Positions, Table, TextColumn
from nncli.data.sparse_rows import RowsBuilder, rows_of
from nncli.data.words.choice import expect
from nncli.data.words.options import WordOptions
from nncli.system.threads import reader_threads

if TYPE_CHECKING:
    from scipy.sparse import csr_array

T = TypeVar("T")
Counts = list["csr_array"]  # of some rows, (n, 2^bits) for each column of texts
ROWS_AT_ONCE = 4096  # that a thread counts at a time
MOST_THREADS = 8  # more would wait for Python's lock, which the cutting of a table into rows takes


@dataclass
class CountedTexts:
    """The counts of all rows of a table, 8 bytes for each that is not 0; of each column, (n, 2^bits). Once they are
    taken, nothing is kept. No pickle has them, nor the texts."""

    table: Table | None
    counts: Counts | None

    def __getstate__(self) -> dict[str, None]:
        return {"table": None, "counts": None}

    @classmethod
    def of(cls, table: Table, columns: Sequence[str], options: WordOptions) -> CountedTexts:
        """Count the n-grams in columns of a table. Beside the counts, memory is that of some rows."""
        builders = [RowsBuilder(len(table), options.places) for _ in columns]
        for _, counts in in_parts(table, columns, options, lambda counts: counts):
            for builder, own in zip(builders, counts, strict=True):
                builder.append(own)
        return cls(table, [builder.finish() for builder in builders])

    def take(self, table: Table) -> Counts | None:
        """Hand the counts over, once, as weights may be written in their place; None where they are taken already, or
        of another table."""
        if table is not self.table:
            return None
        found, self.table, self.counts = self.counts, None, None
        return found


def in_parts(
    table: Table,
    columns: Sequence[str],
    options: WordOptions,
    then: Callable[[Counts], T],
    rows: Positions | None = None,
    counts: Counts | None = None,
) -> Iterator[tuple[slice, T]]:
    """Count the n-grams of some rows of a table, all unless told, if there are no `counts` of them yet. Yield what
    `then` makes of some rows at a time, in their order, with the part of the rows that these are. Several threads work
    on several parts."""
    n = len(table) if rows is None else len(rows)
    starts = range(0, n, ROWS_AT_ONCE)
    parts = (slice(start, min(n, start + ROWS_AT_ONCE)) for start in starts)
    threads = min(reader_threads(), MOST_THREADS) if len(starts) > 1 else 1

    def made(part: slice) -> tuple[slice, T]:
        return part, then([rows_of(own, part.start, part.stop) for own in counts or []])

    if counts is not None:
        return side_by_side(made, parts, threads)

    def cells() -> Iterator[tuple[slice, list[TextColumn]]]:
        for part in parts:
            own = [table.texts[name].take(part if rows is None else rows[part]) for name in columns]
            if not part.start:
                some = sum(len(column.values[code]) for column in own for code in column.codes.tolist() if code >= 0)
                expect(some * n // part.stop, options)
            yield part, own

    def done(one: tuple[slice, list[TextColumn]]) -> tuple[slice, T]:
        return one[0], then([counts_of_cells(column, options, place) for place, column in enumerate(one[1])])

    return side_by_side(done, cells(), threads)


def counts_of_cells(column: TextColumn, options: WordOptions, place: int) -> csr_array:
    """Count the n-grams of the cells of the column of that number, (n, 2^bits), each text once however many cells have
    it."""
    from nncli.data.words.features import counts_of

    codes = np.asarray(column.codes[:])
    used, of_row = np.unique(codes, return_inverse=True)
    texts = [None if code < 0 else column.values[code] for code in used.tolist()]
    counts = counts_of(texts, options, place)
    return counts if np.array_equal(of_row, np.arange(len(texts))) else counts[of_row]
