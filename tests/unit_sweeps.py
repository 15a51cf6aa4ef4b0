"""Sweeps whose validation rows belong together: by group, and with repeated folds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
GROUPED = ["sweep", "d.csv", "--group", "who", "--lr", "0.1,0.001", "--epochs", "2", "--jobs", "1"]
REPEATED = ["sweep", "iris", "--lr", "0.05,0.0001", "--epochs", "2", "--folds", "3x2", "--jobs", "1"]


def clustered(path: str, groups: int, seed: int) -> Array:
    """A file with 3 to 8 rows of each group, which have much in common; returns the group of each row."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.repeat(np.arange(groups), rng.integers(3, 9, groups)))
    common, y = rng.normal(size=groups), rng.integers(0, 2, groups)
    lines = [f"{common[i] + y[i] + rng.normal(0, 0.3):.3f},{rng.normal():.3f},p{seed}-{i},{'yn'[y[i]]}" for i in group]
    Path(path).write_text("\n".join(["a,b,who,class", *lines]) + "\n")
    return group
