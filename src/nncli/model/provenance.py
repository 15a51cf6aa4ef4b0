"""The provenance of a model: its data, the rows of each part, its history, and the state to resume from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Positions
from nncli.data.sources import Source
from nncli.model import training_state
from nncli.model.training_state import Epoch, TrainingState

STORED = ("loss", "log_loss", "accuracy")  # of each part, in a model file


class Fingerprint(NamedTuple):
    """The digest and size of some files together, by which they are recognised later; of none, "" and 0."""

    sha256: str
    n_bytes: int | None  # None: an older version did not note it


class _RowsOfParts:
    """The rows that were kept for validation and test, as bits, and as their numbers."""

    n_rows: int  # of the data
    val_bits: NDArray[np.uint8]  # a bit for each of these rows (np.packbits), set for those in the part; or empty
    test_bits: NDArray[np.uint8]

    @property
    def val_rows(self) -> NDArray[np.int64]:
        """Return the row numbers of the validation rows."""
        return _rows(self.val_bits, self.n_rows)

    @property
    def test_rows(self) -> NDArray[np.int64]:
        """Return the row numbers of the test rows."""
        return _rows(self.test_bits, self.n_rows)


@dataclass(frozen=True)
class EarlierData(_RowsOfParts):
    """The data that a model of before was trained on, by the digest and size of their bytes, and which rows of them
    were kept for validation and test, as `Provenance` has them."""

    source: Source
    file: Fingerprint
    n_rows: int
    val_bits: NDArray[np.uint8]
    test_bits: NDArray[np.uint8]


@dataclass(frozen=True)
class Parent:
    """The model that another one goes on from: the digest of its file, and the data of all models before."""

    sha256: str
    data: tuple[EarlierData, ...]


@dataclass(frozen=True)
class Provenance(_RowsOfParts):
    """A record of where a model comes from: enough to find its test rows again, and to say what was done."""

    version: str  # of the program that trained it
    kernels: str  # that multiplied its matrices, as `threads.kernels` names them; empty: not known
    source: Source
    files: Mapping[str, Fingerprint]  # by the options that name them: data, val_data and test_data
    n_rows: int  # of the data
    val_bits: NDArray[np.uint8]  # a bit for each of these rows (np.packbits), set for those in the part; or empty
    test_bits: NDArray[np.uint8]
    has_test_file: bool  # the test set came from a file of its own, or with the data
    best_epoch: int
    history: NDArray[np.float64]  # (epochs, 5)
    figures: dict[str, Any]  # the final figures, as `train --json` has them
    notes: tuple[str, ...]
    row_hashes: str  # of some training rows, as `RowHashes` writes them; empty: not known
    val_row_hashes: str  # of some validation rows that are like no training row
    class_counts: tuple[int, ...] = ()  # training rows of each class; empty: not known
    state: TrainingState | None = None  # from which the run can be resumed
    parent: Parent | None = None  # None: the run began with random weights

    @property
    def data_so_far(self) -> tuple[EarlierData, ...]:
        """Return the data of this run and of all before it, the newest first."""
        own = EarlierData(self.source, self.files["data"], self.n_rows, self.val_bits, self.test_bits)
        before = () if self.parent is None else self.parent.data
        return (own, *(one for one in before if one.file.sha256 != own.file.sha256))

    def epochs(self, row_by_row: bool) -> list[Epoch]:
        """Return the history, epoch by epoch; of a run `row_by_row` with the mistakes."""
        return training_state.epochs_of(self.history, self.figures["n_train"] if row_by_row else None)


def figures_to_store(figures: dict[str, Any]) -> dict[str, Any]:
    """Return figures as a model file has them: there, `loss` is what training minimises, whatever the log loss is."""
    return _each_part(figures, lambda part: {name: part["objective" if name == "loss" else name] for name in STORED})


def figures_of_file(figures: dict[str, Any]) -> dict[str, Any]:
    """Return the figures that a model file has as `train --json` has them."""
    return _each_part(figures, lambda part: part | losses_of(part["loss"], part["log_loss"]))


def losses_of(objective: float, log_loss: float | None) -> dict[str, float | None]:
    """Return the losses of some rows by name: loss and log loss are one number where there are probabilities, and what
    training minimises, by mean over the rows, is the objective."""
    return {"loss": objective if log_loss is None else log_loss, "log_loss": log_loss, "objective": objective}


def _each_part(figures: dict[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    if "task" in figures:  # numbers have no log loss
        return figures
    parts = {name: figures[name] for name in ("train", "val", "test") if figures[name] is not None}
    found = figures | {name: change(part) for name, part in parts.items()}
    if figures["refit"] is not None:
        its = figures["refit"]
        found["refit"] = {"epoch": its["epoch"], "n_val": its["n_val"], **change(its)}
    return found


def bits(rows: Positions, n_rows: int) -> NDArray[np.uint8]:
    """Pack the row numbers of a part into bits, as `Provenance` has them."""
    if len(rows) == 0:
        return np.zeros(0, np.uint8)
    mask = np.zeros(n_rows, bool)
    mask[rows] = True
    return np.packbits(mask)


def _rows(bits: NDArray[np.uint8], n_rows: int) -> NDArray[np.int64]:
    return np.flatnonzero(np.unpackbits(bits, count=n_rows)) if len(bits) else np.zeros(0, np.int64)
