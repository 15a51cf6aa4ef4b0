"""The points of Student's distribution, and the interval of a share."""

from __future__ import annotations

import math

Z = 1.959963984540054  # 97.5 % of the normal distribution are below
FARTHEST = 2.0  # times the point of the normal distribution; of one or two rows, nothing better is known


def student_point(df: int, z: float = Z) -> float:
    """Return the point of Student's distribution that belongs to `z`, a point of the normal one: that of 97.5 %, unless
    it says otherwise. It is found by the expansion of Fisher, Cornish (1960), and at most 2 z."""
    if df < 1:
        return FARTHEST * z
    terms = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96, (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return min(FARTHEST * z, z + sum(term / df**power for power, term in enumerate(terms, 1)))


def share_interval(hits: float, n: float, z: float = Z) -> tuple[float, float]:
    """Return the interval of Wilson (1927) for a share of `hits` in `n` > 0, of 95 % unless `z`, a point of the normal
    distribution, says otherwise."""
    p = hits / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
