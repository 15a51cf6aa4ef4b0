"""Choose the model of a run that names none, by its data: see the docs, "Accuracy"."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from nncli.config.ensemble_kind import ONE
from nncli.config.train_config import TrainConfig
from nncli.data.column_profile import ColumnProfile
from nncli.data.column_statistics import LEAST_PIXELS
from nncli.errors import flag
from nncli.nn.models import LinearModel, MLPModel, SoftmaxModel, TabularModel

LEAST_ROWS, LEAST_OF_NUMBERS = 200, 160  # of the data, without test rows in a file of their own: for classes, numbers
MOST_COLUMNS = 200
SHORTER_ROWS, SHORTER_EPOCHS = 2_000, 32  # of one network for classes, from so many rows on: no less accurate
LEAST_EPOCHS, STEPS = 4, 10_000
BRIGHTEST = 255
CHOSEN = "chosen: "  # begins the note on what was chosen
# options that say what network is trained and how: where one is given, nothing is chosen
SAYING = (
    "model", "hidden", "activation", "loss", "init", "learn_scale", "number_embedding", "category_embedding",
    "embedding", "vectors", "scale",
    "optimizer", "lr", "lr_scale", "schedule", "dropout_schedule", "decay_schedule", "average", "epochs", "batch_size",
    "dropout", "input_dropout", "l1", "l2", "max_norm", "label_smoothing", "clip_norm", "distort",
)  # fmt: skip


def with_usual_model(
    config: TrainConfig,
    rows: int,
    columns: int,
    profile: Sequence[ColumnProfile],
    is_picture: bool = False,
    is_numeric: bool = False,
    has_words: bool = False,
) -> tuple[TrainConfig, list[str]]:
    """Return the options with a model, and a line that says which one is chosen and why, where the data ask for another
    than mlp.

    `rows` counts the rows of the data, of which some are to test on, `columns` the columns that are learned from, and
    `profile` tells what the columns of the file are like. A target that `is_numeric` needs more epochs than classes.
    """
    if config.model is not None:
        return config, []
    if has_words:
        linear = linear_model(is_numeric)
        if said(config):
            return dataclasses.replace(config, model=MLPModel.name if config.hidden else linear), []
        return dataclasses.replace(config, model=linear), [f"{CHOSEN}--model {linear}, as there is a column of texts"]
    least = LEAST_OF_NUMBERS if is_numeric else LEAST_ROWS
    if rows < least or columns > MOST_COLUMNS or is_picture or _are_pixels(columns, profile):
        return dataclasses.replace(config, model="mlp"), []
    if which := said(config):
        why = (
            f"--model mlp, as {flag(which[0])} is given; without such options a table of this size gets a tabular model"
        )
        return dataclasses.replace(config, model="mlp"), [f"{CHOSEN}{why}"]
    members = config.ensemble or ONE
    epochs = _epochs(rows, is_shorter=rows >= SHORTER_ROWS and members == ONE and not is_numeric)
    chosen = dataclasses.replace(config, model=TabularModel.name, ensemble=members, epochs=epochs)
    options = f"--model {TabularModel.name} --ensemble {members}{'' if epochs is None else f' --epochs {epochs}'}"
    return chosen, [f"{CHOSEN}{options}, as the table has at least {least:,} rows"]


def linear_model(is_numeric: bool) -> str:
    """Return the linear model for words: of a number, or of classes."""
    return LinearModel.name if is_numeric else SoftmaxModel.name


def _epochs(rows: int, *, is_shorter: bool) -> int | None:
    """Return how many epochs are enough for a table of so many rows; None: those of the model."""
    usual: int = TabularModel.of_training["epochs"]
    most = STEPS // -(-rows // TabularModel.batch_size)
    epochs = min(SHORTER_EPOCHS if is_shorter else usual, max(LEAST_EPOCHS, most))
    return None if epochs == usual else epochs


def said(config: TrainConfig) -> list[str]:
    """Return the options that are given and say what network is trained and how."""
    usual = TrainConfig()
    return [name for name in SAYING if getattr(config, name) != getattr(usual, name)]


def choices_in(notes: Sequence[str]) -> list[str]:
    """Return those of the notes of a run that say what model was chosen and why; none where one was named."""
    return [note for note in notes if note.startswith(CHOSEN)]


def chosen_model(notes: Sequence[str]) -> str:
    """Return what was chosen and why, from the notes of a run; empty where a model was named."""
    return "; ".join(note.removeprefix(CHOSEN) for note in choices_in(notes))


def _are_pixels(columns: int, profile: Sequence[ColumnProfile]) -> bool:
    """Tell whether columns, which a file of this profile has, look like the pixels of a square of at least 8 x 8: whole
    numbers from 0 to 255, most of them up to half of the brightest. Fewer columns of such numbers are rather counts,
    codes and grades."""
    numbers = [column for column in profile if column.kind == "number" and column.high is not None]
    if not LEAST_PIXELS <= columns <= len(numbers) or math.isqrt(columns) ** 2 != columns:
        return False
    highest = [column.high or 0 for column in numbers]
    within = all(column.whole and (column.low or 0) >= 0 for column in numbers) and max(highest) <= BRIGHTEST
    return within and sum(high >= max(highest) / 2 for high in highest) > len(numbers) / 2
