"""Summarise the columns of a file in one pass, in memory that does not grow with its rows."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncli.data.csv.csv_options import CsvOptions
from nncli.data.dataset import Table, TextColumn
from nncli.data.every_column import stream_all
from nncli.data.sources import Source, title
from nncli.data.sparse_numbers import SparseNumbers
from nncli.data.text_inputs import LOOKED_AT
from nncli.data.words.detection import looks_like_text
from nncli.errors import DataError
from nncli.guards.bins import Floats

SAMPLE_ROWS, SAMPLE_CELLS = 10_000, 8_000_000  # evenly spaced rows whose numbers are kept
SAMPLE_CHARACTERS = 10_000_000  # of the texts of a column that are kept
MOST_VALUES = 50_000  # different texts of a column; further ones are counted together


@dataclass(frozen=True)
class NumberSummary:
    """A column of numbers, or of dates in days since 1970: of all rows how many are missing, the lowest, the highest
    and the mean; and a sample of those there are, sorted, of which so many are zeros that are not stored. The three are
    NaN where all are missing."""

    kind: str  # number or date
    missing: int
    low: float
    high: float
    mean: float
    stored: Floats
    sample_missing: int
    zeros: int = 0

    @property
    def sample(self) -> Floats:
        """Return the sample with all zeros."""
        if not self.zeros:
            return self.stored
        place = int(np.searchsorted(self.stored, 0))
        return np.concatenate([self.stored[:place], np.zeros(self.zeros), self.stored[place:]])


@dataclass(frozen=True)
class TextSummary:
    """A column of text: how often each value is there, how often one beyond so many, and how many are missing; a sample
    of its cells, None where one is missing; and whether they are read word by word."""

    missing: int
    counts: Counter[str]
    others: int
    sample: Sequence[str | None] = ()
    is_words: bool = False


ColumnSummary = NumberSummary | TextSummary


@dataclass(frozen=True)
class FileSummary:
    """The columns of a file by their names, in its order; `left_out` are those that only tell rows apart."""

    name: str
    rows: int
    columns: dict[str, ColumnSummary]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Name all columns, also those that are left out."""
        return (*self.columns, *self.left_out)


def summarise(source: Source, options: CsvOptions) -> FileSummary:
    """Read a file and summarise its columns. Raises DataError and OptionError."""
    with stream_all(source, options) as (schema, tables, notes):
        found = summary_of(title(source), tables, options.text, options.categorical)
    columns = {name: found.columns[name] for name in schema.names}
    left_out = tuple(column.name for column in schema.profile if column.name not in columns)
    return dataclasses.replace(found, columns=columns, left_out=left_out, notes=tuple(notes))


def summary_of(
    name: str, tables: Iterable[Table], text: Collection[str] = (), categorical: Collection[str] = ()
) -> FileSummary:
    """Summarise blocks of rows, of a file of that name, where columns of text are read word by word if they are in
    `text`, or look so and are not in `categorical`. DataError where there is no row."""
    found = _Collector()
    for table in tables:
        found.add(table)
    if not found.rows:
        raise DataError(name, "no rows below the header")
    columns: dict[str, ColumnSummary] = {}
    for column, its in found.columns().items():
        columns[column] = its
        if isinstance(its, TextSummary):
            first = [cell for cell in its.sample[:LOOKED_AT] if cell is not None]
            is_words = column in text or (column not in categorical and looks_like_text(first))
            columns[column] = dataclasses.replace(its, is_words=is_words)
    return FileSummary(name, found.rows, columns, (), ())


