"""Where the trainings of a sweep stand, and what the differences between them mean."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.config.train_config import TrainConfig
from nncli.sweep.trial import right_of

METRICS = ("accuracy", "balanced-accuracy", "loss")
MOST_GROUPS = 5  # values of an option that are compared one by one
MOST_EXACT = 10_000  # rows at which two differ, or trials; beyond, the normal distribution is as good, and faster
ROWS_AT_ONCE = 24 << 16
Record = dict[str, Any]  # of a trial, as the ledger has it


@dataclass(frozen=True)
class Standing:
    """A training and what its trials came to. `mean` and `sd` are of the metric, over those that are done."""

    config: TrainConfig
    records: tuple[Record, ...]
    metric: str
    share: float = 1  # of its epochs that it was given
    planned: int = 1  # so many trials

    @property
    def done(self) -> list[Record]:
        return [record for record in self.records if record["outcome"] == "done"]

    @property
    def whole(self) -> bool:
        """Whether all of its trials are done."""
        return len(self.done) == self.planned

    @property
    def values(self) -> list[float]:
        return [record["val"][self.metric] for record in self.done]

    @property
    def mean(self) -> float:
        with np.errstate(over="ignore"):  # of losses that are finite, the sum may not be
            return float(np.mean(self.values)) if self.values else math.nan

    @property
    def sd(self) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else math.nan

    @property
    def epochs(self) -> float:
        """How many were done, the mean over those that are done."""
        return float(np.mean([record["epochs"] for record in self.done]))

    @property
    def rank(self) -> tuple[Any, ...]:
        """The best has the lowest: of those that were trained longest, and of equals that with fewer parameters, and of
        these that with fewer epochs."""
        if not self.whole:
            return (1, 0.0, 0.0, 0, 0)
        sign = 1 if self.metric == "loss" else -1
        epochs = sum(record["epochs"] for record in self.records)
        return (0, -self.share, sign * self.mean, self.records[0]["parameters"], epochs)


def chances(standings: Sequence[Standing]) -> dict[TrainConfig, float]:
    """For each training behind the best, how likely validation rows like these tell the two as far apart as they do, or
    further, if all are equally good; only for those that were given as many epochs.

    A paired test of which rows come out right, exact as McNemar's is: each row that one of the two gets right more
    often could as well have been the other's. As the best was chosen from all of them, Holm's (1979) correction for so
    many comparisons. None by the loss, as a ledger does not have that of each row.
    """
    if not standings or not standings[0].whole or standings[0].metric == "loss":
        return {}
    best = standings[0]
    others = [one for one in standings[1:] if one.whole and one.share == best.share]
    found = sorted((chance(best, one), i) for i, one in enumerate(others))
    corrected, least = {}, 0.0
    for rank, (p, i) in enumerate(found):
        least = max(least, min(1.0, (len(found) - rank) * p))
        corrected[others[i].config] = least
    return corrected


def chance(one: Standing, other: Standing) -> float:
    """The same of two, without the correction: P(|Σ ± d_i| ≥ |Σ d_i|), with d_i the difference at row i of how many of
    their trials get it right, and each sign as likely as the other. Of many rows, Σ ± d_i is normal."""
    differences, counts = _differences(one, other)
    total = abs(int(differences @ counts))
    sizes = np.unique(np.abs(differences[(differences != 0) & (counts > 0)]))
    n_of = {size: int(counts[np.abs(differences) == size].sum()) for size in sizes.tolist()}
    if sum(n_of.values()) > MOST_EXACT or (len(n_of) > 1 and sum(size * n for size, n in n_of.items()) > MOST_EXACT):
        variance = sum(size * size * n for size, n in n_of.items())
        step = math.gcd(*n_of)  # half of the distance between two sums that can be
        return min(1.0, math.erfc((total - step) / math.sqrt(2 * variance)))
    distribution = np.ones(1)  # of Σ (1 ± 1) d_i / 2, which runs from 0 to Σ |d_i|
    for size, count in n_of.items():
        spread = np.zeros(size * count + 1)
        spread[::size] = _binomial(count)
        distribution = np.convolve(distribution, spread)
    sums = 2 * np.arange(len(distribution)) - (len(distribution) - 1)
    return min(1.0, float(distribution[np.abs(sums) >= total].sum()))


def _differences(one: Standing, other: Standing) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all d that can be, and the number of validation rows, of all folds, that come out right in d more trials
    of `one` than of `other`."""
    most = len(one.done) + len(other.done)
    counts = np.zeros(2 * most + 1, np.int64)
    for fold, n_val in {record["fold"]: record["n_val"] for record in one.done}.items():
        for start in range(0, n_val, ROWS_AT_ONCE):
            stop = min(start + ROWS_AT_ONCE, n_val)
            d = np.full(stop - start, most)
            for standing, sign in ((one, 1), (other, -1)):
                for record in standing.done:
                    if record["fold"] == fold:
                        d += sign * right_of(record, start, stop)
            counts += np.bincount(d, minlength=len(counts))
    return np.arange(-most, most + 1), counts


