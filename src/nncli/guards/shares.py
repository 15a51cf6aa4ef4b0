"""Two samples in the same bins: their shares, how far they differ, and in which bin most."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

from nncli.guards.bins import Floats
from nncli.guards.drift import chi_square_tail, parts_of_index, pooled, stability_index, two_sample_chi_square
from nncli.system.output import percent

MISSING = "a missing value"
MOST_WHOLE = 1e15  # of a number that is written without an exponent


class Drift(NamedTuple):
    """How far two samples differ: PSI, and the chi-square test of whether they come from one distribution."""

    psi: float
    chi_square: float
    df: int
    p_value: float

    def to_json(self, p_adjusted: float) -> dict[str, Any]:
        """Return the figures, with the p-value that is corrected for the other tests."""
        its = {"psi": self.psi, "chi_square": self.chi_square, "df": self.df}
        return its | {"p_value": self.p_value, "p_adjusted": p_adjusted}


class Shares(NamedTuple):
    """Counts of the bins (names) in two samples: one before, such as the training rows, and one now."""

    names: tuple[str, ...]
    before: Floats
    now: Floats

    def drift(self) -> Drift:
        """Measure and test the difference; bins with few values are put together for that."""
        a, b = pooled(self.before, self.now)
        chi_square, df = two_sample_chi_square(a, b)
        return Drift(stability_index(a, b), chi_square, df, chi_square_tail(chi_square, df))

    def where(self, before: str) -> str:
        """Say in which bin the difference is largest, as PSI counts it; `before` says when the first sample was."""
        p, q = self.before / max(self.before.sum(), 1), self.now / max(self.now.sum(), 1)
        most = int(parts_of_index(self.before, self.now).argmax())
        return f"{self.names[most]} in {percent(float(q[most]))} of the rows, {percent(float(p[most]))} {before}"

    def to_json(self, before: str, now: str) -> list[dict[str, Any]]:
        """Return the counts of each bin, by the names of the samples."""
        return [
            {"bin": name, before: int(a), now: int(b)}
            for name, a, b in zip(self.names, self.before, self.now, strict=True)
        ]


def names_of_bins(edges: Floats) -> tuple[str, ...]:
    """Name the bins between some edges."""
    if not len(edges):
        return ("a value",)
    shown = [*map(written_number, edges.tolist())]
    between = [f"above {a} to {b}" for a, b in itertools.pairwise(shown)]
    return (f"up to {shown[0]}", *between, f"above {shown[-1]}")


def written_number(value: float) -> str:
    """Write a number of a column, whole ones with all figures."""
    return f"{value:.0f}" if value.is_integer() and abs(value) < MOST_WHOLE else f"{value:.6g}"


def written_date(days: float) -> str:
    """Write days since 1970 as a date."""
    return str(np.datetime64(int(np.floor(days)), "D"))
