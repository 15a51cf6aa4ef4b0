"""Rows of pixels as pictures: which columns are some, and of which shape."""

from __future__ import annotations

import math

from nncli.data.column_statistics import LEAST_PIXELS, ColumnStatistics
from nncli.data.dataset import Dataset, Positions, Schema, by
from nncli.data.preprocess import Preprocess
from nncli.errors import OptionError, mention, write_names
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
    schema, numbers, expected = dataset.schema, dataset.table.numbers, f"{what}: expected pixels alone"
    d, others = numbers.shape[1], {name: kind for name, kind in schema.columns if kind != "number"}
    if schema.image_shape and math.prod(schema.image_shape) == d and not others:
        return schema.image_shape
    shape, may_be_some = square(d), d >= LEAST_PIXELS
    are_some = may_be_some and (known or ColumnStatistics.of(numbers, rows, "auto").scaling == "pixels")
    if others:
        name, kind = next(iter(others.items()))
        found = f"column {in_quotes(name)}, which holds {'dates' if kind == 'date' else 'text'}"
        remedy = "Give the data without it"
        if option == "distort":
            all_but_them = are_some and shape is not None
            drop = f"Leave out what is no pixel with {mention('drop', write_names(others))}"
            remedy = drop if all_but_them else f"Leave {mention('distort')} out"
        raise OptionError(option, f"{expected}, found {found}", remedy)
    if not are_some:
        found = "other numbers" if may_be_some else counted(d, "column")
        problem = f"{expected} ({LEAST_PIXELS} or more columns of whole numbers from 0 to 255), found {found}"
        raise OptionError(option, problem, "Give the pixels as they are in the pictures")
    if shape is None:
        problem = f"{expected}, whose rows and columns are known, found {counted(d, 'column')}, which are no square"
        remedy = "Give the pixels of squares and nothing else, or the pictures as an IDX file or as picture files"
        raise OptionError(option, problem, remedy)
    return shape
