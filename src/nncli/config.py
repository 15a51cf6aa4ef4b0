"""One frozen TrainConfig from the options to the checkpoint. Each option of `train` is defined here and nowhere else.

A field carries its help text, its group and the function that reads it from text. The command line,
the --config file and the model file all go through these, so an option added here works in all of them.
"""

from __future__ import annotations

import csv
import dataclasses
import math
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nncli.errors import OptionError
from nncli.registry import did_you_mean

DEFAULT_SHARE = 0.15  # of the rows, for validation and for the test
STEPS, PATIENCE = 5000, 30  # how long to train: right for data of any size from a hundred rows to MNIST
BATCHES, SMALLEST_BATCH = 32, 32  # batches are halved until there are 32 of them, but not below 32 rows
FULL_BATCH = 0  # `--batch-size full`: every step sees the whole training set


@dataclass(frozen=True)
class Option:
    """How one field is given on the command line and read from text.

    `help` may hold a registry's name in braces, `{activations}`, which stands for the names in it.
    `read` takes the text and returns the value, or raises ValueError saying what it expected.
    """

    help: str
    group: str
    metavar: str
    read: Callable[[str], Any]
    short: str | None = None
    default_text: str | None = None  # for defaults that depend on the model or the data


def option(default: Any, *args: Any, **kwargs: Any) -> Any:
    return dataclasses.field(default=default, metadata={"option": Option(*args, **kwargs)})


def _text(text: str) -> str:
    if not text:
        raise ValueError("some text")
    return text


def read_columns(text: str) -> tuple[str, ...]:
    """Names between commas; a name with a comma in it stands in double quotes."""
    try:
        return tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), []))
    except csv.Error:
        raise ValueError("names between commas, on one line") from None


def _delimiter(text: str) -> str:
    text = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(text) != 1 or text in '"\r\n':
        raise ValueError("one character, or tab")
    return text


def _one_of(*names: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in names:
            raise ValueError(f"one of {', '.join(names)}")
        return text

    read.names = names  # type: ignore[attr-defined]  # for "did you mean" and for shell completion
    return read


def _component(registry: str) -> Callable[[str], str]:
    """A component by its name and settings; the registry itself says what is wrong with it."""

    def read(text: str) -> str:
        if registry == "models":
            registries()[registry][text]
        else:
            registries()[registry].create(text)
        return text

    read.registry = registry  # type: ignore[attr-defined]
    return read


def _activation(text: str) -> str:
    for spec in text.split(","):
        one = registries()["activations"].create(spec)
        if not one.differentiable:
            raise ValueError("activations with a useful derivative, as hidden layers learn by backpropagation")
    return text


_activation.registry = "activations"  # type: ignore[attr-defined]


def _hidden(text: str) -> tuple[int, ...]:
    try:
        widths = tuple(int(part) for part in text.replace(",", "x").split("x"))
    except ValueError:
        widths = (0,)
    if min(widths) < 1:
        raise ValueError("a width such as 64, or one for each layer such as 128x64")
    return widths


def _number(expected: str, holds: Callable[[float], bool]) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and holds(value)):
            raise ValueError(expected)
        return value

    return read


def _whole(low: int, high: int = 2**63 - 1) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise ValueError(f"a whole number from {low}" + (f" to {high}" if value > high else ""))
        return value

    return read


def _batch_size(text: str) -> int:
    if text == "full":
        return FULL_BATCH
    try:
        return _whole(1)(text)
    except ValueError:
        raise ValueError("a whole number from 1, or full") from None


