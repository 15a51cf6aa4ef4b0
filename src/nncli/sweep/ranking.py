"""Rank the configurations of a sweep, and test whether the differences between them may be chance."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.config.file_kinds import NONE
from nncli.config.train_config import TrainConfig
from nncli.metrics.definitions import METRICS
from nncli.metrics.paired import exact_sign_flip_p
from nncli.sweep.trial import CHOSEN_BY, right_of
from nncli.sweep.unit_p_values import p_values_by_unit
from nncli.sweep.units import UNKNOWN, Units
from nncli.system.output import number, percent, quantity

MOST_GROUPS = 5  # values of an option that are compared one by one
ROWS_AT_ONCE = 24 << 16
TrialRecord = dict[str, Any]  # the result of a trial, as the ledger has it


@dataclass(frozen=True)
class RankedConfig:
    """A configuration with the results of its trials. `mean` and `sd` are of the metric, over the finished trials."""

    config: TrainConfig
    records: tuple[TrialRecord, ...]
    metric: str
    share: float = 1  # of its epochs that it has been given
    planned: int = 1  # number of its trials

    def written(self, name: str) -> str:
        """Write the value of an option as one types it; none where there is none, as the widths of a linear model."""
        return self.config.written(name) or NONE

    @property
    def done(self) -> list[TrialRecord]:
        return [record for record in self.records if record["outcome"] == "done"]

    @property
    def whole(self) -> bool:
        """Tell whether all of its trials have finished without failing."""
        return len(self.done) == self.planned

    @property
    def values(self) -> list[float]:
        return [record["val"][self.metric] for record in self.done]

    @property
    def mean(self) -> float:
        with np.errstate(over="ignore"):  # the sum of finite losses may not be finite
            return float(np.mean(self.values)) if self.values else math.nan

    @property
    def sd(self) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else math.nan

    @property
    def epochs(self) -> float:
        """Return the mean number of epochs of the finished trials."""
        return float(np.mean([record["epochs"] for record in self.done]))

    @property
    def rank(self) -> tuple[Any, ...]:
        """Return the key to sort by: whole ones first, trained longest, best mean, fewest parameters, fewest epochs."""
        if not self.whole:
            return (1,)
        sign = -1 if METRICS.create(self.metric).higher_is_better else 1
        epochs = sum(record["epochs"] for record in self.records)
        return (0, -self.share, sign * self.mean, self.records[0]["parameters"], epochs)


def p_values(ranking: Sequence[RankedConfig], units: Units | None = None) -> dict[TrainConfig, float]:
    """Return the p-value of the difference between the best configuration and each other with as many epochs.

    It is the probability of such a difference, or a larger one, on these validation rows if all are equally good, by
    the metric that they are ranked by. As the best was chosen from all, it is corrected for so many comparisons (Holm
    1979). Rows of one of the `units` count as one. Empty where the trials do not have what that metric has to know of
    each row, or `is_unknown` which of them count as one.
    """
    if not ranking or not ranking[0].whole or is_unknown(units, ranking[0].config):
        return {}
    best = ranking[0]
    others = [one for one in ranking[1:] if one.whole and one.share == best.share]
    found = sorted((p, i) for i, p in enumerate(_p_values(best, others, units)))
    corrected, least = {}, 0.0
    for rank, (p, i) in enumerate(found):
        least = max(least, min(1.0, (len(found) - rank) * p))
        corrected[others[i].config] = least
    return corrected


def is_unknown(units: Units | None, config: TrainConfig) -> bool:
    """Tell whether several rows count as one, and the ledger does not have which."""
    return config.group is not None if units is None else units is UNKNOWN


def why_untested(ranking: Sequence[RankedConfig], units: Units | None) -> str:
    """Say why there are no p-values; empty where there can be."""
    best = ranking[0]
    if is_unknown(units, best.config):
        group = best.config.group
        wrong = "count a row several times" if group is None else f"take rows of one {group} as independent"
        return f"no p-values, which would {wrong}: the ledger does not have which rows belong together"
    trials = [one for one in best.done if (one["config"].metric or CHOSEN_BY) != best.metric or not one["evidence"]]
    if best.metric != CHOSEN_BY and trials and len(ranking) > 1:
        return f"no p-values: the ledger does not have what {best.metric} has to know of each row"
    return ""


def _p_values(best: RankedConfig, others: Sequence[RankedConfig], units: Units | None) -> list[float]:
    """Return the p-value of the difference to each other, uncorrected; none where it cannot be known."""
    trials = [record for one in (best, *others) for record in one.done]
    if best.metric != CHOSEN_BY and any((one["config"].metric or CHOSEN_BY) != best.metric for one in trials):
        return []  # a ledger shown by another metric than that of its sweep
    if units is None:
        if best.metric == CHOSEN_BY:
            return [p_value(best, one) for one in others]
        units = Units.of_rows({record["fold"]: record["n_val"] for record in best.done})
    return p_values_by_unit(best.metric, best.done, [one.done for one in others], units)


def p_value(one: RankedConfig, other: RankedConfig) -> float:
    """Return the p-value of the difference in accuracy: of d_i, how many more trials of `one` than of `other` are
    correct at row i, by flipping signs. For one trial each, this is McNemar's test."""
    differences, counts = _differences(one, other)
    both = counts + counts[::-1]  # of either sign, as the differences lie about 0
    n_of = {d: n for d, n in zip(differences.tolist(), both.tolist(), strict=True) if d > 0 and n}
    return exact_sign_flip_p(n_of, abs(int(differences @ counts)))


