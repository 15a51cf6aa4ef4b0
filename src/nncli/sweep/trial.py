"""One trial of a sweep, as a worker process runs it, and its result."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import json
import math
import mmap
import os
import pickle
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.config.resolve import resolve
from nncli.config.resolved import DataConfig
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Dataset
from nncli.errors import DataError, OptionError, TrainingError
from nncli.metrics.definitions import METRICS
from nncli.metrics.metric import Metric
from nncli.metrics.rows import ScoredRows
from nncli.model.network import network_inputs
from nncli.model.training_state import StepFigures, TrainingState
from nncli.nn.kernels.choice import FUSED
from nncli.nn.optimizers import OPTIMIZERS
from nncli.sweep.space import can_vary
from nncli.system import scratch
from nncli.system.threads import multiply_with
from nncli.system.workers import Stop, never
from nncli.training.embeddings import refuse_embeddings_of_nothing
from nncli.training.final_figures import scored
from nncli.training.memory import check_network_fits
from nncli.training.model_of_run import model_as_used
from nncli.training.optimum import with_steps
from nncli.training.prepare import DECIDED_BY, Prepared, prepare
from nncli.training.run import fit, keep_best, new_trainer
from nncli.training.sparse_inputs import refuse_layers_of_zeros
from nncli.training.splitting import Fold
from nncli.training.state import load_state, state_of
from nncli.training.words import refuse_with_words, with_usual_words

CHOSEN_BY, BY_ERROR = "accuracy", "rmse"  # if a sweep does not say by what, for classes and for numbers
MOST_EVIDENCE = 400_000  # numbers, so that they fit in a line of the ledger
MOST_FLOAT = 1e30  # of a number in the ledger
THREADS = 1  # of the matrix products: jobs use the cores, and the results do not depend on how many there are
CACHE_LINE = 64  # bytes, to which arrays are aligned
OF_STEPS = tuple(one.name for one in dataclasses.fields(StepFigures))
Datasets = Mapping[str, Dataset]  # by the dtype that they are read with
# those that can vary, and that change the prepared data
DATA_OPTIONS = ("scale", "dtype", "class_weight", "ngrams", "hash_bits")


@dataclass(frozen=True)
class Trial:
    """One training run of a sweep: a config with its seed and split, on one of several folds (or the only one). Folds
    that are drawn repeatedly are numbered on from one repeat to the next."""

    config: TrainConfig
    fold: int = 0
    folds: int = 1
    share: float = 1  # of its epochs, after which it pauses

    @functools.cached_property
    def key(self) -> str:
        """Return the key in the ledger: the same for the same trial of the same data."""
        text = json.dumps([self.config.to_json(), self.fold, self.folds, float(self.share)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def whole_key(self) -> str:
        """Return the key of the same trial without a pause."""
        return self.key if self.share == 1 else dataclasses.replace(self, share=1).key

    @property
    def keeps_state(self) -> bool:
        """Tell whether its final state is needed: it pauses, or might become the winner, trained on the same rows."""
        return self.share < 1 or (self.folds == 1 and self.config.time_limit is None)


@dataclass(frozen=True)
class DataInFile:
    """Data in a file, for processes of this machine: they map the arrays into memory, and copy none."""

    file: str
    pickled: bytes  # all but the arrays
    arrays: tuple[tuple[int, int], ...]  # position in the file and bytes of each

    @classmethod
    def write(cls, datasets: Datasets, path: Path) -> DataInFile:
        buffers: list[pickle.PickleBuffer] = []
        pickled = pickle.dumps(datasets, 5, buffer_callback=buffers.append)
        arrays = []
        with scratch.writing(path.parent), path.open("xb") as file:
            for buffer in buffers:
                file.seek(-file.tell() % CACHE_LINE, os.SEEK_CUR)
                arrays.append((file.tell(), file.write(buffer.raw())))
        return cls(str(path), pickled, tuple(arrays))

    def open(self) -> Datasets:
        with Path(self.file).open("rb") as file:
            if os.fstat(file.fileno()).st_size != sum(self.arrays[-1]):  # reading past the end would kill the process
                raise DataError(self.file, "the data of the sweep were changed while it ran", "Run the command again")
            mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return pickle.loads(self.pickled, buffers=[mapped[at : at + n] for at, n in self.arrays])


@dataclass(frozen=True)
class DataInMemory:
    """Data in memory. Its random name tells a worker that outlives the sweep these data from those of the next."""

    datasets: Datasets = field(compare=False)
    sweep: str = field(default_factory=lambda: secrets.token_hex(8))

    def open(self) -> Datasets:
        return self.datasets


SweepData = DataInFile | DataInMemory  # two that are equal give a worker the same data


def run_trial(
    task: tuple[Trial, bytes | None], data: SweepData, stop: Stop = never
) -> tuple[dict[str, Any], bytes | None]:
    """Run a trial, from the state in which it paused if it did; return its result for the ledger, and its new state.

    `outcome` is done, or failed with a `reason`, the error that `train` would report. `val` holds the metrics that a
    sweep can choose by; `right` has one bit for each validation row, in base 64, and `evidence` what the metric of the
    sweep has to know of each row: see `evidence_of`. `steps`, the mistakes and `StepFigures` of each epoch, are for
    trackers, and not for the ledger. The state is None if it is not needed.
    Once `stop()` is true, the result means nothing.
    """
    trial, paused = task
    before: dict[str, Any] = {"seconds": 0.0} if paused is None else pickle.loads(paused)
    began = time.perf_counter() - before["seconds"]
    figures, after, reason = dict[str, Any](), None, ""
    try:
        with multiply_with(THREADS), np.errstate(all="ignore"):
            figures, after = _fitted(trial, before.get("state"), data, stop)
    except (TrainingError, OptionError) as error:  # any other error is not due to the trial, and would strike all
        reason = str(error)
    except MemoryError:
        reason = "there is not enough memory for this."
    seconds = round(time.perf_counter() - began, 4)
    state = None if after is None else pickle.dumps({"seconds": seconds, "state": after})
    return {"outcome": "failed" if reason else "done", "reason": reason, **figures, "seconds": seconds}, state


def _fitted(
    trial: Trial, before: TrainingState | None, data: SweepData, stop: Stop
) -> tuple[dict[str, Any], TrainingState | None]:
    """Train and evaluate on the validation rows; return the figures and the final state."""
    prepared = _prepared(trial, data)
    trainer = new_trainer(prepared)
    if before is not None:
        load_state(trainer, before)
    failure = fit(trainer, stop=stop, until=math.ceil(trainer.epochs * trial.share) if trial.share < 1 else None)
    if stop():
        return {}, None
    state = state_of(trainer) if trial.keeps_state and failure is None else None
    keep_best(trainer, interrupted=trial.share < 1)  # a paused run may still be no better than guessing
    val, best = prepared.val, trainer.kept.epoch
    assert best is not None
    rows = trainer.evaluator.judged(val).oriented
    if prepared.config.training.calibrate or trial.config.choose_threshold is not None:
        used = scored(model_as_used(prepared, trainer)[0], val)
        rows = dataclasses.replace(used, losses=rows.losses).oriented
    name, right = trial.config.metric or CHOSEN_BY, b""
    of_all = (BY_ERROR,) if trainer.target is not None else ("accuracy", "balanced-accuracy")
    if trainer.target is None:
        right = np.packbits(rows.predicted == rows.y).tobytes()
    figures = {one: METRICS.create(one).value(rows) for one in {**dict.fromkeys(of_all), name: None}}
    return {
        "parameters": trainer.network.size,
        "epochs": len(trainer.history),
        "best_epoch": best.number,
        "stopped": str(failure) if failure else trainer.stopped,
        "val": {**figures, "loss": best.val_loss},
        "n_val": len(rows),
        "right": base64.b64encode(right).decode(),
        "evidence": "" if name == CHOSEN_BY else _evidence(METRICS.create(name), rows),
        "history": [[e.train_loss, e.train_accuracy, e.val_loss, e.val_accuracy] for e in trainer.history],
        "steps": [
            [e.mistakes, *(dataclasses.astuple(e.steps) if e.steps else [None] * len(OF_STEPS))]
            for e in trainer.history
        ],
    }, state


def right_of(record: dict[str, Any], start: int, stop: int) -> NDArray[np.bool_]:
    """Return which validation rows from `start`, a multiple of 24, up to `stop` a trial predicted correctly."""
    text = record["right"][start // 6 : -(-stop // 24) * 4]  # four characters for 24 rows
    bits = np.frombuffer(base64.b64decode(text), np.uint8)
    return np.unpackbits(bits, count=min(stop, record["n_val"]) - start).astype(bool)


def _evidence(metric: Metric, rows: ScoredRows) -> str:
    """Write what a metric has to know of each row, behind its class unless it is a mean; empty if that is much."""
    if metric.needs == "numbers":
        return _evidence_of_numbers(metric, rows)
    found = metric.evidence(rows)
    found = found if metric.is_mean else np.hstack([rows.y[:, None], found])
    return base64.b64encode(found.astype("<f4").tobytes()).decode() if found.size <= MOST_EVIDENCE else ""


def _evidence_of_numbers(metric: Metric, rows: ScoredRows) -> str:
    """Write what a metric has to know of rows with numbers, in units of their standard deviation: the same for every
    trial, and so for every difference of two."""
    sd = float(rows.y.std()) or 1.0
    found = metric.evidence(ScoredRows.of_numbers(rows.y / sd, rows.predicted / sd))
    found = np.clip(found, -MOST_FLOAT, MOST_FLOAT).astype("<f4")
    return base64.b64encode(found.tobytes()).decode() if found.size <= MOST_EVIDENCE else ""


def evidence_of(record: dict[str, Any], metric: Metric) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """Return the class of each validation row, and what the metric has to know of it; None if that is not kept. The
    class is 0 where the metric is a mean of rows, which needs no other. ValueError for what no trial has written."""
    numbers, n = np.frombuffer(base64.b64decode(record["evidence"], validate=True), "<f4"), record["n_val"]
    if not numbers.size:
        return None
    if numbers.size % n or not np.isfinite(numbers).all():
        raise ValueError("'evidence' is not of its form")
    found = numbers.reshape(n, -1).astype(np.float64)
    if metric.needs == "numbers":
        if found.shape[1] != (2 if metric.name == "r2" else 1):
            raise ValueError("'evidence' is not of its form")
        return np.zeros(n, np.int64), found
    if metric.is_mean and found.shape[1] == 1:
        return np.zeros(n, np.int64), found
    codes = found[:, : 2 if metric.is_discrete else 1]
    if found.shape[1] < 2 or metric.is_mean or (codes != codes.astype(np.uint16)).any():
        raise ValueError("'evidence' is not of its form")
    return codes[:, 0].astype(np.int64), found[:, 1:]


def data_config(config: TrainConfig) -> TrainConfig:
    """Return the config reset to the options that the prepared data depend on, with the scaling of its own model; no
    trial sees the test rows."""
    scale = DataConfig.of(config).scale
    if config.test_data:
        config = dataclasses.replace(config, test_data=(), test=0.0)
    of_data = (*DATA_OPTIONS, *(("embedding",) if config.vectors else ()))  # the width that its file has to have
    names = [name for name in TrainConfig.options() if can_vary(name) and name not in of_data]
    usual = {name: getattr(TrainConfig(), name) for name in names}
    # a model is named, as another might be chosen by the number of rows, whose scaling is none of the trial's
    more: dict[str, Any] = {"seed": 0, "model": "mlp", "scale": scale, "vocabulary": False}  # which names words alone
    return dataclasses.replace(config, **usual | more)


def fold_of(number: int, folds: int) -> Fold | None:
    """Return the fold with a number of its trial, which is in the place of the validation rows; None without folds."""
    return None if folds == 1 else Fold(number % folds, folds, repeat=number // folds)


def refuse_unfit(config: TrainConfig, folds: int, datasets: Datasets) -> None:
    """Raise OptionError for a positive class, a metric or a cost that do not fit the data, as all trials would."""
    if config.metric is None and all(getattr(config, name) is None for name in DECIDED_BY):
        return
    try:
        trainer = new_trainer(prepare(config, datasets[config.dtype], fold_of(0, folds)))
        trainer.evaluator.check_metric(trainer.val)
    except OptionError as error:
        if error.option in ("metric", *DECIDED_BY):
            raise


def with_kernels(config: TrainConfig) -> TrainConfig:
    """Return the options with kernels that do not depend on what is installed where a trial runs: those of NumPy unless
    others are asked for."""
    return dataclasses.replace(config, kernels=FUSED if config.kernels == FUSED else "numpy")


def _prepared(trial: Trial, data: SweepData) -> Prepared:
    """Prepare the data for a trial; trials with the same preparation share it."""
    prepared = _prepared_once(data_config(trial.config), fold_of(trial.fold, trial.folds), data)
    given, words, size = with_kernels(trial.config), prepared.preprocess.columns_of_words, len(prepared.train)
    if words:
        refuse_with_words(given, words)
        given = with_usual_words(given, prepared.dataset.table, words)
    if prepared.vectors is not None:
        given = dataclasses.replace(given, embedding=prepared.vectors.values.shape[1])
    config = resolve(given, size, has_val=len(prepared.val) > 0)
    if OPTIMIZERS.create(config.training.optimizer).exact:
        given = with_steps(given, config, prepared.train.matrix.width, prepared.train.matrix.is_sparse)
        config = resolve(given, size, has_val=len(prepared.val) > 0)
    if prepared.train.matrix.is_sparse:
        refuse_layers_of_zeros(config)
    refuse_embeddings_of_nothing(trial.config, prepared.dataset.table)
    check_network_fits(config, len(prepared.train), network_inputs(prepared.preprocess), len(prepared.dataset.classes))
    return dataclasses.replace(prepared, config=config)


@functools.lru_cache(maxsize=4)
def _prepared_once(config: TrainConfig, fold: Fold | None, data: SweepData) -> Prepared:
    return prepare(config, _opened(data)[config.dtype], fold)


@functools.lru_cache(maxsize=1)
def _opened(data: SweepData) -> Datasets:
    return data.open()
