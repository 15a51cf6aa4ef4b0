"""What the options come to, with the model and the data. What contradicts itself is refused: nothing is ignored."""

from __future__ import annotations

import dataclasses
import math

from nncli.config.option import BatchSize
from nncli.config.train_config import TrainConfig
from nncli.errors import OptionError, mention
from nncli.nn.losses import LOSSES, Loss
from nncli.nn.models import MODELS, Preset
from nncli.nn.optimizers import OPTIMIZERS, Optimizer
from nncli.nn.schedules import SCHEDULES

STEPS, PATIENCE = 5000, 30  # how long to train: right for data of any size from a hundred rows to MNIST
BATCHES, SMALLEST_BATCH = 32, 32  # batches are halved until there are 32 of them, but not below 32 rows


def resolve(config: TrainConfig, n_train: int, has_val: bool) -> TrainConfig:
    """The same with nothing left open that depends on the model or on the number of training rows.

    OptionError for options that contradict one another.
    """
    preset = MODELS[config.model]
    optimizer_spec = config.optimizer or preset.optimizer
    optimizer, loss = OPTIMIZERS.create(optimizer_spec), LOSSES.create(config.loss or preset.loss)
    hidden = preset.hidden if config.hidden is None else config.hidden
    # the preset's rate, schedule and batch are made for its own optimizer, loss and layers
    own = (optimizer.name, loss.name, bool(hidden)) == (preset.optimizer, preset.loss, bool(preset.hidden))
    l2 = 0.0 if optimizer.margin else preset.l2_of_all / n_train or optimizer.default_l2
    config = dataclasses.replace(
        config,
        hidden=hidden,
        activation=config.activation or ("relu" if hidden else None),
        loss=config.loss or preset.loss,
        init=config.init or (None if hidden else "zeros"),
        optimizer=optimizer_spec,
        average=config.average or preset.average,
        l2=(l2 or None) if config.l2 is None else config.l2,
    )
    _check_layers(config)
    _check_loss(config, loss)
    _check_optimizer(config, optimizer, loss)
    if not has_val:
        _check_without_validation(config)
    batch_size = config.batch_size
    if batch_size is None:
        usual = preset.batch_size if own else Preset.batch_size
        batch_size = BatchSize().read(optimizer.batch) if optimizer.batch else usual
        while batch_size > SMALLEST_BATCH and batch_size * BATCHES > n_train:
            batch_size //= 2
    steps = math.ceil(n_train / (batch_size or n_train))
    epochs = config.epochs or min(max(math.ceil(STEPS / steps), 10), 1000)
    schedule_spec = config.schedule or ("constant" if optimizer.smooth else preset.schedule if own else "cosine")
    schedule = SCHEDULES.create(schedule_spec)
    if schedule.needs_validation and not has_val:
        raise OptionError(
            "schedule", f"{schedule.name} needs validation rows, and there are none", f"Set {mention('val')} above 0"
        )
    if schedule.warmup >= steps * epochs:
        raise OptionError(
            "schedule",
            f"expected a warm-up shorter than the {steps * epochs:,} planned steps, found {schedule.warmup:,}",
        )
    return dataclasses.replace(
        config,
        lr=config.lr or (own and preset.lr) or optimizer.default_lr,
        batch_size=batch_size,
        epochs=epochs,
        schedule=schedule_spec,
        patience=config.patience or (PATIENCE if has_val else None),
    )


def _check_layers(config: TrainConfig) -> None:
    hidden, activation = config.hidden or (), config.activation
    if not hidden:
        for name in ("activation", "dropout"):
            if getattr(config, name):
                raise OptionError(
                    name, f"model '{config.model}' has no hidden layer", f"Give it one with {mention('hidden', 64)}"
                )
    if activation and activation.count(",") and activation.count(",") + 1 != len(hidden):
        raise OptionError(
            "activation", f"expected one name, or one for each hidden layer ({len(hidden)}), found '{activation}'"
        )
    if hidden and config.init == "zeros":
        raise OptionError(
            "init", "hidden units that start alike stay alike: zeros suits models without hidden layers",
            f"Leave it out, or use {mention('init', 'he')} or {mention('init', 'glorot')}",
        )  # fmt: skip


def _check_loss(config: TrainConfig, loss: Loss) -> None:
    if config.label_smoothing and not loss.soft:
        raise OptionError(
            "label_smoothing", f"the loss {loss.name} is of one true class, not of shares of several",
            f"Use {mention('loss', 'cross-entropy')}, or leave it out",
        )  # fmt: skip


def _check_optimizer(config: TrainConfig, optimizer: Optimizer, loss: Loss) -> None:
    name = optimizer.name
    if optimizer.batch and config.batch_size not in (None, BatchSize().read(optimizer.batch)):
        found = config.text("batch_size")
        rows = "one row" if optimizer.batch == "1" else "all rows"
        raise OptionError(
            "batch_size", f"{name} learns from {rows} at each step: expected {optimizer.batch}, found {found}",
            f"Leave it out, or use another {mention('optimizer')}",
        )  # fmt: skip
    if optimizer.margin:
        if not loss.margin:
            others = " or ".join(mention("loss", one) for one in LOSSES if LOSSES[one].margin)
            raise OptionError(
                "optimizer", f"{name} needs a loss with a margin, and {loss.name} has none", f"Use {others}"
            )
        _refuse(config, ("l1", "l2", "clip_norm"), f"{name} works out its step from the loss of a row alone")
    if optimizer.smooth:
        if not loss.smooth:
            others = ", ".join(one for one in LOSSES if LOSSES[one].smooth)
            raise OptionError(
                "optimizer", f"{name} needs a loss without kinks, and {loss.name} has some", f"Use one of {others}"
            )
        own = {"lr": optimizer.default_lr, "schedule": "constant"}  # as a resolved config has them
        mine = tuple(key for key, value in own.items() if getattr(config, key) != value)
        _refuse(config, mine, f"{name} finds the length of its steps by itself")
        _refuse(
            config, ("l1", "dropout", "input_dropout", "max_norm", "clip_norm"),
            f"{name} needs the same smooth objective at every step",
        )  # fmt: skip


def _refuse(config: TrainConfig, names: tuple[str, ...], reason: str) -> None:
    for name in names:
        if getattr(config, name):
            raise OptionError(name, reason, f"Leave it out, or use another {mention('optimizer')}")


def _check_without_validation(config: TrainConfig) -> None:
    for name in ("patience", "calibrate"):
        if getattr(config, name):
            raise OptionError(name, "there are no validation rows to judge by", f"Set {mention('val')} above 0")
