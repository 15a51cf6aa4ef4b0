"""Many trainings of one data set: the trials of a plan, one best of them, and one look at the test rows."""

from __future__ import annotations

import dataclasses
import functools
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from nncli import __version__
from nncli.config import TrainConfig
from nncli.data.dataset import Dataset
from nncli.errors import DataError
from nncli.ledger import Ledger
from nncli.search import Plan
from nncli.standings import Record, Standing
from nncli.trial import THREADS, Data, Trial, run_trial
from nncli.workers import Killed, Stop, Workers, never


class Sweep:
    """A plan with its trials, and the ledger of what they came to."""

    def __init__(self, plan: Plan, dataset: Dataset, path: Path) -> None:
        """Opens the ledger, new or to go on with; DataError, with the difference, for that of another sweep."""
        self.plan, self.dataset = plan, dataset
        self._leader: tuple[tuple[Any, ...], TrainConfig, bytes] | None = (
            None  # rank, training, and its state at the end
        )
        self.reached: dict[TrainConfig, float] = {}  # the share of its epochs that a training has been given
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
        axes = [f"{name.replace('_', ' ')} {axis}" for name, axis in self.plan.space.axes.items()]
        found = [f"{self.plan.search} of {', '.join(axes) or 'one training'}"]
        path, records, version = self.ledger.path, self.ledger.records, self.ledger.header["nncli"]
        if self.ledger.torn:
            found.append(f"{path}: the last line was torn, and is taken off; its trial runs again")
        if records:
            found.append(f"{path} has {len(records):,} {'trial' if len(records) == 1 else 'trials'} already")
        if version != __version__:
            found.append(f"{path} was begun by nncli {version}, which may have come to other figures")
        return found

    def run(
        self,
        workers: Workers,
        data: Data,
        states: Path,
        on_round: Callable[[int, int], None] = lambda planned, known: None,
        on_trials: Callable[[Sequence[Record]], None] = lambda records: None,
        stop: Stop = never,
    ) -> None:
        """Runs what the ledger does not have, and writes it there, round by round; ends soon after `stop()` becomes
        true. `on_round` is told how many trials the next round has, and how many of them are known. Trainings that
        pause leave their state in the folder `states`."""
        for trials in self.plan.rounds(self.ledger.records):
            for trial in trials:
                config = dataclasses.replace(trial.config, seed=self.plan.space.base.seed)
                self.reached[config] = trial.share
            todo = [trial for trial in trials if trial.key not in self.ledger.records]
            on_round(len(trials), len(trials) - len(todo))
            pieces = ((trial, _read(states / trial.whole_key)) for trial in todo)
            for results in workers.run(run_trial, data, functools.partial(next, pieces, None), stop):
                records = []
                for number, result in results:
                    trial = todo[number]
                    if isinstance(result, Killed):
                        result = {"outcome": "failed", "reason": f"{result}.", "seconds": 0.0}, None
                    record, state = result
                    records.append(_entry(trial, record))
                    if state is not None and trial.share < 1:
                        (states / trial.whole_key).write_bytes(state)
                    elif state is not None:
                        self._keep_leader(trial, record, state)
                self.ledger.append(records)
                on_trials(records)
            if stop():
                return

    def _keep_leader(self, trial: Trial, record: Record, state: bytes) -> None:
        rank = Standing(trial.config, (record,), self.plan.metric).rank
        if trial.config.seed == self.plan.space.base.seed and (self._leader is None or rank < self._leader[0]):
            self._leader = rank, trial.config, state

    def standings(self) -> list[Standing]:
        """All trainings so far with what is known of them, the best first."""
        found = [self.plan.standing(config, self.ledger.records, share) for config, share in self.reached.items()]
        return sorted(found, key=lambda one: one.rank)

    def winner(self, best: Standing) -> tuple[TrainConfig, dict[str, Any] | None]:
        """The training of the model that is kept, and its state at the end if that is known: no need to do it again.

        It has the first of its seeds, as the best of several would flatter it; and one thread, as in its trial, so
        that it comes out the same.
        """
        state = pickle.loads(self._leader[2])["state"] if self._leader and self._leader[1] == best.config else None
        config = dataclasses.replace(best.config, threads=THREADS)
        return dataclasses.replace(config, split_seed=None) if config.split_seed == config.seed else config, state


def _entry(trial: Trial, record: Record) -> Record:
    known = {"trial": trial.key, "config": trial.config.to_json(), "fold": trial.fold, "share": trial.share}
    return {**known, "nncli": __version__, **record}


def _read(state: Path) -> bytes | None:
    return state.read_bytes() if state.exists() else None
