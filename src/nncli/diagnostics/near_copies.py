"""Find rows that are nearly copies of others, as repeated measurements are: a random split has them in several parts.

The k-th nearest other row of a row is at the distance r_k. Rows that are spread evenly over d dimensions have
r_k < q r_k+1 with probability q^(kd); a row with k near copies has a jump there. Whether that flatters is put to the
test: the class of the nearest row is held against that of the nearest which is no copy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Positions
from nncli.data.sparse_numbers import is_sparse
from nncli.diagnostics.near_copies_of_texts import near_texts
from nncli.system.output import percent
from nncli.training.prepare import Prepared

MOST_ASKED, MOST_ROWS, AT_ONCE = 1500, 20_000, 128  # rows that are looked at, those beside them, and at a time
MOST_CELLS = 1 << 22  # of rows × inputs
MOST_COPIES, JUMP = 20, 0.2
LEAST_DIMENSIONS = 3  # of fewer, such jumps are common
LEAST_SHARE, LEAST_DROP, SURE = 0.1, 0.05, 3.5  # of rows with copies; of those right; and its standard errors


def near_copies(prepared: Prepared) -> list[str]:
    """Say in a line if a random split flatters as rows have near copies."""
    if why_no_copies(prepared) or prepared.preprocess.width < LEAST_DIMENSIONS:
        return []
    if prepared.preprocess.words is None:
        X, rows = _inputs(prepared)
        if len(rows) < MOST_COPIES + 2:
            return []
        asked = np.sort(np.random.default_rng(0).permutation(len(rows))[:MOST_ASKED])
        copies, nearest, apart = _neighbours(X, asked)
    else:
        rows, (asked, copies), nearest, apart = near_texts(prepared)
    y = prepared.dataset.y[rows].astype(np.int64)
    share = float((copies > 0).mean())
    near_right, apart_right = (y[found] == y[asked] for found in (nearest, apart))
    lost = near_right.astype(np.float64) - apart_right
    error = lost.std() * np.sqrt((1 + copies.mean()) / len(lost))  # copies are asked together, and know the same
    if share < LEAST_SHARE or lost.mean() < LEAST_DROP or lost.mean() <= SURE * error:
        return []
    i = int(copies.argmax())
    pair = sorted(int(rows[k]) + 1 for k in (asked[i], nearest[i]))
    return [
        f"{percent(share)} of the rows have near copies, as rows {pair[0]:,} and {pair[1]:,}: the nearest other row "
        f"has the same class in {percent(float(near_right.mean()))}, the nearest that is not a copy in "
        f"{percent(float(apart_right.mean()))}, so a random split looks better than it is; --group COLUMN "
        "keeps rows together that share a value, if there is such a column"
    ]


def why_no_copies(prepared: Prepared) -> str:
    """Say why near copies of rows are not looked for; nothing where they are."""
    options = prepared.config.options
    if options.group is not None or options.time is not None:
        return "the rows are split by a column"
    if prepared.target is not None:  # a number that no other row has exactly
        return "the target is a number"
    if is_sparse(prepared.dataset.table.numbers):
        return "the numbers are stored sparse"
    is_wide = (MOST_COPIES + 2) * prepared.preprocess.width > MOST_CELLS
    return "there are too many columns" if is_wide and prepared.preprocess.words is None else ""


def _inputs(prepared: Prepared) -> tuple[NDArray[np.float32], Positions]:
    """Return what the network gets of some rows without repeats, (n, d), and their positions."""
    split, table = prepared.split, prepared.dataset.table
    rows = np.concatenate([split.train, split.val, split.test])
    most = min(MOST_ROWS, MOST_CELLS // prepared.preprocess.width)
    rows = np.sort(np.random.default_rng(0).permutation(rows)[:most])
    inputs: Any = prepared.preprocess.transform(table.take(rows), np.dtype(np.float32)).slice(0, len(rows))
    X = np.array(inputs if isinstance(inputs, np.ndarray) else inputs.toarray(), np.float32)
    X += 0  # −0 becomes 0, which has the same bytes everywhere
    _, first = np.unique(X.view(np.dtype((np.void, X.itemsize * X.shape[1]))), return_index=True)
    first = np.sort(first)
    return X[first], rows[first]


def _neighbours(
    X: NDArray[np.float32], asked: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return for each row asked about how many near copies it has, the nearest other row, and the nearest that is no
    copy."""
    X = X.astype(np.float64) - X.mean(axis=0, dtype=np.float64)
    squares = np.einsum("ij,ij->i", X, X)
    found = []
    for start in range(0, len(asked), AT_ONCE):
        some = asked[start : start + AT_ONCE]
        distance = np.maximum(squares + squares[some][:, None] - 2 * (X[some] @ X.T), 0)
        distance[np.arange(len(some)), some] = np.inf
        near = np.argpartition(distance, MOST_COPIES, axis=1)[:, : MOST_COPIES + 1]
        r = np.take_along_axis(distance, near, axis=1)
        order = r.argsort(axis=1, kind="stable")
        near, r = np.take_along_axis(near, order, axis=1), np.sqrt(np.take_along_axis(r, order, axis=1))
        jumps = r[:, :-1] < JUMP * r[:, 1:]
        copies = np.where(jumps.any(axis=1), jumps.argmax(axis=1) + 1, 0)
        found.append(np.stack([copies, near[:, 0], near[np.arange(len(some)), copies]]))
    copies, nearest, apart = np.concatenate(found, axis=1)
    return copies, nearest, apart
