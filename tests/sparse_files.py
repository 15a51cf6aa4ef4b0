"""Rows that are nearly all 0, and files of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

COLUMNS = 1_200


def sparse_rows(n: int = 80, d: int = COLUMNS, each: int = 6, seed: int = 0) -> tuple[NDArray[np.float32], list[int]]:
    """Return rows X (n, d) with so many numbers each that are not 0, and classes that the first columns tell; column 0
    has a number in most rows, column 1 a negative one in all, and the last rows are alike."""
    rng = np.random.default_rng(seed)
    X = np.zeros((n, d), np.float32)
    for row in X:
        row[rng.choice(d, each, replace=False)] = rng.normal(size=each).round(3)
    X[:, 0] = np.where(rng.random(n) < 0.8, rng.normal(size=n), 0).round(3)
    X[:, 1] = -1 - rng.random(n).round(3)
    X[-1] = X[-2]
    return X, (X[:, 0] + X[:, 1] > -1.4).astype(int).tolist()


def write_svm(path: str, X: NDArray[Any], y: list[int]) -> None:
    """Write the numbers that are not 0, exactly; also a zero, which is one all the same."""
    lines = []
    for i, (row, label) in enumerate(zip(X, y, strict=True)):
        places = np.flatnonzero(row).tolist()
        stored = {place: row[place] for place in places} | ({X.shape[1] - 1: row[-1]} if i % 9 == 0 else {})
        lines.append(f"{label} " + " ".join(f"{place + 1}:{float(stored[place])!r}" for place in sorted(stored)))
    Path(path).write_text("\n".join(lines) + "\n")


def write_npz(path: str, X: NDArray[Any], y: list[int] | None, **other: Any) -> None:
    """Write a matrix in compressed rows as SciPy's save_npz does, and the classes beside it."""
    from scipy.sparse import csr_array

    csr = csr_array(X)
    parts: dict[str, Any] = {"indices": csr.indices, "indptr": csr.indptr, "format": b"csr", "shape": csr.shape}
    np.savez(path, **parts | {"data": csr.data} | ({} if y is None else {"y": y}) | other)
