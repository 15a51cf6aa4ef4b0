"""Find what would change a prediction: for each column of a row, the nearest value that does, while all others stay."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Table, TextColumn
from nncli.data.dates import written
from nncli.data.sparse_numbers import with_column
from nncli.data.text_inputs import texts_of
from nncli.data.words.places_in_text import placed_words
from nncli.explain.columns import inputs_of
from nncli.metrics.rows import CELLS_AT_ONCE
from nncli.model.model import Model

STEPS, LOOKED_AT = 1000, 101  # of the range of a column: how finely a value is found, and how many are looked at first
# words of a text that are left out one after the other, and characters of all these texts, or of one that is longer
TEXTS_AT_ONCE, MOST_WORDS, MOST_CHARACTERS = 1024, 200, 2_000_000
LEFT_OUT = "(left out)"  # in place of a word
WHOLE_CATEGORY = 1.0  # another category is as far as from one end of a column of numbers to the other
EXACT = 1 << 53  # up to which floats count without a gap
# inputs that stand for the ends of the range of a column, where that is not known: in standard deviations, or in ranges
# between quartiles, of which a uniform distribution has one on each side of the median
ENDS = {"standard": (-3, 3), "robust": (-1, 1)}


@dataclass(frozen=True)
class Change:
    """A change of one column that changes the predicted class; `distance` is a share of the range in training."""

    column: str
    old: float | str | None
    new: float | str
    prediction: str
    distance: float


def nearest_changes(model: Model, table: Table, columns: Sequence[str] | None = None) -> list[list[Change]]:
    """Return for each row of a table the nearest change of each column, or of each of some, that changes the predicted
    class; the nearest of them first. Numbers and dates stay in the range of the training rows, and categories are
    those of training. Of a column of text whose words are learned from, a change is to leave out one word."""
    rows, found = _Rows(model, table), [list[Change]() for _ in range(len(table))]
    of_kind = {"number": _of_number, "date": _of_date, "text": _of_text}
    for kind, changes_of in of_kind.items():
        for name in model.schema.of_kind(kind):
            if columns is None or name in columns:
                changes = _of_words if name in model.preprocess.columns_of_words else changes_of
                for row, change in changes(rows, name):
                    found[row].append(change)
    return [sorted(changes, key=lambda one: one.distance) for changes in found]


@dataclass(frozen=True)
class _Rows:
    """The rows that are changed, and the class that is predicted for each, (n,)."""

    model: Model
    table: Table

    @functools.cached_property
    def before(self) -> NDArray[np.int64]:
        return self.model.predicted(self.model.scores(self.table))

    def classes(self, rows: NDArray[np.int64], changed: Callable[[Table, slice], Table]) -> NDArray[np.int64]:
        """Return the classes that are predicted for some of the rows, each taken as often as it is named, where
        `changed` has changed a part of them; few are in memory at a time."""
        preprocess = self.model.preprocess
        at_once = max(1, CELLS_AT_ONCE // max(1, preprocess.n_others))
        if preprocess.words is not None:
            at_once = min(at_once, TEXTS_AT_ONCE)
        parts = [slice(start, start + at_once) for start in range(0, len(rows), at_once)]
        tables = (changed(self.table.take(rows[part]), part) for part in parts)
        return np.concatenate([self.model.predicted(self.model.scores(one)) for one in tables])


def value_of(model: Model, row: Table, name: str) -> float | str | None:
    """Return the value of a column of a row, a table of one; None where it is missing."""
    return values_of(model, row, [name])[0]


def values_of(model: Model, row: Table, names: Sequence[str]) -> list[float | str | None]:
    """Return the values of some columns of a row, a table of one; None where one is missing."""
    kinds, found = dict(model.schema.columns), list[float | str | None]()
    numbers = row.with_zeros().numbers[0]
    places = {name: i for i, name in enumerate(model.schema.of_kind("number"))}
    for name in names:
        kind = kinds[name]
        if kind == "text":
            column = row.texts[name]
            found.append(None if column.codes[0] < 0 else column.values[int(column.codes[0])])
            continue
        value = row.dates[name][0] if kind == "date" else numbers[places[name]]
        if math.isnan(value):
            found.append(None)
        elif kind == "date":
            found.append(written(float(value)))
        else:
            found.append(float(np.float64(str(value))))  # 0.1 of float32 is 0.1
    return found


def _of_number(rows: _Rows, name: str) -> Iterator[tuple[int, Change]]:
    model, place = rows.model, rows.model.schema.of_kind("number").index(name)
    low, high, whole = range_of(model, name, place)

    def with_values(table: Table, values: NDArray[np.float64]) -> Table:
        return dataclasses.replace(table, numbers=with_column(table.numbers, place, values, model.schema.dtype))

    start = rows.table.numbers[:, place].astype(np.float64)
    start = np.where(np.isnan(start), float(model.preprocess.median[place]), start)
    for row, value, prediction in _nearest(rows, with_values, start, low, high, 1.0 if whole else step_of(high - low)):
        old = value_of(model, rows.table.take(np.array([row])), name)
        yield row, Change(name, old, value, prediction, abs(value - start[row]) / (high - low))


def _of_date(rows: _Rows, name: str) -> Iterator[tuple[int, Change]]:
    preprocess = rows.model.preprocess
    i = inputs_of(rows.model.schema, preprocess)[name].start  # of the days since the first
    (first,) = (day for own, day in preprocess.dates if own == name)
    low, high = (first + end for end in by_scaling(rows.model, i))

    def with_values(table: Table, values: NDArray[np.float64]) -> Table:
        return dataclasses.replace(table, dates={**table.dates, name: values})

    start = rows.table.dates[name]
    start = np.where(np.isnan(start), first + float(preprocess.median[i]), start)
    for row, value, prediction in _nearest(rows, with_values, start, max(low, first), high, 1.0):
        old = value_of(rows.model, rows.table.take(np.array([row])), name)
        yield row, Change(name, old, written(value), prediction, abs(value - start[row]) / (high - low))


def _of_text(rows: _Rows, name: str) -> Iterator[tuple[int, Change]]:
    """Find the change of each row to the commonest category, of training, that changes the answer."""
    model, n = rows.model, len(rows.table)
    categories = [category for category in model.preprocess.categories[name] if category is not None]
    if not categories:
        return
    codes = np.tile(np.arange(len(categories)), n)

    def changed(table: Table, part: slice) -> Table:
        column = TextColumn(codes[part], tuple(categories))
        return dataclasses.replace(table, texts={**table.texts, name: column})

    classes = rows.classes(np.repeat(np.arange(n), len(categories)), changed).reshape(n, -1)
    place, mean = inputs_of(model.schema, model.preprocess)[name], model.preprocess.mean
    for row in range(n):
        other = np.flatnonzero(classes[row] != rows.before[row])
        if len(other):
            best = other[0] if mean is None else other[np.argmax(mean[place][other])]
            old = value_of(model, rows.table.take(np.array([row])), name)
            yield row, Change(name, old, categories[best], model.classes[classes[row, best]], WHOLE_CATEGORY)


def _of_words(rows: _Rows, name: str) -> Iterator[tuple[int, Change]]:
    """Find for each row the word without which another class is predicted; of several, the one that lets it lead
    most."""
    model, column = rows.model, rows.table.texts[name]
    for row, texts in enumerate(texts_of(column)):
        tried = without_each_word(texts or "")
        if not tried:
            continue
        table = rows.table.take(np.full(len(tried), row))
        cells = TextColumn(np.arange(len(tried)), tuple(tried.values()))
        Z = model.scores(dataclasses.replace(table, texts={**table.texts, name: cells}))
        classes, by_class = model.predicted(Z), model.by_class(Z)
        other = np.flatnonzero(classes != rows.before[row])
        if len(other):
            best = other[np.argmax(by_class[other, classes[other]])]
            yield row, Change(name, [*tried][best], LEFT_OUT, model.classes[classes[best]], WHOLE_CATEGORY)


def without_each_word(text: str) -> dict[str, str]:
    """Map the first words of a text, each once, to the text without them: fewer of a long one."""
    words, most = placed_words(text), max(1, min(MOST_WORDS, MOST_CHARACTERS // max(1, len(text))))
    each = [*words.distinct().items()][:most]
    return {name: words.without(numbers) for name, numbers in each}


def range_of(model: Model, name: str, place: int) -> tuple[float, float, bool]:
    """Return the lowest and the highest value of a column of numbers in training, and whether all were whole."""
    for column in model.schema.profile:
        if column.name == name and column.low is not None and column.high is not None:
            return column.low, column.high, column.whole
    return (*by_scaling(model, place), False)


def by_scaling(model: Model, place: int) -> tuple[float, float]:
    """Return about the range of a number, as its scaling tells."""
    shift, scale = float(model.preprocess.shift[place]), float(model.preprocess.scale[place])
    if scale == 0:
        return shift, shift
    ends = ENDS.get(model.preprocess.scaling, (0, 1))
    return shift + ends[0] / scale, shift + ends[1] / scale


def step_of(width: float) -> float:
    """Return a power of ten, as the unit in which values are looked for in a range of that width."""
    return 10.0 ** math.floor(math.log10(width / STEPS)) if width > 0 else 1.0


def _nearest(
    rows: _Rows,
    with_values: Callable[[Table, NDArray[np.float64]], Table],
    start: NDArray[np.float64],
    low: float,
    high: float,
    step: float,
) -> Iterator[tuple[int, float, str]]:
    """Find for each row the multiple of `step` from `low` to `high` that is nearest to its `start` (n,) of those found
    to change the class: yield the row, the multiple and that class, where there is one. Some are looked at, and the
    border before the nearest is halved in on."""
    first, last = math.ceil(low / step), math.floor(high / step)
    if last <= first or max(-first, last) > EXACT:
        return

    def classes(some: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
        values = multiples(places, step)
        return rows.classes(some, lambda table, part: with_values(table, values[part]))

    n, places = len(start), np.unique(np.linspace(first, last, LOOKED_AT).round().astype(np.int64))
    found = classes(np.repeat(np.arange(n), len(places)), np.tile(places, n)).reshape(n, -1)
    changes = found != rows.before[:, None]
    some = np.flatnonzero(changes.any(axis=1))
    distance = np.where(changes, np.abs(multiples(places, step) - start[:, None]), np.inf)
    best = distance.argmin(axis=1)
    near, prediction = places[best], found[np.arange(n), best]
    same = np.where(near * step > start, np.floor(start / step), np.ceil(start / step))
    same = same.clip(first - 1, last + 1).astype(np.int64)
    while len(between := some[np.abs(near - same)[some] > 1]):
        middle = (near[between] + same[between]) // 2
        its = classes(between, middle)
        is_other = its != rows.before[between]
        near[between[is_other]], prediction[between[is_other]] = middle[is_other], its[is_other]
        same[between[~is_other]] = middle[~is_other]
    for row in some.tolist():
        yield row, float(multiples(near[[row]], step)[0]), rows.model.classes[int(prediction[row])]


def multiples(places: NDArray[np.int64], step: float) -> NDArray[Any]:
    """Return places times the step, a power of ten, with no more digits than it has."""
    return places * step if step >= 1 else np.round(places * step, round(-math.log10(step)))
