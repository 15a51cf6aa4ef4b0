"""Rows that no network can tell apart, as their inputs are the same, though their columns may not be."""

from __future__ import annotations

import dataclasses
import shlex
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from nncli.data.scaled_rows import Subset
from nncli.errors import flag, write_names
from nncli.training.doubts import are_maybe_words
from nncli.training.prepare import Prepared

ROWS_AT_ONCE, ROWS_LOOKED_AT = 256, 5000
NOTHING_DIFFERS = "all training rows have the same inputs, from which nothing can be learned: add columns that differ"


def why_nothing_is_learned(prepared: Prepared) -> str:
    """Say that all training rows have the same inputs; the empty string if they have not."""
    train = dataclasses.replace(prepared.train, rows=prepared.train.rows[:ROWS_LOOKED_AT])
    return NOTHING_DIFFERS if _are_alike(train, prepared.config.model.dtype) else ""


def why_alike(prepared: Prepared, part: Subset) -> str:
    """Say that all rows of a part have the same inputs, as the training rows have, or as training knew none of their
    categories, or of their words; the empty string if that is not so."""
    preprocess, dtype = prepared.preprocess, prepared.config.model.dtype
    if not _are_alike(part, dtype):
        return ""
    if nothing := why_nothing_is_learned(prepared):
        return nothing
    if not (preprocess.categories or preprocess.words):
        return ""
    x = _inputs(part, 0, 1, dtype)[0]
    # the last input of each column of categories stands for any other one
    others = [preprocess.n_numbers - 1 + end for end in accumulate(preprocess.category_inputs)]
    if not x[others].all() or x[preprocess.n_others :].any():
        return ""
    named = " or ".join(["category"] * bool(others) + ["word"] * (preprocess.words is not None))
    found = f"no training row has a {named} of theirs, so that they are all the same"
    texts = [name for name in preprocess.categories if are_maybe_words(prepared.dataset.table.texts[name])]
    return f"{found}: {flag('text')} {shlex.quote(write_names(texts))} learns from words" if texts else found


def _are_alike(part: Subset, dtype: str) -> bool:
    """Tell whether all rows of a part have the same inputs."""
    if part.matrix.is_sparse:
        return _are_alike_sparse(part)
    first = _inputs(part, 0, 1, dtype)
    starts = range(0, len(part.rows), ROWS_AT_ONCE)
    return all((_inputs(part, start, start + ROWS_AT_ONCE, dtype) == first).all() for start in starts)


def _are_alike_sparse(part: Subset) -> bool:
    """Tell the same of rows that are stored without their zeros."""
    X = part.matrix.take_sparse(part.rows).copy()
    X.eliminate_zeros()
    X.sort_indices()
    each = np.diff(X.indptr)
    if (each != each[0]).any():
        return False
    indices, data = X.indices.reshape(len(each), each[0]), X.data.reshape(len(each), each[0])
    return bool((indices == indices[0]).all() and (data == data[0]).all())


def _inputs(part: Subset, start: int, stop: int, dtype: str) -> NDArray[np.floating]:
    """Return the inputs of some rows of a part, with their zeros."""
    rows, matrix = part.rows[start:stop], part.matrix
    if matrix.is_sparse:
        dense: NDArray[np.floating] = matrix.take_sparse(rows).toarray()
        return dense
    out = np.empty((len(rows), matrix.width), dtype)
    matrix.take(rows, np.empty(out.shape, matrix.raw_dtype or out.dtype), out)
    return out
