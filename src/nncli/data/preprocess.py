"""Columns → inputs of the network. Everything is learned from the training rows only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.category_inputs import MAX_CATEGORIES, categories_of, spelled_flags
from nncli.data.column_statistics import (
    AUTO_ROBUST,
    ROWS_AT_ONCE,
    ColumnStatistics,
    Vector,
    filled,
    is_coarse,
)
from nncli.data.dataset import Positions, Table
from nncli.data.date_inputs import NO_HOURS, DateInputs, first_day, have_hours
from nncli.data.dates import INPUTS
from nncli.data.heaps import Heap
from nncli.data.input_scale import LARGEST, to_inputs
from nncli.data.one_hot_rows import OneHotRows
from nncli.data.scaled_rows import Matrix, SparseMatrix
from nncli.data.sparse_numbers import VALUES_AT_ONCE, SparseNumbers, is_sparse
from nncli.data.sparse_statistics import statistics_of
from nncli.data.words.options import WordOptions
from nncli.errors import OptionError
from nncli.system.output import in_quotes

if TYPE_CHECKING:
    from nncli.data.text_inputs import TextInputs
    from nncli.data.words.vectors import VectorFile, Vectors

SCALINGS = ("standard", "minmax", "robust", "pixels", "max-abs", "none")
SPARSE_SCALINGS = {
    "none": "numbers as they are, as the rows have unit length",
    "max-abs": "numbers divided by the largest absolute value of their column, so that zeros stay zeros",
}
WORDS, INDEX = WordOptions(), np.dtype(np.int32)
MOST_ZEROS = 256 << 20  # bytes of inputs that are all in memory, with columns of text


@dataclass(frozen=True)
class Preprocess:
    """The preprocessing of a table: x = (value − shift) · scale for numbers and dates, 0/1 inputs for text.

    Of robust scaling, shift is the median and scale 1 / (upper − lower quartile), or 2 / (largest − least) where the
    quartiles are equal; x / √(1 + (x/3)²) is then the input. Numbers that are stored sparse are not shifted.

    `median`, `shift` and `scale` are those of the number columns, then of the three inputs that each date is made of
    (`dates.INPUTS`); `dates` has the name of each such column and its first day in training, in days since 1970.
    A missing number or date counts as the median of its column. A column that is constant over the
    training rows has scale 0: it can do no harm, whatever it holds later. A text column has one
    input for each category (a missing cell is a category of its own, None, if training had one)
    and one last input for any other value. `dead` are the inputs that were 0 in every training row;
    a network keeps their weights at 0. `mean` is the mean input of the training rows; None for a model of an older
    version, whose file has none. `words` are the inputs of the columns of text whose words are learned from, which
    stand behind all others; `dead` and `mean` are of the others alone.
    """

    number_names: tuple[str, ...]
    median: Vector  # (numbers,): of number columns, and what dates are made of
    shift: Vector
    scale: Vector
    categories: Mapping[str, tuple[str | None, ...]]
    scaling: str  # one of SCALINGS
    dead: NDArray[np.bool_]  # (width,)
    dates: tuple[tuple[str, float], ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False)
    mean: Vector | None = None  # (width,)
    heaps: tuple[Heap, ...] = ()  # columns of numbers that heap up at one value, where the scaling is robust
    words: TextInputs | None = None
    statistics: ColumnStatistics | None = field(default=None, compare=False)  # of number columns, where just fitted
    # how many inputs of a row are stored, on average, where just fitted, and most are 0 and are not
    not_zero: float | None = field(default=None, compare=False)

    @property
    def n_numbers(self) -> int:
        """Count the inputs that are numbers."""
        return len(self.number_names) + len(INPUTS) * len(self.dates)

    def is_without_effect(self, i: int) -> bool:
        """Tell whether the i-th column, numbers first and then dates, was the same in all training rows: each of its
        inputs, of which a date has several, is multiplied by 0."""
        d, each = len(self.number_names), len(INPUTS)
        inputs = slice(i, i + 1) if i < d else slice(d + (i - d) * each, d + (i - d + 1) * each)
        return not self.scale[inputs].any()

    @property
    def clips(self) -> bool:
        """Tell whether numbers are bent by a smooth clip behind their scale: no input is then a multiple of one."""
        return self.scaling == "robust"

    @property
    def is_affine(self) -> bool:
        """Tell whether each input is (value − shift) · scale, or of a text."""
        return not (self.clips and self.n_numbers)

    @property
    def known_categories(self) -> dict[str, set[str]]:
        """Map each column of text to the categories that it had in training."""
        return {name: {value for value in values if value is not None} for name, values in self.categories.items()}

    @property
    def bins(self) -> tuple[tuple[int, tuple[float, ...]], ...]:
        """Return which numbers have bins, and the edges of these as inputs, in ascending order."""
        found = []
        for place, edges in self.heaps:
            one = slice(place, place + 1)
            column = np.array(edges)[:, None]
            x = to_inputs(column, self.shift[one], self.scale[one], self.clips, np.empty_like(column))
            found.append((place, tuple(x[:, 0].tolist())))
        return tuple(found)

    @property
    def category_inputs(self) -> tuple[int, ...]:
        """Count the inputs that each column of text comes to: its categories, and one for any other value."""
        return tuple(len(categories) + 1 for categories in self.categories.values())

    @property
    def n_others(self) -> int:
        """Count the inputs that are not made of words."""
        return self.n_numbers + sum(self.category_inputs)

    @property
    def width(self) -> int:
        """Count the inputs of the network."""
        return self.n_others + (0 if self.words is None else self.words.width)

    @property
    def columns_of_words(self) -> tuple[str, ...]:
        """Return the columns of text whose words are learned from; all others hold categories."""
        return () if self.words is None else self.words.columns

    @property
    def vectors(self) -> VectorFile | None:
        """Return the file that vectors of words came from."""
        return None if self.words is None else self.words.vectors

    @property
    def unseen_inputs(self) -> NDArray[np.bool_]:
        """Tell which inputs were 0 in every training row, (width,)."""
        return self.dead if self.words is None else np.concatenate([self.dead, self.words.idf == 0])

    @classmethod
    @np.errstate(over="ignore", divide="ignore", invalid="ignore")  # of float64, in columns that are then refused
    def fit(
        cls,
        table: Table,
        rows: Positions,
        scale: str,
        words: Sequence[str] = (),
        how: WordOptions = WORDS,
        vectors: Vectors | None = None,
        with_vocabulary: bool = False,
    ) -> Preprocess:
        """Learn from the given rows of the table; `scale` is auto, auto-robust, standard, robust, minmax or none. Of
        the columns of text named in `words`, the n-grams are counted as `how` says, words of `vectors` are known, and
        all are named in a vocabulary if asked for; all other columns of text hold categories. Raises OptionError where
        none leaves a number too large to be an input."""
        notes: list[str] = []
        numbers = table.numbers
        own = statistics_of(numbers, rows, scale)
        if scale in ("auto", AUTO_ROBUST):
            scale = own.scaling
            if len(own.high):
                in_words = (
                    SPARSE_SCALINGS
                    if is_sparse(numbers)
                    else {
                        "pixels": f"numbers divided by {own.high.max():g}, as all are pixels (whole, from 0 to 255)",
                        "standard": "numbers standardised to mean 0 and standard deviation 1",
                        "robust": "numbers less their median, divided by their quartile range, and bent to within ±3",
                    }
                )
                notes.append(f"scaling: {in_words[scale]}")
        if scale == "none" and (too_large := own.largest > LARGEST).any():
            name = table.number_names[int(np.argmax(too_large))]
            problem = f"column {in_quotes(name)} has numbers beyond ±{LARGEST:g}, which would be cut off there"
            raise OptionError("scale", problem, "Leave it out, or use standard")
        if scale in ("standard", "robust") and not is_sparse(numbers):
            coarse = is_coarse(own.largest, own.spread) & (own.high > own.low)
            if numbers.dtype == np.float32 and coarse.any():
                name = table.number_names[int(np.argmax(coarse))]
                notes.append(
                    f"column '{name}': its values differ by little more than float32 can tell; use --dtype float64"
                )
        if own.constant.any() and scale != "pixels":
            names = [f"'{name}'" for name, same in zip(table.number_names, own.constant, strict=True) if same]
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            notes.append(f"constant in the training rows, so without effect: {', '.join(names[:5])}{more}")
        dates = tuple((name, first_day(days, rows)) for name, days in table.dates.items())
        for name, _ in dates:
            hours = NO_HOURS if have_hours(table.dates[name], rows) else ""
            notes.append(f"column '{name}': dates, as days since the first, day of the year and weekday{hours}")
        of_dates = "standard" if scale in ("pixels", "max-abs") else scale
        made = ColumnStatistics.of(DateInputs(table, dates), rows if dates else rows[:1], of_dates)

        categories: dict[str, tuple[str | None, ...]] = {}
        dead, means = [own.constant, made.constant], [own.mean_input, made.mean_input]
        for name, column in table.texts.items():
            if name in words:
                continue
            categories[name], rare, shares = categories_of(column, rows)
            means.append(shares)
            dead.append(np.array([False] * len(categories[name]) + [rare == 0]))
            if rare:
                kept = f"{MAX_CATEGORIES} most frequent values kept"
                notes.append(f"column '{name}': {kept}, {rare} others taken together")
        median, shift, factor = (
            np.concatenate([getattr(own, name), getattr(made, name)]) for name in ("median", "shift", "factor")
        )
        of_words = None
        if words:
            from nncli.data.text_inputs import TextInputs

            of_words = TextInputs.fit(table, rows, words, how, vectors, with_vocabulary)
        not_zero = numbers.nnz / len(table) if is_sparse(numbers) else None
        if of_words is not None:
            beside = len(table.number_names) + len(INPUTS) * len(dates) + len(categories)
            not_zero = beside + of_words.entries(len(rows)) / len(rows)
        return cls(
            table.number_names,
            median,
            shift,
            factor,
            categories,
            scale,
            np.concatenate(dead),
            dates,
            tuple(notes),
            np.concatenate(means),
            own.heaps,
            of_words,
            own,
            not_zero,
        )

    def input_bytes(self, table: Table, dtype: np.dtype[Any]) -> int:
        """Return how many bytes `transform` takes for the inputs of a table, beside the table itself: those of words
        twice, as they are made in parts and put together then."""
        if is_sparse(table.numbers):
            return int(table.numbers.nnz) * dtype.itemsize
        if self.words is not None and self.not_zero is not None:
            return int(2 * len(table) * (self.not_zero * (dtype.itemsize + INDEX.itemsize) + INDEX.itemsize))
        if table.numbers.dtype == np.uint8 and not self.categories and not self.dates:
            return 0
        if self._are_few(table, dtype):
            return len(table) * self.n_others * dtype.itemsize
        return len(table) * (self.n_numbers * dtype.itemsize + len(self.categories) * INDEX.itemsize)

    def _are_few(self, table: Table, dtype: np.dtype[Any]) -> bool:
        """Tell whether the inputs are so few that all of them are in memory, also the zeros of categories: a batch of
        them is taken a little sooner."""
        return not self.categories or len(table) * self.n_others * dtype.itemsize <= MOST_ZEROS

    def transform(self, table: Table, dtype: np.dtype[Any]) -> Matrix | SparseMatrix | OneHotRows:
        """Return the inputs (n, width) of a table in memory, whose columns must be those it was fitted on; those of
        numbers that are stored sparse are so too."""
        if self.words is not None:
            return self._with_words(self.words, table, dtype)
        if is_sparse(table.numbers):
            return self._sparse(table.numbers, dtype)
        return self.others(table, dtype)

    def _with_words(self, words: TextInputs, table: Table, dtype: np.dtype[Any]) -> SparseMatrix:
        """Return all inputs of a table with words, stored without zeros."""
        from scipy.sparse import csr_array, hstack, vstack

        found, unknown = words.transform(table, dtype)
        if self.n_others:
            others = self.others(table, dtype)
            starts = range(0, max(1, len(table)), ROWS_AT_ONCE)
            own = vstack([csr_array(others.slice(start, start + ROWS_AT_ONCE)) for start in starts], format="csr")
            found = hstack([own, found], format="csr")
        return SparseMatrix(found, dtype, unknown)

    def others(self, table: Table, dtype: np.dtype[Any]) -> Matrix | OneHotRows:
        """Return the inputs that are not made of words."""
        numbers: Any = table.numbers
        if numbers.dtype == np.uint8 and not self.categories and not self.dates:
            shift, scale = self.shift.astype(dtype), self.scale.astype(dtype)
            alike = bool((scale == scale[0]).all())  # as those of pixels are: one number is faster than a row of them
            return Matrix(numbers, dtype, shift if shift.any() else None, scale[0] if alike else scale, self.clips)
        are_few = self._are_few(table, dtype)
        X = np.zeros((len(table), self.n_others if are_few else self.n_numbers), dtype)
        ones = np.empty((len(table), len(self.categories)), np.int32)
        k = len(self.number_names)
        self._scale(numbers, X[:, :k], slice(0, k))
        if self.dates:
            self._scale(DateInputs(table, self.dates), X[:, k : self.n_numbers], slice(k, self.n_numbers))
        k = self.n_numbers
        for i, (name, categories) in enumerate(self.categories.items()):
            column = table.texts[name]
            known = spelled_flags(categories)
            position = {value: place for place, value in enumerate(categories)}
            other = len(categories)
            # the last entry is that of code −1, a missing cell
            lookup = np.array([position.get(known.get(value, value), other) for value in [*column.values, None]])
            ones[:, i] = (k + lookup)[column.codes]
            k += other + 1
        if not are_few:
            return OneHotRows(X, ones, self.n_others)
        for of_column in ones.T:
            X[np.arange(len(table)), of_column] = 1
        return Matrix(X, dtype)

    def _sparse(self, numbers: SparseNumbers, dtype: np.dtype[Any]) -> SparseMatrix:
        """Return the inputs of numbers that are stored sparse, beside which there are no other columns."""
        exact = np.dtype(np.float64) if numbers.dtype == np.float64 else dtype
        scale, csr = self.scale.astype(exact), numbers.csr
        if (scale == 1).all() and csr.dtype == dtype and self.scaling == "none":
            return SparseMatrix(csr, dtype)
        data = csr.data.astype(exact)
        for start in range(0, len(data), VALUES_AT_ONCE):
            part = slice(start, start + VALUES_AT_ONCE)
            with np.errstate(over="ignore"):
                data[part] *= scale[csr.indices[part]]
            np.clip(data[part], -LARGEST, LARGEST, out=data[part])
        return SparseMatrix(type(csr)((data.astype(dtype, copy=False), csr.indices, csr.indptr), csr.shape), dtype)

    def unseen(self, table: Table) -> dict[str, int]:
        """Count the cells of each text column that hold an unseen category."""
        found = {}
        for name, categories in self.categories.items():
            column = table.texts[name]
            known = {*categories, *spelled_flags(categories), None}  # a missing cell may be rare, and is no surprise
            other = np.array([value not in known for value in [*column.values, None]])
            if count := int(np.count_nonzero(other[column.codes[:]])):
                found[name] = count
        return found

    def _scale(self, numbers: Any, out: NDArray[Any], columns: slice) -> None:
        """Compute the inputs of numbers, for the columns with that part of shift and scale."""
        exact = np.dtype(np.float64) if numbers.dtype == np.float64 else out.dtype
        shift, scale, median = (v[columns].astype(exact) for v in (self.shift, self.scale, self.median))
        for start in range(0, len(numbers), ROWS_AT_ONCE):
            block, part = numbers[start : start + ROWS_AT_ONCE], out[start : start + ROWS_AT_ONCE]
            if block.dtype != np.uint8:
                block = filled(block, median)
            to_inputs(block, shift, scale, self.clips, part)
