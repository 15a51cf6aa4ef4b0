"""Preprocessing that goes on: the scaling of a model, kept or fitted anew, with the categories that new rows bring."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from nncli.data.category_inputs import MAX_CATEGORIES, spelled_flags
from nncli.data.column_statistics import ROWS_AT_ONCE, ColumnStatistics, Vector, blocks_of
from nncli.data.dataset import Positions, Table, TextColumn
from nncli.data.date_inputs import DateInputs
from nncli.data.preprocess import Preprocess
from nncli.data.sparse_statistics import statistics_of

Category = str | None  # None: a missing cell


def extended(fitted: Preprocess, table: Table, rows: Positions) -> Preprocess:
    """Return preprocessing with an input for each category that the given rows of the table have, and the training rows
    had not; up to `MAX_CATEGORIES`, the most frequent ones; and with the n-grams of their texts. Its scaling stays, and
    its statistics are of these rows."""
    categories = dict[str, tuple[Category, ...]]()
    for name, known in fitted.categories.items():
        more = _more(table.texts[name], known, rows)
        kept = sorted(value for value in {*known, *more} if value is not None)
        categories[name] = (*kept, *([None] if None in known or None in more else []))
    words = None if fitted.words is None else fitted.words.with_new(table, rows)
    wider = dataclasses.replace(fitted, categories=categories, words=words, mean=None, notes=())
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # as in `Preprocess.fit`
        own = statistics_of(table.numbers, rows, fitted.scaling)
    wider = dataclasses.replace(wider, dead=fitted.dead[_others_before(fitted, wider)], statistics=own)
    return _measured(wider, table, rows)


def inputs_before(old: Preprocess, new: Preprocess) -> NDArray[np.int64]:
    """Return of each input which one it was before there were more categories, (width,): of a new one, that of all
    categories that were not known."""
    return np.concatenate([_others_before(old, new), np.arange(old.n_others, old.width)])  # those of words come last


def _others_before(old: Preprocess, new: Preprocess) -> NDArray[np.int64]:
    """Return the same of the inputs that are not made of words, (n_others,)."""
    inputs = [*range(old.n_numbers)]
    start = len(inputs)
    for name, known in old.categories.items():
        place, other = {value: start + i for i, value in enumerate(known)}, start + len(known)
        inputs += [*(place.get(value, other) for value in new.categories[name]), other]
        start = other + 1
    return np.array(inputs, np.int64)


def new_categories(old: Preprocess, new: Preprocess) -> dict[str, list[Category]]:
    """Return the categories of each column of text that were not known before; columns without any are left out."""
    found = {name: [one for one in new.categories[name] if one not in known] for name, known in old.categories.items()}
    return {name: more for name, more in found.items() if more}


@np.errstate(over="ignore", divide="ignore", invalid="ignore")  # as in `Preprocess.fit`
def rescaled(fitted: Preprocess, table: Table, rows: Positions) -> Preprocess:
    """Return preprocessing with the scaling and the medians of the given rows. A column that is the same in all of them
    keeps what it had."""
    own = statistics_of(table.numbers, rows, fitted.scaling)
    how = "standard" if fitted.scaling in ("pixels", "max-abs") else fitted.scaling
    made = ColumnStatistics.of(DateInputs(table, fitted.dates), rows if fitted.dates else rows[:1], how)
    median, shift, scale = (
        np.concatenate([getattr(own, name), getattr(made, name)]) for name in ("median", "shift", "factor")
    )
    constant = scale == 0
    changed = dataclasses.replace(
        fitted,
        median=np.where(constant, fitted.median, median),
        shift=np.where(constant, fitted.shift, shift),
        scale=np.where(constant, fitted.scale, scale),
        words=None if fitted.words is None else fitted.words.refitted(table, rows),
        statistics=own,
    )
    return _measured(changed, table, rows)


def _more(column: TextColumn, known: tuple[Category, ...], rows: Positions) -> tuple[Category, ...]:
    """Return the categories of the rows that are not known, the most frequent first. A column of flags of which another
    spelling is met stays as it is: with a third category, nobody would know them again."""
    n = len(column.values) + 1
    counts = sum(
        (np.bincount(block + 1, minlength=n) for block in blocks_of(column.codes, rows)), np.zeros(n, np.int64)
    )
    own = {value: int(counts[code]) for code, value in enumerate([None, *column.values]) if counts[code]}
    flags = spelled_flags(known)
    if any(value in flags for value in own):
        return ()
    fresh = [value for value in own if value not in known]
    fresh.sort(key=lambda value: (-own[value], value is None, value or ""))
    return tuple(fresh[: max(0, MAX_CATEGORIES + 1 - len(known))])  # a missing one is not counted among them


def _measured(fitted: Preprocess, table: Table, rows: Positions) -> Preprocess:
    """Return preprocessing with the mean inputs of the rows, and as dead only what is 0 in these too."""
    others = dataclasses.replace(fitted, words=None)  # `mean` and `dead` are of these alone
    total: Vector = np.zeros(others.width)
    alive = np.zeros(others.width, np.bool_)
    for start in range(0, len(rows) if others.width else 0, ROWS_AT_ONCE):
        part = table.take(rows[start : start + ROWS_AT_ONCE])
        X = others.transform(part, np.dtype(np.float64)).slice(0, len(part))
        total += X.sum(axis=0)
        if isinstance(X, np.ndarray):
            alive |= (X != 0).any(axis=0)
        else:
            alive[X.indices[X.data != 0]] = True
    return dataclasses.replace(fitted, dead=fitted.dead & ~alive, mean=total / max(1, len(rows)))
