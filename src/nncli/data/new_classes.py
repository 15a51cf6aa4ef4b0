"""Classes that a model does not know, in rows from which it goes on learning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nncli.data.cells import quoted
from nncli.data.dataset import Schema, TextColumn, canonical_class, spellings_of
from nncli.data.labels import written_as
from nncli.data.numeric_target import find_numeric_target
from nncli.data.table_builder import in_order, one_spelling
from nncli.errors import DataError, OptionError, mention


def with_new_classes(target: TextColumn, schema: Schema, classes: Sequence[str], where: str) -> tuple[str, ...]:
    """Return the classes of a model with those that the target of other rows has besides, in the order of a training
    file. Raises DataError for numbers, and for a spelling of a class that is known."""
    known = spellings_of(classes)
    spelled, _ = one_spelling(target.values, schema.decimal)
    codes = np.unique(target.codes[:])
    met = {spelled[code] for code in codes[codes >= 0].tolist()}
    new = [name for name in met if canonical_class(name) not in known]
    if not new:
        return tuple(classes)
    for name in sorted(new):
        alike = next((one for one in classes if one.strip().casefold() == name.strip().casefold()), None)
        remedy = written_as(name, classes) or (f"Write it as {quoted(alike)}" if alike else "")
        if remedy:
            raise DataError(where, f"column '{schema.target}': expected a class, found {quoted(name)}", remedy)
    if _is_quantity(target, schema, where):
        problem = f"target column '{schema.target}': expected classes, as the model predicts them, found numbers"
        remedy = f"Train another model for them, without {mention('from')}"
        raise DataError(where, problem, remedy)
    return tuple(in_order([*classes, *new]))


def _is_quantity(target: TextColumn, schema: Schema, where: str) -> bool:
    """Tell whether the target of these rows would be a number, if they were to train a model of their own."""
    try:
        return find_numeric_target(target, schema, None, where) is not None
    except (DataError, OptionError):
        return True
