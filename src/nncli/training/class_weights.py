"""How much the rows of each class count in training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nncli.config.class_weights import pairs_of
from nncli.data.dataset import Positions
from nncli.errors import OptionError, did_you_mean
from nncli.system.characters import composed

Weights = NDArray[np.float64] | None  # None: all 1


def class_weights(how: str, y: Positions, classes: Sequence[str], of_row: Weights = None) -> Weights:
    """Return what the rows of each class count, (K,), from the option `--class-weight`, and the classes and weights of
    the training rows: n / (K Σ w) if they are balanced, so that all classes weigh the same; otherwise as they are
    named, and 1 for a class that is not. Raises OptionError for a name that is no class."""
    if how == "none":
        return None
    K = len(classes)
    if how == "balanced":
        with np.errstate(divide="ignore"):  # for classes that have no row here
            weights: NDArray[np.float64] = len(y) / (K * np.bincount(y, of_row, minlength=K))
        return weights
    named, known = pairs_of(how), [*map(composed, classes)]
    for name in named:
        if name not in known:
            raise OptionError(
                "class_weight", f"no class is called '{name}'", did_you_mean(name, classes, "", "classes")
            )
    return np.array([named.get(name, 1.0) for name in known])
