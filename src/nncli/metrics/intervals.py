"""How sure a figure is: 95 % intervals of shares, of the table of true and predicted classes, of means, of rankings.

Which share of them holds, from 5 rows of a class on, is simulated by `benchmarks/intervals.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.metrics.mean_interval import skewed_interval
from nncli.metrics.metric import Metric
from nncli.metrics.rows import Floats, ScoredRows
from nncli.metrics.student import Z, share_interval
from nncli.metrics.table_interval import around, drawn_values
from nncli.system.output import counted

RESAMPLES, FEWEST = 2000, 100
SEED = 0  # the same rows have the same interval
FEW_GROUPS = 10
CELLS = 1 << 24  # numbers that resampling may work on; beyond, there are fewer resamples …
MOST_CELLS = 1 << 20  # … and beyond so many rows × classes, no interval
MOST_CLASSES = 200
CELLS_AT_ONCE = 1 << 20
TOO_MANY = "no interval: many rows or classes"
IN_TIME = "the intervals take the rows as independent, and are too narrow where rows that are near in time are alike"


@dataclass(frozen=True)
class Estimate:
    """The value of a metric, None if it is not defined, with its 95 % interval and how that was found."""

    value: float | None
    interval: tuple[float, float] | None = None
    method: str | None = None  # as Wilson, posterior, Hall; or why there is no interval


def estimate(metric: Metric, rows: ScoredRows, z: float = Z) -> Estimate:
    """Return the value of a metric for some rows, and its interval: of 95 %, unless `z`, a point of the normal
    distribution, says otherwise."""
    rows = rows.oriented
    if metric.problem(rows):
        return Estimate(None)
    value = metric.value(rows)
    method, interval = _interval(metric, rows, value, z)
    if interval is not None and not interval[0] < interval[1]:  # as where every row or resample has the same value
        return Estimate(value)
    return Estimate(value, interval, method)


def _interval(metric: Metric, rows: ScoredRows, value: float, z: float) -> tuple[str, tuple[float, float] | None]:
    """Return how the interval of a value is found, and the interval; in place of how, why there is none."""
    one_by_one = rows.groups is None
    share = metric.share(rows) if one_by_one else None
    if share is not None:
        return "Wilson", share_interval(*share, z)
    if one_by_one and metric.is_mean and not metric.is_discrete:
        return "Hall", skewed_interval(metric.evidence(rows)[:, 0].astype(np.float64), z)
    if rows.K > MOST_CLASSES:
        return TOO_MANY, None
    own = metric.own_interval(rows, z)
    if own is not None:
        return own
    if one_by_one and metric.is_discrete:
        centre, drawn = drawn_values(metric, rows)
        return "posterior", _possible(metric, rows, around(value, centre, middle(drawn, centre, z)))
    if len(rows) * max(1, rows.K) > MOST_CELLS and not metric.is_mean:
        return TOO_MANY, None
    evidence, y = metric.evidence(rows), rows.y
    assert not (one_by_one and rows.K), "all metrics of classes have another interval where rows are independent"
    groups = np.arange(len(rows)) if rows.groups is None else rows.groups
    draws = resampled_groups(groups, evidence.shape[1])
    drawn = np.concatenate([metric.values(evidence, y, counts) for counts in draws])
    method = "bootstrap" if one_by_one else "bootstrap of groups"
    # far out, where no drawn value tells, the scale decides how near the ends come to 0 and 1
    if metric.is_skewed or (z > Z and not metric.is_mean and rows.K > 0):
        return method, _possible(metric, rows, _on_logits(drawn, value, len(rows), z, metric.least))
    return method, _possible(metric, rows, middle(drawn, value, z))


def _possible(metric: Metric, rows: ScoredRows, ends: tuple[float, float]) -> tuple[float, float]:
    """Return the part of an interval that a metric can be in."""
    if not metric.is_mean:
        return max(ends[0], metric.least), min(ends[1], metric.most)
    if rows.costs is None or metric.needs != "costs":
        of_rows = metric.evidence(rows)
        return max(ends[0], float(of_rows.min())), min(ends[1], float(of_rows.max()))
    costs = rows.costs[rows.present]
    return max(ends[0], float(costs.min())), min(ends[1], float(costs.max()))


def few_groups(groups: NDArray[np.int64]) -> list[str]:
    """Say so, in a line, where rows are of so few groups (n,) that intervals cannot tell how sure a figure is."""
    n = len(np.unique(groups))
    few = f"these rows are of {counted(n, 'group')} alone: the intervals are too narrow for so few"
    return [few] if n < FEW_GROUPS else []


def middle(values: Floats, value: float, z: float = Z) -> tuple[float, float]:
    """Return the middle 95 % of resampled values; of few, what a normal distribution of their spread has. For another
    `z`, both ends are so much further from the median as those of a normal distribution: there are too few values
    beyond them to count."""
    are_few, values = len(values) < RESAMPLES, values[~np.isnan(values)]
    if are_few:
        half = z * float(values.std(ddof=1))
        return value - half, value + half
    low, median, high = map(float, np.quantile(values, (0.025, 0.5, 0.975)))
    return median - z / Z * (median - low), median + z / Z * (high - median)


def _on_logits(values: Floats, value: float, n: int, z: float, least: float) -> tuple[float, float]:
    """Return the interval of a value near 1, which may fall and not rise: normal on the scale of log (v / (1 − v)),
    with the spread of resampled values (Qin, Hotilovac 2008). `least` is in the place of 0."""
    ends, size = (1 / n**2, 1 - 1 / n**2), 1 - least  # less than a pair of rows
    v, known = (np.clip((one - least) / size, *ends) for one in (value, values[~np.isnan(values)]))
    half = z * float(np.log(known / (1 - known)).std(ddof=1))
    low, high = (least + size * float(1 / (1 + (1 - v) / v * np.exp(sign * half))) for sign in (1, -1))
    return (min(low, value), max(high, value)) if known.min() < known.max() else (value, value)


def strata(metric: Metric, y: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the stratum of each row (n,), of which as many rows are drawn as it has: its class, for a metric that
    looks at each class by itself."""
    return y if metric.by_class else np.zeros(len(y), np.int64)


