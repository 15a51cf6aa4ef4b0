"""Training in steps: some rows are seen for one epoch, and none of them again, and nobody knows how many will come."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from nncli.config.ensemble_kind import ensemble_of
from nncli.config.resolved import CONSTANT, ResolvedConfig, until_told
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Dataset
from nncli.data.preprocess import Preprocess
from nncli.data.row_hashes import hash_rows
from nncli.data.scaled_rows import Subset
from nncli.data.split import Split, row_numbers
from nncli.data.words.vectors import Vectors
from nncli.errors import OptionError, mention
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
from nncli.training.side_by_side import threads_worth
from nncli.training.state import load_state
from nncli.training.trainer import Trainer


@dataclass
class Steps:
    """A training run of which nobody knows how many rows will come. `prepared` has those of the last call."""

    prepared: Prepared
    trainer: Trainer

    def learn(self, dataset: Dataset) -> tuple[Model, Provenance]:
        """Take the steps of one epoch on the rows of a data set; return the model as it is then. Raises TrainingError
        where numbers are no longer finite: the run is of no use then."""
        was, trainer = self.prepared, self.trainer
        self.prepared = prepared_rows(was.config, dataset, was.preprocess, was.target, was.decision)
        trainer.learn_from(self.prepared.train)
        with multiply_with(threads_worth(trainer)):
            trainer.begin_epoch()
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                while len(trainer.rows_left):
                    trainer.step(trainer.at_once)
            trainer.end_epoch()
        return model_now(with_epochs(self.prepared, len(trainer.history)), trainer)


def options_for_steps(model: Model) -> TrainConfig:
    """Return the options of a model's run, for steps that go on from it: without what such a run ended by, without the
    calibration that a preset has by itself, and with another optimizer for one that finds the optimum of some rows
    alone."""
    options = model.config.options
    found = dataclasses.replace(
        options,
        calibrate=None if options.preset.of_classes.get("calibrate") else options.calibrate,
        schedule=None,
        dropout_schedule=None,
        decay_schedule=None,
        patience=None,
        metric=None,
        time_limit=None,
        folds=None,
        refit=False,
        kernels="numpy",  # steps come one at a time
    )
    if OPTIMIZERS.create(model.config.training.optimizer).smooth:
        found = dataclasses.replace(found, optimizer=None, lr=None, batch_size=None)
    return found


def steps_from(model: Model, provenance: Provenance, resolved: ResolvedConfig, dataset: Dataset) -> Steps:
    """Return the run that goes on from a model: with the state of its optimizer, if earlier steps have left one."""
    target = None if model.target is None else dataclasses.replace(model.target, errors=())
    found = begin_steps(resolved, dataset, model.preprocess, target)
    if provenance.state is not None and _is_of_steps(model, provenance):
        load_state(found.trainer, provenance.state)
    else:
        found.trainer.network.theta[:] = model.network.theta
        rows = provenance.figures["n_train"]
        found.trainer.moved(max(1, rows // found.trainer.rows.batch_size))  # as the steps of one epoch of the model
    return found


def _is_of_steps(model: Model, provenance: Provenance) -> bool:
    """Tell whether the state that a model was saved with is that of its last epoch, which is the model, and of a run at
    a constant rate; any other run may have gone on from the epoch that was best."""
    is_last = provenance.figures["best_epoch"] == len(provenance.history) and not provenance.figures["n_val"]
    return is_last and SCHEDULES.create(model.config.training.schedule).name == CONSTANT


def begin_steps(
    resolved: ResolvedConfig,
    dataset: Dataset,
    preprocess: Preprocess,
    target: TargetScale | None,
    vectors: Vectors | None = None,
) -> Steps:
    """Return the run of a model that has seen nothing yet, but for `vectors` of words; its rows are prepared and scaled
    as told."""
    if (members := ensemble_of(resolved.model.ensemble)) and members.folds:
        problem = "its members leave out a fold of all rows each, and more rows may come with each call"
        raise OptionError("ensemble", problem, f"Use {mention('ensemble', members.number)}")
    resolved = dataclasses.replace(resolved, training=until_told(resolved.training))
    decision = None
    if target is None:
        counts = np.bincount(dataset.y, minlength=len(dataset.classes))
        decision = plan_decision(resolved, dataset.classes, False, counts, _of_class(resolved, dataset))
    prepared = prepared_rows(resolved, dataset, preprocess, target, decision)
    return Steps(prepared, new_trainer(dataclasses.replace(prepared, vectors=vectors)))


def _of_class(config: ResolvedConfig, dataset: Dataset) -> Weights:
    return class_weights(config.training.class_weight, dataset.y, dataset.classes)


def prepared_rows(
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
        preprocess=dataclasses.replace(preprocess, statistics=None),  # nobody knows the columns of all rows: no guards
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


def with_epochs(prepared: Prepared, epochs: int) -> Prepared:
    """Return the preparation with the number of epochs that a model file tells of."""
    options = dataclasses.replace(prepared.config.options, epochs=epochs)
    return dataclasses.replace(prepared, config=ResolvedConfig.of(options))
