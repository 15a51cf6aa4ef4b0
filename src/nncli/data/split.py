"""Training, validation and test rows, drawn at random and stratified by class, or by quantiles of a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Positions
from nncli.errors import DataError, mention
from nncli.system.output import in_quotes

MOST_STRATA, ROWS_OF_A_STRATUM = 10, 6  # of numbers


@dataclass(frozen=True)
class Split:
    """Row numbers, ascending; every row is in exactly one of the three."""

    train: Positions
    val: Positions
    test: Positions


def row_numbers(n: int) -> Positions:
    """Return 0, 1, … n − 1 in 4 bytes each, as they stay in memory even where the rows do not."""
    return np.arange(n, dtype=np.int32 if n <= np.iinfo(np.int32).max else np.int64)


def set_one_to_0(val: float, test: float) -> str:
    """Return the advice to hold back no rows for one of the parts, of which at least one has a share."""
    return "set " + " or ".join(mention(name, 0) for name, share in (("val", val), ("test", test)) if share > 0)


def stratified_split(y: Positions, classes: Sequence[str], val: float, test: float, seed: int, source: str) -> Split:
    """Draw shares `val` and `test` of the rows, each class in proportion.

    They are the rows of scikit-learn's StratifiedShuffleSplit(n_splits=1, test_size=k, random_state=seed): first
    `test` of all rows, then `val` of the rest. Drawn here, as its import would be most of the time and of the
    memory of a small run (0.7 s and 75 MB).

    DataError where a class has fewer rows than there are parts, or a part has fewer rows than classes.
    """
    n = len(y)
    parts = 1 + (val > 0) + (test > 0)
    counts = np.bincount(y, minlength=len(classes))
    rarest = int(counts.argmin())
    if counts[rarest] < parts:
        raise DataError(
            source,
            f"class {in_quotes(classes[rarest])}: expected at least {parts} rows, one for each of the {parts} parts of "
            f"the split, found {counts[rarest]}",
            f"Get more rows of it, leave it out with {mention('rare', 'drop')}, or {set_one_to_0(val, test)}",
        )
    rest = row_numbers(n)
    held_out: list[Positions] = []
    for name, share in (("test", test), ("val", val)):
        size = round(n * share)
        if share == 0:
            held_out.append(rest[:0])
            continue
        if not len(classes) <= size <= len(rest) - len(classes):
            each = f" for each of the {len(classes)} classes" if len(classes) > 1 else ""
            raise DataError(
                source,
                f"{mention(name, share)}: expected at least one row{each} in every "
                f"part, found {n} rows in all, {size} of them for this part",
                f"Get more rows, or set another {mention(name)}",
            )
        left = np.bincount(y[rest], minlength=len(classes))
        if left.min() < 2:  # the part drawn before took all but one row of a class
            rare = in_quotes(classes[int(left.argmin())])
            remedy = f"Get more rows of it, or set smaller shares with {mention('val')} and {mention('test')}"
            raise DataError(source, f"class {rare}: expected a row for each part of the split, found too few", remedy)
        out = _draw(y[rest], size, seed)
        held_out.append(np.sort(rest[out]))
        rest = np.delete(rest, out)
    return Split(train=rest, val=held_out[1], test=held_out[0])


def stratified_fold(
    y: Positions, classes: Sequence[str], split: Split, fold: int, folds: int, seed: int, source: str, sweeps: bool
) -> Split:
    """Return a split with the same test rows; every `folds`-th other row of each class, in random order, validates.

    So the folds 0 … folds − 1 share out all rows but the test rows. DataError for a class with fewer rows than folds.
    """
    rows = np.sort(np.concatenate([split.train, split.val]))
    counts = np.bincount(y[rows], minlength=int(y.max()) + 1)
    if counts.min() < folds:
        few = f"class {in_quotes(classes[int(counts.argmin())])}: expected at least {folds} rows beside the test rows"
        remedy = (
            f"Ask for fewer {mention('folds')}, get more rows of it, or leave it out with {mention('rare', 'drop')}"
        )
        # the winner of a sweep has no folds, and would have the class; and two have to be left
        if sweeps or np.count_nonzero(counts >= folds) < 2:
            remedy = f"Ask for fewer {mention('folds')}, or get more rows of it"
        raise DataError(source, f"{few}, one for each fold, found {counts.min()}", remedy)
    rng = np.random.default_rng(seed)
    # dealt out class by class, without a pause: the folds are of one size, give or take a row
    dealt = np.concatenate([rng.permutation(rows[of_class]) for of_class in _by_class(y[rows], counts)])
    val = np.sort(dealt[fold::folds])
    return Split(np.setdiff1d(rows, val, assume_unique=True), val, split.test)


def quantile_strata(y: NDArray[np.float64], sizes: Sequence[int]) -> tuple[Positions, tuple[str, ...]]:
    """Return the stratum of each row by its number y (n,), from the least to the largest, and the names of the strata:
    ten of equal size, or fewer, so that each has rows for parts of these sizes."""
    bins = max(1, min(MOST_STRATA, len(y) // ROWS_OF_A_STRATUM, *sizes)) if len(sizes) > 1 else 1
    if bins == 1:
        return np.zeros(len(y), np.int8), ("all rows",)
    codes = np.empty(len(y), np.int8)
    codes[np.argsort(y, kind="stable")] = np.arange(len(y)) * bins // max(1, len(y))
    return codes, tuple(f"part {k + 1} of {bins} by the target" for k in range(bins))


def _draw(y: Positions, size: int, seed: int) -> Positions:
    """Draw `size` positions in y, each class in proportion."""
    rng = np.random.RandomState(seed)
    counts = np.bincount(y)
    kept = _proportional(counts, len(y) - size, rng)
    drawn = _proportional(counts - kept, size, rng)  # all of them; but with ties broken by the same generator
    parts = []
    for rows, first, end in zip(_by_class(y, counts), kept, kept + drawn, strict=True):
        order = row_numbers(len(rows))
        rng.shuffle(order)
        parts.append(rows[order[first:end]].astype(order.dtype))
    return np.concatenate(parts)


def _by_class(y: Positions, counts: NDArray[np.int64]) -> list[Positions]:
    """Return the rows of each class, ascending, from how many there are of each: of many classes in one step."""
    return np.split(np.argsort(y, kind="stable"), np.cumsum(counts)[:-1])


def _proportional(counts: NDArray[np.int64], n: int, rng: np.random.RandomState) -> NDArray[np.int64]:
    """Share n places out in proportion to counts (K,): the largest remainders are rounded up, ties drawn at random."""
    exact = counts / counts.sum() * n
    places = np.floor(exact)
    remainder = exact - places
    for value in sorted(set(remainder.tolist()), reverse=True):
        missing = n - int(places.sum())
        if missing == 0:
            break
        tied = np.flatnonzero(remainder == value)
        places[rng.choice(tied, min(len(tied), missing), replace=False)] += 1
    return places.astype(np.int64)
