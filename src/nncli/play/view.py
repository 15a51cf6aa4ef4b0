"""Describe a training run to the page: what stays as it is while the network learns, and what changes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.task import CLASSIFICATION, REGRESSION
from nncli.play import picture
from nncli.play.plane import Plane
from nncli.play.setup import Setup
from nncli.system.output import counted
from nncli.training.batch import evaluate


def state_of(setup: Setup, plane: Plane, grid: NDArray[Any]) -> dict[str, Any]:
    """Return all that stays as it is while the network learns."""
    prepared, dataset = setup.prepared, setup.prepared.dataset
    schema = prepared.read.schema
    columns = [one.name for one in schema.profile] or [*schema.names, schema.target]
    return {
        "kind": "state",
        "task": CLASSIFICATION if prepared.target is None else REGRESSION,
        "colours": picture.colours_of(setup),
        "is_curve": plane.has_target,
        "data": setup.ask.item.key,
        "name": setup.ask.item.name,
        "is_model": setup.ask.item.model is not None,
        "options": setup.options(),
        "resolved": setup.resolved(),
        "noise": setup.ask.noise,
        "classes": list(dataset.classes),
        "probabilistic": setup.trainer.loss.probabilistic,
        "columns": columns[:200],
        "used": [name for name in dataset.schema.names if name in columns[:200]],
        "numbers": [*(prepared.preprocess.number_names or dataset.schema.of_kind("number"))][:200],
        "target": dataset.schema.target,
        "seen": list(plane.columns),
        "axes": [{"title": one.title, "low": one.low, "high": one.high} for one in plane.axes],
        "plane": plane.note,
        "rows": {name: len(getattr(prepared, name)) for name in ("train", "val", "test")},
        "batch": setup.trainer.rows.batch_size,
        "points": picture.points_of(setup, plane),
        "network": picture.network_of(setup),
        "inputs": picture.maps_of_inputs(setup, grid),
        "grid": picture.GRID,
        "notes": list(setup.notes)[:20],
        "curve": _curve(setup),
    }


def frame_of(setup: Setup, plane: Plane, grid: NDArray[Any], playing: bool) -> dict[str, Any]:
    """Return what changes while the network learns, as it is now."""
    trainer, prepared = setup.trainer, setup.prepared
    last = trainer.history[-1] if trainer.history else None
    trainer.network.drop_with(None)
    try:
        with trainer.parameters.averaged(), np.errstate(all="ignore"):
            maps = picture.maps_of(setup, plane, grid)
            weights = picture.weights_of(setup)
            pictures = picture.pictures_of_weights(setup)
            train = _judged(setup, "train")  # as it is now: the figures of an epoch are taken while θ changes
            held_out = _judged(setup, "test" if len(prepared.test) else "val")
    finally:
        if not trainer.between_epochs:
            trainer.network.drop_with(trainer.drop)
    return {
        "kind": "frame",
        "playing": playing,
        "ended": trainer.stopped if trainer.between_epochs and trainer.has_ended() else "",
        "epoch": setup.epoch,
        "within": len(prepared.train) - len(trainer.rows_left) if not trainer.between_epochs else 0,
        "mistakes": None if last is None else last.mistakes,
        "point": _point(setup.epoch, *train, *held_out),
        "maps": maps,
        "weights": weights,
        "pictures": pictures,
        "command": setup.command(),
        "departed": departures(setup),
    }


def departures(setup: Setup) -> list[str]:
    """Return why the command line does not do quite the same, a clause each."""
    trainer = setup.trainer
    if trainer.between_epochs:
        return setup.departed
    seen = len(setup.prepared.train) - len(trainer.rows_left)
    was = "was" if seen == 1 else "were"
    return [*setup.departed, f"{counted(seen, 'row')} of epoch {setup.epoch + 1:,} {was} learned on top"]


def _curve(setup: Setup) -> list[Any]:
    """Return the epochs before: of a model, those of its training."""
    history = setup.trainer.history
    picked = np.unique(np.linspace(0, len(history) - 1, min(len(history), 200)).astype(int)).tolist()
    return [_point(history[i].number, history[i].train_loss, history[i].train_accuracy,
                   history[i].val_loss, history[i].val_accuracy) for i in picked]  # fmt: skip


def _judged(setup: Setup, name: str) -> tuple[float | None, float | None]:
    """Return the loss and the accuracy of a part, or of numbers the RMSE; of no rows, None."""
    part = getattr(setup.prepared, name)
    if not len(part):
        return None, None
    K = len(setup.prepared.dataset.classes)
    trainer = setup.trainer
    loss, accuracy, _ = evaluate(trainer.network, trainer.loss, part, K)
    return trainer.evaluator.shown(loss, accuracy)


def _point(epoch: int, *figures: float | None) -> list[Any]:
    """Return an epoch with its figures, as JSON can hold them."""
    return [epoch, *(None if one is None or not math.isfinite(one) else float(f"{one:.6g}") for one in figures)]
