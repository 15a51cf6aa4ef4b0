"""From the options of a training run to what it does: holes are filled in, and what contradicts itself is refused."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from nncli.config.contradictions import (
    check_ensemble,
    check_layers,
    check_optimizer,
    check_rates,
    knows_optimum,
    rates_of_network,
    refuse,
    stirs,
    suits_lbfgs,
)
from nncli.config.ensemble_kind import ONE, ensemble_of
from nncli.config.option import FULL_BATCH, BatchSize
from nncli.config.resolved import (
    CONSTANT,
    ResolvedConfig,
    rows_per_step,
)
from nncli.config.task import check_metric, check_task
from nncli.config.train_config import TrainConfig
from nncli.errors import OptionError, mention
from nncli.metrics.definitions import METRICS
from nncli.nn.activations import Mish
from nncli.nn.elementwise import Optimizer
from nncli.nn.kernels import choice
from nncli.nn.losses import LOSSES
from nncli.nn.models import AutoModel, Preset
from nncli.nn.optimizers import LBFGS, OPTIMIZERS
from nncli.nn.row_loss import Loss
from nncli.nn.schedules import SCHEDULES

STEPS, PATIENCE = 5000, 30  # how long to train: right for data of any size from a hundred rows to MNIST
DENIALS = (False, "none", CONSTANT, ONE)
MANY_ROWS_SEEN, MANY_STEPS = 5_000_000, 200_000  # over all epochs: a quarter of a minute, which pays for loading Numba
# units of mish that rows go through, over all epochs and members: five seconds, of which Numba needs half
MANY_UNITS_SEEN = 200_000_000
MANY_ENTRIES_SEEN = 40_000_000  # of sparse rows, over all epochs: nine seconds, of which Numba needs a third
SMALLEST_BATCH = 32  # rows, which batches are not halved below


def resolve(config: TrainConfig, n_train: int, has_val: bool) -> ResolvedConfig:
    """Fill in what depends on the model, on the number of training rows and on whether there are validation rows.

    OptionError for options that contradict one another.
    """
    preset = config.preset
    config = dataclasses.replace(config, model=preset.name)
    if preset.searches:
        return _of_search(config, has_val)
    refuse(config, ("search_steps",), f"it is for {mention('model', AutoModel.name)}", "Leave it out")
    denied = {
        name: getattr(config, name)
        for name in (*preset.of_network, *preset.of_training, *preset.of_classes)
        if getattr(config, name) in DENIALS
    }
    config = _with_choices(config, preset, has_val)
    config = dataclasses.replace(
        config,
        dropout_schedule=None if config.dropout_schedule == CONSTANT else config.dropout_schedule,
        decay_schedule=None if config.decay_schedule == CONSTANT else config.decay_schedule,
    )
    loss_spec = config.loss or preset.loss_for(config.is_regression)
    loss = LOSSES.create(loss_spec)
    check_task(config, preset, loss)
    optimizer_spec = config.optimizer or _usual_optimizer(config, preset, loss)
    optimizer = OPTIMIZERS.create(optimizer_spec)
    hidden = preset.hidden if config.hidden is None else config.hidden
    is_ensemble = ensemble_of(config.ensemble) is not None
    # the preset's rate, schedule and batch are made for its own optimizer, loss and layers
    its = OPTIMIZERS.create(preset.optimizer).name, preset.loss_for(config.is_regression), bool(preset.hidden)
    own = (optimizer.name, loss.name, bool(hidden)) == its
    of_numbers = preset.l2_of_numbers if config.is_regression and hidden else 0.0
    l2 = 0.0 if optimizer.margin else preset.l2_of_all / n_train or optimizer.default_l2 or of_numbers
    config = dataclasses.replace(
        config,
        hidden=hidden,
        activation=config.activation or ("relu" if hidden else None),
        learn_scale=config.learn_scale or None,
        calibrate=config.calibrate or None,
        number_embedding=None if config.number_embedding == "none" else config.number_embedding,
        category_embedding=config.category_embedding or None,
        embedding=config.embedding or None,
        ensemble=config.ensemble if is_ensemble else None,
        loss=loss_spec,
        init=config.init or (None if hidden or is_ensemble else "zeros"),
        optimizer=optimizer_spec,
        average=config.average or preset.average,
        l2=(l2 or None) if config.l2 is None else config.l2,
    )
    check_layers(config)
    check_rates(config, optimizer)
    if not loss.soft and not config.is_regression:
        reason = f"the loss {loss.name} is of one true class, not of shares of several"
        refuse(config, ("label_smoothing",), reason, f"Use {mention('loss', 'cross-entropy')}, or leave it out")
    check_optimizer(config, optimizer, loss)
    if not (config.dropout or config.input_dropout):
        remedy = f"Set {mention('dropout' if hidden else 'input_dropout', 0.2)}, or leave it out"
        refuse(config, ("dropout_schedule",), "nothing is dropped", remedy)
    if not config.l2:
        refuse(config, ("decay_schedule",), "there is no L2 penalty", f"Set {mention('l2', 0.01)}, or leave it out")
    if config.metric:
        check_metric(config.metric, config.is_regression)
    if config.metric and METRICS.create(config.metric).needs == "probabilities" and not loss.probabilistic:
        problem = f"{config.metric} needs probabilities, and the loss {loss.name} gives scores while it trains"
        raise OptionError("metric", problem, f"Use {mention('metric', 'accuracy')} or {mention('metric', 'roc-auc')}")
    if not has_val:
        refuse(
            config, ("patience", "metric", "calibrate"), "there are no validation rows", f"Set {mention('val')} above 0"
        )
    batch_size = config.batch_size
    if batch_size is None:
        usual = preset.batch_size if own else Preset.batch_size
        batch_size = BatchSize().read(optimizer.batch) if optimizer.batch else usual
        batches = preset.batches if own else Preset.batches
        while batch_size > SMALLEST_BATCH and batch_size * batches > n_train:
            batch_size //= 2
    steps = math.ceil(n_train / rows_per_step(batch_size, n_train))
    usual_epochs = 1 if optimizer.exact else min(max(math.ceil(STEPS / steps), 10), 1000)
    epochs = config.epochs or usual_epochs
    schedule_spec = config.schedule or (CONSTANT if optimizer.smooth else preset.schedule if own else "cosine")
    schedule = SCHEDULES.create(schedule_spec)
    if schedule.needs_validation and not has_val:
        problem = f"{schedule.name} needs validation rows, and there are none"
        raise OptionError("schedule", problem, f"Set {mention('val')} above 0")
    for name in ("schedule", "dropout_schedule", "decay_schedule"):
        spec = schedule_spec if name == "schedule" else getattr(config, name)
        if spec and (warmup := SCHEDULES.create(spec).warmup) >= steps * epochs:
            expected = f"expected a warm-up shorter than the {steps * epochs:,} planned steps"
            raise OptionError(name, f"{expected}, found {warmup:,}")
    lr = config.lr or (own and preset.lr) or optimizer.default_lr
    patience = config.patience or (PATIENCE if has_val else None)
    planned: dict[str, Any] = {
        "kernels": _kernels(config, optimizer, epochs * n_train, epochs * steps),
        "lr": lr,
        "batch_size": batch_size,
        "epochs": epochs,
        "schedule": schedule_spec,
        "patience": patience,
    }
    # what the preset has, and this run not, stays said: the options ask for just this run
    resolved = ResolvedConfig.of(dataclasses.replace(config, **{**planned, **denied}))
    check_ensemble(resolved, optimizer)
    if resolved.row_by_row:
        reason = f"{config.model} learns row by row, and its mistakes are counted on rows that stay as they are"
        refuse(config, ("distort",), reason, f"Leave it out, or use {mention('model', 'mlp')}")
    return resolved


def _of_search(config: TrainConfig, has_val: bool) -> ResolvedConfig:
    """Return the settings of a search, whose networks have settings of their own."""
    if not has_val:
        problem = f"{mention('model', config.model)} chooses by validation rows, and there are none"
        raise OptionError("val", problem, f"Set {mention('val')} above 0")
    if config.metric:
        check_metric(config.metric, config.is_regression)
    calibrate = config.calibrate if config.is_regression or config.calibrate is not None else True
    return ResolvedConfig.of(dataclasses.replace(config, calibrate=calibrate))


def _with_choices(config: TrainConfig, preset: type[Preset], has_val: bool) -> TrainConfig:
    """Return the options with the further choices of a preset where the user makes none: those of the network, and if
    it is trained as the preset is made for, those of training."""
    choices = dict(preset.of_network)
    loss, optimizer = preset.loss_for(config.is_regression), OPTIMIZERS.create(preset.optimizer).name
    chosen = LOSSES.create(config.loss or loss).name, OPTIMIZERS.create(config.optimizer or preset.optimizer).name
    if chosen == (loss, optimizer):
        choices |= preset.of_training
        if not config.is_regression:
            choices |= preset.of_classes
    if not has_val or config.choose_threshold is not None or config.cost is not None:
        choices.pop("metric", None)
    if not has_val:
        choices.pop("patience", None)
    if not has_val or config.folds is not None:  # which leave no rows to calibrate the final model on
        choices.pop("calibrate", None)
    for strength, schedule in (("dropout", "dropout_schedule"), ("l2", "decay_schedule")):
        if getattr(config, strength) == 0:
            choices.pop(schedule, None)
    taken = {name: value for name, value in choices.items() if getattr(config, name) is None}
    found = dataclasses.replace(config, **taken)
    if "lr_scale" in taken:
        found = dataclasses.replace(found, lr_scale=rates_of_network(found))
    return found


def _kernels(config: TrainConfig, optimizer: Optimizer, rows: int, steps: int) -> str | None:
    """Return the kernels of a run that sees so many rows, in so many steps; None: those of NumPy. OptionError where
    those that are asked for cannot be used."""
    asked = config.kernels
    if asked == "numpy":
        return None
    is_long = rows >= MANY_ROWS_SEEN or steps >= MANY_STEPS or rows * _units_of_mish(config) >= MANY_UNITS_SEEN
    if asked != choice.FUSED and (optimizer.smooth or not is_long):
        return None
    if not choice.problem():
        return None if asked != choice.FUSED and choice.is_disabled() else choice.FUSED
    if asked == choice.FUSED:
        raise OptionError("kernels", choice.problem(), f"{choice.INSTALL}, or use {mention('kernels', 'numpy')}")
    return None


def _units_of_mish(config: TrainConfig) -> int:
    """Count the hidden units, of all members, whose exponentials take NumPy most of the time of a step."""
    members = ensemble_of(config.ensemble)
    units = sum(config.hidden or ()) if config.activation == Mish.name else 0
    return units * (members.number if members else 1)


def with_kernels_for_sparse_rows(config: ResolvedConfig, asked: str | None, entries: float) -> ResolvedConfig:
    """Return the settings of a run on sparse rows that have so many entries between them, with the kernels that are
    worth loading for them, unless those of a name are asked for."""
    how = config.training
    is_long = entries * how.epochs >= MANY_ENTRIES_SEEN and not OPTIMIZERS.create(how.optimizer).smooth
    if asked not in (None, "auto") or how.kernels or not is_long or choice.problem() or choice.is_disabled():
        return config
    return ResolvedConfig.of(dataclasses.replace(config.options, kernels=choice.FUSED))


def _usual_optimizer(config: TrainConfig, preset: type[Preset], loss: Loss) -> str:
    """Return the preset's optimizer, or where it knows no optimum one that searches for it; Adam if the objective is
    not smooth, or not the same at each step."""
    if not OPTIMIZERS.create(preset.optimizer).exact:
        return preset.optimizer
    steps = any(getattr(config, name) is not None for name in ("lr", "schedule"))
    if stirs(config) or steps or config.batch_size not in (None, FULL_BATCH):
        return Preset.optimizer
    if knows_optimum(config, loss):
        return preset.optimizer
    return LBFGS.name if suits_lbfgs(config, loss) else Preset.optimizer
