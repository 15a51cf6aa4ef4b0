"""A plane through the inputs to look at: two columns of numbers, or two principal components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.preprocess import Preprocess
from nncli.data.scaled_rows import Subset
from nncli.errors import OptionError, did_you_mean
from nncli.explain.columns import inputs_of
from nncli.figures.figure import Axis, Floats
from nncli.figures.planes import PrincipalComponents
from nncli.training.prepare import Prepared

ROWS = 1000  # that say where the plane is


@dataclass(frozen=True)
class Plane:
    """The place (2,) of an input x (d,) is zero + D (x − origin) / lengths, D = `directions` (2, d) of length 1; and
    back: x = origin + ((place − zero) · lengths) D. So a place is in units of the columns, or of the components; of
    columns that a smooth clip bends, it is the input."""

    origin: Floats
    directions: Floats
    zero: Floats  # (2,), the place of the origin
    lengths: Floats  # (2,), of the input in one unit of the place
    axes: tuple[Axis, Axis]
    columns: tuple[str, ...]  # two, or none: principal components
    note: str
    has_target: bool = False  # across is the only input, and up is the number to predict

    def places(self, X: NDArray[Any]) -> Floats:
        """Return the places (n, 2) of inputs X (n, d)."""
        lengths = np.where(self.lengths == 0, 1, self.lengths)
        return self.zero + (X.astype(np.float64) - self.origin) @ self.directions.T / lengths

    def grid(self, n: int, dtype: Any) -> NDArray[Any]:
        """Return the inputs (n², d) in the middles of n × n squares, row by row, from the top left."""
        x, y = (axis.low + (axis.high - axis.low) * (np.arange(n) + 0.5) / n for axis in self.axes)
        places = np.stack(np.meshgrid(x, y[::-1]), axis=2).reshape(-1, 2)
        return (self.origin + ((places - self.zero) * self.lengths) @ self.directions).astype(dtype)


def take(part: Subset, rows: Any, dtype: str) -> NDArray[Any]:
    """Return the inputs (n, d) of some rows of a part, as a network of that type gets them."""
    X = np.empty((len(rows), part.matrix.width), dtype)
    raw_dtype = part.matrix.raw_dtype
    raw = np.empty((0, 0)) if raw_dtype is None else np.empty(X.shape, raw_dtype)
    part.matrix.expect(rows)
    part.matrix.take(rows, raw, X)
    return X


def evenly(rows: Any, most: int) -> Any:
    """Return at most so many rows, evenly spaced."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def _with_target(prepared: Prepared) -> Plane:
    """Return the plane of the only input and of the number to predict, with room for all rows."""
    preprocess, schema = prepared.preprocess, prepared.dataset.schema
    X = take(prepared.train, np.arange(len(prepared.dataset)), prepared.config.model.dtype)
    [first], [length], [title], note = _units(preprocess, [0], schema.of_kind("number"))
    length = length or 1.0
    across = Axis.around(title, first + X[:, 0] / length, is_amount=False)
    up = Axis.around(schema.target, prepared.dataset.y, is_amount=False)
    of_x = np.array([[1.0], [0.0]]), np.array([first, 0.0]), np.array([length, 1.0])
    return Plane(np.zeros(1), *of_x, (across, up), (), note, has_target=True)


def _units(preprocess: Preprocess, places: list[int], names: Sequence[str]) -> tuple[Floats, Floats, list[str], str]:
    """Return how places become inputs, x = (place − shift) · length, what the axes are called, and a note. Where a
    smooth clip bends the columns, places are inputs: far out, many values are nearly one input."""
    shift, scale, titles = preprocess.shift[places], preprocess.scale[places], [names[i] for i in places]
    if not preprocess.clips:
        return shift, scale, titles, ""
    scaled = [f"{title}, as it is scaled" for title in titles]
    return np.zeros(len(places)), (scale != 0).astype(np.float64), scaled, "the axes are inputs, within ±3"


def plane_of(prepared: Prepared, columns: Sequence[str] = ()) -> Plane:
    """Return the plane of two columns; of none, that of the only two, or of the principal components of the training
    rows. OptionError for what is no column of numbers."""
    preprocess, schema = prepared.preprocess, prepared.dataset.schema
    names = preprocess.number_names or schema.of_kind("number")
    for name in columns:
        if name not in names:
            remedy = did_you_mean(name, names, listed="columns of numbers")
            raise OptionError("columns", f"expected a column of numbers, found '{name}'", remedy)
    if not columns and len(schema.columns) == len(names) == 2:
        columns = names
    X = take(prepared.train, evenly(prepared.train.rows, ROWS), prepared.config.model.dtype)
    X = X.astype(np.float64)
    if prepared.target is not None and X.shape[1] == len(names) == 1:
        return _with_target(prepared)
    if len({*columns}) < 2:
        found = PrincipalComponents.of(X)
        axes = [Axis.around(title, found.at[:, i], is_amount=False) for i, title in enumerate(found.titles)]
        made = found.mean, found.directions, np.zeros(2), np.ones(2), (axes[0], axes[1]), ()
        return Plane(*made, "the plane on which the inputs vary most")
    places = [names.index(name) for name in columns]
    directions = np.zeros((2, X.shape[1]))
    directions[[0, 1], places] = 1
    origin, others = np.median(X, axis=0), len(schema.columns) > 2
    if others:  # of texts, the category that most rows have
        for name, part in inputs_of(schema, preprocess).items():
            if name in preprocess.categories:
                origin[part] = np.arange(part.stop - part.start) == X[:, part].sum(axis=0).argmax()
    origin[places] = 0
    shift, lengths, titles, units = _units(preprocess, places, names)
    at = shift + X[:, places] / np.where(lengths == 0, 1, lengths)
    axes = [Axis.around(title, at[:, i], is_amount=False) for i, title in enumerate(titles)]
    note = "the other columns are at their medians, or most frequent categories" if others else ""
    note = "; ".join(filter(None, [note, units]))
    return Plane(origin, directions, shift, lengths, (axes[0], axes[1]), (columns[0], columns[1]), note)
