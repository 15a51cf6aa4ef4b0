"""Where the trainings of a sweep stand, and what the differences between them mean."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncli.config import TrainConfig
from nncli.trial import right_of

METRICS = ("accuracy", "balanced-accuracy", "loss")
MOST_GROUPS = 5  # values of an option that are compared one by one
Record = dict[str, Any]  # of a trial, as the ledger has it


@dataclass(frozen=True)
class Standing:
    """A training and what its trials came to. `mean` and `sd` are of the metric, over those that are done."""

    config: TrainConfig
    records: tuple[Record, ...]
    metric: str
    share: float = 1  # of its epochs that it was given

    @property
    def done(self) -> list[Record]:
        return [record for record in self.records if record["outcome"] == "done"]

    @property
    def whole(self) -> bool:
        """Whether none of its trials failed."""
        return len(self.done) == len(self.records) > 0

    @property
    def values(self) -> list[float]:
        return [record["val"][self.metric] for record in self.done]

    @property
    def mean(self) -> float:
        return float(np.mean(self.values)) if self.values else math.nan

    @property
    def sd(self) -> float:
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else math.nan

    @property
    def rank(self) -> tuple[Any, ...]:
        """The best has the lowest: of those that were trained longest, and of equals that with fewer parameters, and of
        these that with fewer epochs."""
        if not self.whole:
            return (1, 0.0, 0.0, 0, 0)
        sign = 1 if self.metric == "loss" else -1
        epochs = sum(record["epochs"] for record in self.records)
        return (0, -self.share, sign * self.mean, self.records[0]["parameters"], epochs)


def chance(one: Standing, other: Standing) -> float:
    """How likely validation rows like these tell the two as far apart as they do, or further, if they are equally good:
    a paired test of which rows come out right, the mean over all trials; two-sided."""
    d = _right(one) - _right(other)
    spread = float(d.std())
    if spread == 0:
        return 1.0
    return math.erfc(abs(float(d.mean())) / (spread / math.sqrt(len(d))) / math.sqrt(2))


def importance(standings: Sequence[Standing]) -> dict[str, float]:
    """For each option that varies, the share of the variance between trainings that lies between its values (η²); of
    many numbers, between their lower, middle and upper third."""
    whole = [one for one in standings if one.whole]
    if len(whole) < 2:
        return {}
    means = np.array([one.mean for one in whole])
    total = float(((means - means.mean()) ** 2).sum())
    shares = {}
    for name in varied([one.config for one in whole]):
        values = [getattr(one.config, name) for one in whole]
        if len(set(values)) > MOST_GROUPS:
            ordered = sorted(set(values), key=lambda value: (value is not None, value))
            values = [ordered.index(value) * 3 // len(ordered) for value in values]
        groups: dict[Any, list[float]] = {}
        for value, mean in zip(values, means, strict=True):
            groups.setdefault(value, []).append(mean)
        between = sum(len(group) * (float(np.mean(group)) - float(means.mean())) ** 2 for group in groups.values())
        shares[name] = between / total if total > 0 else 0.0
    return shares


def varied(configs: Sequence[TrainConfig]) -> list[str]:
    """The options that are not the same in all of them, in the order of the help."""
    return [name for name in TrainConfig.options() if len({getattr(config, name) for config in configs}) > 1]


def standings_of(records: Iterable[Record], metric: str) -> list[Standing]:
    """The same of the records of a ledger alone: one training has the same options but for the seed."""
    groups: dict[tuple[TrainConfig, float], list[Record]] = {}
    for record in records:
        config = TrainConfig.from_json(record["config"])
        config = dataclasses.replace(config, seed=config.split_seed or 0)
        groups.setdefault((config, record["share"]), []).append(record)
    longest = dict(sorted(groups, key=lambda group: group[1]))
    found = [Standing(config, tuple(groups[config, share]), metric, share) for config, share in longest.items()]
    return sorted(found, key=lambda one: one.rank)


def describe(standings: Sequence[Standing]) -> dict[str, Any]:
    """All of it, for JSON."""
    names = varied([one.config for one in standings])
    best = standings[0] if standings and standings[0].whole else None
    return {
        "metric": standings[0].metric if standings else None,
        "trials": sum(len(one.records) for one in standings),
        "failed": sum(len(one.records) - len(one.done) for one in standings),
        "importance": importance(standings),
        "standings": [
            {
                "options": {name: getattr(one.config, name) for name in names},
                "mean": one.mean if one.values else None,
                "sd": one.sd if len(one.values) > 1 else None,
                "values": one.values,
                "chance": chance(best, one) if best and one.whole else None,
                "seconds": sum(record["seconds"] for record in one.records),
                "reasons": sorted({record["reason"] for record in one.records if record["reason"]}),
            }
            for one in standings
        ],
    }


def _right(standing: Standing) -> Any:
    """For each validation row, of all folds, the share of seeds with which it comes out right."""
    by_fold: dict[int, list[Any]] = {}
    for record in standing.done:
        by_fold.setdefault(record["fold"], []).append(right_of(record))
    return np.concatenate([np.mean(by_fold[fold], axis=0) for fold in sorted(by_fold)])
