"""Take the rows of a large step through a network in parts, of which several threads do some each."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Positions
from nncli.data.scaled_rows import Matrix, Subset
from nncli.model.training_state import Sums
from nncli.nn.layers import Array
from nncli.nn.network import Network

SHARES = 16  # of all parts, at most: threads take one after the other, and each has a sum of its own
Found = tuple[list[Sums], NDArray[np.float64]]  # what the parts of a share come to, and their part of the gradient


class Seen(Protocol):
    """Sees some rows of a subset at a time: see `Batch`."""

    subset: Subset
    network: Network
    size: int  # rows that there is room for
    copies: int
    threads: int  # that share more rows than that

    def learn(self, rows: Positions) -> Sums:
        """Compute the gradient for rows of the subset, and return the sums over them."""

    def twin(self) -> Self:
        """Return one like it, with a gradient of its own, for another thread."""


class RowsInParts:
    """Works out the gradient for more rows than a batch has room for.

    The gradients of the parts of a share are added up in float64, and then the shares, each in the order of the rows:
    so that the result is the same on any number of threads.
    """

    def __init__(self, batch: Seen) -> None:
        self.batch = batch
        # rows from the disk, and pictures that are distorted, come one after the other
        self.threads = batch.threads if isinstance(batch.subset.matrix, Matrix) else 1
        self._free: SimpleQueue[Seen] = SimpleQueue()
        for twin in [batch] if self.threads == 1 else [batch.twin() for _ in range(self.threads)]:
            self._free.put(twin)

    def learn(self, rows: Positions) -> Sums:
        """Compute g = dL/dθ, L the mean over rows of the matrix, and return the sums over them."""
        batch = self.batch
        batch.subset.matrix.expect(rows)
        starts = range(0, len(rows), batch.size)
        shares = min(SHARES, len(starts))

        def of_share(share: int) -> Found:
            return self._learn(rows, starts[len(starts) * share // shares : len(starts) * (share + 1) // shares])

        total, sums = np.zeros(len(batch.network.grad)), list[Sums]()
        for of_parts, g in _in_order(of_share, shares, self.threads):
            sums += of_parts
            total += g
        batch.network.grad[:] = total
        return Sums(*map(sum, zip(*sums, strict=True)))

    def _learn(self, rows: Positions, starts: range) -> Found:
        """Return what the parts that start there come to, one after the other."""
        batch = self._free.get()
        try:
            g, sums = batch.network.grad, list[Sums]()
            total = np.zeros(len(g))
            for start in starts:
                part = rows[start : start + batch.size]
                sums.append(batch.learn(part))
                g.reshape(batch.network.independent, -1)[...] *= _share_of(batch, part, rows)
                total += g
            return sums, total
        finally:
            self._free.put(batch)


def _share_of(batch: Seen, part: Positions, rows: Positions) -> float | Array:
    """Return the share of the rows that is in a part of them; where members leave out folds, of the rows that each
    learns from (N, 1)."""
    folds, members = batch.subset.folds, np.arange(batch.copies)[:, None]
    if batch.copies == 1 or folds is None:
        return len(part) / len(rows)
    of_part, of_all = ((folds[some] != members).sum(axis=1, keepdims=True) for some in (part, rows))
    share: Array = (of_part / np.maximum(of_all, 1)).astype(batch.network.dtype)
    return share


def _in_order(found: Callable[[int], Found], n: int, threads: int) -> Iterator[Found]:
    """Yield what is found for 0 to n − 1, worked out by so many threads."""
    if threads == 1:
        yield from map(found, range(n))
        return
    context = contextvars.copy_context()  # of the caller, which has NumPy's handling of overflow
    with ThreadPoolExecutor(threads, "rows") as pool:
        yield from pool.map(lambda i: context.copy().run(found, i), range(n))
