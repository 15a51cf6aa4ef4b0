"""From the options of a training run to what it does: holes are filled in, and what contradicts itself is refused."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from nncli.config.option import FULL_BATCH, BatchSize
from nncli.config.rate_factors import factors_of
from nncli.config.task import check_metric, check_task
from nncli.config.train_config import TrainConfig
from nncli.data.column_statistics import AUTO_ROBUST
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.sources import Source
from nncli.errors import OptionError, mention
from nncli.metrics.definitions import METRICS
from nncli.nn.losses import LOSSES
from nncli.nn.models import MODELS, OF_NUMBERS, Preset
from nncli.nn.optimizers import LBFGS, OPTIMIZERS, SGD, Optimizer
from nncli.nn.row_loss import Loss
from nncli.nn.schedules import SCHEDULES

STEPS, PATIENCE = 5000, 30  # how long to train: right for data of any size from a hundred rows to MNIST
BATCHES, SMALLEST_BATCH = 32, 32  # batches are halved until there are 32 of them, but not below 32 rows
CONSTANT = "constant"  # schedule; of dropout and decay, the same as none
# with these, no smooth objective is the same at each step
STIRRING = ("dropout", "input_dropout", "dropout_schedule", "decay_schedule", "distort", "max_norm", "clip_norm")
T = TypeVar("T")


@dataclass(frozen=True)
class DataConfig:
    """Settings of the data: their files, and how they are read and scaled. All are known before any row is read."""

    source: Source
    val_source: Source  # of validation rows in files of their own; empty: they are a share of the source
    test_source: Source
    csv: CsvOptions
    scale: str

    @classmethod
    def of(cls, options: TrainConfig) -> DataConfig:
        csv = CsvOptions(**{field.name: getattr(options, field.name) for field in dataclasses.fields(CsvOptions)})
        usual = MODELS[options.model].scale if options.model in MODELS else "auto"
        scale = usual if options.scale == "auto" else options.scale
        return cls(options.data, options.val_data, options.test_data, csv, scale)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Settings of the network: its layers, loss and initial weights. The defaults stand for options that are None."""

    name: str
    hidden: tuple[int, ...]
    activation: str = ""  # of the hidden layers, if there are any
    loss: str
    init: str | None = None  # None: what suits the activation behind each layer
    learn_scale: bool = False
    number_embedding: str = "none"
    category_embedding: int = 0
    dtype: str
    dropout: float = 0.0
    input_dropout: float = 0.0

    @property
    def is_linear(self) -> bool:
        """Tell whether scores are sums of weighted inputs."""
        return not self.hidden and self.number_embedding == "none"

    @property
    def has_input_layers(self) -> bool:
        """Tell whether there are layers with parameters before the first dense one."""
        return self.learn_scale or self.number_embedding != "none" or self.category_embedding > 0


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Settings of training: optimizer, steps and regularisation. The defaults stand for options that are None."""

    optimizer: str
    lr: float
    lr_scale: str = ""
    schedule: str
    dropout_schedule: str = CONSTANT
    decay_schedule: str = CONSTANT
    average: str
    epochs: int
    batch_size: int  # FULL_BATCH: all rows
    patience: float = math.inf  # epochs
    metric: str = ""  # that the best epoch is chosen by; empty: what suits the loss
    time_limit: float = math.inf  # seconds
    l1: float = 0.0
    l2: float = 0.0
    max_norm: float = math.inf
    clip_norm: float = math.inf
    label_smoothing: float = 0.0
    distort: str = ""  # pictures, by these distortions; empty: not at all
    class_weight: str
    calibrate: bool = False


@dataclass(frozen=True)
class ResolvedConfig:
    """All settings of a training run, with nothing left open.

    `options` are those that ask for just this: what a model file keeps. The groups say the same to the program.
    """

    options: TrainConfig
    data: DataConfig
    model: ModelConfig
    training: TrainingConfig

    @classmethod
    def of(cls, options: TrainConfig) -> ResolvedConfig:
        """Group the options that `resolve` has filled in; ValueError where one is open that must not be."""
        given = {name: value for name, value in vars(options).items() if value is not None} | {"name": options.model}
        return cls(options, DataConfig.of(options), _group(ModelConfig, given), _group(TrainingConfig, given))

    def objective_name(self, K: int) -> str:
        """Return what the mean loss that training minimises is called, see there."""
        return objective_name(self.options, K)

    @property
    def row_by_row(self) -> bool:
        """Tell whether each step sees one row, and moves the weights only along that row, and only if it was answered
        wrongly (or, by a loss with a margin, too narrowly): whether training is told by its mistakes."""
        model, how = self.model, self.training
        moves_more = how.l1 or how.l2 or how.lr_scale or min(how.clip_norm, how.max_norm) < math.inf
        is_linear = not (model.hidden or model.input_dropout or model.has_input_layers)
        is_sparse = LOSSES.create(model.loss).sparse and isinstance(OPTIMIZERS.create(how.optimizer), SGD)
        return how.batch_size == 1 and is_linear and is_sparse and not moves_more


def objective_name(config: TrainConfig, K: int) -> str:
    """Return what the mean loss that training minimises is called: "objective" where its model of K classes has a log
    loss too, which is another number; "loss" where that is the same one, or there is none, as of numbers (K = 0)."""
    loss = LOSSES.create(config.loss or MODELS[config.model].loss_for(config.is_regression))
    has_log_loss = K > 0 and (loss.probabilistic or config.calibrate)
    is_weighted = config.weight is not None or config.class_weight != "none"
    is_same = loss.is_log_loss(K) and not (config.calibrate or is_weighted)
    return "objective" if has_log_loss and not is_same else "loss"


def resolve(config: TrainConfig, n_train: int, has_val: bool) -> ResolvedConfig:
    """Fill in what depends on the model, on the number of training rows and on whether there are validation rows.

    OptionError for options that contradict one another.
    """
    preset = MODELS[config.model]
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
        number_embedding=None if config.number_embedding == "none" else config.number_embedding,
        category_embedding=config.category_embedding or None,
        loss=loss_spec,
        init=config.init or (None if hidden else "zeros"),
        optimizer=optimizer_spec,
        average=config.average or preset.average,
        l2=(l2 or None) if config.l2 is None else config.l2,
    )
    _check_layers(config)
    _check_rates(config, optimizer)
    if not loss.soft and not config.is_regression:
        reason = f"the loss {loss.name} is of one true class, not of shares of several"
        _refuse(config, ("label_smoothing",), reason, f"Use {mention('loss', 'cross-entropy')}, or leave it out")
    _check_optimizer(config, optimizer, loss)
    if not (config.dropout or config.input_dropout):
        remedy = f"Set {mention('dropout' if hidden else 'input_dropout', 0.2)}, or leave it out"
        _refuse(config, ("dropout_schedule",), "nothing is dropped", remedy)
    if not config.l2:
        _refuse(config, ("decay_schedule",), "there is no L2 penalty", f"Set {mention('l2', 0.01)}, or leave it out")
    if config.metric:
        check_metric(config.metric, config.is_regression)
    if config.metric and METRICS.create(config.metric).needs == "probabilities" and not loss.probabilistic:
        problem = f"{config.metric} needs probabilities, and the loss {loss.name} gives scores while it trains"
        raise OptionError("metric", problem, f"Use {mention('metric', 'accuracy')} or {mention('metric', 'roc-auc')}")
    if not has_val:
        _refuse(
            config, ("patience", "metric", "calibrate"), "there are no validation rows", f"Set {mention('val')} above 0"
        )
    batch_size = config.batch_size
    if batch_size is None:
        usual = preset.batch_size if own else Preset.batch_size
        batch_size = BatchSize().read(optimizer.batch) if optimizer.batch else usual
        while batch_size > SMALLEST_BATCH and batch_size * BATCHES > n_train:
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
    resolved = ResolvedConfig.of(
        dataclasses.replace(
            config, lr=lr, batch_size=batch_size, epochs=epochs, schedule=schedule_spec, patience=patience
        )
    )
    if resolved.row_by_row:
        reason = f"{config.model} learns row by row, and its mistakes are counted on rows that stay as they are"
        _refuse(config, ("distort",), reason, f"Leave it out, or use {mention('model', 'mlp')}")
    return resolved


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
        choices = {name: value for name, value in choices.items() if name not in ("calibrate", "patience")}
    for strength, schedule in (("dropout", "dropout_schedule"), ("l2", "decay_schedule")):
        if getattr(config, strength) == 0:
            choices.pop(schedule, None)
    return dataclasses.replace(
        config, **{name: value for name, value in choices.items() if getattr(config, name) is None}
    )


def _usual_optimizer(config: TrainConfig, preset: type[Preset], loss: Loss) -> str:
    """Return the preset's optimizer, or where it knows no optimum one that searches for it; Adam if the objective is
    not smooth, or not the same at each step."""
    if not OPTIMIZERS.create(preset.optimizer).exact:
        return preset.optimizer
    steps = any(getattr(config, name) is not None for name in ("lr", "schedule"))
    if _stirs(config) or steps or config.batch_size not in (None, FULL_BATCH):
        return Preset.optimizer
    if _knows_optimum(config, loss):
        return preset.optimizer
    return LBFGS.name if _suits_lbfgs(config, loss) else Preset.optimizer


def _stirs(config: TrainConfig) -> bool:
    """Tell whether the objective is another one at each step, or a step is changed after it is taken."""
    return any(getattr(config, name) for name in STIRRING)


def _suits_lbfgs(config: TrainConfig, loss: Loss) -> bool:
    return loss.smooth and not config.l1 and not _stirs(config)


def _knows_optimum(config: TrainConfig, loss: Loss) -> bool:
    """Tell whether the optimum can be worked out: of a linear model, a number, and its squared error, or without
    penalties the distance from it."""
    if not config.is_regression or config.hidden or config.average not in (None, "none"):
        return False
    if config.learn_scale or has_embeddings(config):
        return False
    return loss.name == OF_NUMBERS or (loss.power == 1 and not (config.l1 or config.l2))


def until_told(training: TrainingConfig) -> TrainingConfig:
    """Return the settings of a run that ends at an epoch which is known, without validation rows."""
    return dataclasses.replace(training, patience=math.inf, metric="", time_limit=math.inf)


def rows_per_step(batch_size: int, n: int) -> int:
    """Return how many of n training rows each step sees."""
    return n if batch_size == FULL_BATCH else min(batch_size, n)


def _group(kind: Callable[..., T], given: Mapping[str, Any]) -> T:
    try:
        return kind(**{name: given[name] for name in inspect.signature(kind).parameters if name in given})
    except TypeError:
        raise ValueError("options that leave open what the network is") from None


def _check_layers(config: TrainConfig) -> None:
    hidden, activation = config.hidden or (), config.activation
    if not hidden:
        reason = f"model '{config.model}' has no hidden layer"
        _refuse(config, ("activation", "dropout"), reason, f"Give it one with {mention('hidden', 64)}")
    if activation and activation.count(",") and activation.count(",") + 1 != len(hidden):
        expected = f"expected one name, or one for each hidden layer ({len(hidden)})"
        raise OptionError("activation", f"{expected}, found '{activation}'")
    scale = MODELS[config.model].scale if config.scale == "auto" else config.scale
    if config.number_embedding not in (None, "none") and scale not in ("robust", AUTO_ROBUST):
        problem = f"{config.number_embedding} needs inputs within bounds, which {mention('scale', 'robust')} gives"
        raise OptionError("number_embedding", problem, f"Add {mention('scale', 'robust')}")
    if hidden and config.init == "zeros":
        problem = "hidden units that start alike stay alike: zeros suits models without hidden layers"
        remedy = f"Leave it out, or use {mention('init', 'he')} or {mention('init', 'glorot')}"
        raise OptionError("init", problem, remedy)


def _check_rates(config: TrainConfig, optimizer: Optimizer) -> None:
    """Raise OptionError for rates of parameters that there are none of, or of an optimizer that has no such rates."""
    if not config.lr_scale:
        return
    if optimizer.margin or optimizer.smooth:
        problem = f"{optimizer.name} finds the length of its steps by itself"
        raise OptionError("lr_scale", problem, f"Leave it out, or use another {mention('optimizer')}")
    needed = {
        "input": (config.learn_scale, mention("learn_scale", True)),
        "slope": ("prelu" in (config.activation or ""), mention("activation", "prelu")),
        "embedding": (has_embeddings(config), mention("number_embedding", "pbld")),
    }
    for kind in factors_of(config.lr_scale):
        is_there, remedy = needed.get(kind, (True, ""))
        if not is_there:
            raise OptionError(
                "lr_scale", f"the network has no parameters of the kind {kind}", f"Use {remedy}, or leave it out"
            )


def has_embeddings(config: TrainConfig) -> bool:
    """Tell whether the options ask for learned embeddings of numbers or of categories."""
    return config.number_embedding not in (None, "none") or bool(config.category_embedding)


def _check_optimizer(config: TrainConfig, optimizer: Optimizer, loss: Loss) -> None:
    name, remedy = optimizer.name, f"Leave it out, or use another {mention('optimizer')}"
    if optimizer.batch and config.batch_size not in (None, BatchSize().read(optimizer.batch)):
        rows = "one row" if optimizer.batch == "1" else "all rows"
        found = config.text("batch_size")
        problem = f"{name} learns from {rows} at each step: expected {optimizer.batch}, found {found}"
        raise OptionError("batch_size", problem, remedy)
    if optimizer.margin:
        if not loss.margin:
            others = " or ".join(mention("loss", one) for one in LOSSES if LOSSES[one].margin)
            problem = f"{name} needs a loss with a margin, and {loss.name} has none"
            raise OptionError("optimizer", problem, f"Use {others}")
        reason = f"{name} works out its step from the loss of a row alone"
        _refuse(config, ("l1", "l2", "decay_schedule", "clip_norm"), reason, remedy)
    if optimizer.exact and not _knows_optimum(config, loss):
        problem = f"{name} knows the optimum of linear regression alone, with {mention('loss', OF_NUMBERS)}, or mae or "
        problem += "quantile without penalties"
        fitting = [LBFGS.name] if _suits_lbfgs(config, loss) else []
        remedy = f"Use {' or '.join(mention('optimizer', one) for one in [*fitting, Preset.optimizer])}"
        raise OptionError("optimizer", problem, remedy)
    if optimizer.exact and config.init != "zeros":
        raise OptionError("init", f"{name} needs no initial weights", remedy)
    if optimizer.smooth:
        if not (loss.smooth or optimizer.exact):
            smooth = [one for one in LOSSES.values() if one.smooth]
            those = [one for one in smooth if (one.power if config.is_regression else one.for_classes)]
            others = ", ".join(one.name for one in those)
            problem = f"{name} needs a loss without kinks, and {loss.name} has some"
            raise OptionError("optimizer", problem, f"Use one of {others}")
        own = {"lr": optimizer.default_lr, "schedule": CONSTANT}  # as a resolved config has them
        other = tuple(key for key, value in own.items() if getattr(config, key) != value)
        _refuse(config, other, f"{name} finds the length of its steps by itself", remedy)
        reason = f"{name} needs the same smooth objective at every step"
        _refuse(config, STIRRING if optimizer.exact else ("l1", *STIRRING), reason, remedy)


def _refuse(config: TrainConfig, names: tuple[str, ...], reason: str, remedy: str) -> None:
    """Raise OptionError, with the reason, if one of the options is given."""
    for name in names:
        if getattr(config, name):
            raise OptionError(name, reason, remedy)
