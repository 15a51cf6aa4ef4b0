"""Group the settings of a training run, with nothing left open."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from nncli.config.ensemble_kind import ensemble_of
from nncli.config.option import FULL_BATCH
from nncli.config.train_config import TrainConfig
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.sources import Source
from nncli.nn.losses import LOSSES
from nncli.nn.optimizers import OPTIMIZERS, SGD

CONSTANT = "constant"  # schedule; of dropout and decay, the same as none
# in the place of settings that each network of a search has of its own
OF_SEARCH = {"hidden": (), "optimizer": "sgd", "lr": 1.0, "schedule": CONSTANT, "average": "none", "epochs": 1}
OF_SEARCH |= {"batch_size": FULL_BATCH}
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
        scale = options.preset.scale if options.scale == "auto" else options.scale
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
    embedding: int = 0  # of words
    ensemble: str = ""  # its members; empty: there is one
    dtype: str
    dropout: float = 0.0
    input_dropout: float = 0.0
    parts: tuple[tuple[int, ModelConfig], ...] = ()  # of a blend: how often each counts, and what it is

    @property
    def is_linear(self) -> bool:
        """Tell whether scores are sums of weighted inputs."""
        is_several = self.ensemble or len(self.parts) > 1
        return not self.hidden and self.number_embedding == "none" and not is_several

    @property
    def has_input_layers(self) -> bool:
        """Tell whether there are layers with parameters before the first dense one."""
        is_embedded = self.number_embedding != "none" or max(self.category_embedding, self.embedding) > 0
        return self.learn_scale or is_embedded


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
    kernels: str = ""  # that do the work; empty: NumPy's
    distort: str = ""  # pictures, by these distortions; empty: not at all
    class_weight: str
    calibrate: bool = False


class BlendPart(NamedTuple):
    """How often a part counts in a blend, and the options that it was trained with."""

    times: int
    options: TrainConfig


@dataclass(frozen=True)
class ResolvedConfig:
    """All settings of a training run, with nothing left open.

    `options` are those that ask for just this: what a model file keeps, with the `parts` of a blend. The groups say the
    same to the program; of a search, those of training say nothing.
    """

    options: TrainConfig
    data: DataConfig
    model: ModelConfig
    training: TrainingConfig
    parts: tuple[BlendPart, ...] = ()

    @classmethod
    def of(cls, options: TrainConfig) -> ResolvedConfig:
        """Group the options that `resolve` has filled in; ValueError where one is open that must not be."""
        if options.model is None:
            raise ValueError("no value for 'model', which always has one")
        given = {name: value for name, value in vars(options).items() if value is not None} | {"name": options.model}
        if options.preset.searches:
            given = OF_SEARCH | {"loss": options.preset.loss_for(options.is_regression)} | given
        if ensemble_of(options.ensemble) is None:
            given.pop("ensemble", None)
        return cls(options, DataConfig.of(options), _group(ModelConfig, given), _group(TrainingConfig, given))

    def with_parts(self, parts: Sequence[BlendPart]) -> ResolvedConfig:
        """Return the settings of a search that has found the parts of its blend; a single one is the model itself."""
        of_parts = tuple((one.times, ResolvedConfig.of(one.options).model) for one in parts)
        if len(parts) == 1:
            model = dataclasses.replace(of_parts[0][1], name=self.model.name, parts=of_parts)
        else:
            model = dataclasses.replace(self.model, parts=of_parts)
        return dataclasses.replace(self, model=model, parts=tuple(parts))

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
    loss = LOSSES.create(config.loss or config.preset.loss_for(config.is_regression))
    has_log_loss = K > 0 and (loss.probabilistic or config.calibrate)
    is_weighted = config.weight is not None or config.class_weight != "none"
    is_same = loss.is_log_loss(K) and not (config.calibrate or is_weighted)
    return "objective" if has_log_loss and not is_same else "loss"


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
