"""One run, from prepared data to a model and its honest figures: what `train`, `sweep` and the Python API share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nncli import __version__, snapshot
from nncli.blas import multiply_with
from nncli.checkpoint import Provenance, bits, history_of
from nncli.config import TrainConfig
from nncli.data.bundled import BUNDLED
from nncli.data.files import shown
from nncli.data.matrix import Subset
from nncli.errors import TrainingError
from nncli.model import Model, build_network
from nncli.nn.calibration import calibrate
from nncli.nn.optimizers import OPTIMIZERS
from nncli.option import FULL_BATCH
from nncli.prepare import Prepared, seeds
from nncli.trainer import Epoch, Trainer, evaluate, scores


@dataclass(frozen=True)
class Run:
    """What came out. `failure` is set where the run diverged after at least one good epoch."""

    model: Model
    provenance: Provenance
    figures: dict[str, Any]
    seconds: float
    stopped: str  # why, as the end of a sentence
    notes: tuple[str, ...]  # what was decided after training, a line each
    failure: TrainingError | None


def run(
    prepared: Prepared,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    stop: Callable[[], bool] = lambda: False,
    state: dict[str, Any] | None = None,
) -> Run | None:
    """Trains, on from a `snapshot` if there is one, and evaluates the best epoch. None if `stop` ended it before one
    epoch was done.

    TrainingError where the very first epoch diverges, or the time limit leaves no time for it; later, the best epoch
    before is kept.
    """
    config, classes = prepared.config, prepared.dataset.classes
    K = len(classes)
    trainer = new_trainer(prepared)
    if state is not None:
        snapshot.put(trainer, state)
    began = time.monotonic()
    failure = fit(trainer, on_epoch, stop)
    if trainer.best is None:
        return None
    seconds = time.monotonic() - began
    keep_best(trainer, interrupted=stop())
    network, loss = trainer.network, trainer.loss
    calibration = None
    if config.calibrate:
        assert prepared.val is not None
        rows, weights = prepared.val.rows, prepared.val.weights
        Z = np.concatenate([Z.copy() for Z in scores(network, prepared.val)])
        calibration = calibrate(Z, prepared.val.y[rows], loss, K, None if weights is None else weights[rows])
    model = Model(config, prepared.dataset.schema, prepared.preprocess, network, loss, classes, calibration)
    figures = _figures(prepared, model, trainer)
    dataset = prepared.dataset
    provenance = Provenance(
        version=__version__,
        source=dataset.source,
        sha256=dataset.sha256,
        test_sha256=prepared.test_sha256,
        n_rows=len(dataset),
        val_bits=bits(prepared.split.val, len(dataset)),
        test_bits=bits(prepared.split.test, len(dataset)),
        has_test_file=prepared.test is not None and len(prepared.split.test) == 0,
        best_epoch=trainer.best.number,
        history=history_of(trainer.history),
        figures=figures,
        notes=prepared.notes,
    )
    notes: tuple[str, ...] = ()
    if calibration is not None:
        notes = (f"calibrated on the validation rows: {calibration}; the losses below are those of training",)
    return Run(model, provenance, figures, seconds, trainer.stopped, notes, failure)


def new_trainer(prepared: Prepared) -> Trainer:
    """The trainer of the network that the config describes, before the first step."""
    config, K = prepared.config, len(prepared.dataset.classes)
    network, loss = build_network(config, prepared.preprocess.width, K)
    _, init, shuffle, drop = map(np.random.default_rng, seeds(config))
    network.initialize(config.init, init)
    network.forget_inputs(prepared.preprocess.dead)
    return Trainer(network, loss, config, prepared.train, prepared.val, K, shuffle, drop)


def fit(
    trainer: Trainer,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    stop: Callable[[], bool] = lambda: False,
    until: int | None = None,
) -> TrainingError | None:
    """Trains to the end, or until an epoch; returns the error of a run that diverged after a good epoch.

    TrainingError where there is no good one, or no time for it; where `stop` is the reason, there is just no best one.
    """
    failure = None
    try:
        # the products of a few rows are too small to share out, and threads that wait for one another cost dear
        with multiply_with(1 if trainer.row_by_row else None):
            for epoch in trainer.run(stop, until):
                on_epoch(epoch)
    except TrainingError as error:
        failure = error
    if trainer.best is None and not stop():
        raise failure or TrainingError(
            "--time-limit",
            f"expected time for one epoch at least, found {trainer.config.time_limit:g} s too short",
            "Nothing is saved",
        )
    return failure


def keep_best(trainer: Trainer, interrupted: bool = False) -> None:
    """Leaves the network at its best epoch; TrainingError where that is worse than guessing, unless there was no time
    to get better."""
    trainer.network.theta[:] = trainer.best_theta
    trainer.network.drop_with(None)
    if not interrupted:
        _refuse_worse_than_guessing(trainer)


def _refuse_worse_than_guessing(trainer: Trainer) -> None:
    """TrainingError where even the best loss is ten times that of scores of 0: finite, but diverged all the same."""
    assert trainer.best is not None
    if trainer.loss.homogeneous:  # the loss of guessing is 0
        return
    Y = trainer.loss.targets(trainer.K)
    Z = np.zeros_like(Y)
    guessing = float(trainer.loss.forward(Z, Y, np.empty_like(Y)).mean())
    found = trainer.best.train_loss if trainer.best.val_loss is None else trainer.best.val_loss
    if found > 10 * guessing:
        raise trainer.divergence(trainer.best.number, f"a loss near or below that of guessing, {guessing:.3g}", found)


def _figures(prepared: Prepared, model: Model, trainer: Trainer) -> dict[str, Any]:
    """Loss and accuracy of the kept θ on each part, and what always guessing the commonest class would get."""
    y = prepared.dataset.y
    majority = np.bincount(y[prepared.train.rows]).argmax()
    parts: dict[str, Any] = {}
    for name in ("train", "val", "test"):
        part: Subset | None = getattr(prepared, name)
        if part is None:
            parts[name] = None
        else:
            loss, accuracy, _ = evaluate(model.network, model.loss, part, len(model.classes))
            if model.calibration:  # which may move the border between two classes
                predicted = np.concatenate([model.predicted(Z) for Z in scores(model.network, part)])
                accuracy = float(np.mean(predicted == part.y[part.rows]))
            parts[name] = {"loss": loss, "accuracy": accuracy}
    judged = prepared.test or prepared.val or prepared.train
    assert trainer.best is not None
    return {
        "model": model.config.model,
        "classes": list(model.classes),
        "n_train": len(prepared.train),
        "n_val": len(prepared.val) if prepared.val else 0,
        "n_test": len(prepared.test) if prepared.test else 0,
        "epochs": len(trainer.history),
        "best_epoch": trainer.best.number,
        **parts,
        "baseline_accuracy": float(np.mean(judged.y[judged.rows] == majority)),
    }


def summary(prepared: Prepared) -> list[str]:
    """What was decided for the user, a line each."""
    config, dataset = prepared.config, prepared.dataset
    network, _ = build_network(config, prepared.preprocess.width, len(dataset.classes))
    bundled = "bundled " if config.data in BUNDLED and not Path(config.data).exists() else ""
    texts = [f"'{name}'" for name in dataset.schema.of_kind("text") if name not in config.categorical]
    columns = len(dataset.schema.columns)
    noun = "column" if columns == 1 else "columns"
    activation = f"{config.activation}, " if config.activation else ""
    rate = f"learning rate {config.lr:g} ({config.schedule}), "
    if OPTIMIZERS.create(config.optimizer or "").smooth:
        rate = ""
    averaged = "" if config.average == "none" else f"parameters averaged ({config.average}), "
    held = regularisation(config)
    batch = {FULL_BATCH: "the whole set at once", 1: "one row at a time"}.get(
        config.batch_size or FULL_BATCH, f"batches of {config.batch_size}"
    )
    parts = [f"{len(prepared.train):,} training"]
    for name, part, own in (("validation", prepared.val, config.val_data), ("test", prepared.test, config.test_data)):
        own = "their own file" if name == "test" and dataset.test is not None else own
        parts.append(f"{len(part) if part else 0:,} {name}" + (f" (from {own})" if own else ""))
    return [
        f"data: {bundled}{shown(config.data)}, {len(dataset):,} rows, {columns:,} {noun}, "
        f"{len(dataset.classes):,} classes",
        f"rows: {', '.join(parts)}",
        f"model: {config.model} {network.widths_shown()}, {activation}{network.size:,} parameters, {config.loss}",
        *([f"read as text: {', '.join(texts[:10])}{', …' if len(texts) > 10 else ''}"] if texts else []),
        f"training: {config.optimizer}, {rate}{batch}, {averaged}at most {config.epochs} epochs",
        *([f"regularisation: {', '.join(held)}"] if held else []),
    ]


def regularisation(config: TrainConfig) -> list[str]:
    """What holds the parameters down, and what the classes count, each in a few words."""
    held = [
        f"{name.replace('_', ' ')} {getattr(config, name):g}"
        for name in ("dropout", "input_dropout", "l1", "l2", "max_norm", "clip_norm", "label_smoothing")
        if getattr(config, name)
    ]
    return held if config.class_weight == "none" else [*held, f"{config.class_weight} classes"]


def plan(prepared: Prepared) -> dict[str, Any]:
    """What `train --dry-run` shows: everything decided before the first step."""
    network, _ = build_network(prepared.config, prepared.preprocess.width, len(prepared.dataset.classes))
    return {
        "classes": list(prepared.dataset.classes),
        "n_train": len(prepared.train),
        "n_val": len(prepared.val) if prepared.val else 0,
        "n_test": len(prepared.test) if prepared.test else 0,
        "inputs": prepared.preprocess.width,
        "parameters": network.size,
        "config": prepared.config.to_json(),
        "notes": list(prepared.notes),
    }
