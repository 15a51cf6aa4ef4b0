"""Training in steps: each call sees some rows for one epoch, and none of them again."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from nncli.config.resolve import ResolvedConfig, resolve, until_told
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Dataset
from nncli.data.preprocess import Preprocess
from nncli.data.row_hashes import hash_rows
from nncli.data.scaled_rows import Subset
from nncli.data.split import Split, row_numbers
from nncli.estimators.refusals import InvalidOption
from nncli.model.decision import Decision
from nncli.model.model import Model
from nncli.model.provenance import Fingerprint, Provenance
from nncli.model.target_scale import TargetScale
from nncli.nn.optimizers import OPTIMIZERS
from nncli.nn.schedules import SCHEDULES
from nncli.system.threads import multiply_with
from nncli.training.class_weights import Weights, class_weights
from nncli.training.decision import plan_decision
from nncli.training.model_of_run import model_now
from nncli.training.prepare import Prepared
from nncli.training.repeated_rows import RowHashes
from nncli.training.run import new_trainer
from nncli.training.scale_of_target import scale_of
from nncli.training.trainer import Trainer

# what rests on validation rows, on all rows at once, or on an end
NOT_HERE = (
    "rare", "dedupe", "group", "time", "folds", "refit", "patience", "metric", "time_limit", "calibrate",
    "choose_threshold",
)  # fmt: skip
USE_FIT = "Leave it out, or use fit"


@dataclass
class Partial:
    """A training run of which nobody knows how many rows will come. `prepared` has those of the last call."""

    prepared: Prepared
    trainer: Trainer

    def learn(self, dataset: Dataset) -> tuple[Model, Provenance]:
        """Take the steps of one epoch on the rows of a data set; return the model as it is then. Raises TrainingError
        where numbers are no longer finite: the run is of no use then."""
        was, trainer = self.prepared, self.trainer
        self.prepared = _prepared(was.config, dataset, was.preprocess, was.target, was.decision)
        trainer.learn_from(self.prepared.train)
        with multiply_with(1 if trainer.row_by_row else None):
            trainer.begin_epoch()
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                while len(trainer.rows_left):
                    trainer.step(trainer.at_once)
            trainer.end_epoch()
        return model_now(_with_epochs(self.prepared, len(trainer.history)), trainer)


def begin(config: TrainConfig, dataset: Dataset) -> Partial:
    """Return the run of a model that has seen nothing: rows are prepared as these first ones have it. Raises
    OptionError for options that ask for more than steps."""
    resolved = resolve(_for_steps(config), len(dataset), has_val=False)
    rows = row_numbers(len(dataset))
    target = scale_of(dataset, rows) if dataset.is_numeric else None
    return _begun(resolved, dataset, Preprocess.fit(dataset.table, rows, config.scale), target)


def resume(model: Model, provenance: Provenance, dataset: Dataset) -> Partial:
    """Return the run that goes on from a model: with the state of its optimizer, if `partial_fit` has left one."""
    # what a run of `fit` ended by is of no use here
    options = dataclasses.replace(
        model.config.options, schedule=None, patience=None, metric=None, time_limit=None, folds=None, refit=False
    )
    if OPTIMIZERS.create(model.config.training.optimizer).smooth:
        options = dataclasses.replace(options, optimizer=None, lr=None, batch_size=None)
    resolved = resolve(_for_steps(options), len(dataset), has_val=False)
    target = None if model.target is None else dataclasses.replace(model.target, errors=())
    found = _begun(resolved, dataset, model.preprocess, target)
    if provenance.state is not None and _is_of_steps(model, provenance):
        found.trainer.load_state(provenance.state)
    else:
        found.trainer.network.theta[:] = model.network.theta
        found.trainer.moved()
    return found


def _is_of_steps(model: Model, provenance: Provenance) -> bool:
    """Tell whether the state that a model was saved with is that of its last epoch, which is the model, and of a run at
    a constant rate; any other run may have gone on from the epoch that was best."""
    is_last = provenance.figures["best_epoch"] == len(provenance.history) and not provenance.figures["n_val"]
    return is_last and SCHEDULES.create(model.config.training.schedule).name == "constant"


def _for_steps(config: TrainConfig) -> TrainConfig:
    """Return options for steps without an end: a constant rate, and no rows kept back. Raises InvalidOption."""
    usual = TrainConfig()
    for name in NOT_HERE:
        if getattr(config, name) != getattr(usual, name):
            problem = "expected no such option for partial_fit, which takes steps on the rows it is given alone"
            raise InvalidOption(name, f"{problem}, found {config.text(name)}", USE_FIT)
    if config.class_weight == "balanced":
        problem = "expected weights of classes for partial_fit, which does not know all rows, found balanced"
        raise InvalidOption("class_weight", problem, "Give their weights, as {0: 1, 1: 5}")
    if config.schedule is not None and SCHEDULES.create(config.schedule).name != "constant":
        problem = f"expected a constant rate for partial_fit, which has no end, found {config.schedule}"
        raise InvalidOption("schedule", problem, USE_FIT)
    return dataclasses.replace(config, schedule=config.schedule or "constant", val=0.0, test=0.0)


def _begun(resolved: ResolvedConfig, dataset: Dataset, preprocess: Preprocess, target: TargetScale | None) -> Partial:
    resolved = dataclasses.replace(resolved, training=until_told(resolved.training))
    decision = None
    if target is None:
        counts = np.bincount(dataset.y, minlength=len(dataset.classes))
        decision = plan_decision(resolved, dataset.classes, False, counts, _of_class(resolved, dataset))
    prepared = _prepared(resolved, dataset, preprocess, target, decision)
    return Partial(prepared, new_trainer(prepared))


def _of_class(config: ResolvedConfig, dataset: Dataset) -> Weights:
    return class_weights(config.training.class_weight, dataset.y, dataset.classes)


def _prepared(
    config: ResolvedConfig,
    dataset: Dataset,
    preprocess: Preprocess,
    target: TargetScale | None,
    decision: Decision | None,
) -> Prepared:
    """Return rows, all of which are to learn from. Their weights are as they are given, whatever others have."""
    rows, nothing, weights = row_numbers(len(dataset)), row_numbers(0), dataset.weights
    if target is None and (of_class := _of_class(config, dataset)) is not None:
        weights = of_class[dataset.y] if weights is None else weights * of_class[dataset.y]
    matrix = preprocess.transform(dataset.table, np.dtype(config.model.dtype))
    train = Subset(matrix, dataset.y if target is None else target.scaled(dataset.y), rows, weights)
    none, nowhere = dataclasses.replace(train, rows=nothing, weights=None), Fingerprint("", 0)
    hashes = hash_rows(dataset.table)
    return Prepared(
        config=config,
        read=dataset,
        dataset=dataset,
        of_row=dataset.weights,
        split=Split(rows, nothing, nothing),
        preprocess=preprocess,
        train=train,
        val=none,
        test=none,
        val_groups=None,
        test_groups=None,
        hashes=RowHashes(hashes, {"train": hashes, "val": hashes[:0], "test": hashes[:0]}),
        decision=decision,
        target=target,
        files={"data": Fingerprint(dataset.sha256, 0), "val_data": nowhere, "test_data": nowhere},
        notes=preprocess.notes,
    )


def _with_epochs(prepared: Prepared, epochs: int) -> Prepared:
    """Return the preparation with the number of epochs that a model file tells of."""
    options = dataclasses.replace(prepared.config.options, epochs=epochs)
    return dataclasses.replace(prepared, config=ResolvedConfig.of(options))
