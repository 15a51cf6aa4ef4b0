"""The objective that training minimises: of the network that options describe, or of a saved model."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from nncli.config.resolved import ResolvedConfig, rows_per_step
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Target
from nncli.data.scaled_rows import Inputs, Matrix, Subset
from nncli.data.sources import Source
from nncli.data.synthetic import is_random, random_dataset
from nncli.errors import OptionError, flag
from nncli.model.labelled_rows import labelled_rows
from nncli.model.model import Model
from nncli.model.network import build_network, network_inputs
from nncli.model.provenance import Provenance
from nncli.nn.kernels.choice import kernels_named
from nncli.nn.network import Network
from nncli.nn.optimizers import OPTIMIZERS
from nncli.nn.regularisation import Penalty
from nncli.nn.row_loss import Loss
from nncli.system.output import counted
from nncli.training.class_weights import class_weights
from nncli.training.prepare import FILE_OPTIONS, OF_COLUMNS, prepare
from nncli.training.seeds import Seeds
from nncli.training.summary import regularisation

ROWS = 32  # of the objective, unless --batch-size says how many
OFFSET = 0.1  # standard deviation of random biases and slopes: at 0, some errors would not show
STEP_OPTIONS = {"lr", "schedule", "average", "clip_norm", "max_norm"}  # what is done with a derivative
SCHEDULES: dict[str, Any] = {"dropout_schedule": None, "decay_schedule": None}  # over steps, of which there is none
# float64 is always used
IGNORED = {"dtype", "epochs", "patience", "time_limit", "calibrate", "distort", "lr_scale", *STEP_OPTIONS, *SCHEDULES}


@dataclass(frozen=True)
class Objective:
    """L(θ, X) as training minimises it, on the rows of a subset; `seed` is for dropout and for what is checked."""

    network: Network
    loss: Loss
    penalty: Penalty
    smoothing: float
    subset: Subset
    K: int
    seed: SeedSequence
    each_member: bool = True  # of an ensemble has a loss; of a blend, whose parts were trained one by one, all together
    notes: tuple[str, ...] = ()  # what a person should know of it, one line each


def objective_of_options(config: TrainConfig, given: Collection[str]) -> Objective:
    """Return the objective of the network that options describe, at random weights, on some training rows.

    `given` names the options that the user has set; if the batch size is among them, it is the number of rows.
    """
    config = dataclasses.replace(config, dtype="float64")
    seeds = Seeds.of(config)
    dataset = None
    if len(config.data) == 1 and is_random(config.data[0]):
        for name in (*FILE_OPTIONS, *OF_COLUMNS):
            if getattr(config, name) != getattr(TrainConfig(), name):
                raise OptionError(name, "random rows do not come from a file", "Leave it out")
        dataset = random_dataset(config.data[0], np.random.default_rng(config.seed))
    prepared = prepare(config, dataset)
    resolved, K = prepared.config, len(prepared.dataset.classes)
    network, loss = build_network(resolved.model, network_inputs(prepared.preprocess), K)
    rng, init = np.random.default_rng(seeds.init), resolved.model.init
    # with all weights 0, every row is at a kink or no gradient passes
    network.use(kernels_named(resolved.training.kernels))
    network.expect_inputs(prepared.train.share_of_inputs(network.dtype))
    network.initialize(None if init == "zeros" else init, rng)
    for block in network.blocks:
        if not block.is_weight:
            block.view(network.theta)[:] += rng.normal(0, OFFSET, block.shape)
    n = len(prepared.train)
    rows = rows_per_step(resolved.training.batch_size, n) if "batch_size" in given else ROWS
    subset = _drawn(prepared.train, rows, np.random.default_rng(seeds.shuffle))
    optimizer = OPTIMIZERS.create(resolved.training.optimizer)
    ignored = IGNORED | {*(["l2"] if optimizer.decoupled else [] if optimizer.margin else ["optimizer"])}
    unused = [flag(name) for name in TrainConfig.options() if name in given and name in ignored]
    notes = [f"without effect on derivatives, and ignored: {', '.join(unused)}"] if unused else []
    if init == "zeros" and "init" in given:
        notes.append("--init zeros: random weights are used instead, as zeros would hide most errors")
    return _objective(resolved, network, loss, subset, K, seed=seeds.dropout, notes=[*prepared.notes, *notes])


def objective_of_model(model: Model, provenance: Provenance, model_file: str, source: Source, seed: int) -> Objective:
    """Return the objective of a saved model, on rows of a source; without one, of its training data."""
    config, K = model.config, len(model.classes)
    in_double = dataclasses.replace(config.model, dtype="float64")
    network, loss = build_network(in_double, network_inputs(model.preprocess), K)
    network.theta[:] = model.network.theta
    seeds = Seeds.of(dataclasses.replace(config.options, seed=seed))
    rng = np.random.default_rng(seeds.shuffle)
    if len(source) == 1 and is_random(source[0]):
        if source != ("random",):
            problem = f"the model already says how wide its rows are, and so does '{source[0]}'"
            raise OptionError("data", problem, "Use random alone")
        X: Inputs = Matrix(rng.normal(size=(ROWS, model.preprocess.width)), network.dtype)
        y: Target = rng.integers(K, size=ROWS) if K else rng.normal(size=ROWS)
    else:
        dataset = labelled_rows(model, provenance, model_file, source, "float64")
        X = model.preprocess.transform(dataset.table, network.dtype)
        y = dataset.y.astype(np.int64) if model.target is None else model.target.scaled(dataset.y)
    of_class = class_weights(config.training.class_weight, y, model.classes) if K else None
    weights = None if of_class is None else of_class[y]
    subset = _drawn(Subset(X, y, np.arange(len(y)), weights), ROWS, rng)
    notes = ["all rows have equal weight here: the column of weights is ignored"] if config.options.weight else []
    return _objective(config, network, loss, subset, K, seed=seeds.dropout, notes=notes)


def _objective(
    config: ResolvedConfig, network: Network, loss: Loss, subset: Subset, K: int, seed: SeedSequence, notes: list[str]
) -> Objective:
    model, how, options = config.model, config.training, config.options
    penalty = Penalty(how.l1, how.l2, OPTIMIZERS.create(how.optimizer).decoupled)
    regularised = regularisation(
        dataclasses.replace(
            options,
            max_norm=None,
            clip_norm=None,
            distort=None,
            l2=None if penalty.decoupled else options.l2,
            **SCHEDULES,
        )
    )
    what = [f"{model.name} {network.widths_shown()}", model.activation, model.loss, *regularised]
    about = f"checking {', '.join(filter(None, what))}: the mean loss of {counted(len(subset), 'row')}, in float64"
    each_member = len(model.parts) < 2
    if network.copies > 1 and each_member:
        about += ", added up over the members" if network.independent > 1 else " and of all members"
    smoothing, notes = how.label_smoothing, [*notes, about]
    return Objective(network, loss, penalty, smoothing, subset, K, seed, each_member, tuple(notes))


def _drawn(subset: Subset, rows: int, rng: np.random.Generator) -> Subset:
    """Draw at most so many of the rows with a positive weight."""
    counting = subset.rows if subset.weights is None else subset.rows[subset.weights[subset.rows] > 0]
    chosen = rng.choice(counting, min(rows, len(counting)), replace=False)
    return dataclasses.replace(subset, rows=np.sort(chosen))
