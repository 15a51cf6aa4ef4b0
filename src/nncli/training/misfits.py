"""Training that came to nothing: what a person should be told of a network, with the likely cause."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.config.rate_factors import factors_of, written_factors
from nncli.config.resolved import TrainingConfig
from nncli.data.scaled_rows import Subset
from nncli.metrics.definitions import METRICS
from nncli.metrics.rows import ScoredRows
from nncli.model.model import Model
from nncli.system.output import WARNING, in_quotes, number, percent
from nncli.training.alike_rows import why_alike, why_nothing_is_learned
from nncli.training.batch import Batch, judged
from nncli.training.final_figures import scored
from nncli.training.guards import HIGH, MODEST_L2, large_factors, tamed
from nncli.training.guessing import Guess, guess, loss_of_shares, say_above
from nncli.training.prepare import Prepared
from nncli.training.trainer import Trainer

MOST_ROWS, FEWEST_ROWS = 5000, 500  # that are looked at: as many as have 8 million scores
MOST_CELLS = 1 << 23
ABSURD = 10  # times the loss of scores of 0: a loss that no training is meant to end with
LOW = 1 / 1000  # times the usual learning rate, or the factor of one
DEAD = "the network is dead, with units that are 0 for all rows: try a lower --lr, or --activation leaky-relu"
STUCK = "the hidden units say the same of all rows: try a lower --lr"
TOO_LITTLE = "it has learned too little: try more --epochs, or another --lr"
SEARCHED = "the columns say little about the target, as no network of the search is better"
SAYS_LITTLE = "the columns say little about the class of new rows"
TOO_FAR = "rows that are unlike the training rows: look for outliers with nncli check"
LARGE_PENALTIES = {"l1": 0.01, "l2": 0.1}  # for inputs that are scaled, most of what could be learned may be lost
# an input that few rows have needs a large weight, which costs much: of texts, most is lost from ten times this on
LARGE_SPARSE_PENALTIES = {"l1": 0.0001, "l2": 0.001}
MODEST_SPARSE_L2 = 0.0001
STEPS, LOWER = tuple(10.0**k for k in range(-2, 5)), 0.95  # down the gradient; of the loss that a step should lower
SAME = 1e-6  # share of their size by which scores may differ, and yet be the same; of 1, where they give probabilities


def misfits(prepared: Prepared, trainer: Trainer, model: Model, figures: dict[str, Any], guessing: float) -> list[str]:
    """Say, a line each, what is wrong with a trained network; `guessing` is the loss of scores of 0."""
    if prepared.target is not None:
        return _of_numbers(prepared, trainer, figures, guessing)
    name, part, groups = next((name, one, groups) for name, one, groups in _parts(prepared) if one)
    most = max(FEWEST_ROWS, min(MOST_ROWS, MOST_CELLS // max(1, trainer.K)))
    some = dataclasses.replace(part, rows=part.rows[:most])
    rows = dataclasses.replace(scored(model, some), groups=None if groups is None else groups[:most])
    losses = {one: figures[key]["objective"] for one, key in KEYS.items() if figures[key]}
    worst = max(losses, key=lambda one: losses[one])
    if not trainer.loss.homogeneous and losses[worst] > ABSURD * guessing:
        loss = prepared.config.objective_name(trainer.K)
        said = f"warning: the {loss} of the {worst} rows is {number(losses[worst])}"
        said += f", that of guessing {number(guessing)}"
        return [f"{said}; most likely {_rate(trainer) or (TOO_FAR if trainer.config.parts else _grown(trainer))}"]
    # with costs or a threshold, what is predicted is not the likeliest class, as somebody asked
    as_asked = prepared.config.options.cost or prepared.config.options.choose_threshold
    found = [] if as_asked else _one_class(prepared, trainer, rows, name, some, figures)
    found = found or _above_guessing(prepared, trainer, rows, name, figures["train"]["log_loss"])
    return found or ([] if as_asked else _no_better(prepared, trainer, figures))


def _of_numbers(prepared: Prepared, trainer: Trainer, figures: dict[str, Any], guessing: float) -> list[str]:
    """Tell of a model whose numbers are far off, or no nearer than the mean, or for its loss than the median, of the
    training rows."""
    losses = {one: figures[key]["loss"] for one, key in KEYS.items() if figures[key]}
    worst = max(losses, key=lambda one: losses[one])
    if losses[worst] > ABSURD * guessing:
        said = f"warning: the loss of the {worst} rows is {number(losses[worst])}"
        said += f", that of always predicting the mean {number(guessing)}"
        return [f"{said}; most likely {_rate(trainer) or TOO_FAR}"]
    if trainer.loss.name == "quantile":  # which is no guess at the middle
        return []
    name = next(one for one, key in reversed(KEYS.items()) if figures[key])
    found, baseline = figures[KEYS[name]], figures["baseline"]
    if found["rmse"] < baseline["mean"]["rmse"] or found["mae"] < baseline["median"]["mae"]:
        return []
    said = f"the numbers of the {name} rows are no nearer to the truth than the mean of the training rows would be"
    cause = "the columns say little about the target" if trainer.is_solvable or name != "training" else TOO_LITTLE
    return [said + _why(prepared, trainer, cause)]


KEYS = {"training": "train", "validation": "val", "test": "test"}


def _parts(prepared: Prepared) -> list[tuple[str, Subset, NDArray[np.int64] | None]]:
    """Return the parts that tell most of a model, the best first: name, rows, and their groups where there are any."""
    held_out = [("test", prepared.test, prepared.test_groups), ("validation", prepared.val, prepared.val_groups)]
    return [*held_out, ("training", prepared.train, None)]


def _one_class(
    prepared: Prepared, trainer: Trainer, rows: ScoredRows, name: str, part: Subset, figures: dict[str, Any]
) -> list[str]:
    """Tell of a network that says the same of all rows of a part, though these are of several classes."""
    first = int(rows.predicted[0])
    if len(rows.present) < 2 or (rows.predicted != first).any():
        return []
    said = (
        f"all {len(rows):,} {name} rows that were looked at are predicted {in_quotes(prepared.dataset.classes[first])}"
    )
    spread, size = float(np.ptp(rows.logits, axis=0).max()), float(np.abs(rows.logits).max())
    if trainer.loss.probabilistic:  # near 0, scores of equal rows differ by rounding errors of larger sums
        size = max(size, 1.0)
    if spread <= SAME * size or size == 0:
        if alike := why_alike(prepared, part):
            return [f"warning: {said}, as {alike}"]
        cause = _setting(trainer) or _dead(trainer) or _not_learned(trainer)
        return [f"warning: {said}, with the same scores; most likely {cause}"]
    if penalty := _penalty(trainer):
        return [f"warning: {said}; most likely {_rate(trainer) or penalty}"]
    shares = class_counts(prepared) / len(prepared.train)
    if shares.max() > 0.6 and trainer.config.training.class_weight == "none":
        cause = f"because {percent(float(shares.max()))} of the training rows are of one class"
        remedy = "--class-weight balanced makes all classes count the same"
        return [f"warning: {said}; most likely {cause}. {remedy}"]
    accuracy = figures["train"]["accuracy"]
    if accuracy >= (1 + shares.max()) / 2:  # at least half of what guessing has wrong
        but = f"{said}, while of the training rows {percent(accuracy)} are right"
        return [f"warning: {but}: {_rate(trainer) or 'they are too few, or say too little of others'}"]
    return [f"warning: {said}; most likely {_rate(trainer) or _not_learned(trainer)}"]


def _no_better(prepared: Prepared, trainer: Trainer, figures: dict[str, Any]) -> list[str]:
    """Tell of a network that knows its own training rows no better than by guessing the commonest class. Of imbalanced
    rows it may rank them well all the same; if it gives no probabilities, balanced accuracy tells."""
    accuracy, shares = figures["train"]["accuracy"], class_counts(prepared) / len(prepared.train)
    if prepared.train.weights is not None or accuracy > shares.max() + 1e-9 or shares.max() == 1:
        return []
    said = f"of its own training rows {percent(accuracy)} are right, no more than by guessing the commonest class"
    most = max(FEWEST_ROWS, min(MOST_ROWS, MOST_CELLS // max(1, trainer.K)))
    of_all = dataclasses.replace(prepared.train, rows=prepared.train.rows[:most])
    rows = judged(trainer.network, trainer.loss, of_all, trainer.K)
    balanced = METRICS.create("balanced-accuracy").value(rows)
    is_useless = not trainer.loss.probabilistic and balanced <= 1 / len(rows.present) + 1e-9
    return [f"{WARNING if is_useless else ''}{said}{_why(prepared, trainer, _not_learned(trainer))}"]


def _above_guessing(
    prepared: Prepared, trainer: Trainer, rows: ScoredRows, name: str, training_loss: float | None
) -> list[str]:
    """Tell of probabilities that are worse than the shares of the classes in the training rows."""
    if training_loss is None or prepared.train.weights is not None:
        return []  # weights of rows or classes move the probabilities, as somebody asked
    counts = class_counts(prepared)
    if counts.max() == counts.sum():
        return []  # of one class, which is guessed without fail
    guessed = loss_of_shares(counts)
    if training_loss > guessed:
        said = say_above("its own training rows", Guess(training_loss, guessed, is_sure=True))
        return [said + _why(prepared, trainer, _not_learned(trainer))]
    found = guess(rows, counts)
    if found.loss <= found.guessed:
        return []
    cause = "it is too sure of what it learned by heart, or the columns say little about the class"
    calibrated = trainer.config.training.calibrate or not trainer.val
    remedy = f": --l2 {_more_l2(trainer):g}{'' if calibrated else ' or --calibrate'} makes it less sure"
    cause += "" if trainer.config.parts else remedy
    return [f"{say_above(f'the {name} rows', found)}; most likely {_rate(trainer) or cause}"]


def class_counts(prepared: Prepared) -> NDArray[np.int64]:
    """Return how many training rows each class has, (K,); nothing of numbers."""
    if prepared.target is not None:
        return np.zeros(0, np.int64)
    return np.bincount(prepared.dataset.y[prepared.train.rows], minlength=len(prepared.dataset.classes))


def _rate(trainer: Trainer) -> str:
    """Blame the learning rate if it is far above or below the usual one, or a factor of it; empty if neither is."""
    usual, lr_scale = trainer.optimizer.default_lr, trainer.config.training.lr_scale
    if trainer.optimizer.smooth:
        return ""
    rate = trainer.learning_rate.base
    if not LOW * usual < rate <= HIGH * usual:
        return f"the learning rate {rate:g} is too {'low' if rate < usual else 'high'}: try --lr {usual:g}"
    if factors := large_factors(lr_scale):
        told = f"--lr-scale {written_factors(factors)} is too large a factor of the learning rate"
        return f"{told}: try --lr-scale {tamed(lr_scale)}"
    of_weights = factors_of(lr_scale).get("weight", 1.0) if lr_scale else 1.0
    if isinstance(of_weights, float) and of_weights <= LOW:
        return f"--lr-scale weight={of_weights:g} leaves the weights nearly as they were drawn: leave it out"
    return ""


def _grown(trainer: Trainer) -> str:
    return f"the scores have grown without bound: try --l2 {_more_l2(trainer):g}"


def _more_l2(trainer: Trainer) -> float:
    """Return a stronger L2 penalty than there is."""
    return max(MODEST_SPARSE_L2 if _is_sparse(trainer) else MODEST_L2, 10 * trainer.config.training.l2)


def _is_sparse(trainer: Trainer) -> bool:
    """Tell whether most inputs of a row are 0, as those of texts are."""
    return trainer.rows.train.matrix.is_sparse


def _dead(trainer: Trainer) -> str:
    """Blame the hidden units, if there are some."""
    if not trainer.config.model.hidden:
        return ""
    return DEAD if "relu" in trainer.config.model.activation.split(",") else STUCK


def _penalty(trainer: Trainer) -> str:
    """Blame a large penalty on the weights, if a step down the loss of the training rows alone would lower that, which
    training could not; empty if not. Sparse rows have so many inputs that their loss can always be lower."""
    penalty, network = large_penalty(trainer.config.training, _is_sparse(trainer)), trainer.network
    if not penalty:
        return ""
    blamed = f"the penalty {penalty} keeps the weights too near to 0: try a hundredth of it, or leave it out"
    if _is_sparse(trainer):
        return blamed
    rows = trainer.rows.train.rows[: max(FEWEST_ROWS, min(MOST_ROWS, MOST_CELLS // max(1, trainer.K)))]
    batch = Batch(trainer.rows.train, trainer.loss, trainer.K, network, len(rows), each_member=True)
    theta = network.theta.copy()
    with np.errstate(all="ignore"):
        loss, gradient, least = batch.learn(rows).loss, network.grad.copy(), np.inf
        for step in STEPS:
            network.theta[:] = theta - step * gradient
            least = np.fmin(least, batch.forward(rows).loss)
    network.theta[:] = theta
    return "" if least > LOWER * loss else blamed


def large_penalty(how: TrainingConfig, is_sparse: bool) -> str:
    """Write the options of penalties on the weights that are large, of rows of which most inputs are 0 or of others;
    empty if there are none."""
    limits = LARGE_SPARSE_PENALTIES if is_sparse else LARGE_PENALTIES
    return " and ".join(
        f"--{name} {getattr(how, name):g}" for name, most in limits.items() if getattr(how, name) > most
    )


def _why(prepared: Prepared, trainer: Trainer, cause: str) -> str:
    """Say why little was learned: nothing differs, or an option of the run, or else the `cause`."""
    nothing = why_nothing_is_learned(prepared)
    return f", as {nothing}" if nothing else f"; most likely {_setting(trainer) or cause}"


def _setting(trainer: Trainer) -> str:
    """Blame an option of the run that nearly nothing can be learned with, or the columns where a search has chosen the
    options; empty if there is none."""
    if trainer.config.parts:
        return SEARCHED
    unscaled = trainer.unscaled_column()
    return _rate(trainer) or (f"{unscaled}: try --scale auto" if unscaled else "") or _penalty(trainer)


def _not_learned(trainer: Trainer) -> str:
    if trainer.config.parts:
        return SEARCHED
    best = trainer.kept.epoch.number if trainer.val and trainer.kept.epoch else len(trainer.history)
    if best == 1 < len(trainer.history):
        return f"{SAYS_LITTLE}: no later epoch was better on the validation rows"
    if trainer.config.model.is_linear and not _is_sparse(trainer):  # of many inputs, one separates nearly all rows
        return "no straight line separates these classes: try --model mlp"
    if best < len(trainer.history):
        return f"{SAYS_LITTLE}: no epoch after epoch {best} was better on the validation rows"
    return TOO_LITTLE
