"""Find columns by which rows hang together, so that a random split flatters: groups that come again, and times.

Each is put to the test: the class of the nearest other row is held against that of the nearest row of another group,
or of an earlier time. Where only the first is right, a model that is asked about its own groups or times only has to
know them again.
"""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Dataset, Positions, Table
from nncli.data.preprocess import Preprocess
from nncli.data.row_columns import without_column
from nncli.data.sparse_numbers import is_sparse
from nncli.system.output import counted, in_quotes, percent
from nncli.training.prepare import Prepared

MOST_ROWS, AT_ONCE = 3000, 256  # rows that are looked at, and of the distances between them
LEAST_GROUPS, LEAST_ROWS_EACH = 10, 2
PARTS, PART = 3, 0.15  # of the latest rows: one alone may lie where an earlier row happens to be of its class
LEAST_DROP, SURE = 0.05, 3.5  # of the share of rows that are right, and its standard errors
GROUPS = re.compile(
    r"(?i)(.*[_ .-])?(id|nr|no|number|code|patient|subject|person|participant|user|customer|client|member|account|"
    r"household|family|site|hospital|clinic|doctor|school|student|store|shop|device|sensor|machine|engine|vehicle|"
    r"animal|specimen|sample|plot|session|visitor|speaker|author|batch|lot)s?([_ .-]?(id|nr|no|number|code))?"
    r"|.*[a-z]I[dD]"
)
TIMES = re.compile(r"(?i)(.*[_ .-])?(timestamp|datetime|date|time|epoch|ts|year|month|week|day)([_ .-]?at)?")


def flattering_splits(prepared: Prepared) -> list[str]:
    """Say, a line each, by which columns a random split flatters, and the option that does not. One is enough."""
    options, dataset = prepared.config.options, prepared.dataset
    if options.group is not None or options.time is not None or len(dataset.schema.columns) < 2:
        return []
    if dataset.is_numeric or is_sparse(dataset.table.numbers):  # numbers are put to no test, and some have no names
        return []
    rows = np.sort(np.concatenate([prepared.split.train, prepared.split.val, prepared.split.test]))
    found = [_by_group(dataset, rows, name, groups, options.scale) for name, groups in _groups(dataset.table, rows)]
    found += [_by_time(dataset, rows, name, times, options.scale) for name, times in _times(dataset.table, rows)]
    return [line for line in found if line]


def dated_rows(prepared: Prepared) -> list[str]:
    """Say, a line for each column of dates, or with such a name that is left out, how rows are split by it, if they are
    not: also where a random split is not seen to flatter, a model for what is to come is best tested on what came last.
    """
    options, dataset = prepared.config.options, prepared.dataset
    if options.group is not None or options.time is not None:
        return []
    return [
        f"column {in_quotes(name)} has dates: if they say when a row came about, and the model is for later ones, "
        f"--time {shlex.quote(name)} tests it on the latest"
        for name in dataset.table.dates
    ] + [
        f"column {in_quotes(name)} is left out: if it says when a row came about, and the model is for later ones, "
        f"--time {shlex.quote(name)} in place of --drop tests it on the latest"
        for name in options.drop
        if TIMES.fullmatch(name)
    ]


def _groups(table: Table, rows: Positions) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Yield columns that may be of groups, and the group of each of the rows."""
    for name in (*filter(GROUPS.fullmatch, table.number_names), *table.texts):
        is_text = name in table.texts
        groups: NDArray[Any] = (table.texts[name].codes if is_text else _numbers(table, name))[rows]
        known = groups >= 0 if is_text else groups == np.trunc(groups)
        distinct, codes = np.unique(groups, return_inverse=True)
        if known.all() and LEAST_GROUPS <= len(distinct) <= len(rows) / LEAST_ROWS_EACH:
            yield name, codes


def _times(table: Table, rows: Positions) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield columns that may be of times, and the time of each of the rows."""
    for name in (*filter(TIMES.fullmatch, table.number_names), *table.dates):
        times = (table.dates[name] if name in table.dates else _numbers(table, name))[rows].astype(np.float64)
        if not np.isnan(times).any() and len(np.unique(times)) >= LEAST_GROUPS:
            yield name, times


