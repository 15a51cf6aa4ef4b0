"""Rows for the tests of estimators, and the parameters that one has come to."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np


def noisy(n: int = 120, d: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of two classes that overlap."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, (X[:, 0] + rng.normal(size=n) > 0).astype(int)


def theta(estimator: Any) -> bytes:
    return estimator.model_.network.theta.tobytes()


def mixed() -> tuple[dict[str, Any], np.ndarray]:
    """Columns of each kind, each with a missing value."""
    rng = np.random.default_rng(3)
    n = 90
    x, place, day = rng.normal(size=n), rng.choice(["b", "a"], n), rng.integers(0, 300, n)
    y = np.where(x + (place == "a") + (day > 100) > 1, "yes", "no")
    start = datetime.date(2024, 1, 1)
    columns = {
        "x": [None, *x[1:].tolist()],
        "place": [*place[:5].tolist(), None, *place[6:].tolist()],
        "flag": [None if i == 7 else bool(i % 2) for i in range(n)],
        "day": [None if i == 9 else start + datetime.timedelta(int(days)) for i, days in enumerate(day)],
    }
    return columns, y
