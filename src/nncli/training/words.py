"""Columns of text whose words are learned from: which they are, and what cannot be done with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from nncli.config.ensemble_kind import ensemble_of
from nncli.config.resolved import ResolvedConfig
from nncli.config.train_config import TrainConfig
from nncli.data.cells import is_number
from nncli.data.column_statistics import blocks_of
from nncli.data.dataset import Table, TextColumn
from nncli.data.dates import days_of
from nncli.data.spellings import Spelling, date_spellings, number_spellings, time_spelling
from nncli.data.text_inputs import TextInputs, first_texts, holds_texts
from nncli.data.words.options import WordOptions
from nncli.errors import OptionError, flag, listing, mention, write_names
from nncli.nn.models import AutoModel, MLPModel, SoftmaxModel, TabularModel
from nncli.nn.optimizers import OPTIMIZERS
from nncli.system.output import in_quotes, shortened

# sequences of characters tell much of few texts, and of many take longer than they are worth
FEW_CHARACTERS, NGRAMS_OF_FEW, NGRAMS = 5_000_000, "words:1-2,chars:2-5", "words:1-2"
ADAM, MIRA = "adam", "mira"
OF_LINEAR = {"lr": 0.03, "epochs": 10}  # of a linear model: rows of unit length ask for longer steps, and fewer
# of MIRA, whose rate is the longest step: what mends a row of unit length is shorter, so that each is mended in full
OF_MIRA = {"lr": 1.0}
OF_HIDDEN = {"epochs": 5}  # after which validation loss rises: there are more weights than n-grams
# of one behind an embedding: with AdaGrad, nothing has to be made up for where a vector is not touched
OF_EMBEDDING = {"optimizer": "adagrad", "lr": 0.02, "epochs": 10}
# options of layers before the first dense one, which has to take the words themselves
OF_INPUTS = ("learn_scale", "number_embedding", "category_embedding")
OF_NETWORK = ("model", "ensemble", *OF_INPUTS)  # of which some values are refused
OF_TEXTS = ("ngrams", "hash_bits", "vocabulary", "embedding", "vectors")


def columns_of_words(config: TrainConfig, table: Table) -> tuple[str, ...]:
    """Return the columns of text whose words are learned from: those that are told, and those that hold sentences.
    Raises OptionError for the options of texts where there are none, and for numbers that are told to be texts."""
    for name in config.text:
        if name in table.texts:
            _refuse_no_texts(name, table.texts[name])
    found = tuple(
        name for name, column in table.texts.items() if holds_texts(name, column, config.text, config.categorical)
    )
    if not found:
        for name in OF_TEXTS:
            if getattr(config, name):
                problem = "the data have no column of texts with several words each"
                raise OptionError(
                    name, problem, f"Name the column with {mention('text')}, or leave {mention(name)} out"
                )
    return found


def with_usual_words(config: TrainConfig, table: Table, columns: tuple[str, ...]) -> TrainConfig:
    """Return the options with how texts are counted and learned from, where they do not say it and there are columns of
    words: see the docs, "Text"."""
    if not columns:
        return config
    few = sum(_characters(table.texts[name]) for name in columns) <= FEW_CHARACTERS
    usual: dict[str, Any] = {"ngrams": NGRAMS_OF_FEW if few else NGRAMS, "hash_bits": WordOptions().bits}
    optimizer = OPTIMIZERS.create(config.optimizer or config.preset.optimizer)
    if config.hidden or config.preset.hidden:
        usual |= OF_HIDDEN
    elif optimizer.name == MIRA:
        usual |= OF_MIRA
    elif optimizer.name == ADAM:
        is_embedded = config.optimizer is None and (config.embedding or config.vectors)
        usual |= OF_EMBEDDING if is_embedded else OF_LINEAR
    return dataclasses.replace(config, **{name: its for name, its in usual.items() if getattr(config, name) is None})


def with_longest_step(config: TrainConfig, resolved: ResolvedConfig, scaling: str) -> tuple[TrainConfig, list[str]]:
    """Return the options with the longest step of MIRA for sparse numbers that are left as they are, as `scaling` says,
    for their rows have unit length; and say it, where the options do not."""
    is_unit = resolved.data.scale != "none" and scaling == "none"  # which was chosen for it
    if not is_unit or config.lr is not None or resolved.training.optimizer != MIRA:
        return config, []
    step = OF_MIRA["lr"]
    said = f"longest step: {step:g}, as the rows have unit length, so that each is mended in full ({flag('lr')})"
    return dataclasses.replace(config, lr=step), [said]


def word_options(config: TrainConfig) -> WordOptions:
    """Return how the words of a run are counted and hashed."""
    given: Mapping[str, Any] = {"ngrams": config.ngrams, "bits": config.hash_bits}
    return WordOptions(**{name: value for name, value in given.items() if value is not None})


def refuse_with_words(config: TrainConfig, columns: tuple[str, ...]) -> None:
    """Raise OptionError for a network that cannot take words as they are."""
    where = f"column {in_quotes(columns[0])} holds texts ({mention('categorical')} makes each text a category)"
    model = config.model or ""
    if model in (TabularModel.name, AutoModel.name):
        remedy = f"Use {mention('model', SoftmaxModel.name)} or {mention('model', MLPModel.name)}"
        raise OptionError("model", f"{model} is for numbers and categories, and {where}", remedy)
    for name in OF_INPUTS:
        if getattr(config, name) not in (None, False, 0, "none"):
            raise OptionError(name, f"it changes inputs before the first layer, and {where}", "Leave it out")
    members = ensemble_of(config.ensemble)
    if members is not None and members.shared:
        remedy = f"Use {mention('ensemble', members.number)}"
        raise OptionError("ensemble", f"members of words share no weights, and {where}", remedy)
    if members is not None and (config.embedding or config.vectors):
        option = "embedding" if config.embedding else "vectors"
        raise OptionError(
            option, "members of an ensemble have no embedding of words", f"Leave it or {mention('ensemble')} out"
        )


def notes_on_words(columns: tuple[str, ...], options: WordOptions, told: tuple[str, ...]) -> list[str]:
    """Say which columns are read as words, and how."""
    if not columns:
        return []
    found = [name for name in columns if name not in told]
    more = f"; {flag('categorical')} {write_names(found)} makes each text a category" if found else ""
    plural = "s" if len(columns) > 1 else ""
    return [
        f"column{plural} {listing([in_quotes(name) for name in columns])}: texts, learned from by their "
        f"{options.in_words()}, hashed to 2^{options.bits} inputs{more}"
    ]


def notes_on_no_words(words: TextInputs | None) -> list[str]:
    """Warn of texts in which nothing is found that is learned from, as of dashes alone."""
    if words is None or words.idf.any():
        return []
    named = listing([in_quotes(name) for name in words.columns])
    return [f"warning: no {words.options.in_words()} in the training texts ({named}): nothing is learned from them"]


def _refuse_no_texts(name: str, column: TextColumn) -> None:
    """Raise OptionError for a column, told to be one of texts, that has none, or numbers, dates or times alone."""
    cells = first_texts(column)
    if not column.values:
        problem = f"column {in_quotes(name)} has no text in any row"
        raise OptionError("text", problem, f"Leave it out, or drop the column with {mention('drop', name)}")
    if cells and (others := _all_are(cells)):
        problem = (
            f"expected texts in column {in_quotes(name)}, found {others}, such as {in_quotes(shortened(cells[0]))}"
        )
        raise OptionError("text", problem, f"Leave it out; {mention('categorical', name)} makes each a category")


def _all_are(cells: Sequence[str]) -> str:
    """Say what all cells are that can be read as numbers, dates or times; empty for texts."""
    if all(is_number(cell) for cell in cells) or _one_reads_all(number_spellings(cells), Spelling.number, cells):
        return "numbers"
    if all(days_of(cell) is not None for cell in cells) or _one_reads_all(date_spellings(cells), Spelling.days, cells):
        return "dates"
    times = time_spelling(cells)
    return "times" if times and _one_reads_all([times], Spelling.number, cells) else ""


def _one_reads_all(ways: Sequence[Spelling], read: Callable[[Spelling, str], object], cells: Sequence[str]) -> bool:
    """Tell whether one of these ways to read cells reads all of them."""
    return any(all(read(way, cell) is not None for cell in cells) for way in ways)


def _characters(column: TextColumn) -> int:
    """Count the characters of all cells of a column."""
    # the last is that of a missing cell
    lengths = np.fromiter(chain(map(len, column.values), [0]), np.int64, len(column.values) + 1)
    return sum(int(lengths[block].sum()) for block in blocks_of(column.codes, np.arange(len(column.codes))))
