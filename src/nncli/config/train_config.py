"""One frozen TrainConfig from the options to the checkpoint. Each option of `train` is defined here and nowhere else.
What they come to together, with the model and the data, is worked out in `resolve.py`.

A field carries its help text, its group and the function that reads it from text. The command line,
the --config file and the model file all go through these, so an option added here works in all of them.
"""

from __future__ import annotations

import dataclasses
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
DEFAULT_SHARE = 0.15  # of the rows, for validation and for the test


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides what a training run does. `None` is "not said": see `resolve`."""

    data: Source = ("digits",)

    target: str | None = option(None, "Column to predict: a name, or a position from 0 (negative from the end).",
        "Data", "NAME", read_text, short="-t", default_text="the column called label, target, class or y")  # fmt: skip
    drop: tuple[str, ...] = option((), "Columns to leave out.", "Data", "COLS", read_columns)
    only: tuple[str, ...] = option((), "Columns to learn from, and no others.", "Data", "COLS", read_columns)
    categorical: tuple[str, ...] = option((), "Columns of numbers that are categories.", "Data", "COLS", read_columns)
    numeric: tuple[str, ...] = option((), "Columns that are numbers, whatever they look like.", "Data", "COLS",
        read_columns)  # fmt: skip
    missing: tuple[str, ...] = option((), "More texts that mean a missing value.", "Data", "TEXTS", read_columns,
        default_text="empty, NA, N/A, NaN, null, ?")  # fmt: skip
    header: bool | None = option(None, "Whether the first line names the columns.", "Data", "", bool,
        default_text="detected")  # fmt: skip
    delimiter: str | None = option(None, "What separates the cells: one character, or tab.", "Data", "CHAR",
        read_delimiter, default_text="detected")  # fmt: skip
    decimal: str | None = option(None, "Decimal sign of the numbers: a point or a comma.", "Data", "CHAR",
        read_decimal, default_text="detected")  # fmt: skip
    encoding: str | None = option(None, "How letters are written: utf-8, utf-16, latin-1, cp1252 …", "Data", "NAME",
        read_encoding, default_text="detected")  # fmt: skip
    skip_rows: int = option(0, "Lines before the header to leave out, of all files.", "Data", "N", whole(0))
    weight: str | None = option(None, "Column of numbers that say how much each row counts in training.", "Data",
        "NAME", read_text, default_text="all rows alike")  # fmt: skip
    scale: str = option("auto", "Scaling of numbers: auto, standard (mean 0, sd 1), minmax (0 to 1) or none. "
        "auto divides pixels by their maximum and standardises anything else.",
        "Data", "HOW", OneOf(("auto", "standard", "minmax", "none")))  # fmt: skip

    val: float | None = option(None, "Share of the rows for validation; 0 for none.", "Splits", "SHARE", share,
        default_text="0.15")  # fmt: skip
    test: float | None = option(None, "Share of the rows for the final test; 0 for none.", "Splits", "SHARE", share,
        default_text="0.15, or the data's own test set")  # fmt: skip
    split_seed: int | None = option(None, "Seed of the split alone.", "Splits", "N", whole(0),
        default_text="that of --seed")  # fmt: skip
    val_data: tuple[str, ...] = option((), "File of validation rows, in place of a share; once for each.", "Splits",
        "FILE", read_files)  # fmt: skip
    test_data: tuple[str, ...] = option((), "File of test rows, in place of a share; once for each.", "Splits",
        "FILE", read_files)  # fmt: skip

    model: str = option("mlp", "{models}", "Model", "NAME", Component("models"), short="-m")
    hidden: tuple[int, ...] | None = option(None, "Units of each hidden layer, as 64 or 128x64.", "Model", "WIDTHS",
        read_widths, default_text="64 for mlp")  # fmt: skip
    activation: str | None = option(None, "Of the hidden layers, or of each one as relu,tanh: {activations}. "
        "Not step and sign here: nothing can be learned through them.",
        "Model", "NAME", Activations("activations"), default_text="relu")  # fmt: skip
    loss: str | None = option(None, "{losses}; with a link as mse:link=softmax.", "Model", "NAME",
        Component("losses"), default_text="by model")  # fmt: skip
    init: str | None = option(None, "Initial weights: {initializers}.", "Model", "NAME", Component("initializers"),
        default_text="zeros without hidden layers, else by activation")  # fmt: skip
    dtype: str = option("float32", "Arithmetic: float32 or float64.", "Model", "TYPE", OneOf(("float32", "float64")))

    optimizer: str | None = option(None, "{optimizers}, with settings as momentum:mu=0.95 or adam:beta1=0.8:eps=1e-6.",
        "Training", "NAME", Component("optimizers"), default_text="by model")  # fmt: skip
    lr: float | None = option(None, "Learning rate at the start; for mira, the longest step.", "Training", "RATE",
        positive, default_text="by model and optimizer: {learning_rates}")  # fmt: skip
    schedule: str | None = option(None, "Of the learning rate: {schedules}; with settings as cosine:warmup=500.",
        "Training", "NAME", Component("schedules"), default_text="by model")  # fmt: skip
    average: str | None = option(None, "Of the parameters over all steps, to judge and save in place of the last: "
        "{averages}; with settings as exponential:decay=0.99.",
        "Training", "NAME", Component("averages"), default_text="by model")  # fmt: skip
    epochs: int | None = option(None, "At most so many passes over the training rows.", "Training", "N", whole(1),
        default_text="as many as make 5,000 steps, from 10 to 1,000")  # fmt: skip
    batch_size: int | None = option(None, "Rows in each step: a number, or full.", "Training", "N", read_batch_size,
        default_text="by model: 1, or 128 and less below 4,096 training rows")  # fmt: skip
    patience: int | None = option(None, "Stop after so many epochs without a better validation loss (perceptrons: "
        "accuracy).", "Training", "EPOCHS", whole(1), default_text="30")  # fmt: skip
    time_limit: float | None = option(None, "Stop after so many seconds of training.", "Training", "SECONDS", positive)
    seed: int = option(
        0, "Seed of the split, the initial weights, the order of rows and dropout.", "Training", "N", whole(0)
    )
    threads: int | None = option(None, "Processor threads.", "Training", "N", whole(1, 1024), default_text="all")

    dropout: float | None = option(None, "Share of the hidden units left out at each step of training.",
        "Regularisation", "SHARE", dropped, default_text="0")  # fmt: skip
    input_dropout: float | None = option(None, "Share of the inputs left out at each step of training.",
        "Regularisation", "SHARE", dropped, default_text="0")  # fmt: skip
    l1: float | None = option(None, "λ in λ Σ |w|, added to the loss.", "Regularisation", "RATE", not_negative,
        default_text="0")  # fmt: skip
    l2: float | None = option(None, "λ in ½ λ Σ w², added to the loss; with adamw, a decay apart from it.",
        "Regularisation", "RATE", not_negative, default_text="0; svm 1 / rows; adamw 0.01; mira none")  # fmt: skip
    max_norm: float | None = option(None, "Shorten the incoming weights of a unit to this length.", "Regularisation",
        "LENGTH", positive, default_text="never")  # fmt: skip
    class_weight: str = option("none", "How much the classes count in training: balanced (all alike) or none (all "
        "rows alike).", "Regularisation", "HOW", OneOf(("balanced", "none")))  # fmt: skip
    label_smoothing: float | None = option(None, "Share of each target that is spread over all classes.",
        "Regularisation", "SHARE", dropped, default_text="0")  # fmt: skip
    clip_norm: float | None = option(None, "Shorten gradients that are longer than this.", "Regularisation", "LENGTH",
        positive, default_text="never")  # fmt: skip

    calibrate: bool = option(False, "Fit probabilities to the validation rows after training: a temperature, or "
        "Platt scaling for the margin of two classes.", "Run", "", bool)  # fmt: skip

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
