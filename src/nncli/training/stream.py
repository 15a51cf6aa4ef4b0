"""Learn from rows as they come, one after the other, each once, in constant memory: each is predicted first."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.config.resolve import resolve
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Dataset, canonical_class, spellings_of
from nncli.data.joined import joined
from nncli.data.row_blocks import RowBlock
from nncli.data.scaled_rows import Subset
from nncli.data.sources import STDIN
from nncli.data.table_builder import recoded
from nncli.errors import flag, listing
from nncli.metrics.paired import Difference, compared_shares
from nncli.model.model import Model
from nncli.model.provenance import Fingerprint, Provenance, losses_of
from nncli.nn.online import BLOCK, ROWS
from nncli.system.threads import multiply_with
from nncli.training.before import Before
from nncli.training.final_figures import known_figures
from nncli.training.model_of_run import model_now
from nncli.training.repeated_rows import SAMPLE_ROWS, RowHashes
from nncli.training.state import state_of
from nncli.training.steps import Steps, options_for_steps, prepared_rows, steps_from, with_epochs
from nncli.training.trainer import Trainer

SMALL_STEP = 0.1  # of the step after which adaline would have a row of standardised inputs exactly right
# where nobody knows the end, and no rows are kept back
ALONE: dict[str, Any] = {
    "schedule": "constant", "dropout_schedule": None, "decay_schedule": None,
    "val": 0.0, "test": 0.0, "val_data": (), "test_data": (), "data": STDIN, "rare": None,
    "calibrate": False, "choose_threshold": None, "cost": None, "metric": None, "dedupe": False,
}  # fmt: skip
ON_VALIDATION = ("calibrate", "choose_threshold", "cost")


class StreamRun:
    """A run that goes on from a model with rows of which nobody knows how many will come.

    Rows are taken together, `ROWS` at a time, whatever pieces they come in: the same rows have the same parameters.
    `n` is how many there were; `pairs` counts those that neither model had right, the old one alone, the new one alone,
    and both, each before the new one learned from the row. An average is tried on rows before it learns from them
    together.
    """

    def __init__(self, before: Before, lr: float | None = None) -> None:
        """Go on from a model; `lr` is another learning rate than its own."""
        self.before, self.lr = before, lr
        self.model, self.n, self.pairs = before.model, 0, np.zeros(4, np.int64)
        self.of_class = np.zeros(len(self.model.classes), np.int64)
        self.unseen: Counter[str] = Counter()  # cells with a category that the model does not know, by column
        self._waiting = list[Dataset]()
        self._digest, self._hashes = hashlib.sha256(), np.zeros(0, np.uint64)
        self._steps: Steps | None = None

    def add(self, block: RowBlock) -> None:
        """Take rows, and learn as soon as there are enough to be taken together. Raises TrainingError where numbers
        are no longer finite."""
        assert block.target is not None
        code_of = spellings_of(self.model.classes)  # a reader that knows the classes refuses others
        codes = [code_of[canonical_class(name)] for name in block.target.values]
        y = recoded(block.target, codes, len(self.model.classes))
        self.unseen.update(self.model.preprocess.unseen(block.table))
        made = block.table, y, self.model.classes, self.model.schema, STDIN, ""
        self._waiting.append(Dataset(*made))
        if sum(map(len, self._waiting)) >= ROWS:
            self._learn(at_end=False)

    def finish(self) -> None:
        """Learn from the rows that are left, and end."""
        self._learn(at_end=True)
        if self._steps is not None and not self._steps.trainer.between_epochs:
            self._steps.trainer.end_epoch()

    def notes(self) -> list[str]:
        """Say what the new model does not take over, as it would need validation rows."""
        options = self.model.config.options
        named = [flag(name) for name in ON_VALIDATION if getattr(options, name)]
        return [f"{listing(named)} of the model: left out, as no validation rows are kept back"] if named else []

    @property
    def accuracy(self) -> float:
        """Return the share of rows that the model had right before it learned from them."""
        return float(self.pairs[[1, 3]].sum() / max(1, self.n))

    def difference(self) -> Difference:
        """Return how far the model, as it learned, was more often right than the old one on the same rows."""
        neither, new, old, both = self.pairs.tolist()
        return compared_shares(np.array([neither, old, new, both]))

    def result(self) -> tuple[Model, Provenance]:
        """Return the model, and where it comes from. At least one row must have come."""
        assert self._steps is not None
        steps, trainer = self._steps, self._steps.trainer
        prepared, last = with_epochs(steps.prepared, len(trainer.history)), trainer.history[-1]
        model, provenance = model_now(prepared, trainer)
        hashes = RowHashes(self._hashes, {"train": self._hashes, "val": self._hashes[:0], "test": self._hashes[:0]})
        figures: dict[str, Any] = known_figures(prepared, trainer, last) | {
            "n_train": self.n,
            "train": {**losses_of(last.train_loss, None), "accuracy": self.accuracy},
            "baseline_accuracy": float(self.of_class.max() / self.n),
        }
        provenance = dataclasses.replace(
            provenance,
            source=STDIN,
            files={**provenance.files, "data": Fingerprint(self._digest.hexdigest(), 0)},
            n_rows=self.n,
            figures=figures,
            row_hashes=hashes.sample(),
            class_counts=tuple(self.of_class.tolist()),
            state=state_of(trainer),
            parent=self.before.parent,
        )
        return model, provenance

    def _learn(self, at_end: bool) -> None:
        """Learn from the rows that wait, so many at a time; those that are left wait for others, unless this is the
        end."""
        if not self._waiting:
            return
        rows = joined(self._waiting, self.model.classes)
        start, n = 0, len(rows)
        while start < n and (at_end or n - start >= ROWS):
            self._learn_from(_between(rows, start, min(n, start + ROWS)))
            start += ROWS
        self._waiting = [_between(rows, start, n)] if start < n else []

    def _learn_from(self, rows: Dataset) -> None:
        if self._steps is None:
            self._steps = _begun(self.before, self.lr, rows)
            self._steps.trainer.begin_epoch()
        steps, trainer = self._steps, self._steps.trainer
        was, y = steps.prepared, rows.y.astype(np.int64)
        steps.prepared = prepared_rows(was.config, rows, was.preprocess, was.target, was.decision)
        old = self.model.predicted(self.model.scores(rows.table)) == y
        with multiply_with(1), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            new = _predicted_right(trainer, steps.prepared.train)
        self.n += len(y)
        self.pairs += np.bincount(2 * old + new, minlength=4)
        self.of_class += np.bincount(y, minlength=len(self.of_class))
        hashes = steps.prepared.hashes.every
        self._digest.update(hashes.tobytes())
        self._digest.update(y.tobytes())
        self._hashes = np.unique(np.concatenate([self._hashes, hashes]))[:SAMPLE_ROWS]


def _predicted_right(trainer: Trainer, train: Subset) -> NDArray[np.bool_]:
    """Learn from rows, as a part of the epoch that has begun. Return whether each was predicted right before its step,
    (n,); by an average, before that of the first of a few."""
    batch, right = trainer.go_on_with(train), list[NDArray[np.bool_]]()
    averages = trainer.average.mean is not trainer.network.theta
    at_once = min(BLOCK, trainer.at_once) if averages else trainer.at_once
    while len(trainer.rows_left):
        if averages:
            some = dataclasses.replace(train, rows=trainer.rows_left[:at_once])
            with trainer.parameters.averaged():
                right.append(np.asarray(trainer.evaluator.judged(some).predicted == some.y[some.rows]))
        trainer.step(at_once)
        if not averages:
            right.append(batch.right)
    return np.concatenate(right)


def _begun(before: Before, lr: float | None, rows: Dataset) -> Steps:
    """Return the run before its first row. Adaline, whose steps are those of a batch otherwise, takes the plain one of
    Widrow and Hoff."""
    options = options_for_steps(before.model)
    if before.model.config.training.batch_size != 1:
        small = SMALL_STEP / (before.model.preprocess.width + 1)
        options = dataclasses.replace(options, optimizer="sgd", batch_size=1, lr=small)
    lr = options.lr if lr is None else lr
    options = TrainConfig(**vars(options) | ALONE | {"lr": lr})
    return steps_from(before.model, before.provenance, resolve(options, len(rows), has_val=False), rows)


def _between(rows: Dataset, start: int, stop: int) -> Dataset:
    """Return the rows from one to before another."""
    some = np.arange(start, stop)
    return dataclasses.replace(rows, table=rows.table.take(some), y=rows.y[some])
