"""Figures of data, without a model: the classes, the columns, and the rows on a plane."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Dataset, Table
from nncli.data.dates import written
from nncli.data.preprocess import Preprocess
from nncli.data.row_columns import without_column
from nncli.data.sparse_numbers import is_sparse
from nncli.data.text_inputs import holds_texts, texts_of
from nncli.errors import OptionError, did_you_mean
from nncli.figures.figure import Axis, Bars, Figure, Floats, Line, Panel, Points
from nncli.figures.images import image_panels
from nncli.figures.kinds import FIGURES, Data, OfData
from nncli.figures.planes import TSNE, PrincipalComponents, evenly, neighbours, refuse_sparse, rows_by_class, said
from nncli.guards.shares import MISSING
from nncli.guards.words import WordCounts, words_in
from nncli.system.output import counted, in_quotes, told_apart

MOST_BARS, MOST_PANELS, MOST_SERIES, MOST_IMAGES = 20, 4, 6, 12  # that are shown
BINS, MOST_CATEGORIES, MOST_NAME = 20, 5, 16  # of a column, and characters of a category
ENDS = (0.01, 0.99)  # of the rows by their values, between which the bins of a column are equally wide
MOST_TEXTS, MOST_FREQUENT, MOST_WORDS = 10_000, 100, 8  # of a column of texts: read, compared, and shown
MOST_SPARSE = 100  # columns of numbers that are stored sparse, among which those that differ most are looked for
OTHERS = "(others)"
SHARE = "% of the class"


@FIGURES.register("classes")
class Classes(OfData):
    """rows of each class of a data file"""

    def build(self, of: Data) -> Figure:
        data = of.dataset
        counts = _rows_of_classes(data)
        shown = _largest(counts, MOST_BARS)
        values = counts[shown].astype(np.float64)
        x, names = Axis("rows", 0, float(values.max()) * 1.05), [data.classes[k] for k in shown]
        panel = Panel(x, Axis.of_names(data.schema.target, names), (Bars(values),))
        return Figure(f"Rows of each class, {data.where}", (panel,), _fewer(len(shown), len(counts)))


@FIGURES.register("columns")
class Columns(OfData):
    """distribution of each COLUMN by class, of a data file"""

    most_columns = MOST_PANELS
    of_numbers = True

    def build(self, of: Data) -> Figure:
        data, shape = of.dataset, of.dataset.schema.image_shape
        _check_names("columns", of.columns, data.schema.names)
        if shape and not of.columns:
            return _mean_pictures(data, shape)
        shown = _largest(_rows_of_classes(data), MOST_SERIES)
        words = _read_as_words(of)
        names = of.columns or _most_often(data)
        found = [_shares_of_words(data, name) if name in words else _Shares.of(data, name) for name in names]
        chosen = found if of.columns else sorted(found, key=lambda one: -one.difference)[:MOST_PANELS]
        notes, by = _fewer(len(shown), len(data.classes)), data.schema.target if data.schema.numeric_target else "class"
        if len(chosen) < len(found):
            kinds = "classes" if by == "class" else "bands"
            notes += (f"the {len(chosen)} of {len(found):,} columns that differ most between the {kinds}",)
        notes += tuple(one.note for one in chosen if one.note)
        share = SHARE if by == "class" else f"% of the rows of each {by}"
        panels = tuple(one.panel(data.classes, shown, share) for one in chosen)
        return Figure(f"Columns by {by}, {data.where}", panels, notes)


def _read_as_words(of: Data) -> list[str]:
    """Name the columns of text that training would read word by word."""
    return [name for name, column in of.dataset.table.texts.items() if holds_texts(name, column, (), ())]


def _mean_pictures(data: Dataset, shape: tuple[int, ...]) -> Figure:
    """Draw the mean of the pictures of each class."""
    counts = _rows_of_classes(data)
    shown = _largest(counts, MOST_IMAGES)
    means = np.stack([data.table.numbers[data.y == k].mean(axis=0, dtype=np.float64) for k in shown])
    titles = [f"{data.classes[k]}, {counted(int(counts[k]), 'row')}" for k in shown]
    panels = image_panels(means, titles, shape, (min(0.0, float(means.min())), float(means.max()) or 1.0))
    return Figure(f"Mean picture of each class, {data.where}", panels, _fewer(len(shown), len(counts)))


@dataclass(frozen=True)
class _Shares:
    """The shares (K, m) of the rows of each class that have one of m values of a column: its categories, called
    `names`, or bins of numbers or days, in the middle of which is `at` (m,), as far from `zero`."""

    name: str
    shares: Floats
    at: Floats
    names: tuple[str, ...] = ()
    title: str = ""
    note: str = ""

    @classmethod
    def of(cls, data: Dataset, name: str) -> _Shares:
        table, y, K = data.table, data.y.astype(np.int64), len(data.classes)
        if name in table.texts:
            column = table.texts[name]
            codes = column.codes[:].astype(np.int64)
            often = np.argsort(-np.bincount(codes[codes >= 0], minlength=len(column.values)), kind="stable")
            names = [column.values[code] for code in often[:MOST_CATEGORIES]]
            place = np.full(len(column.values) + 1, MOST_CATEGORIES)
            place[often[:MOST_CATEGORIES]] = np.arange(len(names))
            place[-1] = -1  # of the code −1
            names += [OTHERS] * (len(often) > MOST_CATEGORIES)
            bins, at, title = place[codes], np.arange(len(names), dtype=np.float64), name
            shown = tuple(told_apart(names, MOST_NAME))
        else:
            values = table.dates[name] if name in table.dates else table.numbers[:, table.number_names.index(name)]
            values, shown = values.astype(np.float64), ()
            zero = float(np.floor(np.nanmin(values))) if name in table.dates and np.isfinite(values).any() else 0.0
            title = f"{name}, days after {written(zero)}" if name in table.dates else name
            at, bins = _binned(values)
            at -= zero
        known, m = bins >= 0, max(len(at), 1)
        counts = np.bincount(y[known] * m + bins[known], minlength=K * m).reshape(K, m).astype(np.float64)
        n = counts.sum(axis=1, keepdims=True)
        missing = 1 - np.count_nonzero(known) / max(len(known), 1)
        note = f"{in_quotes(name)} is missing in {missing:.1%} of the rows".replace("%", " %") if missing else ""
        return cls(name, np.divide(counts, n, out=np.zeros_like(counts), where=n > 0), at, shown, title, note)

    @property
    def difference(self) -> float:
        """Return how far the classes are from one another: the mean of their total variation distances from the mean of
        all classes, ½ Σ_b |p_kb − p_b|."""
        return float(np.abs(self.shares - self.shares.mean(axis=0)).sum(axis=1).mean() / 2)

    def panel(self, classes: tuple[str, ...], shown: list[int], title: str) -> Panel:
        """Draw the shares of some classes, on an axis of that title: lines over numbers, points beside categories."""
        shares = 100 * self.shares
        most = Axis(title, 0.0, 1.05 * (float(shares[shown].max()) or 1.0))
        if self.names:
            points = tuple(Points(shares[k], self.at, classes[k]) for k in shown)
            return Panel(most, Axis.of_names(self.title, self.names), points)
        lines = tuple(Line(self.at, shares[k], classes[k]) for k in shown)
        return Panel(Axis.around(self.title, self.at), most, lines)


def _shares_of_words(data: Dataset, name: str) -> _Shares:
    """Return the shares of the texts of each class that have a word: of the most frequent words, those in which the
    classes differ most."""
    column, y, K = data.table.texts[name], data.y, len(data.classes)
    rows = evenly(len(y), MOST_TEXTS)
    parts = [words_in(texts_of(column.take(rows[y[rows] == k]))) for k in range(K)]
    together = WordCounts(len(rows), sum((part.having for part in parts), Counter[str]()))
    often = [word for word in together.most_frequent if word != MISSING][:MOST_FREQUENT]
    shares = np.array([[part.having[word] / max(1, part.texts) for word in often] for part in parts]).reshape(K, -1)
    chosen = np.argsort(-np.abs(shares - shares.mean(axis=0)).sum(axis=0), kind="stable")[:MOST_WORDS]
    words = tuple(told_apart([often[j] for j in chosen.tolist()], MOST_NAME))
    note = f"of the {len(often)} most frequent words of {in_quotes(name)}, those in which the classes differ most"
    at = np.arange(len(words), dtype=np.float64)
    return _Shares(name, shares[:, chosen], at, words, f"{name}: texts with a word", note)


def _binned(values: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return the places (m,) of the values of some rows, and at which of them each row is (n,), −1 where it has none:
    the values themselves, if they are few, or the middles of equal bins; what lies beyond is in the first and last."""
    known = np.isfinite(values)
    each = np.unique(values[known])
    most = min(BINS, math.ceil(2 * np.cbrt(np.count_nonzero(known))))  # of few rows, bins that are not left empty
    if len(each) <= BINS:
        return each, np.where(known, np.searchsorted(each, values), -1)
    low, high = np.quantile(values[known], ENDS)
    low, high = (low, high) if low < high else (each[0], each[-1])
    width = (high - low) / most
    bins = np.floor((np.where(known, values, low) - low) / width).clip(0, most - 1).astype(np.int64)
    return low + width * (np.arange(most) + 0.5), np.where(known, bins, -1)


