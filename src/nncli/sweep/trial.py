"""One training of a sweep, and what it came to: what a worker process does."""

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
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Dataset, Positions
from nncli.errors import DataError, OptionError, TrainingError
from nncli.model.training_state import TrainingState
from nncli.sweep.space import can_vary
from nncli.system import scratch
from nncli.system.threads import multiply_with
from nncli.system.workers import Stop, never
from nncli.training.batch import scores
from nncli.training.prepare import Prepared, prepare
from nncli.training.run import fit, keep_best, new_trainer

THREADS = 1  # of the matrix products: jobs use the cores, and the result is the same for any number of them
CACHE_LINE = 64  # bytes; arrays in memory begin there too
Datasets = Mapping[str, Dataset]  # by the number types that they are read with
OF_THE_DATA = ("scale", "dtype", "class_weight")  # options that can vary, and that prepared data depend on


@dataclass(frozen=True)
class Trial:
    """A training: its config, with its seed and that of the split, and its fold of several (or the only one)."""

    config: TrainConfig
    fold: int = 0
    folds: int = 1
    share: float = 1  # of its epochs, before it pauses

    @functools.cached_property
    def key(self) -> str:
        """What the ledger knows it by: the same for the same training of the same data."""
        return self._key(self.share)

    @functools.cached_property
    def whole_key(self) -> str:
        """That of the training to its end."""
        return self.key if self.share == 1 else self._key(1)

    @property
    def goes_on(self) -> bool:
        """Whether its state is of use: it pauses, or could be the winner, whose model is on the same rows."""
        return self.share < 1 or (self.folds == 1 and self.config.time_limit is None)

    def _key(self, share: float) -> str:
        text = json.dumps([self.config.to_json(), self.fold, self.folds, float(share)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class Data(Protocol):
    """The data of a sweep as a worker finds them, as each number type reads them; what is equal is the same."""

    def __hash__(self) -> int: ...
    def open(self) -> Datasets: ...


@dataclass(frozen=True)
class Shared:
    """The data in a file, for processes that see the same files: their arrays are mapped into memory, not copied."""

    file: str
    pickled: bytes  # all but its arrays
    arrays: tuple[tuple[int, int], ...]  # where in the file each begins, and its bytes
    size: int  # of the file

    @classmethod
    def write(cls, datasets: Datasets, path: Path) -> Shared:
        buffers: list[pickle.PickleBuffer] = []
        pickled = pickle.dumps(datasets, 5, buffer_callback=buffers.append)
        arrays = []
        with scratch.writing(path.parent), path.open("xb") as file:
            for buffer in buffers:
                file.seek(-file.tell() % CACHE_LINE, os.SEEK_CUR)
                arrays.append((file.tell(), file.write(buffer.raw())))
            file.flush()
            size = file.tell()
        return cls(str(path), pickled, tuple(arrays), size)

    def open(self) -> Datasets:
        with Path(self.file).open("rb") as file:
            if os.fstat(file.fileno()).st_size != self.size:  # to touch what a mapped file lacks ends the program
                raise DataError(self.file, "the data of the sweep were changed while it ran", "Run the command again")
            mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        datasets: Datasets = pickle.loads(self.pickled, buffers=[mapped[at : at + n] for at, n in self.arrays])
        return datasets


@dataclass(frozen=True)
class Held:
    """The data in memory. A worker that outlives the sweep knows them from those of the next one by the sweep's name:
    the same file may have been read in another way, or have changed."""

    datasets: Datasets = field(compare=False)
    sweep: str = field(default_factory=lambda: secrets.token_hex(8))

    def open(self) -> Datasets:
        return self.datasets


def run_trial(piece: tuple[Trial, bytes | None], data: Data, stop: Stop = never) -> tuple[dict[str, Any], bytes | None]:
    """Trains, from the state in which the training paused if it did, and judges by the validation rows. Returns what
    the ledger keeps of it, and the state in which it is now if it may go on. Means nothing once `stop()` is true.

    `outcome` is done, or failed with a `reason`: what `train` would say in its one line. `val` holds the figures that a
    sweep can choose by, `right` one bit for each validation row, in base 64.
    """
    trial, paused = piece
    before: dict[str, Any] = {"seconds": 0.0} if paused is None else pickle.loads(paused)
    began = time.perf_counter() - before["seconds"]
    found: dict[str, Any] = {"outcome": "done", "reason": ""}
    after = None
    try:
        with multiply_with(THREADS), np.errstate(all="ignore"):
            figures, after = _fitted(trial, before.get("state"), data, stop)
            found |= figures
    except (TrainingError, OptionError) as error:  # any other is not the trial's: it would strike all of them
        found |= {"outcome": "failed", "reason": str(error)}
    except MemoryError:
        found |= {"outcome": "failed", "reason": "there is not enough memory for this."}
    seconds = round(time.perf_counter() - began, 4)
    state = None if after is None else pickle.dumps({"seconds": seconds, "state": after})
    return found | {"seconds": seconds}, state


def _fitted(
    trial: Trial, before: TrainingState | None, data: Data, stop: Stop
) -> tuple[dict[str, Any], TrainingState | None]:
    prepared = _prepared(trial, data)
    trainer, until = new_trainer(prepared), None
    if trial.share < 1:
        until = math.ceil(trainer.epochs * trial.share)
    if before is not None:
        trainer.load_state(before)
    failure = fit(trainer, stop=stop, until=until)
    if stop():
        return {}, None
    state = trainer.state() if trial.goes_on and failure is None else None
    keep_best(trainer, interrupted=trial.share < 1)  # which has not had the time to get better than guessing
    val, best = prepared.val, trainer.best
    assert val is not None
    assert best is not None
    y = val.y[val.rows]
    predicted = np.concatenate([trainer.loss.classes(Z) for Z in scores(trainer.network, val)])
    right = predicted == y
    return {
        "parameters": trainer.network.size,
        "epochs": len(trainer.history),
        "best_epoch": best.number,
        "stopped": str(failure) if failure else trainer.stopped,
        "val": {
            "accuracy": float(right.mean()),
            "balanced-accuracy": _balanced_accuracy(right, y),
            "loss": best.val_loss,
        },
        "n_val": len(y),
        "right": base64.b64encode(np.packbits(right).tobytes()).decode(),
        "history": [[e.train_loss, e.train_accuracy, e.val_loss, e.val_accuracy] for e in trainer.history],
    }, state


def right_of(record: dict[str, Any], start: int, stop: int) -> NDArray[np.bool_]:
    """Return which of the validation rows from `start`, a multiple of 24, up to `stop` a trial got right."""
    text = record["right"][start // 6 : -(-stop // 24) * 4]  # four signs for 24 rows
    bits = np.frombuffer(base64.b64decode(text), np.uint8)
    return np.unpackbits(bits, count=min(stop, record["n_val"]) - start).astype(bool)


def _balanced_accuracy(right: NDArray[np.bool_], y: Positions) -> float:
    """The mean over the classes, of those that have rows, of the share of their rows that come out right."""
    rows = np.bincount(y)
    return float((np.bincount(y, right)[rows > 0] / rows[rows > 0]).mean())


def of_the_data(config: TrainConfig) -> TrainConfig:
    """The config with what prepared data depend on, and nothing else: not the test rows, which no trial sees."""
    if config.test_data:
        config = dataclasses.replace(config, test_data=(), test=0.0)
    names = [name for name in TrainConfig.options() if can_vary(name) and name not in OF_THE_DATA]
    usual = TrainConfig()
    return dataclasses.replace(config, seed=0, **{name: getattr(usual, name) for name in names})


def _prepared(trial: Trial, data: Data) -> Prepared:
    """The data as this trial wants them; trials that want the same share them."""
    prepared = _prepared_once(of_the_data(trial.config), trial.fold, trial.folds, data)
    config = resolve(trial.config, len(prepared.train), has_val=prepared.val is not None)
    return dataclasses.replace(prepared, config=config)


@functools.lru_cache(maxsize=4)
def _prepared_once(config: TrainConfig, fold: int, folds: int, data: Data) -> Prepared:
    return prepare(config, _opened(data)[config.dtype], (fold, folds) if folds > 1 else None)


@functools.lru_cache(maxsize=1)
def _opened(data: Data) -> Datasets:
    return data.open()
