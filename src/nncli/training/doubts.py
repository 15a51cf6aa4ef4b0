"""Columns that could mislead: one that gives the class away, and texts from which nothing can be learned."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.csv.column_kinds import LEAST_IDS
from nncli.data.dataset import Dataset, Positions, Table, TextColumn, numbered
from nncli.data.sparse_numbers import is_sparse
from nncli.data.split import Split
from nncli.data.text_inputs import first_texts
from nncli.data.words.detection import has_several_words
from nncli.errors import flag, write_names
from nncli.system.output import in_quotes, percent
from nncli.training.prepare import Prepared

BINS = 32  # of numbers, to see how well a single column predicts the class
MOSTLY_ONCE = 0.5  # of real categories, less than half of the cells in samples of 60 rows are the only ones of theirs
ROUNDED = 1e-9  # more than a sum of shares is rounded by
GIVES_AWAY = 0.98  # balanced accuracy of one column alone on held-out rows
FEWEST_HELD_OUT = 10  # rows, or that all of them are right says nothing
ROWS_AT_ONCE = 1_000_000
MOST_CELLS, LEAST_ROWS, MOST_ROWS = 1_000_000, 200, 2_500  # that a training run looks at


def doubts(prepared: Prepared) -> list[str]:
    """Say, a line each, what could mislead a training run that begins; a sample of the rows is looked at."""
    found = [*_lost_digits(prepared), *different_texts(prepared.dataset.table, prepared.preprocess.columns_of_words)]
    if prepared.preprocess.scaling != "pixels" and prepared.target is None:  # of which none says much alone
        most = MOST_CELLS // len(prepared.dataset.schema.columns)
        words = prepared.preprocess.columns_of_words
        found += giveaways(prepared.dataset, prepared.split, min(MOST_ROWS, max(LEAST_ROWS, most)), words) or []
    return found


def _lost_digits(prepared: Prepared) -> list[str]:
    """Tell of numbers that are read as float64, and become float32 unscaled: nobody can tell them apart any more."""
    model = prepared.config.model
    fine = prepared.dataset.schema.dtype == "float64" and model.dtype == "float32"
    if not fine or prepared.preprocess.scaling != "none":
        return []
    remedy = "add --dtype float64, or leave --scale none out"
    return [f"the network has numbers of type float32, which cannot tell some of those apart: {remedy}"]


def different_texts(table: Table, words: Sequence[str] = ()) -> list[str]:
    """Report columns of categories, not of words, in which most cells hold a text that no other row has. Their share
    estimates how many of the new rows will have a text that was not seen (Good and Turing): from a half on, there is
    little to learn."""
    found = []
    for name, column in table.texts.items():
        if name in words:
            continue
        there, once = _there_and_once(column)
        if once >= MOSTLY_ONCE * there and (there >= LEAST_IDS or are_maybe_words(column)):
            seldom = f"column {in_quotes(name)}: {once:,} of {there:,} cells have a text that no other row has"
            own = shlex.quote(write_names([name]))
            advice = f"{flag('drop')} {own} leaves the column out, {flag('text')} {own} learns from words and letters"
            found.append(f"{seldom}, and most new rows will have yet other texts: they say little ({advice})")
    return found


def are_maybe_words(column: TextColumn) -> bool:
    """Tell whether the cells of a column may be texts to read word by word, so few or so short that they do not say so
    by themselves: several words each, and most of them different."""
    there, once = _there_and_once(column)
    return once > 1 and once >= MOSTLY_ONCE * there and has_several_words(first_texts(column))


def _there_and_once(column: TextColumn) -> tuple[int, int]:
    """Count the cells of a column that are there, and those that no other row has."""
    times = np.zeros(len(column.values) + 1, np.int64)
    for start in range(0, len(column.codes), ROWS_AT_ONCE):
        times += np.bincount(column.codes[start : start + ROWS_AT_ONCE] + 1, minlength=len(times))  # −1: missing
    return int(times[1:].sum()), int(np.count_nonzero(times[1:] == 1))


def giveaways(
    dataset: Dataset, split: Split, most_rows: int | None = None, words: Collection[str] = ()
) -> list[str] | None:
    """Report columns, but those of `words`, that predict nearly all held-out rows alone, on at most so many rows of
    each part. None where that cannot be told: few rows are held out, or those of one class alone."""
    K = len(dataset.classes)
    train, held_out = split.train, np.concatenate([split.val, split.test])
    if not len(held_out):  # they are in files of their own
        train, held_out = np.delete(train, slice(None, None, 5)), train[::5]
    train, held_out = _some(train, most_rows), _some(held_out, most_rows)
    table, y = dataset.table.take(np.concatenate([train, held_out])), dataset.y
    y, n = np.concatenate([y[train], y[held_out]]), len(train)
    present = np.bincount(y[n:], minlength=K)
    if len(held_out) < FEWEST_HELD_OUT or np.count_nonzero(present) < 2:
        return None
    numbers = {table.number_names[place]: column for place, column in _columns_that_may_tell(table.numbers, n, y)}
    columns = numbers | dict(table.dates)
    coded = ((name, _binned(column, n, max(BINS, 2 * K))) for name, column in columns.items())
    texts = ((name, column.codes.astype(np.int64) + 1) for name, column in table.texts.items() if name not in words)
    found, names = list[str](), dataset.schema.names
    are_numbered = dataset.schema.target == "y" and names in (numbered(0, len(names)), numbered(1, len(names)))
    for name, codes in (*coded, *texts):
        guesses = [_commonest(codes[:n], y[:n], int(codes.max()) + 1)[codes[n:]]]
        if name in columns and not np.isnan(columns[name]).any():
            guesses.append(y[:n][_nearest(columns[name][:n], columns[name][n:])])
        rights = [np.bincount(y[n:], guess == y[n:], K) for guess in guesses]
        score = max(float((right / np.maximum(present, 1))[present > 0].mean()) for right in rights)
        if score >= GIVES_AWAY:
            alone = f"alone predicts {percent(score)} of each class, on average"
            # the columns of matrices have numbers alone, and no option names them
            how = "of the file" if are_numbered else f"with {flag('drop')} {shlex.quote(write_names([name]))}"
            advice = f"If not, leave it out {how}"
            found.append(f"column {in_quotes(name)} {alone}: will you know it when you predict? {advice}")
    return found


def _columns_that_may_tell(numbers: Any, n: int, y: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield the place and the numbers of each column that could give away the classes y of rows from the n-th on."""
    if not is_sparse(numbers):
        may = _may_tell(numbers[n:], y[n:])
        yield from ((place, numbers[:, place]) for place in np.flatnonzero(may).tolist())
        return
    _, codes, sizes = np.unique(y[n:], return_inverse=True, return_counts=True)
    csr = numbers.csr[n:]
    shares = np.repeat(1 / (len(sizes) * sizes[codes]), np.diff(csr.indptr))
    not_zero = np.bincount(csr.indices, shares, numbers.shape[1])  # the mean over the classes, as in `_may_tell`
    places = np.flatnonzero(not_zero + 1 / len(sizes) >= GIVES_AWAY - ROUNDED)
    at_once = max(1, ROWS_AT_ONCE // len(y))
    for start in range(0, len(places), at_once):
        some = places[start : start + at_once]
        X = numbers.columns(some)
        yield from ((int(some[i]), X[:, i]) for i in np.flatnonzero(_may_tell(X[n:], y[n:])))


def _may_tell(numbers: NDArray[Any], y: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which columns of rows of the classes y could give these away, (d,). All rows in which a column is 0 are
    guessed to be of one class; where most are, as in sparse data, it cannot be right about the others."""
    order = np.argsort(y, kind="stable")
    starts, sizes = np.unique(y[order], return_index=True, return_counts=True)[1:]
    may = np.empty(numbers.shape[1], np.bool_)
    at_once = max(1, ROWS_AT_ONCE // len(y))
    for start in range(0, len(may), at_once):
        some = slice(start, start + at_once)
        zeros = np.add.reduceat(numbers[:, some][order] == 0, starts, axis=0, dtype=np.float64) / sizes[:, None]
        may[some] = 1 - zeros.mean(axis=0) + zeros.max(axis=0) / len(sizes) >= GIVES_AWAY - ROUNDED
    return may


def _some(rows: Positions, most: int | None) -> Positions:
    return rows if most is None else rows[:: -(-len(rows) // most) or 1]


def _commonest(codes: NDArray[np.int64], y: NDArray[Any], n_codes: int) -> NDArray[np.int64]:
    """Return the commonest class of each code, (n_codes,): of equals, and without rows, the first."""
    K = int(y.max()) + 1
    pairs, counts = np.unique(codes * K + y, return_counts=True)  # of many codes and classes, few occur together
    order = np.argsort(-counts, kind="stable")
    found = np.zeros(n_codes, np.int64)
    code, first = np.unique(pairs[order] // K, return_index=True)
    found[code] = pairs[order][first] % K
    return found


def _nearest(known: NDArray[Any], asked: NDArray[Any]) -> Positions:
    """Return for each number that is asked about the place of the nearest known one: where classes are ranges of a
    column, as of a code that was given class by class, bins blur their ends."""
    order = np.argsort(known, kind="stable")
    ordered, asked = known[order].astype(np.float64), asked.astype(np.float64)
    above = np.clip(np.searchsorted(ordered, asked), 1, len(ordered) - 1)
    is_below = asked - ordered[above - 1] <= ordered[above] - asked
    return order[np.where(is_below, above - 1, above)]


def _binned(column: NDArray[Any], n: int, bins: int) -> NDArray[np.int64]:
    """Return the bin of each number, with as many of the first n rows in each bin; 0 for a missing number."""
    values = column.astype(np.float64)
    known = values[:n][~np.isnan(values[:n])]
    edges = np.sort(known)[np.arange(1, bins) * len(known) // bins] if len(known) else np.zeros(0)
    return np.where(np.isnan(values), 0, 1 + np.searchsorted(edges, values)).astype(np.int64)
