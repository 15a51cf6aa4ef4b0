"""Run the trials of a sweep, keep its ledger, and find the winner."""

from __future__ import annotations

import dataclasses
import functools
import pickle
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from nncli import __version__
from nncli.config.option import Folds
from nncli.config.train_config import TrainConfig
from nncli.data.byte_input import sha256_of
from nncli.data.dataset import Dataset
from nncli.data.sources import native, portable, title
from nncli.data.unchanged_source import digest_of_source
from nncli.errors import DataError, NncliError
from nncli.model.training_state import TrainingState
from nncli.sweep.ledger import Ledger
from nncli.sweep.ledger_lines import check_evidence, check_trial_result
from nncli.sweep.ranking import RankedConfig, TrialRecord, ranking_of
from nncli.sweep.search import SearchPlan
from nncli.sweep.trial import THREADS, SweepData, Trial, run_trial, with_kernels
from nncli.sweep.units import UNKNOWN, Units, find_units, units_in
from nncli.system import scratch
from nncli.system.output import counted
from nncli.system.workers import ProcessDeath, Stop, Work, Workers, never


class Sweep:
    """A search plan, and the ledger of its trials. A context manager."""

    def __init__(self, plan: SearchPlan, dataset: Dataset, path: Path) -> None:
        """Open the ledger at `path`, new or to resume; DataError, with the difference, for that of another sweep."""
        self.plan, self.dataset = plan, dataset
        self.reached: dict[TrainConfig, float] = {}  # the share of its epochs that each configuration has been given
        # the best trial so far among those with the first seed that ran on this machine, and its final state
        self._leader: tuple[RankedConfig, bytes] | None = None
        val_data, vectors = plan.space.base.val_data, plan.space.base.vectors
        needed = find_units(plan.space.base, dataset, plan.folds, plan.repeats)
        repeats = {"repeats": plan.repeats} if plan.repeats > 1 else {}
        self.ledger = Ledger(
            path,
            {
                "nncli": __version__,
                "data": list(map(portable, dataset.source)),
                "sha256": dataset.sha256,
                "rows": len(dataset),
                "val_sha256": digest_of_source(val_data) if val_data else "",
                "folds": plan.folds,
                **repeats,
                **({} if vectors is None else {"vectors_sha256": sha256_of(Path(vectors))}),
                **({} if needed is None else {"units": needed.to_json()}),
            },
        )
        try:
            self.units = units_in(self.ledger.header)
            self._others = self._found(path, needed)
            # the number of validation rows of each fold
            self._rows = {} if self.units is None else dict(enumerate(self.units.sizes.tolist()))
            self._rows |= {one["fold"]: one["n_val"] for one in self.ledger.records.values() if "n_val" in one}
        except BaseException:
            self.ledger.close()
            raise

    def _found(self, path: Path, needed: Units | None) -> list[tuple[TrainConfig, float]]:
        """Return the configurations of the ledger with their shares; DataError for the ledger of another sweep."""
        records, seed = [*self.ledger.records.values()], self.plan.space.base.seed
        configs = dict.fromkeys(dataclasses.replace(record["config"], seed=seed) for record in records)
        difference = self._difference(self.ledger.header, configs)
        if not difference and needed and self.units not in (None, UNKNOWN) and not needed.equals(self.units):
            difference = "its folds have other rows"
        if difference:
            problem = f"expected the ledger of this sweep, found that of another: {difference}"
            remedy = "Name another model with -o, or another ledger with --ledger"
            remedy += "; or give the options of that sweep, to which you may add values"
            raise DataError(str(path), problem, remedy)
        ranking = ranking_of(records, self.plan.metric)  # which only the trials of this sweep are sure to know
        return [(dataclasses.replace(one.config, seed=seed), one.share) for one in ranking]

    def __enter__(self) -> Sweep:
        return self

    def __exit__(self, *error: object) -> None:
        self.ledger.close()

    def _difference(self, header: TrialRecord, configs: Iterable[TrainConfig]) -> str:
        """Say why the ledger is not one of this sweep; empty if it is."""
        data = tuple(map(native, header["data"]))
        if data == self.dataset.source and header["sha256"] != self.dataset.sha256:
            return f"{title(data)} has changed since then, when it had {header['rows']:,} rows"
        if header["sha256"] != self.dataset.sha256:
            return f"it has the data {title(data)}, with {header['rows']:,} rows"
        drawn = (header["folds"], header.get("repeats", 1)), (self.plan.folds, self.plan.repeats)
        folds = list(map(Folds().write, drawn))
        if folds[0] != folds[1]:
            return f"it has --folds {folds[0]}, not {folds[1]}"
        for difference in filter(None, map(self.plan.space.difference, configs)):
            return f"it has {difference}"
        val_data = self.plan.space.base.val_data
        if val_data and header["val_sha256"] != digest_of_source(val_data):
            return f"{title(val_data)} has changed since then"
        vectors = self.plan.space.base.vectors
        if vectors and header.get("vectors_sha256") != sha256_of(Path(vectors)):
            return f"{vectors} has changed since then"
        return ""

    def notes(self) -> list[str]:
        """Return what there is to say before it runs, one line each."""
        axes = [f"{name.replace('_', ' ')} {axis}" for name, axis in self.plan.space.axes.items()]
        found = [f"{self.plan.search} search: {'; '.join(axes) or 'one configuration'}"]
        asked = self.plan.trials
        if asked is not None and self.plan.search != "refine" and (there := len(self.plan.configs())) < asked:
            found.append(f"the ranges have {counted(there, 'combination')}, of which each is tried, not {asked:,}")
        path, records, version = self.ledger.path, self.ledger.records, self.ledger.header["nncli"]
        if self.ledger.torn:
            found.append(f"{path}: the last line was incomplete and is removed; its trial runs again")
        if self.ledger.unlocked:
            found.append(f"{path}: the file system has no locks, so make sure that no other sweep writes to it")
        if records:
            found.append(f"{path} has {counted(len(records), 'trial')} already")
        if version != __version__:
            found.append(f"{path} was started by nncli {version}, whose results may differ")
        return found

    def run(
        self,
        workers: Workers,
        data: SweepData,
        states: Path,
        on_round: Callable[[int, int], None] = lambda planned, known: None,
        on_trials: Callable[[Sequence[TrialRecord]], None] = lambda records: None,
        stop: Stop = never,
    ) -> None:
        """Run the trials that the ledger does not have, round by round, and add them to it.

        Ends soon after `stop()` becomes true. `on_round` is called with the number of trials of the next round, and how
        many of them the ledger has; `on_trials` with the records of finished trials. Trials that pause leave their
        state in the folder `states`.
        """
        seed = self.plan.space.base.seed
        for trials in self.plan.rounds(self.ledger.records):
            self.reached |= {trial.config: trial.share for trial in trials if trial.config.seed == seed}
            todo = [trial for trial in trials if trial.key not in self.ledger.records]
            on_round(len(trials), len(trials) - len(todo))
            tasks = ((trial, _read(states / trial.whole_key)) for trial in todo)
            next_task = functools.partial(next, tasks, None)
            for results in workers.run(Work(run_trial, data, next_task, stop, check_trial_result)):
                records = []
                for number, result in results:
                    trial = todo[number]
                    if isinstance(result, ProcessDeath):
                        result = {"outcome": "failed", "reason": f"{result}.", "seconds": 0.0}, None
                    record, state = result
                    self._check_rows(trial, record)
                    self._check_figures(record)
                    known = {"trial": trial.key, "config": trial.config, "fold": trial.fold, "share": trial.share}
                    records.append({**known, "nncli": __version__, **record})
                    if state is not None and trial.share < 1:
                        with scratch.writing(states):
                            (states / trial.whole_key).write_bytes(state)
                    elif state is not None and workers.ours and trial.config.seed == seed:  # never a pickle of others
                        one = RankedConfig(trial.config, (record,), self.plan.metric)
                        if self._leader is None or one.rank < self._leader[0].rank:
                            self._leader = one, state
                self.ledger.append(records)
                on_trials(records)
            if stop():
                return

    def _check_rows(self, trial: Trial, record: TrialRecord) -> None:
        """Raise NncliError for another number of validation rows than before: an honest worker has the same data."""
        expected = self._rows.setdefault(trial.fold, record["n_val"]) if "n_val" in record else 0
        if expected and record["n_val"] != expected:
            problem = f"expected a trial with {expected:,} validation rows, found {record['n_val']:,}"
            raise NncliError(str(self.ledger.path), problem, "Look at who can join the cluster")

    def _check_figures(self, record: TrialRecord) -> None:
        """Raise NncliError for a trial without what this sweep chooses by."""
        try:
            if record["outcome"] == "done":
                base = self.plan.space.base
                check_evidence(record, base.metric, base.is_regression)
        except ValueError as error:
            problem = f"expected a trial with its {self.plan.metric}, found another: {error}"
            raise NncliError(str(self.ledger.path), problem, "Look at who can join the cluster") from None

    def ranking(self) -> list[RankedConfig]:
        """Return all configurations so far, the best first; of those that only the ledger has, the whole ones."""
        found = [self.plan.ranked(config, self.ledger.records, share) for config, share in self.reached.items()]
        for config, share in self._others:
            one = self.plan.ranked(config, self.ledger.records, share)
            if config not in self.reached and len(one.records) == one.planned:
                found.append(one)
        return sorted(found, key=lambda one: one.rank)

    def winner(self, best: RankedConfig) -> tuple[TrainConfig, TrainingState | None]:
        """Return the config of the final model, and its final state if known, so that it need not be trained again.

        It has the first of its seeds, as the best of several would flatter it, and one thread, as its trial had, so
        that the results are the same.
        """
        state = None
        if self._leader is not None and self._leader[0].config == best.config:
            state = pickle.loads(self._leader[1])["state"]
        config = dataclasses.replace(with_kernels(best.config), threads=THREADS)
        if config.val == 0 and not config.val_data:  # after folds; there is nothing to choose an epoch by
            config = dataclasses.replace(config, metric=None)
        return dataclasses.replace(config, split_seed=None) if config.split_seed == config.seed else config, state


def _read(state: Path) -> bytes | None:
    return state.read_bytes() if state.exists() else None
