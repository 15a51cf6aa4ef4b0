"""The scale of a target that is a number, from its training rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nncli.data.dataset import Dataset, Positions
from nncli.errors import DataError, mention

if TYPE_CHECKING:
    from nncli.model.target_scale import TargetScale


def scale_of(dataset: Dataset, train: Positions) -> TargetScale:
    """Return the scale of the target in the training rows; DataError where it is the same in all of them, or differs
    by too little to be squared."""
    from nncli.model.target_scale import SMALLEST, TargetScale

    y, name = dataset.y[train], dataset.schema.target
    if np.ptp(y) == 0:
        problem = f"target '{name}': expected training rows that differ, found only {y[0]:g} in them"
        raise DataError(dataset.where, problem, f"Get more rows, or set another {mention('split_seed')}")
    scale = TargetScale.of(y)
    if scale.sd < SMALLEST:
        problem = f"target '{name}': expected numbers with a standard deviation of {SMALLEST:g} or more, found less"
        raise DataError(dataset.where, problem, "Write them in a smaller unit")
    return scale
