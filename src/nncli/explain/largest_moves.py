"""Find what moves a predicted number: for each column of a row, how far another value would take it, while all other
columns stay."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Table, TextColumn
from nncli.data.dates import written
from nncli.data.sparse_numbers import with_column
from nncli.data.text_inputs import texts_of
from nncli.explain.columns import inputs_of
from nncli.explain.nearest_change import (
    EXACT,
    LOOKED_AT,
    by_scaling,
    multiples,
    range_of,
    step_of,
    value_of,
    without_each_word,
)
from nncli.model.model import Model

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Move:
    """The lowest and the highest number that are predicted where a column has other values, and those values."""

    column: str
    value: float | str | None
    lowest: float
    lowest_at: float | str
    highest: float
    highest_at: float | str

    @property
    def size(self) -> float:
        """Return how far apart the two predictions are."""
        return self.highest - self.lowest


def largest_moves(model: Model, row: Table, columns: Sequence[str] | None = None) -> list[Move]:
    """Return for each column of a row, a table of one, or each of some, the lowest and the highest prediction that it
    can make, the column that moves it most first. Numbers and dates take values over the range of the training rows,
    texts the categories of training, and those whose words are learned from lose one word; a column that has no other
    value is left out."""
    found = list[Move]()
    for name, kind in model.schema.columns:
        if columns is not None and name not in columns:
            continue
        if name in model.preprocess.columns_of_words:
            tried: tuple[Sequence[float | str], Table] | None = _words(row, name)
        else:
            tried = {"number": _numbers, "date": _dates, "text": _categories}[kind](model, row, name)
        if tried is None:
            continue
        names, table = tried
        predicted = model.numbers(model.scores(table))
        low, high = int(predicted.argmin()), int(predicted.argmax())
        if predicted[low] < predicted[high]:
            ends = float(predicted[low]), names[low], float(predicted[high]), names[high]
            found.append(Move(name, value_of(model, row, name), *ends))
    return sorted(found, key=lambda move: -move.size)


def _numbers(model: Model, row: Table, name: str) -> tuple[list[float], Table] | None:
    """Return values over the range of a column of numbers, and the row with each of them."""
    place = model.schema.of_kind("number").index(name)
    low, high, whole = range_of(model, name, place)
    values = _evenly(low, high, 1.0 if whole else step_of(high - low))
    if values is None:
        return None
    table = row.take(np.zeros(len(values), np.int64))
    return values.tolist(), dataclasses.replace(
        table, numbers=with_column(table.numbers, place, values, model.schema.dtype)
    )


def _dates(model: Model, row: Table, name: str) -> tuple[list[str], Table] | None:
    """Return days over the range of a column of dates, and the row with each of them."""
    preprocess = model.preprocess
    (first,) = (day for own, day in preprocess.dates if own == name)
    low, high = (first + end for end in by_scaling(model, inputs_of(model.schema, preprocess)[name].start))
    days = _evenly(max(low, first), high, 1.0)
    if days is None:
        return None
    table = row.take(np.zeros(len(days), np.int64))
    return [*map(written, days.tolist())], dataclasses.replace(table, dates={**table.dates, name: days})


def _categories(model: Model, row: Table, name: str) -> tuple[list[str], Table] | None:
    """Return the categories of a column of text, and the row with each of them."""
    names = [category for category in model.preprocess.categories[name] if category is not None]
    if not names:
        return None
    table = row.take(np.zeros(len(names), np.int64))
    column = TextColumn(np.arange(len(names)), tuple(names))
    return names, dataclasses.replace(table, texts={**table.texts, name: column})


def _words(row: Table, name: str) -> tuple[list[str], Table] | None:
    """Return the row as it is, and without each word of a column of text, by which word."""
    text = texts_of(row.texts[name])[0]
    tried = without_each_word(text or "")
    if text is None or not tried:
        return None
    table = row.take(np.zeros(len(tried) + 1, np.int64))
    column = TextColumn(np.arange(len(tried) + 1), (text, *tried.values()))
    names = ["all words", *(f'without "{word}"' for word in tried)]
    return names, dataclasses.replace(table, texts={**table.texts, name: column})


def _evenly(low: float, high: float, step: float) -> Values | None:
    """Return some multiples of a step from `low` to `high`, evenly taken; None where there are not two."""
    first, last = math.ceil(low / step), math.floor(high / step)
    if last <= first or max(-first, last) > EXACT:
        return None
    places = np.unique(np.linspace(first, last, LOOKED_AT).round().astype(np.int64))
    return np.asarray(multiples(places, step), np.float64)
