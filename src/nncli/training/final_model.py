"""Train the model that is saved: in one run, on the validation rows too, or after cross-validation."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from nncli.config.usual_model import choices_in
from nncli.model.model import Model
from nncli.model.training_state import Epoch, TrainingState
from nncli.system.output import counted, percent, quantity
from nncli.system.workers import Stop, never
from nncli.training.model_of_run import with_predictions
from nncli.training.prepare import Prepared, prepare
from nncli.training.run import PeriodicSaver, Run, run_training

CHOSEN = "the number of epochs that was chosen"  # why the final run ended


def train_model(
    prepared: Prepared,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    stop: Stop = never,
    state: TrainingState | None = None,
    saver: PeriodicSaver | None = None,
    keep_state: bool = False,
    reference: str | None = None,
    on_fold: Callable[[int], None] = lambda number: None,
) -> Run | None:
    """Train as the options say; see `run_training`. None if `stop` ended it before there was a model."""
    options = prepared.config.options
    if options.preset.searches:
        from nncli.training.search import search

        return search(prepared, on_epoch, stop, reference)
    if options.folds is not None:
        from nncli.training.cross_validation import cross_validate

        began = time.monotonic()
        found = cross_validate(prepared, stop, on_fold)
        if found is None:
            return None
        figures, epochs, notes, predicted = found
        run = run_training(prepared, on_epoch, stop, reference=reference, until=epochs)
        if run is None or run.stopped == "interrupted":
            return None
        mean = "the mean of the epochs that were best for the folds"
        most, stopped = _length(run, epochs)
        note = f"trained on all {counted(len(prepared.train), 'row')} for {most}, {mean}"
        run = dataclasses.replace(
            run,
            model=with_predictions(run.model, predicted),
            notes=[note, *notes, *run.notes],
            stopped=stopped,
            seconds=time.monotonic() - began,
        )
        return _with(run, {"folds": figures})
    if not options.refit:
        return run_training(prepared, on_epoch, stop, state, saver, keep_state, reference)
    # its state stays, for a run that is interrupted while it is trained on all rows
    first = run_training(prepared, on_epoch, stop, state, saver, keep_state=True)
    if first is None or first.failure or first.stopped == "interrupted":
        return first
    chosen = {"epoch": first.figures["best_epoch"], "n_val": first.figures["n_val"], **first.figures["val"]}
    joined = prepare(options, prepared.read, refit=prepared.config, chosen=choices_in(prepared.notes))
    joined = dataclasses.replace(joined, calibration=first.model.calibration)
    final = run_training(joined, stop=stop, reference=reference, until=chosen["epoch"])
    if final is None or final.stopped == "interrupted":
        return dataclasses.replace(first, stopped="interrupted")
    rows = counted(len(joined.train), "row")
    said = f"chosen by {counted(chosen['n_val'], 'validation row')}"
    if joined.target is not None:
        said += f", with an RMSE of {quantity(chosen['rmse'])}"
    else:
        said += f", {percent(chosen['accuracy'])} of them right"
    most, stopped = _length(final, chosen["epoch"])
    note = f"refit: trained anew on all {rows} for {most}, as {said}"
    seconds = first.seconds + final.seconds
    final = dataclasses.replace(
        final,
        model=_with_validation_of(first.model, final.model),
        notes=[note, *final.notes],
        stopped=stopped,
        seconds=seconds,
    )
    return _with(final, {"refit": chosen})


def _with_validation_of(first: Model, model: Model) -> Model:
    """Return a model with what the first one, which had not seen them, said of the validation rows: later predictions,
    intervals and prediction sets are judged by that. The model has seen more rows, and is hardly ever worse."""
    if first.distribution is not None and model.distribution is not None:
        distribution = dataclasses.replace(model.distribution, predictions=first.distribution.predictions)
        model = dataclasses.replace(model, distribution=distribution)
    if first.target is not None and model.target is not None:
        return dataclasses.replace(model, target=dataclasses.replace(model.target, errors=first.target.errors))
    return dataclasses.replace(model, own_probabilities=first.own_probabilities)


def _length(run: Run, chosen: int) -> tuple[str, str]:
    """Say how many epochs were chosen for the final run, and why it ended: with them, or before them."""
    epochs = counted(chosen, "epoch")
    return (epochs, CHOSEN) if run.figures["epochs"] == chosen else (f"{epochs} at most", run.stopped)


def _with(run: Run, more: dict[str, Any]) -> Run:
    """Return a run with further figures, in its model too."""
    figures = run.figures | more
    return dataclasses.replace(run, figures=figures, provenance=dataclasses.replace(run.provenance, figures=figures))
