"""How sure a ROC AUC is, of few rows of a class too, and where all rows are in the right order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.metrics.calibration_interval import last
from nncli.metrics.rows import Floats
from nncli.metrics.student import Z, share_interval, student_point

MODELLED = 10  # rows of the rarest class that the variance of the model counts for


def auc_interval(leads: Sequence[Floats], y: NDArray[np.int64], value: float, z: float = Z) -> tuple[float, float]:
    """Return the interval of the mean of the AUC of classes, from how far each is ahead, (n,); of two classes, that of
    the second. It is of 95 %, unless `z`, a point of the normal distribution, says otherwise.

    It has each θ that is within t √V(θ) of the value, where V is the variance of exponential scores (Hanley, McNeil
    1982; Newcombe 2006, method 5), times how the observed variance (DeLong et al. 1988) compares with V at the value:
    if smaller, that is moved to 1, with the weight of ten rows of the rarest class. Of m such rows, t is the point of
    Student's distribution of m + 5 degrees of freedom. The ten rows and the 5 were chosen by simulation: so it holds
    for 5 of 300 rows, which it does with neither variance alone.
    """
    classes, sizes = np.unique(y, return_counts=True)
    of = classes[1:] if len(leads) == 1 else classes
    n, m = len(y), int(sizes.min())
    parts = sum((_parts(lead, y == k) for lead, k in zip(leads, of, strict=True)), np.zeros(n)) / len(leads)
    means = np.bincount(y, parts)[classes] / sizes
    squares = np.bincount(y, (parts - means[np.searchsorted(classes, y)]) ** 2)[classes]
    observed = float((squares * sizes / np.maximum(sizes - 1, 1)).sum())
    own = sizes[-len(of) :].astype(np.float64)

    def variance(auc: float) -> float:
        pairs = own * (n - own)
        extra = (n / 2 - 1) * ((1 - auc) / (2 - auc) + auc / (1 + auc))
        return float((auc * (1 - auc) * (1 + extra) / pairs).sum()) / len(of) ** 2

    expected = variance(value)
    ratio = observed / expected if expected > 0 else 0.0
    ratio = max(ratio, (m * ratio + MODELLED) / (m + MODELLED))
    t = student_point(m + 5, z)

    def may_be(auc: float) -> bool:
        return abs(value - auc) <= t * math.sqrt(ratio * variance(auc))

    return (0.0 if may_be(0) else last(may_be, value, 0.0)), (1.0 if may_be(1) else last(may_be, value, 1.0))


def _parts(lead: NDArray[Any], is_own: NDArray[np.bool_]) -> Floats:
    """Return what each row adds to the AUC of a class, (n,): the share of the rows on the other side, of the class or
    not, that it is in the right order with, where ties count half; divided by the rows of its side."""
    found = np.empty(len(lead))
    own, other = lead[is_own], lead[~is_own]
    found[is_own] = _share_below(own, np.sort(other)) / len(own)
    found[~is_own] = (1 - _share_below(other, np.sort(own))) / len(other)
    return found


def auc_influence(lead: Floats, is_own: NDArray[np.bool_]) -> Floats:
    """Return the influence of each row on the AUC of a class, (n,), from how far it is ahead: see `Metric.influence`. A
    row of m of the class has (share of the others that it is before − AUC) / m, and likewise one of the others."""
    parts, m = _parts(lead, is_own), int(is_own.sum())
    auc = parts[is_own].sum()
    found: Floats = parts - np.where(is_own, auc / m, auc / (len(lead) - m))
    return found


def precision_influence(lead: Floats, is_own: NDArray[np.bool_]) -> Floats:
    """Return the influence of each row on the average precision AP of a class, (n,), from how far it is ahead.

    Of m rows of the class, o_j are at the j-th place (of equals, one), O_j at it or before, of A_j rows in all:
    AP = Σ_j o_j O_j / A_j / m. A row at place g adds −Σ_{j ≥ g} o_j O_j / A_j² / m, and one of the class also
    (O_g / A_g + Σ_{j ≥ g} o_j / A_j − AP) / m.
    """
    order = np.argsort(-lead, kind="stable")
    last = np.append(np.diff(lead[order]) != 0, True)
    place = np.append(0, np.cumsum(last[:-1]))
    found_own, A = is_own[order].cumsum()[last].astype(np.float64), np.flatnonzero(last) + 1.0  # O_j, A_j
    o, m = np.diff(found_own, prepend=0), found_own[-1]
    after, claims = (np.cumsum(one[::-1])[::-1] for one in (o / A, o * found_own / A**2))
    of_own = found_own / A + after - (o * found_own / A).sum() / m
    found = np.empty(len(lead))
    found[order] = (np.where(is_own[order], of_own[place], 0) - claims[place]) / m
    return found


def interval_as_of_a_share(value: float, variance: float, m: int, z: float) -> tuple[float, float]:
    """Return the interval of Wilson of a share of so many rows that it has a variance, and of m, the rows of the rarest
    class, where that is 0 (after Boyd, Eng, Page 2013). Of few rows the variance is not well known: it is taken
    m / (m − 1) times as large, with the point of Student's distribution."""
    variance, known = variance * m / max(m - 1, 1), value * (1 - value)
    rows = known / variance if variance > 0 and known > 0 else m
    return share_interval(value * rows, rows, student_point(m - 1, z))


def _share_below(values: Floats, ordered: Floats) -> Floats:
    """Return which share of ordered numbers is below each value; of those that are equal, half."""
    found: Floats = (np.searchsorted(ordered, values) + np.searchsorted(ordered, values, "right")) / (2 * len(ordered))
    return found
