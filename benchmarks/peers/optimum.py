"""What the optimum_*.py minimise: the mean cross-entropy of a logistic regression + ½ λ₂ ‖w‖²."""

from __future__ import annotations

from typing import Any

L2 = 1e-4  # λ₂


def loss_of(X: Any, y: Any, w: Any, b: Any) -> float:
    """In float64."""
    import numpy as np

    z = X.astype(np.float64) @ np.asarray(w, np.float64) + float(b)
    return float(np.mean(np.logaddexp(0, z) - y * z) + 0.5 * L2 * np.vdot(w, w))
