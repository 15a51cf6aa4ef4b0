"""What training makes smaller, as a thing of its own: of the network that options describe, or of a saved model."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from nncli.config.option import flag
from nncli.config.train_config import TrainConfig
from nncli.data.scaled_rows import Matrix, Subset
from nncli.data.sources import Source
from nncli.data.synthetic import is_random, random_dataset
from nncli.errors import OptionError
from nncli.model.model import Model, build_network
from nncli.model.provenance import Provenance
from nncli.nn.losses import Loss
from nncli.nn.network import Network
from nncli.nn.optimizers import OPTIMIZERS
from nncli.nn.regularisation import Penalty
from nncli.training.prepare import FILE_OPTIONS, balanced, labelled_rows, prepare, seeds
from nncli.training.summary import regularisation

ROWS = 32  # that the loss is the mean of, where --batch-size does not say
OFFSET = 0.1  # standard deviation of what biases and slopes are moved by: at 0 some errors would not show
# What training does after it has a derivative, and the type, which is always float64 here.
AFTERWARDS = (
    "dtype", "lr", "schedule", "average", "epochs", "patience", "time_limit", "clip_norm", "max_norm", "calibrate",
)  # fmt: skip


@dataclass(frozen=True)
class Objective:
    """L(θ, X) as training makes it smaller, over the rows of a subset.

    `seed` is that of the dropout masks, and of the entries and directions that are drawn.
    """

    network: Network
    loss: Loss
    penalty: Penalty
    smoothing: float
    subset: Subset
    K: int
    seed: np.random.SeedSequence
    notes: tuple[str, ...] = ()  # what it is, a line each


def of_options(config: TrainConfig, given: Collection[str]) -> Objective:
    """Of the network that the options describe, at random weights, on some training rows: so many as the batch size
    says, if that is among the options that are given."""
    config = dataclasses.replace(config, dtype="float64")
    _, init, sample, drop = seeds(config)
    dataset = None
    if len(config.data) == 1 and is_random(config.data[0]):
        _refuse_file_options(config)
        dataset = random_dataset(config.data[0], np.random.default_rng(config.seed))
    prepared = prepare(config, dataset)
    config, K = prepared.config, len(prepared.dataset.classes)
    network, loss = build_network(config, prepared.preprocess.width, K)
    rng = np.random.default_rng(init)
    # at weights of 0, all rows are at a kink or nothing passes through
    network.initialize(None if config.init == "zeros" else config.init, rng)
    for block in network.blocks:
        if not block.is_weight:
            view = block.view(network.theta)
            view += rng.normal(0, OFFSET, block.shape)
    rows = (config.batch_size or len(prepared.train)) if "batch_size" in given else ROWS
    subset = _some(prepared.train, rows, np.random.default_rng(sample))
    optimizer = OPTIMIZERS.create(config.optimizer or "")
    afterwards = {*AFTERWARDS, *(["l2"] if optimizer.decoupled else [] if optimizer.margin else ["optimizer"])}
    unused = [flag(name) for name in TrainConfig.options() if name in given and name in afterwards]
    notes = [f"no part of a derivative, and without effect here: {', '.join(unused)}"] if unused else []
    if config.init == "zeros" and "init" in given:
        notes.append("--init zeros: random weights in its place, as there is little to see at 0")
    return _objective(config, network, loss, subset, K, drop, [*prepared.notes, *notes])


def of_model(model: Model, provenance: Provenance, model_file: str, source: Source, seed: int) -> Objective:
    """Of a saved model as it stands, on rows of the given source, by default of the one it was trained on."""
    config, K = dataclasses.replace(model.config, dtype="float64", seed=seed), len(model.classes)
    network, loss = build_network(config, model.preprocess.width, K)
    network.theta[:] = model.network.theta
    _, _, sample, drop = seeds(config)
    rng = np.random.default_rng(sample)
    if len(source) == 1 and is_random(source[0]):
        if source != ("random",):
            raise OptionError(
                "DATA", f"the model says how wide its rows are, and so does '{source[0]}'", "Use random alone"
            )
        X = Matrix(rng.normal(size=(ROWS, model.preprocess.width)), network.dtype)
        y = rng.integers(K, size=ROWS)
    else:
        dataset = labelled_rows(model, provenance, model_file, source, "float64")
        X, y = model.preprocess.transform(dataset.table, network.dtype), dataset.y.astype(np.int64)
    weights = None
    if config.class_weight == "balanced":
        with np.errstate(divide="ignore"):  # for classes that have no row here
            weights = balanced(y, K)[y]
    subset = _some(Subset(X, y, np.arange(len(y)), weights), ROWS, rng)
    notes = [] if config.weight is None else ["all rows count alike here, whatever the column of weights says"]
    return _objective(config, network, loss, subset, K, drop, notes)


def _objective(
    config: TrainConfig,
    network: Network,
    loss: Loss,
    subset: Subset,
    K: int,
    seed: np.random.SeedSequence,
    notes: Sequence[str],
) -> Objective:
    penalty = Penalty(config.l1 or 0, config.l2 or 0, OPTIMIZERS.create(config.optimizer or "").decoupled)
    held = regularisation(
        dataclasses.replace(config, max_norm=None, clip_norm=None, l2=None if penalty.decoupled else config.l2)
    )
    what = [f"{config.model} {network.widths_shown()}", config.activation or "", config.loss or "", *held]
    rows = "1 row" if len(subset) == 1 else f"{len(subset):,} rows"
    about = f"checking {', '.join(filter(None, what))}: the mean loss of {rows}, in float64"
    return Objective(network, loss, penalty, config.label_smoothing or 0, subset, K, seed, (*notes, about))


def _some(subset: Subset, rows: int, rng: np.random.Generator) -> Subset:
    """At most so many of the rows that count, drawn at random."""
    counting = subset.rows if subset.weights is None else subset.rows[subset.weights[subset.rows] > 0]
    chosen = rng.choice(counting, min(rows, len(counting)), replace=False)
    return dataclasses.replace(subset, rows=np.sort(chosen))


def _refuse_file_options(config: TrainConfig) -> None:
    for name in (*FILE_OPTIONS, "weight", "categorical"):
        if getattr(config, name) != getattr(TrainConfig(), name):
            raise OptionError(flag(name), "random rows come from no file, and have no such thing", "Leave it out")
