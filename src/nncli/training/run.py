"""One run, from prepared data to a model and its honest figures: what `train`, `sweep` and the Python API share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncli import __version__
from nncli.data.scaled_rows import Subset
from nncli.errors import TrainingError
from nncli.model.model import Model, build_network
from nncli.model.provenance import Provenance, bits
from nncli.model.training_state import Epoch, Snapshot, rows_of
from nncli.nn.calibration import Calibration, calibrate
from nncli.nn.network import Network
from nncli.system.threads import kernels, multiply_with
from nncli.training.batch import evaluate, scores
from nncli.training.prepare import Prepared, seeds
from nncli.training.state import put, take
from nncli.training.trainer import LONG, Trainer

ROWS_LOOKED_AT, LARGE = 10_000, 100.0  # for a column that is not scaled, and should be


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


def run_training(
    prepared: Prepared,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    stop: Callable[[], bool] = lambda: False,
    state: Snapshot | None = None,
    keep: Keeper | None = None,
    keep_state: bool = False,
) -> Run | None:
    """Trains, on from a `snapshot` if there is one, and evaluates the best epoch. None if `stop` ended it before one
    epoch was done.

    `keep` is given the model so far now and then. It goes on from its state to the same end, as a run does that `stop`
    has ended, and with `keep_state` any other.

    TrainingError where the very first epoch diverges, or the time limit leaves no time for it; later, the best epoch
    before is kept.
    """
    config = prepared.config
    trainer = new_trainer(prepared)
    if state is not None:
        put(trainer, state)
    began = time.monotonic()

    def after(epoch: Epoch) -> None:
        nonlocal state
        on_epoch(epoch)
        # what would be refused at the end takes no place of a good model before that
        due = keep is not None and keep.is_due() and not _worse_than_guessing(trainer)
        if due or trainer.took > LONG:
            state = take(trainer)
        if due and keep is not None and state is not None:
            keep(so_far(prepared, trainer, state))

    failure = fit(trainer, after, stop)
    if trainer.best is None:
        return None
    seconds = time.monotonic() - began
    interrupted = trainer.stopped == "interrupted"
    if trainer.between and (interrupted or keep_state):
        state = take(trainer)
    elif interrupted and state is not None:
        put(trainer, state)  # back to where one can go on from
    keep_best(trainer, interrupted=interrupted)
    calibration = _calibrated(prepared, trainer) if config.calibrate else None
    model = _model(prepared, trainer.network, trainer, calibration)
    figures = _figures(prepared, model, trainer)
    left = state if failure is None and (interrupted or keep_state) else None
    if left is not None and len(left.history) < len(trainer.history):  # out of time, in the middle of an epoch
        left = None
    provenance = _provenance(prepared, trainer, figures, left)
    notes: tuple[str, ...] = ()
    if calibration is not None:
        notes = (f"calibrated on the validation rows: {calibration}; the losses below are those of training",)
    return Run(model, provenance, figures, seconds, trainer.stopped, notes, failure)


class Keeper:
    """Saves the model so far, often enough: at the end of an epoch, if so many seconds have passed since the last time.

    None: a second, and so seldom that it takes a twentieth of the time at most.
    """

    def __init__(self, save: Callable[[tuple[Model, Provenance]], None], seconds: float | None) -> None:
        self.save, self.seconds = save, seconds
        self.last, self.took = time.monotonic(), 0.0

    def is_due(self) -> bool:
        pause = max(1.0, 20 * self.took) if self.seconds is None else self.seconds
        return time.monotonic() - self.last >= pause

    def __call__(self, found: tuple[Model, Provenance]) -> None:
        began = time.monotonic()
        self.save(found)
        self.last = time.monotonic()
        self.took = self.last - began


def so_far(prepared: Prepared, trainer: Trainer, state: Snapshot) -> tuple[Model, Provenance]:
    """The best model until now, with the state to go on from; the test rows are not looked at."""
    network, _ = build_network(prepared.config, prepared.preprocess.width, len(prepared.dataset.classes))
    network.theta[:] = trainer.best_theta
    best = trainer.best
    assert best is not None
    val = None if best.val_loss is None else {"loss": best.val_loss, "accuracy": best.val_accuracy}
    figures = _known(prepared, trainer) | {"val": val}
    return _model(prepared, network, trainer, None), _provenance(prepared, trainer, figures, state)


def _model(prepared: Prepared, network: Network, trainer: Trainer, calibration: Calibration | None) -> Model:
    dataset = prepared.dataset
    return Model(
        prepared.config, dataset.schema, prepared.preprocess, network, trainer.loss, dataset.classes, calibration
    )


def _provenance(prepared: Prepared, trainer: Trainer, figures: dict[str, Any], state: Snapshot | None) -> Provenance:
    dataset, split = prepared.dataset, prepared.split
    assert trainer.best is not None
    return Provenance(
        version=__version__,
        source=dataset.source,
        file_bytes=dataset.file_bytes,
        val_bytes=prepared.val_bytes,
        test_bytes=prepared.test_bytes,
        sha256=dataset.sha256,
        val_sha256=prepared.val_sha256,
        test_sha256=prepared.test_sha256,
        kernels=kernels(),
        n_rows=len(dataset),
        val_bits=bits(split.val, len(dataset)),
        test_bits=bits(split.test, len(dataset)),
        has_test_file=prepared.test is not None and len(split.test) == 0,
        best_epoch=trainer.best.number,
        history=rows_of(trainer.history),
        figures=figures,
        notes=prepared.notes,
        state=state,
    )


def _calibrated(prepared: Prepared, trainer: Trainer) -> Calibration:
    val = prepared.val
    assert val is not None
    Z = np.concatenate([Z.copy() for Z in scores(trainer.network, val)])
    weights = None if val.weights is None else val.weights[val.rows]
    return calibrate(Z, val.y[val.rows].astype(np.int64), trainer.loss, len(prepared.dataset.classes), weights)


def new_trainer(prepared: Prepared) -> Trainer:
    """The trainer of the network that the config describes, before the first step."""
    config, K = prepared.config, len(prepared.dataset.classes)
    network, loss = build_network(config, prepared.preprocess.width, K)
    _, init, shuffle, drop = map(np.random.default_rng, seeds(config))
    network.initialize(config.init, init)
    network.forget_inputs(prepared.preprocess.dead)
    trainer = Trainer(network, loss, config, prepared.train, prepared.val, K, shuffle, drop)
    trainer.unscaled_column = lambda: _unscaled_column(prepared)
    return trainer


def _unscaled_column(prepared: Prepared) -> str:
    """The column of numbers that is much larger than is good for a network, where nothing is scaled."""
    names, rows = prepared.preprocess.number_names, prepared.train.rows[:ROWS_LOOKED_AT]
    if prepared.config.scale != "none" or not names:
        return ""
    largest = np.abs(prepared.dataset.table.numbers[rows].astype(np.float64))
    largest = np.nan_to_num(largest, posinf=np.inf).max(axis=0)
    place = int(largest.argmax())
    if largest[place] <= LARGE:
        return ""
    return f"column '{names[place]}' reaches {largest[place]:.3g} and is not scaled"


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
    if not interrupted and _worse_than_guessing(trainer):
        assert trainer.best is not None
        expected = f"a loss near or below that of guessing, {_loss_of_guessing(trainer):.3g}"
        raise trainer.divergence(trainer.best.number, expected, _least_loss(trainer))


def _worse_than_guessing(trainer: Trainer) -> bool:
    """Whether even the best loss is ten times that of scores of 0: finite, but diverged all the same."""
    if trainer.loss.homogeneous:  # the loss of guessing is 0
        return False
    return _least_loss(trainer) > 10 * _loss_of_guessing(trainer)


def _loss_of_guessing(trainer: Trainer) -> float:
    Y = np.empty((2, trainer.loss.outputs(trainer.K)))  # of two classes, and any others are like the second
    trainer.loss.write_targets(np.arange(2), Y)
    return float(trainer.loss.forward(np.zeros_like(Y), Y, np.empty_like(Y)).mean())


def _least_loss(trainer: Trainer) -> float:
    assert trainer.best is not None
    return trainer.best.train_loss if trainer.best.val_loss is None else trainer.best.val_loss


def _figures(prepared: Prepared, model: Model, trainer: Trainer) -> dict[str, Any]:
    """Loss and accuracy of the kept θ on each part, and what always guessing the commonest class would get."""
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
    return _known(prepared, trainer) | parts


def _known(prepared: Prepared, trainer: Trainer) -> dict[str, Any]:
    """What is known of a run without a look at its model."""
    majority = np.bincount(prepared.dataset.y[prepared.train.rows]).argmax()
    judged = prepared.test or prepared.val or prepared.train
    assert trainer.best is not None
    return {
        "model": prepared.config.model,
        "classes": list(prepared.dataset.classes),
        "n_train": len(prepared.train),
        "n_val": len(prepared.val) if prepared.val else 0,
        "n_test": len(prepared.test) if prepared.test else 0,
        "epochs": len(trainer.history),
        "best_epoch": trainer.best.number,
        "train": None,
        "val": None,
        "test": None,
        "baseline_accuracy": float(np.mean(judged.y[judged.rows] == majority)),
    }
