"""One training run, from prepared data to a model and its figures: for `train`, `sweep` and the Python API."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncli.data.pictures import shape_to_distort
from nncli.errors import TrainingError, mention
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.model.training_state import Epoch, TrainingState
from nncli.nn.distortions import Distorter
from nncli.nn.layers import Array
from nncli.training.batch import judged_numbers
from nncli.training.distorted_rows import DistortedPictures
from nncli.training.final_figures import chosen_metric, figures_of, known_figures
from nncli.training.guards import Divergence
from nncli.training.misfits import misfits
from nncli.training.model_of_run import (
    SeenRows,
    model_as_used,
    model_so_far,
    provenance_of,
    say_no_state,
    with_predictions,
)
from nncli.training.prepare import Prepared
from nncli.training.seeds import Seeds
from nncli.training.side_by_side import at_its_threads
from nncli.training.state import load_state, state_of
from nncli.training.trainer import Trainer

ROWS_LOOKED_AT, LARGE = 10_000, 100.0  # rows, and the value from which a column should be scaled


@dataclass(frozen=True)
class Run:
    """The result of a training run. `failure` is set if it diverged after at least one good epoch."""

    model: Model
    provenance: Provenance
    figures: dict[str, Any]
    seconds: float
    stopped: str  # why, as the end of a sentence
    notes: list[str]  # on what was decided after training
    misfits: list[str]  # what is wrong with it, a line each
    failure: TrainingError | None


def run_training(
    prepared: Prepared,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    stop: Callable[[], bool] = lambda: False,
    state: TrainingState | None = None,
    saver: PeriodicSaver | None = None,
    keep_state: bool = False,
    reference: str | None = None,
    until: int | None = None,
    theta: Array | None = None,
) -> Run | None:
    """Train, from the parameters `theta` or a `state` if there is one, up to the epoch `until` if there is one, and
    evaluate the best epoch. None if `stop` ended it before one epoch was done.

    A `reference` is trained too, see `reference.py`, and compared with the model.

    `saver` is given the model so far now and then. What it saves can be resumed to the same end, as can a run that
    `stop` has ended, and with `keep_state` any other.

    TrainingError where the very first epoch diverges, or the time limit leaves no time for it; later, the best epoch
    before is kept.
    """
    trainer = new_trainer(prepared)
    if theta is not None:
        trainer.network.theta[:] = theta
        trainer.moved()
    if state is not None:
        load_state(trainer, state)
    began = time.monotonic()

    def after(epoch: Epoch) -> None:
        nonlocal state
        on_epoch(epoch)
        best = trainer.kept.epoch or epoch
        # what would be refused at the end takes no place of a good model before that
        due = saver if saver is not None and saver.is_due() and not _worse_than_guessing(trainer, best) else None
        if due is not None or trainer.limits.is_worth_a_copy:
            state = now = state_of(trainer)
            if due is not None:
                due(model_so_far(prepared, trainer, best, now))

    failure = fit(trainer, after, stop, until)
    seconds = time.monotonic() - began
    interrupted = trainer.stopped == "interrupted"
    if trainer.between_epochs and (interrupted or keep_state):
        state = state_of(trainer)
    elif interrupted and state is not None:
        load_state(trainer, state)  # back to where it can be resumed
    if trainer.kept.epoch is None:
        return None
    if not (failure is None and (interrupted or keep_state)) or len(state.history if state else ()) < len(
        trainer.history
    ):  # out of time, within an epoch
        state = None
    return finished(prepared, trainer, seconds, state, failure, reference, is_whole=until is None)


def finished(
    prepared: Prepared,
    trainer: Trainer,
    seconds: float,
    state: TrainingState | None = None,
    failure: TrainingError | None = None,
    reference: str | None = None,
    is_whole: bool = True,
) -> Run:
    """Evaluate the best epoch of a trainer, of which there is one, after so many seconds of training: a run, with the
    `state` that it can be resumed from, and why it broke off. `is_whole` tells that it was not ended on purpose."""
    interrupted, best = trainer.stopped == "interrupted", trainer.kept.epoch
    assert best is not None
    keep_best(trainer, interrupted=interrupted)
    model, decided, unkept = model_as_used(prepared, trainer)
    notes = [f"calibrated on the validation rows: {model.calibration}"] if model.calibration else []
    if prepared.calibration is not None:
        notes = [f"calibrated on the validation rows, before they were trained on: {model.calibration}"]
    if prepared.config.row_by_row and not interrupted:
        from nncli.training.mistakes import notes_on_mistakes

        averages = trainer.average.mean is not trainer.network.theta
        notes += notes_on_mistakes(trainer.history, best, trainer.loss, averages, is_whole=is_whole)
    if model.target is not None:
        from nncli.training.equation import equation

        notes += equation(model)
        if prepared.val:
            rows = judged_numbers(trainer.network, trainer.loss, prepared.val, model.target)
            model.target = model.target.with_errors(np.abs(rows.predicted - rows.y))
            model = with_predictions(model, rows.predicted)
    notes, failure = notes + decided, failure or unkept
    seen = SeenRows(model)  # the validation rows, of which there are figures anyhow
    figures = known_figures(prepared, trainer, best)
    with at_its_threads(trainer):
        for name, part in (("train", prepared.train), ("val", prepared.val), ("test", prepared.test)):
            figures[name] = figures_of(model, part, seen.add if name == "val" else None) if part else None
    model = seen.kept()
    figures["metric"] = chosen_metric(model, prepared)
    if reference is not None and not interrupted:
        from nncli.training.reference import compare, say_not_compared

        try:
            figures["reference"] = compare(reference, prepared, model)
            notes += say_not_compared(figures["reference"], model, prepared)
        except TrainingError as error:
            failure = failure or error
    state = None if failure else state
    provenance = provenance_of(prepared, trainer, best, figures, state)
    notes += say_no_state(state, provenance)
    wrong = [] if interrupted else misfits(prepared, trainer, model, figures, _loss_of_guessing(trainer))
    return Run(model, provenance, figures, seconds, trainer.stopped, notes, wrong, failure)


class PeriodicSaver:
    """Saves the model so far at the end of an epoch, if so many seconds have passed since the last time.

    None: a second, and so seldom that it takes a twentieth of the time at most.
    """

    def __init__(self, save: Callable[[Model, Provenance], None], seconds: float | None) -> None:
        self.save, self.seconds = save, seconds
        self.last, self.took = time.monotonic(), 0.0

    def is_due(self) -> bool:
        pause = max(1.0, 20 * self.took) if self.seconds is None else self.seconds
        return time.monotonic() - self.last >= pause

    def __call__(self, found: tuple[Model, Provenance]) -> None:
        began = time.monotonic()
        self.save(*found)
        self.last = time.monotonic()
        self.took = self.last - began


def new_trainer(prepared: Prepared) -> Trainer:
    """Return the trainer of the network that the config describes, before the first step."""
    config, K = prepared.config, len(prepared.dataset.classes)
    network, loss = prepared.new_network()
    seeds = Seeds.of(config.options)
    # each member of an ensemble starts from a seed of its own, as a run with that seed would
    own = [Seeds.of(dataclasses.replace(config.options, seed=config.options.seed + i)) for i in range(network.copies)]
    network.initialize(config.model.init, *(np.random.default_rng(one.init) for one in own))
    network.forget_inputs(prepared.preprocess.unseen_inputs)
    if prepared.vectors is not None:
        from nncli.training.word_vectors import start_from

        start_from(prepared.vectors, network)
    shuffle, drop = np.random.default_rng(seeds.shuffle), np.random.default_rng(seeds.dropout)
    return Trainer(
        network,
        loss,
        config,
        prepared.train,
        prepared.val,
        K,
        shuffle,
        drop,
        lambda: _unscaled_column(prepared),
        prepared.decision,
        prepared.target,
        _distorted(prepared, np.random.default_rng(seeds.distort)) if config.training.distort else None,
    )


def _distorted(prepared: Prepared, rng: np.random.Generator) -> DistortedPictures:
    """Return what distorts the training rows of each step as the options say."""
    config, preprocess = prepared.config, prepared.preprocess
    shape, dtype = shape_to_distort(prepared.dataset, prepared.train.rows, preprocess), np.dtype(config.model.dtype)
    return DistortedPictures(Distorter(config.training.distort, shape, dtype, rng), preprocess, dtype)


def fit(
    trainer: Trainer,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    stop: Callable[[], bool] = lambda: False,
    until: int | None = None,
) -> TrainingError | None:
    """Train to the end, or until an epoch; return the error of a run that diverged after a good epoch.

    TrainingError where there is no good one, or no time for it; where `stop` is the reason, there is just no best one.
    """
    failure = None
    try:
        with at_its_threads(trainer):
            for epoch in trainer.run(stop, until):
                on_epoch(epoch)
    except TrainingError as error:
        failure = error
    if trainer.kept.epoch is None and not stop():
        raise failure or TrainingError(
            mention("time_limit"),
            f"expected time for one epoch at least, found {trainer.config.training.time_limit:g} s too short",
            "Nothing is saved",
        )
    return failure


def keep_best(trainer: Trainer, interrupted: bool = False) -> None:
    """Leave the network at its best epoch; TrainingError where that is worse than guessing, unless there was no time
    to get better."""
    trainer.network.theta[:] = trainer.kept.theta
    trainer.network.drop_with(None)
    best = trainer.kept.epoch
    if best and not interrupted and _worse_than_guessing(trainer, best):
        expected = f"a loss near or below that of guessing, {_loss_of_guessing(trainer):.3g}"
        raise trainer.diverged(Divergence(expected, _loss_of(best), epoch=best.number))


def _worse_than_guessing(trainer: Trainer, best: Epoch) -> bool:
    """Tell whether even the best loss is ten times that of scores of 0: finite, but diverged all the same."""
    if trainer.loss.homogeneous:  # the loss of guessing is 0
        return False
    return _loss_of(best) > 10 * _loss_of_guessing(trainer)


def _loss_of_guessing(trainer: Trainer) -> float:
    """Return the loss of scores of 0; of numbers, of the mean of the training rows for these."""
    if trainer.target is not None:
        Y = trainer.rows.train.y[trainer.rows.train.rows][:, None]
        return float(trainer.loss.forward(np.zeros_like(Y), Y, np.empty_like(Y)).mean()) * trainer.evaluator.unit
    Y = np.empty((2, trainer.loss.outputs(trainer.K)))  # of two classes, and any others are like the second
    trainer.loss.write_targets(np.arange(2), Y)
    return float(trainer.loss.forward(np.zeros_like(Y), Y, np.empty_like(Y)).mean())


def _loss_of(epoch: Epoch) -> float:
    return epoch.train_loss if epoch.val_loss is None else epoch.val_loss


def _unscaled_column(prepared: Prepared) -> str:
    """Name a column with numbers much larger than is good for a network, if nothing is scaled."""
    names, rows = prepared.preprocess.number_names, prepared.train.rows[:ROWS_LOOKED_AT]
    if prepared.config.data.scale != "none" or not names:
        return ""
    largest = np.abs(prepared.dataset.table.numbers[rows].astype(np.float64))
    largest = np.nan_to_num(largest, posinf=np.inf).max(axis=0)
    place = int(largest.argmax())
    if largest[place] <= LARGE:
        return ""
    return f"column '{names[place]}' reaches {largest[place]:.3g} and is not scaled"
