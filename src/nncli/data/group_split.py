"""Splits by group: all rows of a group, as a patient or a customer, are in one part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Positions
from nncli.data.split import Split, set_one_to_0
from nncli.errors import DataError, mention


def group_split(groups: Positions, y: Positions, val: float, test: float, seed: int, where: str, name: str) -> Split:
    """Draw shares `val` and `test` of the rows, group by group, as near as can be for each class. The groups (n,) are
    numbers from the column `name`. DataError for fewer groups than parts."""
    shares = {"train": 1 - val - test, "val": val, "test": test}
    drawn = [part for part, share in shares.items() if share > 0]
    part_of = _dealt(groups, y, [shares[part] for part in drawn], seed)
    if part_of is None:
        problem = f"expected at least {len(drawn)} groups, one for each of the {len(drawn)} parts of the split"
        remedy = f"Name another column with {mention('group')}, or {set_one_to_0(val, test)}"
        raise DataError(where, f"column '{name}': {problem}, found {len(np.unique(groups))}", remedy)
    rows = {part: np.flatnonzero(part_of == number) for number, part in enumerate(drawn)}
    return Split(*(rows.get(part, np.zeros(0, np.int64)) for part in shares))


def group_folds(groups: Positions, y: Positions, folds: int, seed: int, where: str, name: str) -> NDArray[np.int64]:
    """Return the fold of each row (n,); all folds are as large and of the same classes as can be. DataError for fewer
    groups than folds."""
    fold_of = _dealt(groups, y, [1 / folds] * folds, seed)
    if fold_of is None:
        problem = f"column '{name}': expected at least {folds} groups beside those of the test rows, one for each fold"
        raise DataError(where, f"{problem}, found {len(np.unique(groups))}", f"Ask for fewer {mention('folds')}")
    return fold_of


def _dealt(groups: Positions, y: Positions, shares: Sequence[float], seed: int) -> NDArray[np.int64] | None:
    """Return the part of each row, (n,); None for fewer groups than parts.

    The largest groups come first, those of one size in random order. Each goes where it lowers Σ (a − t)² / (s c²)
    most, over the parts and classes: a rows are there, t = s c should be, for a part of share s and a class of c rows.
    All rows together are one more class, so that the sizes of the parts come right too.
    """
    ids, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    n_groups, n_parts, K = len(ids), len(shares), int(y.max()) + 2
    if n_groups < n_parts:
        return None
    # the classes of a group and how many rows of each, one group behind the other
    keys, counts = np.unique(np.concatenate([group_of * K + y, group_of * K + K - 1]), return_counts=True)
    edges = np.searchsorted(keys, np.arange(n_groups + 1) * K)
    classes = keys % K
    share = np.array(shares)[:, None]
    of_class = np.append(np.bincount(y), len(y))
    missing = share * of_class  # t − a, (parts, K)
    cost = share * np.maximum(of_class, 1.0) ** 2  # s c²
    shuffled = np.random.default_rng(seed).permutation(n_groups)
    part_of_group, empty = np.empty(n_groups, np.int64), set(range(n_parts))
    for place, group in enumerate(shuffled[np.argsort(-sizes[shuffled], kind="stable")].tolist()):
        own = slice(edges[group], edges[group + 1])
        its, n = classes[own], counts[own]
        # (a + n − t)² − (a − t)² = n (n − 2 (t − a))
        gain = (n * (2 * missing[:, its] - n) / cost[:, its]).sum(axis=1)
        if len(empty) == n_groups - place:  # each of the last ones opens a part
            gain[[part for part in range(n_parts) if part not in empty]] = -np.inf
        part = int(gain.argmax())
        part_of_group[group] = part
        missing[part, its] -= n
        empty.discard(part)
    found: NDArray[np.int64] = part_of_group[group_of]
    return found
