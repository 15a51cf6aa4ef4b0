"""Inputs made of texts: their n-grams, hashed, weighted by how rare they are, and of unit length for each column."""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.counted_texts import ROWS_AT_ONCE, CountedTexts, Counts, counts_of_cells, in_parts
from nncli.data.dataset import Positions, Table, TextColumn
from nncli.data.sparse_rows import RowsBuilder
from nncli.data.words.options import WordOptions
from nncli.data.words.tfidf import add_document_counts, idf_of, weigh, weighted
from nncli.data.words.vectors import VectorFile, Vectors

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from nncli.data.words.vocabulary import Vocabulary

LOOKED_AT = 1000  # cells of a column, that tell whether it holds sentences


@dataclass(frozen=True)
class TextInputs:
    """The inputs of columns of text: x_j = t_j · idf_j / ‖t ∘ idf‖, t_j = ±(1 + ln |c_j|), with the signed counts c of
    the n-grams of a cell.

    `idf` (2^bits,) is ln((1 + n) / (1 + n_j)) + 1 for an input that n_j of the n training rows have, and 0 for one that
    none has: an n-gram that training has not seen says nothing. All columns share the inputs, and each column has
    hashes of its own. `vocabulary` names the n-grams of many inputs, where that was asked for.
    """

    columns: tuple[str, ...]
    options: WordOptions
    idf: NDArray[np.float32]
    vocabulary: Vocabulary | None = None
    vectors: VectorFile | None = None  # whose words say something, though training may not have seen them
    counted: CountedTexts | None = field(
        default=None, compare=False, repr=False
    )  # of the table that `idf` was learned from

    @property
    def width(self) -> int:
        """Count the inputs."""
        return 1 << self.options.bits

    @classmethod
    def fit(
        cls,
        table: Table,
        rows: Positions,
        columns: Sequence[str],
        options: WordOptions,
        vectors: Vectors | None = None,
        with_vocabulary: bool = False,
    ) -> TextInputs:
        """Learn from the given rows of a table how rare each n-gram is, and the names of n-grams if asked for; words
        that `vectors` know count as rare, where no row has them."""
        idf, counted = _idf(table, rows, columns, options, known=None if vectors is None else vectors.known)
        names = vocabulary_of(table, rows, columns, options) if with_vocabulary else None
        return cls(tuple(columns), options, idf, names, None if vectors is None else vectors.of, counted)

    def entries(self, n: int) -> float:
        """Return how many inputs of words n training rows have between them, to rounding: Σ_j n_j with the n_j that
        `idf` comes from, if these are its rows."""
        idf = self.idf[self.idf > 0].astype(np.float64)
        return float(((1 + n) * np.exp(1 - idf) - 1).sum())  # the n_j that idf comes from

    def with_new(self, table: Table, rows: Positions) -> TextInputs:
        """Return the same with the n-grams that the given rows have, and training had not: as rare as its rarest."""
        idf, counted = _idf(table, rows, self.columns, self.options, self.counted)
        rarest = self.idf.max() or idf.max()
        idf = np.where((self.idf == 0) & (idf > 0), rarest, self.idf)
        return dataclasses.replace(self, idf=idf, counted=counted)

    def refitted(self, table: Table, rows: Positions) -> TextInputs:
        """Return the same with how rare each n-gram of the given rows is in these; all others stay as they are."""
        idf, counted = _idf(table, rows, self.columns, self.options, self.counted)
        return dataclasses.replace(self, idf=np.where(idf > 0, idf, self.idf), counted=counted)

    def transform(self, table: Table, dtype: np.dtype[Any]) -> tuple[csr_array, dict[str, NDArray[np.bool_]]]:
        """Return the inputs (n, width) of the rows of a table, and which texts (n,) of each column have none of the
        n-grams of training, as a missing one. If its n-grams are counted already, the inputs take the place of these
        counts, and memory that of one of the two."""
        from scipy.sparse import csr_array

        kept = None if self.counted is None else self.counted.take(table)
        in_place = kept is not None and len(self.columns) == 1
        unknown = {name: np.zeros(len(table), np.bool_) for name in self.columns}

        def inputs_of(counts: Counts) -> tuple[csr_array, list[NDArray[np.bool_]]]:
            are_zero = [weigh(own, self.idf) for own in counts]
            return functools.reduce(operator.add, (own.astype(dtype, copy=False) for own in counts)), are_zero

        X = csr_array((0, self.width), dtype=dtype)
        builder = None if in_place or len(table) <= ROWS_AT_ONCE else RowsBuilder(len(table), self.width)
        for part, (X, are_zero) in in_parts(table, self.columns, self.options, inputs_of, counts=kept):
            for name, its in zip(self.columns, are_zero, strict=True):
                unknown[name][part] = its
            if builder is not None:
                builder.append(X)
        if kept is not None and in_place:
            return kept[0].astype(dtype, copy=False), unknown
        return X if builder is None else builder.finish(), unknown

    def of_column(self, column: TextColumn, place: int, dtype: np.dtype[Any]) -> csr_array:
        """Return what the cells of the column of that number add to the inputs, (n, width)."""
        return self.weighted(self.counts(column, place)).astype(dtype, copy=False)

    def counts(self, column: TextColumn, place: int) -> csr_array:
        """Count the n-grams in the cells of the column of that number, (n, width)."""
        return counts_of_cells(column, self.options, place)

    def weighted(self, counts: csr_array) -> csr_array:
        """Return the inputs that counts of n-grams come to."""
        return weighted(counts, self.idf)


