"""Check the options of `partial_fit`, which takes steps on the rows of each call: none may ask for more than these."""

from __future__ import annotations

import dataclasses
from typing import Any

from nncli.config.resolve import resolve
from nncli.config.resolved import CONSTANT
from nncli.config.train_config import TrainConfig
from nncli.config.usual_model import linear_model
from nncli.data.dataset import Dataset
from nncli.data.preprocess import Preprocess
from nncli.data.sparse_numbers import is_sparse
from nncli.data.split import row_numbers
from nncli.estimators.refusals import InvalidOption
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.nn.schedules import SCHEDULES
from nncli.training.scale_of_target import scale_of
from nncli.training.sparse_inputs import refuse_layers_of_zeros
from nncli.training.steps import Steps, begin_steps, options_for_steps, steps_from
from nncli.training.words import columns_of_words, refuse_with_words, with_usual_words, word_options

# what rests on validation rows, on all rows at once, on a file, or on an end
NOT_HERE = (
    "rare", "dedupe", "group", "time", "folds", "refit", "patience", "metric", "time_limit", "calibrate",
    "choose_threshold", "search_steps", "vectors",
)  # fmt: skip
USE_FIT = "Leave it out, or use fit"


def begin(config: TrainConfig, dataset: Dataset) -> Steps:
    """Return the run of a model that has seen nothing: rows are prepared as these first ones have it. Raises
    OptionError for options that ask for more than steps."""
    words = columns_of_words(config, dataset.table)
    if words:
        if config.model is None and not config.hidden:
            config = dataclasses.replace(config, model=linear_model(dataset.is_numeric))
        config = with_usual_words(config, dataset.table, words)
        refuse_with_words(config, words)
    resolved = resolve(_for_steps(config), len(dataset), has_val=False)
    if words or is_sparse(dataset.table.numbers):
        refuse_layers_of_zeros(resolved)
    rows = row_numbers(len(dataset))
    target = scale_of(dataset, rows) if dataset.is_numeric else None
    how: dict[str, Any] = {"words": words, "how": word_options(config), "with_vocabulary": config.vocabulary}
    return begin_steps(resolved, dataset, Preprocess.fit(dataset.table, rows, resolved.data.scale, **how), target)


def resume(model: Model, provenance: Provenance, dataset: Dataset) -> Steps:
    """Return the run that goes on from a model; see `steps_from`."""
    resolved = resolve(_for_steps(options_for_steps(model)), len(dataset), has_val=False)
    return steps_from(model, provenance, resolved, dataset)


def _for_steps(config: TrainConfig) -> TrainConfig:
    """Return options for steps without an end: all that has a schedule is constant, whatever a model has by itself, and
    no rows are kept back. Raises InvalidOption."""
    usual = TrainConfig()
    if config.preset.searches:
        raise InvalidOption("model", f"expected one network for partial_fit, found {config.model}", USE_FIT)
    for name in NOT_HERE:
        if getattr(config, name) != getattr(usual, name):
            problem = "expected no such option for partial_fit, which takes steps on the rows it is given alone"
            raise InvalidOption(name, f"{problem}, found {config.written(name)}", USE_FIT)
    if config.class_weight == "balanced":
        problem = "expected weights of classes for partial_fit, which does not know all rows, found balanced"
        raise InvalidOption("class_weight", problem, "Give their weights, as {0: 1, 1: 5}")
    schedules = ("schedule", "dropout_schedule", "decay_schedule")
    for name in schedules:
        spec = getattr(config, name)
        if spec is not None and SCHEDULES.create(spec).name != CONSTANT:
            what = "a constant rate" if name == "schedule" else "a constant schedule"
            problem = f"expected {what} for partial_fit, which has no end, found {spec}"
            raise InvalidOption(name, problem, USE_FIT)
    constant: dict[str, Any] = {name: getattr(config, name) or CONSTANT for name in schedules}
    return dataclasses.replace(config, **constant, val=0.0, test=0.0)
