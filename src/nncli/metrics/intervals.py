"""How sure a figure is: 95 % intervals, exact for shares, from resampled rows for the others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.metrics.metric import Metric
from nncli.metrics.rows import Floats, ScoredRows
from nncli.system.output import counted

RESAMPLES, FEWEST = 2000, 100
SEED = 0  # the same rows have the same interval
Z = 1.959963984540054  # the 97.5 % point of the normal distribution
FEW_GROUPS = 10
MANY_ROWS = 5000  # whose mean is normal
CELLS = 1 << 24  # numbers that resampling may work on; beyond, there are fewer resamples …
MOST_CELLS = 1 << 20  # … and beyond so many rows × classes, no interval
MOST_CLASSES = 200
CELLS_AT_ONCE = 1 << 20
TOO_MANY = "no interval: many rows or classes"


@dataclass(frozen=True)
class Estimate:
    """The value of a metric, None if it is not defined, with its 95 % interval and how that was found."""

    value: float | None
    interval: tuple[float, float] | None = None
    method: str | None = None  # Wilson, normal, bootstrap (of groups), simulation; or why there is no interval


def share_interval(hits: int, n: int, z: float = Z) -> tuple[float, float]:
    """Return the interval of Wilson (1927) for a share of `hits` in `n` > 0, of 95 % unless `z`, a point of the normal
    distribution, says otherwise."""
    p = hits / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def estimate(metric: Metric, rows: ScoredRows, z: float = Z) -> Estimate:
    """Return the value of a metric for some rows, and its interval: of 95 %, unless `z`, a point of the normal
    distribution, says otherwise."""
    rows = rows.oriented
    if metric.problem(rows):
        return Estimate(None)
    value, n = metric.value(rows), len(rows)
    share = metric.share(rows) if rows.groups is None else None
    if share is not None:
        return Estimate(value, share_interval(*share, z), "Wilson")
    own = metric.own_interval(rows)
    if own is not None:
        own = max(metric.least, value - z / Z * (value - own[0])), min(1.0, value + z / Z * (own[1] - value))
        return Estimate(value, own, "simulation") if own[0] < own[1] else Estimate(value)
    if metric.is_mean and not metric.is_discrete and n > MANY_ROWS and rows.groups is None:
        of_rows = metric.evidence(rows)
        half = z * float(of_rows.std()) / math.sqrt(n)
        ends = max(value - half, float(of_rows.min())), min(value + half, float(of_rows.max()))
        return Estimate(value, ends, "normal") if ends[0] < ends[1] else Estimate(value)
    is_large = n * rows.K > MOST_CELLS and not (metric.is_discrete and rows.groups is None)
    if rows.K > MOST_CLASSES or (is_large and not metric.is_mean):
        return Estimate(value, None, TOO_MANY)
    evidence, y = metric.evidence(rows), rows.y
    if rows.groups is None:
        evidence, y, repeats = _distinct(metric, evidence, y)
        draws = resampled(strata(metric, y), repeats, evidence.shape[1])
    else:
        draws = resampled_groups(rows.groups, evidence.shape[1])
    found = [metric.values(evidence, y, counts) for counts in draws]
    drawn = np.concatenate(found)
    # far out, where no resampled value tells, the scale decides how near the ends come to 0 and 1
    on_logits = metric.is_skewed or (z > Z and not metric.is_mean)
    interval = _on_logits(drawn, value, n, z, metric.least) if on_logits else middle(drawn, value, z)
    least, most = (float(evidence.min()), float(evidence.max())) if metric.is_mean else (metric.least, 1.0)
    interval = max(interval[0], least), min(interval[1], most)
    # where every resample has the same value, as where all rows are right, it does not tell how sure that is
    method = "bootstrap" if rows.groups is None else "bootstrap of groups"
    return Estimate(value, interval, method) if interval[0] < interval[1] else Estimate(value)


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
    return (low, high) if known.min() < known.max() else (value, value)


def _distinct(
    metric: Metric, evidence: NDArray[Any], y: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows without repeats: their evidence, their classes, and how often each is there."""
    if not metric.is_discrete:
        return evidence, y, np.ones(len(y), np.int64)
    kinds, repeats = np.unique(y + 1j * evidence[:, 0], return_counts=True)
    return kinds.imag[:, None], kinds.real.astype(np.int64), repeats


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
