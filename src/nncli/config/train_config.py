"""One frozen TrainConfig from the options to the checkpoint. Each option of `train` is defined here and nowhere else.
What they come to together, with the model and the data, is worked out in `resolve.py`.

A field carries its help text, its group and the function that reads it from text. The command line,
the --config file and the model file all go through these, so an option added here works in all of them.
"""

from __future__ import annotations

import dataclasses
import functools
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nncli.config.option import (
    FULL_BATCH,
    Activations,
    Component,
    OneOf,
    Option,
    dropped,
    flag,
    not_negative,
    option,
    positive,
    read_batch_size,
    read_columns,
    read_decimal,
    read_delimiter,
    read_encoding,
    read_files,
    read_text,
    read_widths,
    share,
    shortest,
    whole,
)
from nncli.data.sources import Source, native, portable
from nncli.errors import OptionError, did_you_mean
from nncli.system.output import shortened

SOURCES = ("data", "val_data", "test_data")  # options that name files
ENCODING_HELP = "Text encoding, such as utf-8, utf-16, latin-1 or cp1252."
DEFAULT_SHARE = 0.15  # of the rows, for validation and for the test

_data = functools.partial(option, group="Data")
_splits = functools.partial(option, group="Splits")
_model = functools.partial(option, group="Model")
_training = functools.partial(option, group="Training")
_regularisation = functools.partial(option, group="Regularisation")
_run = functools.partial(option, group="Run")


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides what a training run does. `None` is "not said": see `resolve`."""

    data: Source = ("digits",)

    target: str | None = _data(
        "NAME",
        read_text,
        "Column to predict: its name, or its position from 0 (-1: last).",
        "the column named label, target, class or y",
        short="-t",
    )
    drop: tuple[str, ...] = _data("COLS", read_columns, "Columns to leave out, as id,name.", default=())
    only: tuple[str, ...] = _data("COLS", read_columns, "Columns to learn from; all others are left out.", default=())
    categorical: tuple[str, ...] = _data("COLS", read_columns, "Columns of numbers to treat as categories.", default=())
    numeric: tuple[str, ...] = _data(
        "COLS", read_columns, "Columns to read as numbers, whatever they look like.", default=()
    )
    missing: tuple[str, ...] = _data(
        "TEXTS",
        read_columns,
        "Further texts that stand for a missing value.",
        "empty, NA, N/A, NaN, null, ?",
        default=(),
    )
    header: bool | None = _data("", bool, "Read the first line as column names, or as a row of data.", "detected")
    delimiter: str | None = _data("CHAR", read_delimiter, "Character between two cells, or tab.", "detected")
    decimal: str | None = _data("CHAR", read_decimal, "Decimal separator: a point or a comma.", "detected")
    encoding: str | None = _data("NAME", read_encoding, ENCODING_HELP, "detected")
    skip_rows: int = _data("N", whole(0), "Number of lines to skip at the top of each file.", default=0)
    weight: str | None = _data("NAME", read_text, "Column with the weight of each row in training.", "equal weights")
    scale: str = _data(
        "HOW",
        OneOf(("auto", "standard", "minmax", "none")),
        "Scaling of numbers: auto, standard (mean 0, sd 1), minmax (0 to 1) or none; auto divides pixels by their "
        "maximum and standardises all other numbers.",
        default="auto",
    )

    val: float | None = _splits("SHARE", share, "Share of the rows for validation; 0 for none.", "0.15")
    test: float | None = _splits(
        "SHARE", share, "Share of the rows for the final test; 0 for none.", "0.15, or the data's own test set"
    )
    split_seed: int | None = _splits("N", whole(0), "Seed of the split alone.", "that of --seed")
    val_data: tuple[str, ...] = _splits(
        "FILE", read_files, "File of validation rows, in place of --val; may be repeated.", default=()
    )
    test_data: tuple[str, ...] = _splits(
        "FILE", read_files, "File of test rows, in place of --test; may be repeated.", default=()
    )

    model: str = _model("NAME", Component("models"), "Kind of classifier.\n{model_lines}", short="-m", default="mlp")
    hidden: tuple[int, ...] | None = _model(
        "WIDTHS", read_widths, "Units in each hidden layer, as 64 or 128x64.", "64 for mlp"
    )
    activation: str | None = _model(
        "NAME",
        Activations("activations"),
        "Activation of the hidden layers, or of each one, as relu,tanh: {activations}. Not step and sign: "
        "their derivative is 0, and nothing can be learned through them.",
        "relu",
    )
    loss: str | None = _model(
        "NAME", Component("losses"), "Loss to minimise: {losses}; with another link as mse:link=softmax.", "by model"
    )
    init: str | None = _model(
        "NAME",
        Component("initializers"),
        "Initial weights: {initializers}.",
        "zeros without hidden layers, else by activation",
    )
    dtype: str = _model(
        "TYPE", OneOf(("float32", "float64")), "Floating-point type: float32 or float64.", default="float32"
    )

    optimizer: str | None = _training(
        "NAME",
        Component("optimizers"),
        "Method that updates the weights: {optimizers}; with settings as momentum:mu=0.95 or adam:beta1=0.8:eps=1e-6.\n"
        "Learning rates: {learning_rates}.",
        "by model",
    )
    lr: float | None = _training(
        "RATE",
        positive,
        "Initial learning rate (mira: largest step).",
        "by optimizer",
    )
    schedule: str | None = _training(
        "NAME",
        Component("schedules"),
        "Schedule of the learning rate: {schedules}; with settings as cosine:warmup=500.",
        "by model",
    )
    average: str | None = _training(
        "NAME",
        Component("averages"),
        "Average of the weights over all steps, to evaluate and save in place of the last weights: {averages}; "
        "with settings as exponential:decay=0.99.",
        "by model",
    )
    epochs: int | None = _training(
        "N",
        whole(1),
        "Maximum number of epochs (passes over the training rows).",
        "enough for 5,000 steps, from 10 to 1,000",
    )
    batch_size: int | None = _training(
        "N",
        read_batch_size,
        "Number of rows in each step, or full for all.",
        "by model: 1, or 128 and less below 4,096 training rows",
    )
    patience: int | None = _training(
        "EPOCHS",
        whole(1),
        "Number of epochs without a better validation loss (perceptrons: accuracy) after which training stops.",
        "30",
    )
    time_limit: float | None = _training("SECONDS", positive, "Maximum training time.", "no limit")
    seed: int = _training("N", whole(0), "Seed of the split, initial weights, row order and dropout.", default=0)
    threads: int | None = _training("N", whole(1, 1024), "Number of processor threads.", "all")

    dropout: float | None = _regularisation(
        "SHARE", dropped, "Share of the hidden units dropped at each step of training.", "0"
    )
    input_dropout: float | None = _regularisation(
        "SHARE", dropped, "Share of the inputs dropped at each step of training.", "0"
    )
    l1: float | None = _regularisation(
        "RATE", not_negative, "Strength λ of the L1 penalty, λ Σ |w|, added to the loss.", "0"
    )
    l2: float | None = _regularisation(
        "RATE",
        not_negative,
        "Strength λ of the L2 penalty, ½ λ Σ w², added to the loss; with adamw, of its weight decay.",
        "0; svm 1 / rows; adamw 0.01; mira none",
    )
    max_norm: float | None = _regularisation(
        "LENGTH", positive, "Maximum length of the weight vector of a unit.", "no limit"
    )
    class_weight: str = _regularisation(
        "HOW",
        OneOf(("balanced", "none")),
        "Weights of the classes: balanced (all classes count the same) or none (all rows count the same).",
        default="none",
    )
    label_smoothing: float | None = _regularisation(
        "SHARE", dropped, "Share of each target that is spread over all classes.", "0"
    )
    clip_norm: float | None = _regularisation(
        "LENGTH", positive, "Maximum length of a gradient; a longer one is shortened.", "no limit"
    )

    calibrate: bool = _run(
        "",
        bool,
        "Calibrate the probabilities on the validation rows after training: a temperature, or Platt scaling for the "
        "margin of two classes.",
        default=False,
    )

    @classmethod
    def options(cls) -> dict[str, Option]:
        """Field name → option, in the order of the help text."""
        return {f.name: f.metadata["option"] for f in dataclasses.fields(cls) if "option" in f.metadata}

    @classmethod
    def from_texts(cls, given: Mapping[str, Any], where: Callable[[str], str] = lambda name: flag(name)) -> TrainConfig:
        """A config from texts (command line) or plain values (TOML); names not given keep their defaults.

        `where` makes, of a field's name, the place that an error points at.
        """
        options = cls.options()
        values: dict[str, Any] = {}
        for name, value in given.items():
            if value is None:
                continue
            if name in SOURCES:
                files = [value] if isinstance(value, str) else value
                named = isinstance(files, list | tuple) and all(isinstance(file, str) and file for file in files)
                if not named or not files:
                    raise OptionError(where(name), f"expected the name of a file, found '{shortened(str(value))}'")
                values[name] = tuple(files)
            elif options[name].read is bool:
                if not isinstance(value, bool):
                    raise OptionError(where(name), f"expected true or false, found '{shortened(str(value))}'")
                values[name] = value
            elif options[name].read is read_columns and isinstance(value, list | tuple):
                values[name] = tuple(map(str, value))
            else:
                text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
                read = options[name].read
                try:
                    values[name] = read(text)
                except ValueError as error:
                    unknown = str(error).startswith("one of")
                    remedy = did_you_mean(text, options[name].names) if unknown else ""
                    comma = ";" if unknown else ","
                    raise OptionError(
                        where(name), f"expected {error}{comma} found '{shortened(text)}'", remedy
                    ) from None
        return cls(**values)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> TrainConfig:
        """The inverse of `to_json`; ValueError for values that no option takes."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
        }
        for name in SOURCES:
            if isinstance(values.get(name), tuple) and all(isinstance(file, str) for file in values[name]):
                values[name] = tuple(map(native, values[name]))
        given = {name: value for name, value in values.items() if value not in (None, ())}
        usual = cls()
        for name, value in values.items():
            default = getattr(usual, name, None)
            if value == () and name not in ("hidden", "data") and default != ():
                raise ValueError("an empty list of what is none")
            if value is None and default is not None:
                raise ValueError(f"no value for '{name}', which always has one")
        try:
            if given.get("batch_size") == FULL_BATCH:
                given["batch_size"] = "full"
            found, config = cls.from_texts(given), cls(**values)
        except (KeyError, TypeError, OptionError) as error:
            raise ValueError(str(error).rstrip(".")) from None
        if any(_unlike(getattr(found, name), values[name]) for name in given):
            raise ValueError("a value of another type")
        texts = [text for value in values.values() for text in (value if isinstance(value, tuple) else [value])]
        if any("\0" in text for text in texts if isinstance(text, str)):
            raise ValueError("a name with a zero byte")
        return config

    def to_json(self) -> dict[str, Any]:
        found = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}
        return found | {name: list(map(portable, getattr(self, name))) for name in SOURCES}

    def command_line(self, brief: bool = False) -> str:
        """The options that make this config, as `train` takes them; if `brief`, without those that are as usual."""
        words = []
        for name in self.options():
            value = getattr(self, name)
            if value is None or value == () or (brief and value == getattr(TrainConfig(), name)):
                continue
            if name in SOURCES:
                words += [f"{flag(name)} {shlex.quote(file)}" for file in value]
                continue
            if isinstance(value, bool):
                if value or name == "header":
                    words.append(flag(name) if value else f"--no-{name}")
                continue
            if name == "hidden":
                text = "x".join(map(str, value))
            elif isinstance(value, tuple):
                text = ",".join(f'"{one}"' if "," in one else one for one in value)
            elif name == "batch_size" and value == FULL_BATCH:
                text = "full"
            else:
                text = shortest(value) if isinstance(value, float) else str(value)
            words.append(f"{flag(name)} {shlex.quote(text)}")
        return " ".join(words)


def _unlike(one: Any, other: Any) -> bool:
    return type(one) is not type(other) or one != other
