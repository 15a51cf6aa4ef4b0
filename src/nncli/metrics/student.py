"""The 97.5 % points of the normal and of Student's distribution."""

from __future__ import annotations

Z = 1.959963984540054
FARTHEST = 4.0  # standard errors; of one or two rows, nothing better is known


def student_point(df: int) -> float:
    """Return the 97.5 % point of Student's distribution by the expansion of Fisher, Cornish (1960); at most 4."""
    if df < 1:
        return FARTHEST
    terms = (Z**3 + Z) / 4, (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96, (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384
    return min(FARTHEST, Z + sum(term / df**power for power, term in enumerate(terms, 1)))
