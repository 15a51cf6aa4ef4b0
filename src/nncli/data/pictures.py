"""Rows of pixels as pictures: which columns are some, and of which shape."""

from __future__ import annotations

import math

from nncli.data.column_statistics import ColumnStatistics
from nncli.data.dataset import Dataset, Positions, Schema, by
from nncli.data.preprocess import Preprocess
from nncli.errors import OptionError, mention
from nncli.system.output import counted, in_quotes

MOST_SIDE = 1024  # pixels of what can be distorted
UNDONE = ("standard", "minmax", "pixels", "none")  # scalings from which the pixels can be worked out again


def shape_of_rows(schema: Schema, preprocess: Preprocess) -> tuple[int, ...] | None:
    """Return the shape of a row that is a picture, None where it is none; a square where nothing else is known."""
    d = preprocess.width
    if schema.image_shape and math.prod(schema.image_shape) == d:
        return schema.image_shape
    return square(d) if preprocess.scaling == "pixels" else None


def square(d: int) -> tuple[int, int] | None:
    """Return the shape of a square of d pixels; None where they are none."""
    side = math.isqrt(d)
    return (side, side) if side * side == d else None


def shape_to_distort(dataset: Dataset, rows: Positions, preprocess: Preprocess) -> tuple[int, ...]:
    """Return the shape of the pictures that training rows are, however they are scaled. OptionError where they are
    none."""
    shape = shape_of_pictures(dataset, rows, "distort", "it is for pictures", preprocess.scaling == "pixels")
    if preprocess.scaling not in UNDONE:
        problem = f"pixels cannot be worked out again once they are scaled as {preprocess.scaling} does"
        raise OptionError("distort", problem, f"Use {mention('scale', 'auto')}")
    if max(shape[:2]) > MOST_SIDE:
        problem = f"expected pictures of at most {MOST_SIDE:,} pixels a side, found {by(shape[:2])} (height × width)"
        raise OptionError("distort", problem, "Make them smaller")
    return shape


def shape_of_pictures(
    dataset: Dataset, rows: Positions, option: str, what: str, known: bool = False
) -> tuple[int, ...]:
    """Return the shape of the pictures that some rows of a data set are. OptionError of an `option`, which asks for
    `what`, where they are none. `known` is whether the columns are pixels, if that is known."""
    schema, d = dataset.schema, len(dataset.schema.columns)
    expected = f"{what}: expected pixels alone"
    for name, kind in schema.columns:
        if kind != "number":
            found = f"column {in_quotes(name)}, which holds {'dates' if kind == 'date' else 'text'}"
            raise OptionError(option, f"{expected}, found {found}", "Leave that column out")
    if schema.image_shape and math.prod(schema.image_shape) == d:
        return schema.image_shape
    numbers = dataset.table.numbers
    if not known and ColumnStatistics.of(numbers, rows, "auto").scaling != "pixels":
        problem = f"{expected} (16 or more columns of whole numbers from 0 to 255), found other numbers"
        raise OptionError(option, problem, "Give the pixels as they are in the pictures")
    shape = square(d)
    if shape is None:
        problem = f"{expected}, whose rows and columns are known, found {counted(d, 'column')}, which are no square"
        raise OptionError(option, problem, "Give all pixels, or the pictures as an IDX file or as picture files")
    return shape
