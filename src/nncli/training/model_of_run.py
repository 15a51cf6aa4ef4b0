"""The model of a training run, as it is now, as it is saved on the way, and as it is used: calibrated and decided."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli import __version__
from nncli.data.scaled_rows import Subset
from nncli.errors import TrainingError
from nncli.guards.distribution import Predictions
from nncli.model import npz
from nncli.model.decision import Decision, say_threshold
from nncli.model.model import Model
from nncli.model.provenance import Provenance, bits, losses_of
from nncli.model.training_state import Epoch, TrainingState, rows_of
from nncli.nn.calibration import Calibration, calibrate
from nncli.nn.kernels.choice import last_digits_by
from nncli.nn.network import Network
from nncli.nn.row_loss import Loss
from nncli.training.batch import scores
from nncli.training.final_figures import chosen_metric, figures_of, known_figures
from nncli.training.misfits import class_counts
from nncli.training.prepare import Prepared
from nncli.training.trainer import Trainer

MOST_WITH_STATE = npz.MOST_BYTES - (1 << 28)  # and the rest is for what else a file has


def model_so_far(prepared: Prepared, trainer: Trainer, best: Epoch, state: TrainingState) -> tuple[Model, Provenance]:
    """Return the best model until now, with the state to resume from; the test rows are not looked at."""
    network, loss = prepared.new_network()
    network.theta[:] = trainer.kept.theta
    val = None
    if best.val_loss is not None:
        val = {**losses_of(best.val_loss, None), "accuracy": best.val_accuracy}
    figures = known_figures(prepared, trainer, best) | {"val": val if prepared.target is None else None}
    return model_of(prepared, network, loss, None), provenance_of(prepared, trainer, best, figures, state)


def model_now(prepared: Prepared, trainer: Trainer) -> tuple[Model, Provenance]:
    """Return the model as the network is now, whatever epoch was the best, with its figures on all parts. At least one
    epoch must be done."""
    network, loss = prepared.new_network()
    with trainer.parameters.averaged():
        network.theta[:] = trainer.network.theta
    model, last = model_of(prepared, network, loss, None), trainer.history[-1]
    model.decision = prepared.decision
    parts = {"train": prepared.train, "val": prepared.val, "test": prepared.test}
    figures = known_figures(prepared, trainer, last)
    figures |= {name: figures_of(model, part) if part else None for name, part in parts.items()}
    figures["metric"] = chosen_metric(model, prepared)
    return model, provenance_of(prepared, trainer, last, figures, None)


def model_as_used(prepared: Prepared, trainer: Trainer) -> tuple[Model, list[str], TrainingError | None]:
    """Return the model of the network as it is, calibrated and with its decision, and lines on what was decided; or the
    error where no threshold keeps a promise: the model is good all the same, and has none."""
    calibration = prepared.calibration
    if prepared.config.training.calibrate and prepared.val:
        calibration = _calibrated(prepared.val, trainer)
    model = model_of(prepared, trainer.network, trainer.loss, calibration)
    try:
        model.decision, decided = decide(prepared, model)
    except TrainingError as error:
        assert prepared.decision is not None
        model.decision = dataclasses.replace(prepared.decision, threshold=None)
        return model, [], error
    return model, decided, None


def model_of(prepared: Prepared, network: Network, loss: Loss, calibration: Calibration | None) -> Model:
    """Return the model that a network is together with what prepares its rows."""
    dataset = prepared.dataset
    made = prepared.config, dataset.schema, prepared.preprocess, network, loss, dataset.classes, calibration
    return Model(*made, target=prepared.target, distribution=prepared.distribution)


def provenance_of(
    prepared: Prepared, trainer: Trainer, best: Epoch, figures: dict[str, Any], state: TrainingState | None
) -> Provenance:
    """Return where the model of a run comes from: its data and their parts, its epochs and figures; without a state
    that no file has room for."""
    dataset, split, start = prepared.dataset, prepared.split, prepared.start
    n = len(dataset) if start is None else start.n_new  # of rows of before, their own model tells
    val, test = (rows[rows < n] for rows in (split.val, split.test))
    return Provenance(
        version=__version__,
        source=dataset.source,
        files=prepared.files,
        kernels=last_digits_by(prepared.config.training.kernels),
        n_rows=n,
        val_bits=bits(val, n),
        test_bits=bits(test, n),
        has_test_file=len(prepared.test) > 0 and len(split.test) == 0,
        best_epoch=best.number,
        history=rows_of(trainer.history),
        figures=figures,
        notes=prepared.notes,
        row_hashes=prepared.hashes.sample(),
        val_row_hashes=prepared.hashes.sample("val"),
        class_counts=tuple(class_counts(prepared).tolist()),
        state=None if state is None or _bytes_with(state) > MOST_WITH_STATE else state,
        parent=None if start is None else start.parent,
    )


def say_no_state(state: TrainingState | None, kept: Provenance) -> list[str]:
    """Say that a run has a state, which its file has no room for."""
    if state is None or kept.state is not None:
        return []
    needed, most = _bytes_with(state) / 1e9, MOST_WITH_STATE / 1e9
    return [f"it cannot be resumed: that takes a file of {needed:.1f} GB, and one has at most {most:.1f} GB"]


def _bytes_with(state: TrainingState) -> int:
    """Return about how many bytes a file has with the state of a run, which has the parameters too."""
    return sum(array.nbytes for array in state.arrays.values())


def _calibrated(val: Subset, trainer: Trainer) -> Calibration:
    Z = np.concatenate([Z.copy() for Z in scores(trainer.network, trainer.loss, val, trainer.K)])
    weights = None if val.weights is None else val.weights[val.rows]
    return calibrate(Z, val.y[val.rows].astype(np.int64), trainer.loss, trainer.K, weights)


class SeenRows:
    """Collects, for a model, its predictions of rows that it was not fitted to, and the probabilities that it gives to
    their classes."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._predicted, self._own = list[NDArray[np.int64]](), list[NDArray[Any]]()

    def add(self, Z: NDArray[Any], y: NDArray[np.int64], predicted: NDArray[np.int64]) -> None:
        """Take rows of the classes y (m,), with their scores Z, which are not kept."""
        self._predicted.append(predicted)
        if self.model.probabilistic:
            self._own.append(self.model.by_class(Z)[np.arange(len(y)), y])

    def kept(self) -> Model:
        """Return the model with what it says of the rows, if there are any."""
        model = self.model.with_validation(np.concatenate(self._own)) if self._own else self.model
        return with_predictions(model, np.concatenate(self._predicted)) if self._predicted else model


