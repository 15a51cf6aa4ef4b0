"""Many trainings of one data set: the trials of a space, one best of them, and one look at the test rows."""

from __future__ import annotations

import dataclasses
import math
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from nncli import __version__
from nncli.config import TrainConfig
from nncli.data.dataset import Dataset
from nncli.errors import DataError
from nncli.ledger import Ledger
from nncli.space import Space
from nncli.trial import THREADS, Shared, Trial, right_of
from nncli.workers import run_all

SEARCHES = ("grid", "random")
MOST_GROUPS = 5  # values of an option that are compared one by one
METRICS = ("accuracy", "balanced-accuracy", "loss")
Record = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What to try, and how to choose. Every training of the space is repeated for `seeds` seeds and `folds` folds."""

    space: Space
    search: str = "grid"
    trials: int | None = None  # how many trainings are drawn, for a random search
    seeds: int = 1
    folds: int = 1
    metric: str = "accuracy"

    def configs(self) -> list[TrainConfig]:
        """The trainings, without repetition: all of a grid, or so many at random, the first of them the same for any
        number."""
        if self.search == "grid":
            return self.space.grid()
        assert self.trials is not None
        rng = np.random.default_rng(self.space.base.seed)
        found: dict[TrainConfig, None] = {}
        for _ in range(100 * self.trials):  # a space of few may have no more
            found[self.space.draw(rng)] = None
            if len(found) == self.trials:
                break
        return list(found)

    def trials_of(self, config: TrainConfig) -> list[Trial]:
        """Its repetitions: other seeds for all but the split, which is the same for all trials."""
        return [
            Trial(dataclasses.replace(config, seed=config.seed + i), fold, self.folds)
            for i in range(self.seeds)
            for fold in range(self.folds)
        ]


@dataclass(frozen=True)
class Standing:
    """A training and what its trials came to. `mean` and `sd` are of the metric, over those that are done."""

    config: TrainConfig
    records: tuple[Record, ...]
    metric: str

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
        """The best has the lowest; of equals, that with fewer parameters, and of these that with fewer epochs."""
        if not self.whole:
            return (1, 0.0, 0, 0)
        sign = 1 if self.metric == "loss" else -1
        epochs = sum(record["epochs"] for record in self.records)
        return (0, sign * self.mean, self.records[0]["parameters"], epochs)


class Sweep:
    """A plan with its trials, and the ledger of what they came to."""

    def __init__(self, plan: Plan, dataset: Dataset, path: Path) -> None:
        """Opens the ledger, new or to go on with; DataError, with the difference, for that of another sweep."""
        self.plan, self.dataset = plan, dataset
        self.trials = {config: plan.trials_of(config) for config in plan.configs()}
        self._keys = {config: [trial.key for trial in trials] for config, trials in self.trials.items()}
        self.ledger = Ledger(
            path,
            {"nncli": __version__, "data": dataset.source, "sha256": dataset.sha256, "rows": len(dataset),
             "folds": plan.folds},
        )  # fmt: skip
        found = self.ledger.header
        difference = ""
        if found["sha256"] != dataset.sha256:
            difference = f"the data {found['data']} as they were, with {found['rows']:,} rows"
        elif found["folds"] != plan.folds:
            difference = f"--folds {found['folds']}, and not {plan.folds}"
        for record in self.ledger.records.values():
            difference = difference or plan.space.difference(TrainConfig.from_json(record["config"]))
        if difference:
            self.ledger.close()
            raise DataError(
                str(path), f"expected the ledger of this sweep, found that of another: it has {difference}",
                "Name another file with --ledger, or take in what this one has",
            )  # fmt: skip

    def __enter__(self) -> Sweep:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ledger.close()

    def notes(self) -> list[str]:
        """What there is to say before it runs, a line each."""
        found = [f"{len(self.trials):,} trainings, {self.planned:,} trials: {', '.join(self._axes()) or 'no choice'}"]
        if self.ledger.torn:
            found.append(f"{self.ledger.path}: the last line was torn, and is taken off; its trial runs again")
        if self.ledger.records:
            found.append(f"{self.ledger.path} has {self.planned - len(self.todo):,} of them already")
        if self.ledger.header["nncli"] != __version__:
            found.append(
                f"{self.ledger.path} was begun by nncli {self.ledger.header['nncli']}, which may have come to other "
                "figures"
            )
        return found

    def _axes(self) -> list[str]:
        return [f"{name.replace('_', ' ')} {axis}" for name, axis in self.plan.space.axes.items()]

    @property
    def planned(self) -> int:
        """How many trials there are in all."""
        return sum(map(len, self.trials.values()))

    @property
    def todo(self) -> list[Trial]:
        """Those that the ledger does not have."""
        known = self.ledger.records
        return [
            trial
            for config, trials in self.trials.items()
            for trial, key in zip(trials, self._keys[config], strict=True)
            if key not in known
        ]

    def run(
        self,
        jobs: int,
        on_trials: Callable[[Sequence[Record]], None] = lambda records: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Runs what there is to do, and writes it to the ledger; returns soon after `stop()` becomes true."""
        todo = self.todo
        if not todo:
            return
        with tempfile.TemporaryDirectory(prefix="nncli-sweep-") as folder:
            data = Shared.write(self.dataset, Path(folder) / "data")
            for results in run_all(todo, data, min(jobs, len(todo)), stop):
                records = [_entry(trial, record) for trial, record in results]
                self.ledger.append(records)
                on_trials(records)

    def standings(self) -> list[Standing]:
        """All trainings with what is known of them, the best first."""
        known, metric = self.ledger.records, self.plan.metric
        found = [
            Standing(config, tuple(known[key] for key in keys if key in known), metric)
            for config, keys in self._keys.items()
        ]
        return sorted(found, key=lambda one: one.rank)


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
    groups: dict[TrainConfig, list[Record]] = {}
    for record in records:
        config = TrainConfig.from_json(record["config"])
        groups.setdefault(dataclasses.replace(config, seed=config.split_seed or 0), []).append(record)
    found = [Standing(config, tuple(group), metric) for config, group in groups.items()]
    return sorted(found, key=lambda one: one.rank)


def winner(standing: Standing) -> TrainConfig:
    """The training to do once more, for the model that is kept: with the first of its seeds, as the best of several
    would flatter it; and in one thread, as in its trial, so that it comes out the same."""
    config = dataclasses.replace(standing.config, threads=THREADS)
    return dataclasses.replace(config, split_seed=None) if config.split_seed == config.seed else config


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


def _entry(trial: Trial, record: Record) -> Record:
    return {"trial": trial.key, "config": trial.config.to_json(), "fold": trial.fold, "nncli": __version__, **record}


def _right(standing: Standing) -> Any:
    """For each validation row, of all folds, the share of seeds with which it comes out right."""
    by_fold: dict[int, list[Any]] = {}
    for record in standing.done:
        by_fold.setdefault(record["fold"], []).append(right_of(record))
    return np.concatenate([np.mean(by_fold[fold], axis=0) for fold in sorted(by_fold)])
