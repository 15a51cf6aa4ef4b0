"""Check the options of `partial_fit`, which takes steps on the rows of each call: none may ask for more than these."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from nncli.config.resolve import resolve
from nncli.config.resolved import CONSTANT
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Dataset
from nncli.data.preprocess import Preprocess
from nncli.data.sparse_numbers import is_sparse
from nncli.data.split import row_numbers
from nncli.estimators.refusals import InvalidData, InvalidOption
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.nn.schedules import SCHEDULES
from nncli.system.output import in_quotes
from nncli.training.doubts import are_maybe_words, different_texts
from nncli.training.prepare import with_model
from nncli.training.scale_of_target import scale_of
from nncli.training.sparse_inputs import refuse_layers_of_zeros
from nncli.training.steps import Steps, begin_steps, options_for_steps, steps_from
from nncli.training.words import (
    columns_of_words,
    notes_on_no_words,
    notes_on_words,
    refuse_with_words,
    with_usual_words,
    word_options,
)

# what rests on validation rows, on all rows at once, or on an end
NOT_HERE = (
    "rare", "dedupe", "group", "time", "folds", "refit", "patience", "metric", "time_limit", "calibrate",
    "choose_threshold", "search_steps",
)  # fmt: skip
USE_FIT = "Leave it out, or use fit"


def begin(config: TrainConfig, dataset: Dataset) -> Steps:
    """Return the run of a model that has seen nothing: rows are prepared as these first ones have it, and so are the
    words of texts. Raises OptionError for options that ask for more than steps, InvalidData for a column that may be
    one of texts or of categories."""
    rows, notes = row_numbers(len(dataset)), list[str]()
    words, vectors = columns_of_words(config, dataset.table), None
    _refuse_maybe_words(config, dataset, words)
    if words:
        config, notes = with_model(config, dataset, words)
        config = with_usual_words(config, dataset.table, words)
        refuse_with_words(config, words)
        if config.vectors is not None:
            from nncli.training.word_vectors import with_vectors

            config, vectors = with_vectors(config, len(words))
    resolved, how = resolve(_for_steps(config), len(dataset), has_val=False), word_options(config)
    if words or is_sparse(dataset.table.numbers):
        refuse_layers_of_zeros(resolved)
    preprocess = Preprocess.fit(
        dataset.table, rows, resolved.data.scale, words, how, vectors, with_vocabulary=config.vocabulary
    )
    notes += [*preprocess.notes, *notes_on_words(words, how, config.text), *notes_on_no_words(preprocess.words)]
    if vectors is not None:
        from nncli.training.word_vectors import notes_on_vectors

        notes += notes_on_vectors(vectors, preprocess, len(dataset))
    notes += different_texts(dataset.table, words)
    preprocess = dataclasses.replace(preprocess, notes=tuple(notes))
    target = scale_of(dataset, rows) if dataset.is_numeric else None
    return begin_steps(resolved, dataset, preprocess, target, vectors)


def resume(model: Model, provenance: Provenance, dataset: Dataset) -> Steps:
    """Return the run that goes on from a model; see `steps_from`."""
    resolved = resolve(_for_steps(options_for_steps(model)), len(dataset), has_val=False)
    return steps_from(model, provenance, resolved, dataset)


def _refuse_maybe_words(config: TrainConfig, dataset: Dataset, words: Sequence[str]) -> None:
    """Raise InvalidData for a column of first rows that may be texts to read word by word, where nobody says so: each
    would be a category, those of later rows would all be unseen ones, and nothing would be learned."""
    for name, column in dataset.table.texts.items():
        if name not in words and name not in config.categorical and are_maybe_words(column):
            problem = (
                f"column {in_quotes(name)}: expected texts or categories, found {len(column.codes):,} first rows that "
                "may be either, as most are different and have several words"
            )
            own = (name,)
            remedy = f"Use text={own!r} to learn from their words, or categorical={own!r} to keep each as it is"
            raise InvalidData("X", problem, remedy)


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