def with_predictions(model: Model, predicted: NDArray[Any]) -> Model:
    """Return the model with what is predicted of rows that it was not fitted to (n,), positions of classes or numbers,
    to compare later predictions with."""
    if model.distribution is None:
        return model
    if model.target is None:
        predictions = Predictions.of_classes(predicted, len(model.classes))
    else:
        predictions = Predictions.of_numbers(predicted)
    return dataclasses.replace(model, distribution=dataclasses.replace(model.distribution, predictions=predictions))


def decide(prepared: Prepared, model: Model) -> tuple[Decision | None, list[str]]:
    """Return how the model turns probabilities into a class, with the threshold that its rule asks for on the
    validation rows; also say so in a line. Raises TrainingError where no threshold keeps the promise."""
    decision, rule = prepared.decision, prepared.config.options.choose_threshold
    few = list[str]()
    if decision is None:
        return None, few
    if rule is not None:
        from nncli.training.decision import choose_threshold, few_rows

        val = prepared.val
        Z = np.concatenate([Z.copy() for Z in scores(model.network, model.loss, val, len(model.classes))])
        p = model.by_class(Z)[:, decision.positive].astype(np.float64)
        is_positive = val.y[val.rows] == decision.positive
        threshold = choose_threshold(p, is_positive, rule, decision)
        decision = dataclasses.replace(decision, threshold=threshold, rule=rule)
        few = few_rows(rule, p >= threshold, is_positive)
    if decision.threshold is None:
        return decision, ["predicted is the class of the least expected cost"] * bool(decision.costs)
    return decision, [say_threshold(decision.threshold, model.classes[decision.positive], rule or ""), *few]
