"""One training of a sweep, and what it came to: what a worker process does."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import json
import math
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nncli import snapshot
from nncli.blas import use_threads
from nncli.config import TrainConfig
from nncli.data.dataset import Dataset
from nncli.errors import NncliError
from nncli.experiment import fit, keep_best, new_trainer
from nncli.prepare import Prepared, prepare
from nncli.resolve import resolve
from nncli.space import can_vary
from nncli.trainer import scores

THREADS = 1  # of the matrix products: jobs use the cores, and the result is the same for any number of them
OF_THE_DATA = ("scale", "dtype", "class_weight")  # options that can vary, and that prepared data depend on


@dataclass(frozen=True)
class Trial:
    """A training: its config, with its seed and that of the split, and its fold of several (or the only one)."""

    config: TrainConfig
    fold: int = 0
    folds: int = 1
    share: float = 1  # of its epochs, before it pauses

    @property
    def key(self) -> str:
        """What the ledger knows it by: the same for the same training of the same data."""
        return self._key(self.share)

    @property
    def whole_key(self) -> str:
        """That of the training to its end."""
        return self._key(1)

    def _key(self, share: float) -> str:
        text = json.dumps([self.config.to_json(), self.fold, self.folds, float(share)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class Data(Protocol):
    """A data set as a worker finds it, and where trainings that pause leave their state."""

    def __hash__(self) -> int: ...
    def open(self) -> Dataset: ...
    def state(self, trial: Trial) -> dict[str, Any] | None: ...
    def keep_state(self, trial: Trial, state: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Shared:
    """A data set in a folder, for processes that see the same files: its arrays are mapped into memory, not copied.

    Trainings that pause leave their state there too. The folder is the sweep's own, and gone at its end.
    """

    folder: str

    @classmethod
    def write(cls, dataset: Dataset, folder: Path) -> Shared:
        import joblib

        joblib.dump(dataset, folder / "data")
        return cls(str(folder))

    def open(self) -> Dataset:
        import joblib

        dataset: Dataset = joblib.load(Path(self.folder) / "data", mmap_mode="r")
        return dataset

    def state(self, trial: Trial) -> dict[str, Any] | None:
        """Where the training paused, if it did."""
        path = self._state_file(trial)
        return pickle.loads(path.read_bytes()) if path.exists() else None

    def keep_state(self, trial: Trial, state: dict[str, Any]) -> None:
        temporary = self._state_file(trial).with_suffix(".tmp")
        temporary.write_bytes(pickle.dumps(state))
        temporary.replace(self._state_file(trial))

    def _state_file(self, trial: Trial) -> Path:
        return Path(self.folder) / f"{trial.whole_key}.state"


class Sent:
    """A data set that was sent to a worker on another machine. There trainings do not pause: they begin again."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __hash__(self) -> int:
        return hash(self.dataset.sha256)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sent) and other.dataset.sha256 == self.dataset.sha256

    def open(self) -> Dataset:
        return self.dataset

    def state(self, trial: Trial) -> dict[str, Any] | None:
        return None

    def keep_state(self, trial: Trial, state: dict[str, Any]) -> None:
        pass


def run_trial(trial: Trial, data: Data, stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Trains, and judges by the validation rows; what the ledger keeps of it. Means nothing once `stop()` is true.

    `outcome` is done, or failed with a `reason`: what `train` would say in its one line. `val` holds the figures that a
    sweep can choose by, `right` one bit for each validation row, in base 64.
    """
    began = time.perf_counter()
    found: dict[str, Any] = {"outcome": "done", "reason": ""}
    try:
        with use_threads(THREADS), np.errstate(all="ignore"):
            found |= _fitted(trial, data, stop)
    except NncliError as error:
        found |= {"outcome": "failed", "reason": str(error)}
    except MemoryError:
        found |= {"outcome": "failed", "reason": "there is not enough memory for this."}
    return found | {"seconds": round(time.perf_counter() - began, 4)}


def _fitted(trial: Trial, data: Data, stop: Callable[[], bool]) -> dict[str, Any]:
    prepared = _prepared(trial, data)
    trainer, until = new_trainer(prepared), None
    if trial.share < 1:
        until = math.ceil(trainer.epochs * trial.share)
    state = data.state(trial)
    if state is not None and (until is None or len(state["own"]["history"]) <= until):
        snapshot.put(trainer, state)
    failure = fit(trainer, stop=stop, until=until)
    if stop():
        return {}
    if trial.share < 1:
        data.keep_state(trial, snapshot.take(trainer))
    keep_best(trainer)
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
    }


def right_of(record: dict[str, Any]) -> NDArray[np.bool_]:
    """Which of the validation rows a trial got right, (n_val,)."""
    bits = np.frombuffer(base64.b64decode(record["right"]), np.uint8)
    return np.unpackbits(bits, count=record["n_val"]).astype(bool)


def _balanced_accuracy(right: NDArray[np.bool_], y: NDArray[np.int64]) -> float:
    """The mean over the classes, of those that have rows, of the share of their rows that come out right."""
    rows = np.bincount(y)
    return float((np.bincount(y, right)[rows > 0] / rows[rows > 0]).mean())


def _prepared(trial: Trial, data: Data) -> Prepared:
    """The data as this trial wants them; trials that want the same share them."""
    names = [name for name in TrainConfig.options() if can_vary(name) and name not in OF_THE_DATA]
    usual = TrainConfig()
    plain = dataclasses.replace(trial.config, seed=0, **{name: getattr(usual, name) for name in names})
    prepared = _prepared_once(plain, trial.fold, trial.folds, data)
    config = resolve(trial.config, len(prepared.train), has_val=prepared.val is not None)
    return dataclasses.replace(prepared, config=config)


@functools.lru_cache(maxsize=4)
def _prepared_once(config: TrainConfig, fold: int, folds: int, data: Data) -> Prepared:
    return prepare(config, _opened(data), (fold, folds) if folds > 1 else None)


@functools.lru_cache(maxsize=1)
def _opened(data: Data) -> Dataset:
    return data.open()