@FIGURES.register("scatter")
class Scatter(OfData):
    """rows over two columns, principal components, or tsne"""

    most_columns = 2
    of_numbers = True

    def build(self, of: Data) -> Figure:
        data, numbers = of.dataset, of.dataset.schema.of_kind("number")
        picked = evenly(len(data.y))
        rows, y = data.table.take(picked), data.y[picked].astype(np.int64)
        notes: tuple[str, ...] = (said(len(picked), len(data.y)),)
        if of.columns and of.columns != (TSNE,):
            _check_names("scatter", of.columns, numbers, "column of numbers")
            if len(set(of.columns)) < 2:
                raise OptionError("figure", "scatter: expected two columns, found one", "Name another, or none")
            places = [data.table.number_names.index(name) for name in of.columns]
            at, titles, what = rows.numbers[:, places].astype(np.float64), of.columns, " and ".join(of.columns)
        else:
            table, rows, left_out = _without_words(of, rows)
            notes = (*notes, *left_out)
            X = _inputs(table, rows)
            found = PrincipalComponents.of(X)
            at, titles, what = found.at, found.titles, "two principal components"
            if of.columns:
                at, titles, what = neighbours(X, data.where), ("t-SNE 1", "t-SNE 2"), "t-SNE"
        known = np.isfinite(at).all(axis=1)
        x, y_axis = (Axis.around(title, at[:, i]) for i, title in enumerate(titles))
        panel = Panel(x, y_axis, rows_by_class(at[known], y[known], data.classes))
        return Figure(f"Rows by {what}, {data.where}", (panel,), notes)


