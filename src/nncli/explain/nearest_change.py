"""Find what would change a prediction: for each column of a row, the nearest value that does, while all others stay."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Table, TextColumn
from nncli.data.dates import written
from nncli.explain.columns import inputs_of
from nncli.model.model import Model

STEPS, LOOKED_AT = 1000, 101  # of the range of a column: how finely a value is found, and how many are looked at first
WHOLE_CATEGORY = 1.0  # another category is as far as from one end of a column of numbers to the other
SPREAD = 3  # standard deviations that stand for the range of a column, where that is not known


@dataclass(frozen=True)
class Change:
    """A change of one column that changes the predicted class; `distance` is a share of the range in training."""

    column: str
    old: float | str | None
    new: float | str
    prediction: str
    distance: float


def nearest_changes(model: Model, row: Table) -> list[Change]:
    """Return the nearest change of each column that changes the predicted class of a row, a table of one; the nearest
    of them first. Numbers and dates stay in the range of the training rows, and categories are those of training."""
    before = int(model.predicted(model.scores(row))[0])
    found = [_of_number(model, row, name, before) for name in model.schema.of_kind("number")]
    found += [_of_date(model, row, name, before) for name in model.schema.of_kind("date")]
    found += [_of_text(model, row, name, before) for name in model.schema.of_kind("text")]
    return sorted((one for one in found if one is not None), key=lambda one: one.distance)


def value_of(model: Model, row: Table, name: str) -> float | str | None:
    """Return the value of a column of a row, a table of one; None where it is missing."""
    kind = dict(model.schema.columns)[name]
    if kind == "text":
        column = row.texts[name]
        return None if column.codes[0] < 0 else column.values[int(column.codes[0])]
    value = row.dates[name][0] if kind == "date" else row.numbers[0, model.schema.of_kind("number").index(name)]
    if math.isnan(value):
        return None
    if kind == "date":
        return written(float(value))
    return float(np.float64(str(value)))  # 0.1 of float32 is 0.1


def _of_number(model: Model, row: Table, name: str, before: int) -> Change | None:
    place = model.schema.of_kind("number").index(name)
    low, high, whole = _range(model, name, place)
    old = float(row.numbers[0, place])
    exact = np.float64 if model.schema.dtype == "float64" else np.float32

    def with_values(values: NDArray[np.float64]) -> Table:
        table = row.take(np.zeros(len(values), np.int64))
        numbers = table.numbers.astype(exact)
        numbers[:, place] = values
        return dataclasses.replace(table, numbers=numbers)

    start = float(model.preprocess.median[place]) if math.isnan(old) else old
    found = _nearest(model, with_values, start, low, high, 1.0 if whole else _step(high - low), before)
    if found is None:
        return None
    value, prediction = found
    return Change(name, value_of(model, row, name), value, prediction, abs(value - start) / (high - low))


def _of_date(model: Model, row: Table, name: str, before: int) -> Change | None:
    preprocess, old = model.preprocess, float(row.dates[name][0])
    i = inputs_of(model.schema, preprocess)[name].start  # of the days since the first
    (first,) = (day for own, day in preprocess.dates if own == name)
    low, high = (first + end for end in _by_scaling(model, i))

    def with_values(values: NDArray[np.float64]) -> Table:
        table = row.take(np.zeros(len(values), np.int64))
        return dataclasses.replace(table, dates={**table.dates, name: values})

    start = first + float(preprocess.median[i]) if math.isnan(old) else old
    found = _nearest(model, with_values, start, max(low, first), high, 1.0, before)
    if found is None:
        return None
    value, prediction = found
    return Change(name, value_of(model, row, name), written(value), prediction, abs(value - start) / (high - low))


def _of_text(model: Model, row: Table, name: str, before: int) -> Change | None:
    """Return the change to the commonest category, of training, that changes the answer."""
    categories = [category for category in model.preprocess.categories[name] if category is not None]
    if not categories:
        return None
    table = row.take(np.zeros(len(categories), np.int64))
    texts = {**table.texts, name: TextColumn(np.arange(len(categories)), tuple(categories))}
    codes = model.predicted(model.scores(dataclasses.replace(table, texts=texts)))
    changed = np.flatnonzero(codes != before)
    if not len(changed):
        return None
    place, mean = inputs_of(model.schema, model.preprocess)[name], model.preprocess.mean
    best = changed[0] if mean is None else changed[np.argmax(mean[place][changed])]
    return Change(name, value_of(model, row, name), categories[best], model.classes[codes[best]], WHOLE_CATEGORY)


def _range(model: Model, name: str, place: int) -> tuple[float, float, bool]:
    """Return the lowest and the highest value of a column of numbers in training, and whether all were whole."""
    for column in model.schema.profile:
        if column.name == name and column.low is not None and column.high is not None:
            return column.low, column.high, column.whole
    return (*_by_scaling(model, place), False)


def _by_scaling(model: Model, place: int) -> tuple[float, float]:
    """Return about the range of a number, as its scaling tells."""
    shift, scale = float(model.preprocess.shift[place]), float(model.preprocess.scale[place])
    if scale == 0:
        return shift, shift
    ends = (-SPREAD, SPREAD) if model.preprocess.scaling == "standard" else (0, 1)
    return shift + ends[0] / scale, shift + ends[1] / scale


def _step(width: float) -> float:
    return 10.0 ** math.floor(math.log10(width / STEPS)) if width > 0 else 1.0


def _nearest(
    model: Model,
    with_values: Callable[[NDArray[np.float64]], Table],
    start: float,
    low: float,
    high: float,
    step: float,
    before: int,
) -> tuple[float, str] | None:
    """Return the multiple of `step` from `low` to `high` that is nearest to `start` of those found to change the class,
    and that class; None where none does. Some are looked at, and the border before the nearest is halved in on."""
    first, last = math.ceil(low / step), math.floor(high / step)
    if last <= first:
        return None

    def classes(places: NDArray[np.int64]) -> NDArray[np.int64]:
        return model.predicted(model.scores(with_values(_multiples(places, step))))

    places = np.unique(np.linspace(first, last, LOOKED_AT).round().astype(np.int64))
    changed = places[classes(places) != before]
    if not len(changed):
        return None
    near = int(changed[np.argmin(np.abs(_multiples(changed, step) - start))])
    same = math.floor(start / step) if near * step > start else math.ceil(start / step)
    while abs(near - same) > 1:
        middle = (near + same) // 2
        if classes(np.array([middle]))[0] != before:
            near = middle
        else:
            same = middle
    return float(_multiples(np.array([near]), step)[0]), model.classes[int(classes(np.array([near]))[0])]


def _multiples(places: NDArray[np.int64], step: float) -> NDArray[Any]:
    """Return places times the step, a power of ten, with no more digits than it has."""
    return places * step if step >= 1 else np.round(places * step, round(-math.log10(step)))
