"""What the regression_*.py minimise: half the mean squared error + ½ λ₂ ‖w‖²."""

from __future__ import annotations

from typing import Any


def loss_of(X: Any, y: Any, w: Any, b: Any, l2: float) -> float:
    """In float64."""
    import numpy as np

    error = X.astype(np.float64) @ np.asarray(w, np.float64) + float(b) - y
    return float(0.5 * np.mean(error**2) + 0.5 * l2 * np.vdot(w, w))
