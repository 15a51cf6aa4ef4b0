"""How sure the difference of two models is on the same rows: of tables of classes, of means, of rankings.

Which share of these intervals holds is simulated by `benchmarks/intervals.py`, which also chose how many half and
quarter rows are added.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from nncli.metrics.intervals import estimate
from nncli.metrics.mean_interval import skewed_interval, unit_of
from nncli.metrics.metric import Metric, OfARanking
from nncli.metrics.rows import Floats, ScoredRows
from nncli.metrics.student import Z, student_point
from nncli.metrics.table_interval import drawn_tables, next_class


def drawn_differences(metric: Metric, one: ScoredRows, other: ScoredRows) -> tuple[float, Floats]:
    """Return the difference of a discrete metric at the centre of the tables that are drawn, and for each of them.

    The tables are of true class and both predictions. As for one model, rows are added that may be there and were not
    seen: of each class, those that both models have right, the first or the second alone, and none of them, half a row
    each, and a quarter for a mean, whose p-value comes from elsewhere. A share of all rows has half a row of each of
    the four in all (Agresti, Min 2005).
    """
    if metric.is_mean and metric.share(one) is not None:
        pairs = np.stack([metric.evidence(rows)[:, 0] for rows in (one, other)]) > 0
        return drawn_differences_of_shares(np.bincount(2 * pairs[0] + pairs[1], minlength=4))
    present, K = one.present, one.K
    wrong = next_class(one)
    codes, counts = np.unique((one.y * K + one.predicted) * K + other.predicted, return_counts=True)
    y = np.concatenate([codes // K**2, *[present] * 4])
    predicted = (
        np.concatenate([codes // K % K, present, present, wrong, wrong]),
        np.concatenate([codes % K, present, wrong, present, wrong]),
    )
    cells = [dataclasses.replace(one, y=y, predicted=its, logits=one.logits[:0]) for its in predicted]
    evidence = [metric.evidence(its) for its in cells]
    known = np.concatenate([counts.astype(np.float64), np.full(4 * len(present), 0.25 if metric.is_mean else 0.5)])
    centre, drawn = (
        metric.values(evidence[0], y, tables) - metric.values(evidence[1], y, tables)
        for tables in (known[None], drawn_tables(known))
    )
    return float(centre[0]), drawn


def drawn_differences_of_shares(counts: NDArray[np.int64]) -> tuple[float, Floats]:
    """Return what `drawn_differences` does of the share of rows that are right, from how many rows neither model has
    right, the second alone, the first alone, and both, (4,)."""
    known, sign = counts.astype(np.float64) + 0.5, np.array([0.0, -1.0, 1.0, 0.0])
    tables = drawn_tables(known)
    return float(sign @ known / known.sum()), (tables @ sign / tables.sum(axis=1)).astype(np.float64)


def mean_difference_interval(d: Floats) -> tuple[float, float]:
    """Return the 95 % interval of a mean of differences d (n,): that of Student, and of one that allows for how skewed
    they are (Hall 1992) what is beyond."""
    n, mean = len(d), float(d.mean())
    unit = unit_of(d)
    half = student_point(n - 1) * float((d / unit).std(ddof=1)) * unit / math.sqrt(n) if n > 1 else 0.0
    low, high = skewed_interval(d, Z)
    return min(mean - half, low), max(mean + half, high)


def ranking_difference_interval(metric: OfARanking, one: ScoredRows, other: ScoredRows) -> tuple[float, float]:
    """Return the 95 % interval of a difference θ₁ − θ₂ from those of both, l to u, and from what each row adds to them.

    If the models had nothing in common, it would begin at θ₁ − θ₂ − √((θ₁ − l₁)² + (u₂ − θ₂)²) (Zou, Donner 2008), and
    likewise end. Both ends are nearer, as the standard error s of the difference is smaller than √(s₁² + s₂²) of the
    two. Of a ROC AUC, the end on the side of 0 is 1.96 s away, so that it leaves out 0 where the test of DeLong (1988)
    finds a difference: the other one would do so far less often than in 5 % of equally good models.
    """
    a, b = metric.value(one), metric.value(other)
    (low, high), (its_low, its_high) = (
        estimate(metric, rows).interval or (value, value) for rows, value in ((one, a), (other, b))
    )
    f, g = metric.influence(one), metric.influence(other)
    apart, own = float((f - g) @ (f - g)), float(f @ f + g @ g)
    nearer = math.sqrt(apart / own) if own > 0 else 1.0
    ends = a - b - nearer * math.hypot(a - low, its_high - b), a - b + nearer * math.hypot(high - a, b - its_low)
    if not metric.by_class:
        return ends
    half = Z * math.sqrt(apart)
    return (a - b - half, max(ends[1], a - b + half)) if a > b else (min(ends[0], a - b - half), a - b + half)