def _differences(one: RankedConfig, other: RankedConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all possible d, and for each the number of rows where d more trials of `one` than of `other` are right."""
    most = len(one.done) + len(other.done)
    counts = np.zeros(2 * most + 1, np.int64)
    for fold, n_val in {record["fold"]: record["n_val"] for record in one.done}.items():
        for start in range(0, n_val, ROWS_AT_ONCE):
            stop = min(start + ROWS_AT_ONCE, n_val)
            d = np.full(stop - start, most)
            for config, sign in ((one, 1), (other, -1)):
                for record in config.done:
                    if record["fold"] == fold:
                        d += sign * right_of(record, start, stop)
            counts += np.bincount(d, minlength=len(counts))
    return np.arange(-most, most + 1), counts


def importance(ranking: Sequence[RankedConfig]) -> dict[str, float]:
    """Return, for each option that varies, the share of the variance between configurations that it explains alone.

    The share is ε² = 1 − (SS_within / (n − k)) / (SS_total / (n − 1)), at least 0, of n configurations in the k groups
    that have the same value of the option (Kelley 1935). Unlike η², it does not grow with the number of groups.
    Numbers, or widths of hidden layers, form three groups, the low, middle and high values, if there are more than
    five, or fewer than two configurations for each. The shares of several options may add up to more than 1.

    Counts only configurations with as many epochs as the best. An option with n groups is left out.
    """
    whole = [one for one in ranking if one.whole and one.share == ranking[0].share]
    if len(whole) < 2:
        return {}
    means = np.array([one.mean for one in whole])
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(((means - means.mean()) ** 2).sum())
    if not math.isfinite(total):
        return {}
    shares = {}
    for name in varied([one.config for one in whole]):
        groups: dict[Any, list[float]] = {}
        for group, mean in zip(_groups([getattr(one.config, name) for one in whole]), means.tolist(), strict=True):
            groups.setdefault(group, []).append(mean)
        n, k = len(whole), len(groups)
        if k == n:
            continue  # there is no variance within groups
        within = sum(float(((np.array(group) - np.mean(group)) ** 2).sum()) for group in groups.values())
        shares[name] = max(0.0, 1 - within / (n - k) / (total / (n - 1))) if total > 0 else 0.0
    return shares


def _groups(values: list[Any]) -> list[Any]:
    """Return the group of each value: the value itself, or a third of the range where there are many sizes."""
    sizes = [sum(value) if isinstance(value, tuple) else value for value in values]
    k, n = len(set(values)), len(values)
    few = k <= MOST_GROUPS and (2 * k <= n or k == n)
    if few or not all(isinstance(size, int | float | None) for size in sizes):
        return values
    ordered = sorted(set(sizes), key=lambda size: (size is not None, size))
    return [ordered.index(size) * 3 // len(ordered) for size in sizes]


def varied(configs: Sequence[TrainConfig]) -> list[str]:
    """Return the options that are not the same in all configs, in the order of the help."""
    return [name for name in TrainConfig.options() if len({getattr(config, name) for config in configs}) > 1]


def written_score(one: RankedConfig) -> str:
    """Write the mean of the metric, and its standard deviation over several trials."""
    if METRICS.create(one.metric).in_percent:
        mean, sd = percent(one.mean), f"{100 * one.sd:.1f}"
    else:
        of_target = METRICS.create(one.metric).needs == "numbers" and one.metric != "r2"
        mean, sd = map(quantity if of_target and math.isfinite(one.mean) else number, (one.mean, one.sd))
    return f"{mean} ± {sd}" if len(one.values) > 1 else mean


def ranking_of(records: Sequence[TrialRecord], metric: str) -> list[RankedConfig]:
    """Rank the records of a ledger: those of one configuration differ at most in the seed and the fold."""
    seeds, folds = {record["config"].seed for record in records}, {record["fold"] for record in records}
    groups: dict[tuple[TrainConfig, float], list[TrialRecord]] = {}
    for record in records:
        config = record["config"]
        config = dataclasses.replace(config, seed=config.split_seed or 0)
        groups.setdefault((config, record["share"]), []).append(record)
    longest = dict(sorted(groups, key=lambda group: group[1]))
    found = [
        RankedConfig(config, tuple(groups[config, share]), metric, share=share, planned=len(seeds) * len(folds))
        for config, share in longest.items()
    ]
    return sorted(found, key=lambda one: one.rank)


def describe(ranking: Sequence[RankedConfig], units: Units | None = None) -> dict[str, Any]:
    """Return what `sweep --json` reports of a ranking."""
    names = varied([one.config for one in ranking])
    p_value_of = p_values(ranking, units)
    return {
        "metric": ranking[0].metric if ranking else None,
        "trials": sum(len(one.records) for one in ranking),
        "failed": sum(len(one.records) - len(one.done) for one in ranking),
        "importance": importance(ranking),
        "standings": [
            {
                "options": {name: getattr(one.config, name) for name in names},
                "mean": one.mean if math.isfinite(one.mean) else None,
                "sd": one.sd if math.isfinite(one.sd) else None,
                "values": one.values,
                "chance": p_value_of.get(one.config),
                "share": one.share,
                "seconds": sum(record["seconds"] for record in one.records),
                "reasons": sorted({record["reason"] for record in one.records if record["reason"]}),
            }
            for one in ranking
        ],
    }