_share = _number("a share of the rows from 0 to below 1", lambda share: 0 <= share < 1)
_positive = _number("a number above 0", lambda value: value > 0)


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides what a training run does. `None` is "not said": see `resolved`."""

    data: str = "digits"

    target: str | None = option(None, "Column to predict: a name, or a position from 0 (negative from the end).",
        "Data", "NAME", _text, short="-t", default_text="the column called label, target, class or y")  # fmt: skip
    drop: tuple[str, ...] = option((), "Columns to leave out.", "Data", "COLS", read_columns)
    categorical: tuple[str, ...] = option((), "Columns of numbers that are categories.", "Data", "COLS", read_columns)
    missing: tuple[str, ...] = option((), "More texts that mean a missing value.", "Data", "TEXTS", read_columns,
        default_text="empty, NA, N/A, NaN, null, ?")  # fmt: skip
    header: bool | None = option(None, "Whether the first line names the columns.", "Data", "", bool,
        default_text="detected")  # fmt: skip
    delimiter: str | None = option(None, "What separates the cells: one character, or tab.", "Data", "CHAR",
        _delimiter, default_text="detected")  # fmt: skip
    scale: str = option("auto", "Scaling of numbers: auto, standard (mean 0, sd 1), minmax (0 to 1) or none. "
        "auto divides pixels by their maximum and standardises anything else.",
        "Data", "HOW", _one_of("auto", "standard", "minmax", "none"))  # fmt: skip

    val: float | None = option(None, "Share of the rows for validation; 0 for none.", "Splits", "SHARE", _share,
        default_text="0.15")  # fmt: skip
    test: float | None = option(None, "Share of the rows for the final test; 0 for none.", "Splits", "SHARE", _share,
        default_text="0.15, or the data's own test set")  # fmt: skip
    val_data: str | None = option(None, "File of validation rows, in place of a share.", "Splits", "FILE", _text)
    test_data: str | None = option(None, "File of test rows, in place of a share.", "Splits", "FILE", _text)

    model: str = option("mlp", "{models}", "Model", "NAME", _component("models"), short="-m")
    hidden: tuple[int, ...] | None = option(None, "Units of each hidden layer, as 64 or 128x64.", "Model", "WIDTHS",
        _hidden, default_text="64 for mlp")  # fmt: skip
    activation: str | None = option(None, "Of the hidden layers, or of each one as relu,tanh: {activations}. "
        "Through step and sign, nothing can be learned by backpropagation.",
        "Model", "NAME", _activation, default_text="relu")  # fmt: skip
    loss: str | None = option(None, "{losses}.", "Model", "NAME", _component("losses"), default_text="by model")
    init: str | None = option(None, "Initial weights: {initializers}.", "Model", "NAME", _component("initializers"),
        default_text="zeros without hidden layers, else by activation")  # fmt: skip
    dtype: str = option("float32", "Arithmetic: float32 or float64.", "Model", "TYPE", _one_of("float32", "float64"))

    optimizer: str | None = option(None, "{optimizers}, with settings as adam:beta1=0.95 or momentum:mu=0.95.",
        "Training", "NAME", _component("optimizers"), default_text="adam")  # fmt: skip
    lr: float | None = option(None, "Learning rate at the start.", "Training", "RATE", _positive,
        default_text="by optimizer: {learning_rates}")  # fmt: skip
    schedule: str = option("cosine", "Of the learning rate: {schedules}; with settings as cosine:warmup=500.",
        "Training", "NAME", _component("schedules"))  # fmt: skip
    epochs: int | None = option(None, "At most so many passes over the training rows.", "Training", "N", _whole(1),
        default_text="as many as make 5,000 steps, from 10 to 1,000")  # fmt: skip
    batch_size: int | None = option(None, "Rows in each step: a number, or full.", "Training", "N", _batch_size,
        default_text="128, less below 4,096 training rows")  # fmt: skip
    patience: int | None = option(None, "Stop after so many epochs without a lower validation loss.",
        "Training", "EPOCHS", _whole(1), default_text="30")  # fmt: skip
    time_limit: float | None = option(None, "Stop after so many seconds of training.", "Training", "SECONDS", _positive)
    seed: int = option(0, "Seed of the split, the initial weights and the order of rows.", "Training", "N", _whole(0))
    threads: int | None = option(None, "Processor threads.", "Training", "N", _whole(1, 1024), default_text="all")

    label_smoothing: float | None = option(None, "Share of each target that is spread over all classes.",
        "Regularisation", "SHARE", _number("a share above 0 and below 1", lambda share: 0 < share < 1),
        default_text="none")  # fmt: skip
    clip_norm: float | None = option(None, "Shorten gradients that are longer than this.", "Regularisation", "LENGTH",
        _positive, default_text="never")  # fmt: skip

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
            if name == "data":
                if not isinstance(value, str) or not value:
                    raise OptionError(where(name), f"expected some text, found '{value}'")
                values[name] = value
            elif name == "header":
                if not isinstance(value, bool):
                    raise OptionError(where(name), f"expected true or false, found '{value}'")
                values[name] = value
            elif options[name].read is read_columns and isinstance(value, list | tuple):
                values[name] = tuple(map(str, value))
            else:
                text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
                read = options[name].read
                try:
                    values[name] = read(text)
                except ValueError as error:
                    remedy = did_you_mean(text, getattr(read, "names", ()))
                    comma = ";" if str(error).startswith("one of") else ","
                    raise OptionError(where(name), f"expected {error}{comma} found '{text}'", remedy) from None
        return cls(**values)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> TrainConfig:
        """The inverse of `to_json`."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
        }
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in dataclasses.asdict(self).items()
        }

    def command_line(self) -> str:
        """The options that make this config, as `train` takes them."""
        words = []
        for name in self.options():
            value = getattr(self, name)
            if value is None or value == ():
                continue
            if name == "header":
                words.append("--header" if value else "--no-header")
                continue
            if name == "hidden":
                text = "x".join(map(str, value))
            elif isinstance(value, tuple):
                text = ",".join(f'"{one}"' if "," in one else one for one in value)
            elif name == "batch_size" and value == FULL_BATCH:
                text = "full"
            else:
                text = f"{value:g}" if isinstance(value, float) else str(value)
            words.append(f"{flag(name)} {shlex.quote(text)}")
        return " ".join(words)

    def resolved(self, n_train: int, has_val: bool) -> TrainConfig:
        """The same with nothing left open that depends on the model or on the number of training rows.

        OptionError for options that contradict one another: nothing is silently ignored.
        """
        from nncli.nn.optimizers import OPTIMIZERS
        from nncli.nn.presets import MODELS
        from nncli.nn.schedules import SCHEDULES

        preset = MODELS[self.model]
        if not preset.hidden:
            for name in ("hidden", "activation"):
                if getattr(self, name) is not None:
                    raise OptionError(flag(name), f"model '{self.model}' has no hidden layer", "Use --model mlp")
        hidden = preset.hidden if self.hidden is None else self.hidden
        activation = self.activation or ("relu" if preset.hidden else None)
        if activation and activation.count(",") and activation.count(",") + 1 != len(hidden):
            raise OptionError(
                flag("activation"),
                f"expected one name, or one for each hidden layer ({len(hidden)}), found '{activation}'",
            )
        if self.patience is not None and not has_val:
            raise OptionError(flag("patience"), "there are no validation rows to judge by", "Set --val above 0")
        optimizer = self.optimizer or preset.optimizer
        batch_size = self.batch_size
        if batch_size is None:
            batch_size = preset.batch_size
            while batch_size > SMALLEST_BATCH and batch_size * BATCHES > n_train:
                batch_size //= 2
        steps = math.ceil(n_train / (batch_size or n_train))
        epochs = self.epochs or min(max(math.ceil(STEPS / steps), 10), 1000)
        schedule = SCHEDULES.create(self.schedule)
        if schedule.needs_validation and not has_val:
            raise OptionError(
                flag("schedule"), f"{schedule.name} needs validation rows, and there are none", "Set --val above 0"
            )
        if schedule.warmup >= steps * epochs:
            raise OptionError(
                flag("schedule"),
                f"expected a warm-up shorter than the {steps * epochs:,} planned steps, found {schedule.warmup:,}",
            )
        return dataclasses.replace(
            self,
            hidden=hidden,
            activation=activation,
            loss=self.loss or preset.loss,
            init=self.init or preset.init,
            optimizer=optimizer,
            lr=self.lr or preset.lr or OPTIMIZERS.create(optimizer).default_lr,
            batch_size=batch_size,
            epochs=epochs,
            patience=self.patience or (PATIENCE if has_val else None),
        )


def flag(name: str) -> str:
    """The option of a field: batch_size → --batch-size."""
    return "--" + name.replace("_", "-")


def registries() -> dict[str, Any]:
    """The registries by the names that help texts use for them."""
    from nncli.nn.activations import ACTIVATIONS
    from nncli.nn.initializers import INITIALIZERS
    from nncli.nn.losses import LOSSES
    from nncli.nn.optimizers import OPTIMIZERS
    from nncli.nn.presets import MODELS
    from nncli.nn.schedules import SCHEDULES

    return {
        "activations": ACTIVATIONS,
        "initializers": INITIALIZERS,
        "losses": LOSSES,
        "models": MODELS,
        "optimizers": OPTIMIZERS,
        "schedules": SCHEDULES,
    }
