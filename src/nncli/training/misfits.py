"""Training that came to nothing: what a person should be told of a network, with the likely cause."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nncli.data.scaled_rows import Subset
from nncli.metrics.definitions import METRICS
from nncli.metrics.rows import ScoredRows
from nncli.nn.optimizers import OPTIMIZERS
from nncli.system.output import in_quotes, number, percent
from nncli.training.batch import judged
from nncli.training.prepare import Prepared
from nncli.training.trainer import Trainer

MOST_ROWS = 5000  # that are looked at
ABSURD = 10  # times the loss of scores of 0: a loss that no training is meant to end with
HIGH = 10  # times the usual learning rate
DEAD = "the network is dead, with units that are 0 for all rows: try a lower --lr, or --activation leaky-relu"
GROWN = "the scores have grown without bound: try --l2 0.01"
TOO_LITTLE = "it has learned too little: try more --epochs, or another --lr"
SAME = 1e-6  # share of their size by which scores may differ, and yet be the same


def misfits(prepared: Prepared, trainer: Trainer, figures: dict[str, Any], guessing: float) -> list[str]:
    """Say, a line each, what is wrong with a trained network; `guessing` is the loss of scores of 0."""
    name, part = next((name, one) for name, one in _parts(prepared).items() if one)
    some = dataclasses.replace(part, rows=part.rows[:MOST_ROWS])
    rows = judged(trainer.network, trainer.loss, some, trainer.K)
    losses = {one: figures[key]["loss"] for one, key in KEYS.items() if figures[key]}
    worst = max(losses, key=lambda one: losses[one])
    if not trainer.loss.homogeneous and losses[worst] > ABSURD * guessing:
        said = f"warning: the loss of the {worst} rows is {number(losses[worst])}"
        said += f", that of guessing {number(guessing)}"
        return [f"{said}; most likely {_rate(trainer) or GROWN}"]
    if prepared.config.options.cost or prepared.config.options.choose_threshold:
        return []  # what is predicted is not the likeliest class, as somebody asked
    found = _one_class(prepared, trainer, rows, name) or _no_better(prepared, trainer, figures)
    return found or _above_guessing(prepared, trainer, rows, name, figures["train"]["loss"])


KEYS = {"training": "train", "validation": "val", "test": "test"}


def _parts(prepared: Prepared) -> dict[str, Subset]:
    return {"test": prepared.test, "validation": prepared.val, "training": prepared.train}


def _one_class(prepared: Prepared, trainer: Trainer, rows: ScoredRows, name: str) -> list[str]:
    """Tell of a network that says the same of all rows, though these are of several classes."""
    first = int(rows.predicted[0])
    if len(rows.present) < 2 or (rows.predicted != first).any():
        return []
    said = (
        f"all {len(rows):,} {name} rows that were looked at are predicted {in_quotes(prepared.dataset.classes[first])}"
    )
    spread, size = float(np.ptp(rows.logits, axis=0).max()), float(np.abs(rows.logits).max())
    if spread <= SAME * size or size == 0:
        cause = _rate(trainer) or (DEAD if trainer.config.model.hidden else _not_learned(trainer))
        return [f"warning: {said}, with the same scores; most likely {cause}"]
    shares = _shares(prepared)
    if shares.max() > 0.6 and trainer.config.training.class_weight == "none":
        cause = f"because {percent(float(shares.max()))} of the training rows are of one class"
        remedy = "--class-weight balanced makes all classes count the same"
        return [f"warning: {said}; most likely {cause}. {remedy}"]
    return [f"warning: {said}; most likely {_rate(trainer) or _not_learned(trainer)}"]


def _no_better(prepared: Prepared, trainer: Trainer, figures: dict[str, Any]) -> list[str]:
    """Tell of a network that knows its own training rows no better than by guessing the commonest class."""
    accuracy, shares = figures["train"]["accuracy"], _shares(prepared)
    if prepared.train.weights is not None or accuracy > shares.max() + 1e-9 or shares.max() == 1:
        return []
    said = f"of its own training rows {percent(accuracy)} are right, no more than by guessing the commonest class"
    return [f"{said}; most likely {_rate(trainer) or _not_learned(trainer)}"]


def _above_guessing(
    prepared: Prepared, trainer: Trainer, rows: ScoredRows, name: str, training_loss: float
) -> list[str]:
    """Tell of probabilities that are worse than the shares of the classes in the training rows."""
    is_likelihood = trainer.loss.name == "cross-entropy" or (
        trainer.loss.name == "binary-cross-entropy" and rows.logits.shape[1] == 1
    )
    if not is_likelihood or prepared.train.weights is not None or prepared.config.training.calibrate:
        return []  # after calibration the loss is another one
    shares = np.maximum(_shares(prepared), 1 / (len(prepared.train) + 1))
    loss, guessed = METRICS.create("log-loss").value(rows), float(-np.log(shares)[rows.y].mean())
    if loss <= guessed:
        return []
    said = f"the loss of the {name} rows, {number(loss)}, is above that of guessing the shares of the classes"
    cause = "it is too sure of what it learned by heart, or the columns say little about the class: "
    cause += "--l2 0.01 or --calibrate makes it less sure"
    if training_loss > -float((shares * np.log(shares)).sum()):  # above that of guessing its own rows
        cause = TOO_LITTLE
    return [f"{said}, {number(guessed)}; most likely {_rate(trainer) or cause}"]


def _shares(prepared: Prepared) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the share of each class in the training rows, (K,)."""
    counts = np.bincount(prepared.dataset.y[prepared.train.rows], minlength=len(prepared.dataset.classes))
    shares: np.ndarray[Any, np.dtype[np.float64]] = counts / counts.sum()
    return shares


def _rate(trainer: Trainer) -> str:
    """Blame the learning rate if it is far above the usual one; empty if not."""
    usual = OPTIMIZERS.create(trainer.config.training.optimizer).default_lr
    if trainer.optimizer.smooth or trainer.lr <= HIGH * usual:
        return ""
    return f"the learning rate {trainer.lr:g} is too high: try --lr {usual:g}"


def _not_learned(trainer: Trainer) -> str:
    if trainer.val and trainer.best and trainer.best.number == 1 < len(trainer.history):
        return "the columns say little about the class of new rows: no later epoch was better on the validation rows"
    if not trainer.config.model.hidden:
        return "no straight line separates these classes: try --model mlp"
    return TOO_LITTLE
