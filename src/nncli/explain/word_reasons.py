"""Find what each n-gram of a text adds to the lead of the predicted class, or to the predicted number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Table, TextColumn
from nncli.data.text_inputs import TextInputs, texts_of
from nncli.metrics.rows import Floats
from nncli.nn.layers import Array

if TYPE_CHECKING:
    from nncli.data.words.occurrences import Occurrences

CELLS = 1 << 22  # slopes that are in memory at a time


@dataclass(frozen=True)
class WordReason:
    """An n-gram of a column of text, and what it adds."""

    column: str
    ngram: str
    contribution: float

    @property
    def name(self) -> str:
        """Write the column and the n-gram, in one."""
        return f'{self.column}: "{self.ngram}"'

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class WordSlopes:
    """How the scores of n rows change with the inputs that are made of words: the slope of row i to the j-th of them is
    unit · S_i · W_j, with S (n, h) and the rows of W (2^bits, h)."""

    words: TextInputs
    W: Array
    S: Array
    unit: float

    def largest(self, table: Table, most: int) -> list[list[WordReason]]:
        """Return for each row of the table the n-grams that add most, or take most away, all columns together. Where
        sequences of characters are counted too, which nobody reads, these are words, each with its share of the n-grams
        that it is part of."""
        found: list[list[WordReason]] = [[] for _ in range(len(table))]
        for number, name in enumerate(self.words.columns):
            for row, ngram, value in self._of_column(table, number, name, most):
                found[row].append(WordReason(name, ngram, value))
        return [sorted(its, key=lambda one: -abs(one.contribution))[:most] for its in found]

    def of_words(self, table: Table, number: int, row: int = 0) -> Floats:
        """Return what each word of one row adds in the column of that number, in their order, with its share of the
        n-grams that it is part of."""
        from nncli.data.words.occurrences import occurrences

        column = table.texts[self.words.columns[number]].take(np.array([row]))
        found = occurrences(texts := texts_of(column), self.words.options, number)
        return words_of(texts, found, self._added(found, column, number, row)).added

    def _of_column(self, table: Table, number: int, name: str, most: int) -> Iterator[tuple[int, str, float]]:
        from nncli.data.words.features import blocks_of_texts
        from nncli.data.words.occurrences import occurrences

        column, start = table.texts[name], 0
        for block in blocks_of_texts(texts_of(column)):
            found = occurrences(block, self.words.options, number)
            part = TextColumn(column.codes[start : start + len(block)], column.values)
            added = self._added(found, part, number, start)
            its: Occurrences | Words = words_of(block, found, added) if self.words.options.parts.chars else found
            added = its.added if isinstance(its, Words) else added
            # an n-gram of a row, however often it stands there, is one
            _, codes = np.unique(its.hashes, return_inverse=True)
            _, first, of_pair = np.unique(its.rows * len(codes) + codes, return_index=True, return_inverse=True)
            sums, rows = np.bincount(of_pair, added, len(first)), its.rows[first]
            order = np.lexsort((first, -np.abs(sums), rows))
            rank = np.arange(len(order)) - np.searchsorted(rows[order], rows[order])
            for i in order[(rank < most) & (sums[order] != 0)].tolist():
                yield start + int(rows[i]), its.name(int(first[i])), float(sums[i])
            start += len(block)

    def _added(self, found: Occurrences, column: TextColumn, number: int, start: int) -> Floats:
        """Return what each n-gram adds each time, of the cells of a column, the first of them of the row `start`: its
        sign, times x / c of its place with the count c there, times the slope. Where n-grams of a place are as often
        +1 as −1, all add 0."""
        slopes, at_once = np.empty(len(found.rows)), max(1, CELLS // self.W.shape[1])
        for at in range(0, len(slopes), at_once):
            part = slice(at, at + at_once)
            np.vecdot(self.S[found.rows[part] + start], self.W[found.places[part]], out=slopes[part])
        counts = self.words.counts(column, number)
        X, rows = self.words.weighted(counts), np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        keys = np.append(rows * self.words.width + counts.indices, np.iinfo(np.int64).max)
        each = np.append(X.data / counts.data, 0.0)
        own = found.rows * self.words.width + found.places
        at_keys = np.searchsorted(keys, own)
        return np.asarray(slopes * found.signs * np.where(keys[at_keys] == own, each[at_keys], 0) * self.unit)


@dataclass(frozen=True)
class Words:
    """The words of a block of texts, (m,) each: the text of each, a hash of its letters, and what it adds."""

    rows: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    added: Floats
    name: Callable[[int], str]


def words_of(texts: Sequence[str | None], found: Occurrences, added: Floats) -> Words:
    """Spread what n-grams of texts add evenly over their letters, and add it up for each word. What n-grams of signs
    alone add is of no word."""
    from nncli.data.words.hashing import Prefixes
    from nncli.data.words.segmentation import code_points, word_bounds

    codes, starts = code_points(texts)
    begins, ends = word_bounds(codes)
    n = len(codes) + 1
    inside = np.cumsum(np.bincount(begins, minlength=n) - np.bincount(ends, minlength=n)) > 0
    letters = np.append(0, np.cumsum(inside))  # before each code point
    first, behind = (at + 1 for at in found.spans())  # behind the line feed before the first text
    share = added / np.maximum(letters[behind] - letters[first], 1)
    of_letter = np.cumsum(np.bincount(first, share, n) - np.bincount(behind, share, n)) * inside
    before = np.append(0.0, np.cumsum(of_letter))
    rows = np.searchsorted(starts, begins, "right") - 1

    def name(at: int) -> str:
        return codes[begins[at] : ends[at]].astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")

    return Words(rows, Prefixes(codes).between(begins, ends), before[ends] - before[begins], name)