def _binomial(n: int) -> NDArray[np.float64]:
    """P(k) for k = 0 … n, of n coins."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    probabilities: NDArray[np.float64] = np.exp(logs[n] - logs - logs[::-1] - n * math.log(2))
    return probabilities


def importance(standings: Sequence[Standing]) -> dict[str, float]:
    """For each option that varies, the share of the variance between trainings that lies between its values (η²); of
    many numbers, between their lower, middle and upper third. Each option by itself: they may add up to more than 1.
    Of those that were given as many epochs as the best; none where each value of an option is there once."""
    whole = [one for one in standings if one.whole and one.share == standings[0].share]
    if len(whole) < 2:
        return {}
    means = np.array([one.mean for one in whole])
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(((means - means.mean()) ** 2).sum())
    if not math.isfinite(total):
        return {}
    shares = {}
    for name in varied([one.config for one in whole]):
        values = [getattr(one.config, name) for one in whole]
        different = set(values)
        if len(different) > MOST_GROUPS and all(isinstance(value, int | float | None) for value in different):
            ordered = sorted(different, key=lambda value: (value is not None, value))
            values = [ordered.index(value) * 3 // len(ordered) for value in values]
        groups: dict[Any, list[float]] = {}
        for value, mean in zip(values, means, strict=True):
            groups.setdefault(value, []).append(mean)
        if len(groups) == len(whole):
            continue  # each value once: there is nothing within them
        between = sum(len(group) * (float(np.mean(group)) - float(means.mean())) ** 2 for group in groups.values())
        shares[name] = between / total if total > 0 else 0.0
    return shares


def varied(configs: Sequence[TrainConfig]) -> list[str]:
    """The options that are not the same in all of them, in the order of the help."""
    return [name for name in TrainConfig.options() if len({getattr(config, name) for config in configs}) > 1]


def standings_of(records: Sequence[Record], metric: str) -> list[Standing]:
    """The same of the records of a ledger alone: one training has the same options but for the seed."""
    seeds, folds = {record["config"].seed for record in records}, {record["fold"] for record in records}
    groups: dict[tuple[TrainConfig, float], list[Record]] = {}
    for record in records:
        config = record["config"]
        config = dataclasses.replace(config, seed=config.split_seed or 0)
        groups.setdefault((config, record["share"]), []).append(record)
    longest = dict(sorted(groups, key=lambda group: group[1]))
    found = [
        Standing(config, tuple(groups[config, share]), metric, share, len(seeds) * len(folds))
        for config, share in longest.items()
    ]
    return sorted(found, key=lambda one: one.rank)


def describe(standings: Sequence[Standing]) -> dict[str, Any]:
    """All of it, for JSON."""
    names = varied([one.config for one in standings])
    chance_of = chances(standings)
    return {
        "metric": standings[0].metric if standings else None,
        "trials": sum(len(one.records) for one in standings),
        "failed": sum(len(one.records) - len(one.done) for one in standings),
        "importance": importance(standings),
        "standings": [
            {
                "options": {name: getattr(one.config, name) for name in names},
                "mean": one.mean if math.isfinite(one.mean) else None,
                "sd": one.sd if math.isfinite(one.sd) else None,
                "values": one.values,
                "chance": chance_of.get(one.config),
                "share": one.share,
                "seconds": sum(record["seconds"] for record in one.records),
                "reasons": sorted({record["reason"] for record in one.records if record["reason"]}),
            }
            for one in standings
        ],
    }