def _by_group(dataset: Dataset, rows: Positions, name: str, groups: NDArray[np.int64], scale: str) -> str:
    n_groups = int(groups.max()) + 1
    order = np.random.default_rng(0).permutation(n_groups)
    taken = np.cumsum(np.bincount(groups)[order]) <= MOST_ROWS  # whole groups
    some = np.flatnonzero(np.isin(groups, order[: max(LEAST_GROUPS, int(taken.sum()))]))[:MOST_ROWS]
    X, y, own = _inputs(dataset, rows[some], name, scale), dataset.y[rows[some]], groups[some]
    near, apart = _right(X, y, np.arange(len(y)), own)
    lost = np.bincount(own, near.astype(float) - apart) / np.maximum(np.bincount(own), 1)
    if not _is_sure(near, apart, lost[np.unique(own)]):
        return ""
    what = f"may be of groups ({n_groups:,} in {len(rows):,} rows): the nearest other row has the same class in"
    another = f"of the rows, the nearest one of another group in {percent(float(apart.mean()))}"
    remedy = f"so a random split looks better than it is; --group {shlex.quote(name)} tests on groups that are new"
    return f"column {in_quotes(name)} {what} {percent(float(near.mean()))} {another}, {remedy}"


def _by_time(dataset: Dataset, rows: Positions, name: str, times: NDArray[np.float64], scale: str) -> str:
    order = np.argsort(times, kind="stable")
    order = order[:: -(-len(order) // MOST_ROWS)]
    X, y, when = _inputs(dataset, rows[order], name, scale), dataset.y[rows[order]], times[order]
    begins = np.searchsorted(when, [when[round(len(when) * (1 - k * PART)) - 1] for k in range(PARTS, -1, -1)], "right")
    found = []
    for start, stop in itertools.pairwise(begins.tolist()):  # of parts, each against all that came before it
        late = np.arange(stop) >= start
        if 0 < start < stop:
            found.append(np.stack(_right(X[:stop], y[:stop], np.flatnonzero(late), late)))
    if not found:
        return ""
    near, apart = np.concatenate(found, axis=1)
    if not _is_sure(near, apart, near.astype(float) - apart):
        return ""
    shown = f"for the latest {percent(len(near) / len(order))} of the rows, in {counted(len(found), 'part')}"
    latest = f"{shown}, the nearest row so far"
    earlier = f"has the same class in {percent(float(near.mean()))}, the nearest one of an earlier part in"
    remedy = f"so a random split looks better than it is; --time {shlex.quote(name)} tests on the latest rows"
    return f"column {in_quotes(name)} has times: {latest} {earlier} {percent(float(apart.mean()))}, {remedy}"


def _inputs(dataset: Dataset, rows: Positions, name: str, scale: str) -> NDArray[np.float32]:
    """Return what a network would get of these rows, without a column."""
    table = without_column(dataset.table.take(rows), name)
    every = np.arange(len(rows))
    X = Preprocess.fit(table, every, scale).transform(table, np.dtype(np.float32)).slice(0, len(rows))
    return X.astype(np.float32, copy=False)


def _right(
    X: NDArray[np.float32], y: Positions, asked: NDArray[np.int64], key: NDArray[np.generic]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell for each row that is asked about whether the nearest other row, and the nearest of another key, are of its
    class."""
    squares = np.einsum("ij,ij->i", X, X)
    found = []
    for start in range(0, len(asked), AT_ONCE):
        some = asked[start : start + AT_ONCE]
        distance = squares - 2 * (X[some] @ X.T)  # |x − a|² − |a|²
        distance[np.arange(len(some)), some] = np.inf
        near = distance.argmin(axis=1)
        distance[key[some][:, None] == key] = np.inf
        found.append(np.stack([y[near] == y[some], y[distance.argmin(axis=1)] == y[some]]))
    near, apart = np.concatenate(found, axis=1)
    return near, apart


def _is_sure(near: NDArray[np.bool_], apart: NDArray[np.bool_], lost: NDArray[np.float64]) -> bool:
    """Tell whether much less is right apart, and not by chance: `lost` has an independent difference each."""
    error = lost.std() / np.sqrt(len(lost))
    return bool(near.mean() - apart.mean() >= LEAST_DROP and lost.mean() > SURE * error)


def _numbers(table: Table, name: str) -> NDArray[np.generic]:
    column: NDArray[np.generic] = table.numbers[:, table.number_names.index(name)]
    return column