class _Collector:
    """Adds up blocks of rows. Of the numbers each stride-th row is kept; where these become too many, every second of
    them is, and the stride doubles; of texts in the same way, each column with a stride of its own."""

    def __init__(self) -> None:
        self.rows, self.stride, self.kept = 0, 1, list[Any]()
        self.numbers: tuple[str, ...] = ()
        self.dates: tuple[str, ...] = ()
        self.texts: dict[str, Counter[str]] = {}
        self.others, self.missing_texts = Counter[str](), Counter[str]()
        self.cells: dict[str, list[str | None]] = {}
        self.strides: dict[str, int] = {}

    def _begin(self, table: Table) -> None:
        self.numbers, self.dates = table.number_names, tuple(table.dates)
        self.texts = {name: Counter() for name in table.texts}
        self.cells, self.strides = {name: [] for name in table.texts}, dict.fromkeys(table.texts, 1)
        d = len(self.numbers) + len(self.dates)
        self.low, self.high = np.full(d, np.inf), np.full(d, -np.inf)
        self.total, self.known = np.zeros(d), np.zeros(d, np.int64)
        self.most = max(1, min(SAMPLE_ROWS, SAMPLE_CELLS // max(1, d)))

    def add(self, table: Table) -> None:
        """Add some rows."""
        if not self.rows:
            self._begin(table)
        if not len(table):  # as where one row is longer than a block
            return
        if isinstance(table.numbers, SparseNumbers):
            self._add_sparse(table.numbers)
        else:
            self._add_block(
                np.column_stack([table.numbers[:].astype(np.float64), *(table.dates[name][:] for name in self.dates)])
            )
        for name, column in table.texts.items():
            each = np.bincount(column.codes[:] + 1, minlength=len(column.values) + 1).tolist()
            self.missing_texts[name] += each[0]
            counts = self.texts[name]
            for value, n in zip(column.values, each[1:], strict=True):
                if n and (value in counts or len(counts) < MOST_VALUES):
                    counts[value] += n
                else:
                    self.others[name] += n
            self._keep(name, column)
        self.rows += len(table)

    def _add_block(self, block: Floats) -> None:
        """Add numbers and dates, (n, d), NaN where one is missing."""
        if block.shape[1]:
            there = block == block
            self.low = np.fmin(self.low, np.fmin.reduce(block, axis=0))
            self.high = np.fmax(self.high, np.fmax.reduce(block, axis=0))
            self.total += np.where(there, block, 0).sum(axis=0)
            self.known += np.count_nonzero(there, axis=0)
            self.kept.append(block[-self.rows % self.stride :: self.stride])
            while sum(map(len, self.kept)) > self.most:
                self.kept, self.stride = [np.concatenate(self.kept)[::2]], 2 * self.stride

    def _add_sparse(self, numbers: SparseNumbers) -> None:
        """Add numbers, (n, d), of which none is missing, without a matrix of their zeros."""
        from scipy.sparse import vstack

        csr = numbers.csr.astype(np.float64)
        self.low = np.minimum(self.low, csr.min(axis=0).toarray())
        self.high = np.maximum(self.high, csr.max(axis=0).toarray())
        self.total += csr.sum(axis=0)
        self.known += len(numbers)
        self.kept.append(csr[-self.rows % self.stride :: self.stride])
        while sum(one.shape[0] for one in self.kept) > SAMPLE_ROWS or sum(one.nnz for one in self.kept) > SAMPLE_CELLS:
            self.kept, self.stride = [vstack(self.kept, format="csr")[::2]], 2 * self.stride

    def _samples(self) -> Iterator[tuple[Floats, int, int]]:
        """Yield of each column of numbers and dates the sorted values of the sample that are stored, how many zeros are
        not, and how many values are missing."""
        if self.kept and not isinstance(self.kept[0], np.ndarray):
            from scipy.sparse import vstack

            csc = vstack(self.kept, format="csc")
            for start, stop in itertools.pairwise(csc.indptr.tolist()):
                yield np.sort(csc.data[start:stop]), csc.shape[0] - (stop - start), 0
            return
        for values in np.concatenate(self.kept).T if self.kept else ():
            known = np.sort(values[values == values])
            yield known, 0, len(values) - len(known)

    def _keep(self, name: str, column: TextColumn) -> None:
        """Keep some cells of a column, with as many characters in all as a sample may have."""
        stride, kept = self.strides[name], self.cells[name]
        codes = column.codes[:][-self.rows % stride :: stride].tolist()
        kept += [None if code < 0 else column.values[code] for code in codes]
        while len(kept) > 1 and (len(kept) > SAMPLE_ROWS or sum(len(cell or "") for cell in kept) > SAMPLE_CHARACTERS):
            del kept[1::2]
            self.strides[name] *= 2

    def columns(self) -> dict[str, NumberSummary | TextSummary]:
        """Return the summaries of all columns."""
        found: dict[str, NumberSummary | TextSummary] = {}
        samples = zip((*self.numbers, *self.dates), self._samples(), strict=True)
        for i, (name, (known, zeros, unknown)) in enumerate(samples):
            kind, n = "number" if i < len(self.numbers) else "date", int(self.known[i])
            low, high, mean = (self.low[i], self.high[i], self.total[i] / n) if n else (np.nan,) * 3
            ends = float(low), float(high), float(mean)
            found[name] = NumberSummary(kind, self.rows - n, *ends, known, unknown, zeros)
        for name, counts in self.texts.items():
            found[name] = TextSummary(self.missing_texts[name], counts, self.others[name], self.cells[name])
        return found