def resampled(stratum: NDArray[np.int64], repeats: NDArray[np.int64], columns: int) -> Iterator[Floats]:
    """Yield how many times each row is drawn, (some, n), where a row is there so many times; as many rows are drawn as
    there are, of each stratum too. `columns` is how many numbers are known of each row: with
    many, fewer times are drawn."""
    rng, n = np.random.default_rng(SEED), len(stratum)
    times = min(RESAMPLES, max(FEWEST, CELLS // (n * columns)))
    at_once = max(1, CELLS_AT_ONCE // (n * columns))
    groups = [np.flatnonzero(stratum == k) for k in np.unique(stratum)]
    for start in range(0, times, at_once):
        counts = np.empty((min(at_once, times - start), n))
        for group in groups:
            counts[:, group] = _drawn(rng, repeats[group], len(counts))
        yield counts


def resampled_groups(groups: NDArray[np.int64], columns: int) -> Iterator[Floats]:
    """Yield how many times each row is drawn, (some, n), where all rows of a group (n,) are drawn together, and as many
    groups as there are (Davison, Hinkley 1997)."""
    _, code, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    once, per_group = np.ones(len(sizes), np.int64), -(-len(groups) // len(sizes))
    for counts in resampled(np.zeros(len(sizes), np.int64), once, columns * per_group):
        yield counts[:, code]


def _drawn(rng: np.random.Generator, repeats: NDArray[np.int64], times: int) -> NDArray[np.int64]:
    """Draw as many rows as there are, with replacement; return how many times each is drawn, (times, rows)."""
    total, n = int(repeats.sum()), len(repeats)
    if total > n:
        drawn: NDArray[np.int64] = rng.multinomial(total, repeats / total, times)
        return drawn
    places = rng.integers(n, size=(times, n)) + n * np.arange(times)[:, None]
    return np.bincount(places.ravel(), minlength=times * n).reshape(times, n)
