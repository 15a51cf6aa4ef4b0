"""Inputs made of texts: their n-grams, hashed, weighted by how rare they are, and of unit length for each column."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Positions, Table, TextColumn
from nncli.data.words.options import WordOptions
from nncli.data.words.vectors import VectorFile, Vectors

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from nncli.data.words.vocabulary import Vocabulary

ROWS_AT_ONCE = 4096  # whose n-grams are counted at a time
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
        idf = _idf(table, rows, columns, options, None if vectors is None else vectors.known)
        names = vocabulary_of(table, rows, columns, options) if with_vocabulary else None
        return cls(tuple(columns), options, idf, names, None if vectors is None else vectors.of)

    def entries(self, n: int) -> float:
        """Return how many inputs of words n training rows have between them, to rounding: Σ_j n_j, if they are those of
        `idf`."""
        idf = self.idf[self.idf > 0].astype(np.float64)
        return float(((1 + n) * np.exp(1 - idf) - 1).sum())

    def with_new(self, table: Table, rows: Positions) -> TextInputs:
        """Return the same with the n-grams that the given rows have, and training had not: as rare as its rarest."""
        idf = _idf(table, rows, self.columns, self.options)
        rarest = self.idf.max() or idf.max()
        return dataclasses.replace(self, idf=np.where((self.idf == 0) & (idf > 0), rarest, self.idf))

    def refitted(self, table: Table, rows: Positions) -> TextInputs:
        """Return the same with how rare each n-gram of the given rows is in these; all others stay as they are."""
        idf = _idf(table, rows, self.columns, self.options)
        return dataclasses.replace(self, idf=np.where(idf > 0, idf, self.idf))

    def transform(self, table: Table, dtype: np.dtype[Any]) -> tuple[csr_array, dict[str, NDArray[np.bool_]]]:
        """Return the inputs (n, width) of the rows of a table, and which texts (n,) of each column have none of the
        n-grams of training; a missing one is no text."""
        from scipy.sparse import csr_array, vstack

        parts, unknown = [], {name: np.zeros(len(table), np.bool_) for name in self.columns}
        for start in range(0, len(table), ROWS_AT_ONCE):
            found = None
            for place, name in enumerate(self.columns):
                column = table.texts[name]
                codes = TextColumn(column.codes[start : start + ROWS_AT_ONCE], column.values)
                own = self.of_column(codes, place, dtype)
                unknown[name][start : start + ROWS_AT_ONCE] = _are_zero(own) & (codes.codes >= 0)
                found = own if found is None else found + own
            parts.append(found)
        if not parts:
            return csr_array((0, self.width), dtype=dtype), unknown
        return parts[0] if len(parts) == 1 else vstack(parts, format="csr"), unknown

    def of_column(self, column: TextColumn, place: int, dtype: np.dtype[Any]) -> csr_array:
        """Return what the cells of the column of that number add to the inputs, (n, width)."""
        return self.weighted(self.counts(column, place)).astype(dtype, copy=False)

    def counts(self, column: TextColumn, place: int) -> csr_array:
        """Count the n-grams in the cells of the column of that number, (n, width)."""
        return _counts(column, self.options, place)

    def weighted(self, counts: csr_array) -> csr_array:
        """Return the inputs that counts of n-grams come to."""
        from nncli.data.words.tfidf import weighted

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
    codes = np.asarray(column.codes[:LOOKED_AT])
    return [column.values[code] for code in codes[codes >= 0].tolist()]


def texts_of(column: TextColumn) -> list[str | None]:
    """Return the cells of a column, None for a missing one."""
    return [None if code < 0 else column.values[code] for code in np.asarray(column.codes[:]).tolist()]


def _idf(
    table: Table,
    rows: Positions,
    columns: Sequence[str],
    options: WordOptions,
    known: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Return how rare each n-gram is in the given rows of a table, and 0 for what none has and is not `known`,
    (2^bits,)."""
    from nncli.data.words.tfidf import document_counts, idf_of

    having = np.zeros(1 << options.bits, np.int64)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[start : start + ROWS_AT_ONCE]
        for place, name in enumerate(columns):
            having += document_counts(_counts(table.texts[name].take(part), options, place))
    speaks = having > 0 if known is None else (having > 0) | known
    # n-grams of several columns may share a place, so that more cells have it than there are rows
    return np.where(speaks, idf_of(np.minimum(having, len(rows)), len(rows)), 0).astype(np.float32)


def _are_zero(X: csr_array) -> NDArray[np.bool_]:
    """Tell which rows (n,) have no number but stored zeros."""
    others = np.zeros(len(X.data) + 1, np.int64)
    np.cumsum(X.data != 0, out=others[1:])
    return np.diff(others[X.indptr]) == 0


def _counts(column: TextColumn, options: WordOptions, place: int) -> csr_array:
    """Count the n-grams of the cells of a column, (n, 2^bits), each text once however many cells have it."""
    from nncli.data.words.features import counts_of

    codes = np.asarray(column.codes[:])
    used, of_row = np.unique(codes, return_inverse=True)
    texts = [None if code < 0 else column.values[code] for code in used.tolist()]
    counts = counts_of(texts, options, place)
    return counts if np.array_equal(of_row, np.arange(len(texts))) else counts[of_row]