def _without_words(of: Data, rows: Table) -> tuple[Table, Table, list[str]]:
    """Return all rows and some of them without the columns that are read word by word, and a note on these; OptionError
    where there are no others."""
    words, table = _read_as_words(of), of.dataset.table
    if words and len(words) == len(of.dataset.schema.names):
        problem = f"scatter: column {in_quotes(words[0])} is read as words, of too many inputs for a plane"
        raise OptionError("figure", problem, "Use another figure, such as columns, which shows its words")
    for name in words:
        table, rows = without_column(table, name), without_column(rows, name)
    return table, rows, [f"without column {in_quotes(name)}, which is read as words" for name in words]


def _most_often(data: Dataset) -> Sequence[str]:
    """Name all columns; of numbers that are stored sparse, those that are least often 0."""
    numbers, names = data.table.numbers, data.schema.names
    if not is_sparse(numbers):
        return names
    return [names[place] for place in np.argsort(-numbers.stored(), kind="stable")[:MOST_SPARSE]]


def _inputs(table: Table, rows: Table) -> Floats:
    """Return what a model would be given of some rows of a table (n, d), with the scaling of the whole table."""
    refuse_sparse(table.numbers, "scatter")
    matrix: Any = Preprocess.fit(table, np.arange(len(table)), "auto").transform(rows, np.dtype(np.float64))
    found: Floats = matrix.slice(0, len(rows)).astype(np.float64)
    return found


def _check_names(figure: str, asked: tuple[str, ...], known: tuple[str, ...], what: str = "column") -> None:
    for name in asked:
        if name not in known:
            problem = f"{figure}: the data have no {what} {in_quotes(name)}"
            raise OptionError("figure", problem, did_you_mean(name, known, listed="columns"))


def _rows_of_classes(data: Dataset) -> NDArray[np.int64]:
    return np.bincount(data.y, minlength=len(data.classes))


def _largest(counts: NDArray[np.int64], most: int) -> list[int]:
    """Return the positions of the largest counts, in their order."""
    return sorted(np.argsort(-counts, kind="stable")[:most].tolist())


def _fewer(shown: int, n: int) -> tuple[str, ...]:
    return (f"the {shown} of {n:,} classes with the most rows",) if shown < n else ()