def vocabulary_of(table: Table, rows: Positions, columns: Sequence[str], options: WordOptions) -> Vocabulary:
    """Return the names of the n-grams that some rows of a table have in their columns of text; where sequences of
    characters are counted too, which nobody reads, those of single words alone."""
    from nncli.data.words.vocabulary import Vocabulary

    def reader(name: str) -> Callable[[], Iterator[list[str | None]]]:
        def parts() -> Iterator[list[str | None]]:
            for start in range(0, len(rows), ROWS_AT_ONCE):
                yield texts_of(table.texts[name].take(rows[start : start + ROWS_AT_ONCE]))

        return parts

    own = dataclasses.replace(options, ngrams="words:1") if options.parts.chars else options
    return Vocabulary.learn([reader(name) for name in columns], own)


def holds_texts(name: str, column: TextColumn, told: Collection[str], categorical: Collection[str]) -> bool:
    """Tell whether a column is read word by word: it is told to be, or its first cells look so and it is not told to be
    of categories."""
    from nncli.data.words.detection import looks_like_text

    return name in told or (name not in categorical and looks_like_text(first_texts(column)))


def first_texts(column: TextColumn) -> list[str]:
    """Return the first cells of a column that are there."""
    return [text for text in texts_of(column.take(slice(LOOKED_AT))) if text is not None]


def texts_of(column: TextColumn) -> list[str | None]:
    """Return the cells of a column, None for a missing one."""
    return [None if code < 0 else column.values[code] for code in np.asarray(column.codes[:]).tolist()]


def _idf(
    table: Table,
    rows: Positions,
    columns: Sequence[str],
    options: WordOptions,
    counted: CountedTexts | None = None,
    known: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float32], CountedTexts | None]:
    """Return how rare each n-gram is in the given rows of a table, and 0 for what none has and is not `known`,
    (2^bits,); and the counts of a table in memory, for its inputs, which are in memory too. What is `counted` already
    is not counted again."""
    having, kept = np.zeros(1 << options.bits, np.int64), None
    if table.is_on_disk:
        for _, counts in in_parts(table, columns, options, lambda counts: counts, rows):
            for own in counts:
                add_document_counts(having, own, np.ones(own.shape[0], np.int64))
    else:
        found = None if counted is None else counted.take(table)
        kept = CountedTexts.of(table, columns, options) if found is None else CountedTexts(table, found)
        times = np.bincount(rows, minlength=len(table))
        for part, counts in in_parts(table, columns, options, lambda counts: counts, counts=kept.counts):
            for own in counts:
                add_document_counts(having, own, times[part])
    speaks = having > 0 if known is None else (having > 0) | known
    # n-grams of several columns may share a place, so that more cells have it than there are rows
    idf = np.where(speaks, idf_of(np.minimum(having, len(rows)), len(rows)), 0).astype(np.float32)
    return idf, kept
