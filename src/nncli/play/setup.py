"""Set up the training run that a page asks for: its rows, its options and its trainer."""

from __future__ import annotations

import dataclasses
import itertools
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncli.config.ensemble_kind import ONE
from nncli.config.option import read_option
from nncli.config.resolved import CONSTANT, ResolvedConfig
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Dataset
from nncli.data.preprocess import Preprocess
from nncli.data.sources import ARRAYS
from nncli.errors import DataError, NncliError, OptionError, flag, mention
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.model.target_scale import TargetScale
from nncli.play.plane import evenly
from nncli.play.shelf import MOST_ROWS, Item, sampled, with_noise
from nncli.system.output import in_quotes
from nncli.training.model_of_run import model_now
from nncli.training.prepare import Prepared, prepare
from nncli.training.run import new_trainer
from nncli.training.trainer import Trainer

PARTS = {"train": "training", "val": "validation", "test": "test"}
MOST_EPOCHS = 100_000  # of a run, so that its history fits in memory
MOST_PARAMETERS = 2_000_000  # of a network that is to be looked at while it learns
TEST = 0.3  # share of the rows
ACTIVATION = "tanh"  # for smooth borders
FEW, MANY = (4, 4), (16,)  # hidden units, where there are few classes and columns, and where there are many
MANY_CLASSES, MANY_COLUMNS = 5, 30
# options that a page may set: none of them opens a file
OF_PAGE = (
    "target", "drop", "only", "categorical", "numeric", "test", "model", "hidden", "activation", "loss", "init",
    "scale", "optimizer", "lr", "average", "batch_size", "seed", "dropout", "input_dropout", "l1", "l2", "max_norm",
    "clip_norm", "label_smoothing", "class_weight", "dtype",
)  # fmt: skip
OF_COLUMNS = ("target", "drop", "only", "categorical", "numeric")
# how a playground trains: without validation rows, for as long as one likes
FIXED: dict[str, Any] = {
    "val": 0.0, "schedule": CONSTANT, "dropout_schedule": CONSTANT, "decay_schedule": CONSTANT, "epochs": MOST_EPOCHS,
    "ensemble": ONE,
}  # fmt: skip
THREADS = 1  # unless the command line says another number: networks to look at are small
# and what of a saved model's options has to do with how its training ended, or with its decisions
NOT_PLAYED = ("patience", "metric", "folds", "time_limit", "positive", "choose_threshold", "cost")


@dataclass(frozen=True)
class Ask:
    """Holds the wish of a page. `options` are texts, as on the command line; `noise` is a share of the standard
    deviation of each column of numbers."""

    item: Item
    options: Mapping[str, str]
    noise: float = 0.0


@dataclass
class Setup:
    """A training run that can be stepped. `options` are those asked for, as texts; `departed` says, a clause each, why
    the command line no longer does the same."""

    ask: Ask
    config: TrainConfig
    prepared: Prepared
    trainer: Trainer
    notes: tuple[str, ...]
    departed: list[str]

    @property
    def epoch(self) -> int:
        """Return how many epochs are done."""
        return len(self.trainer.history)

    def options(self) -> dict[str, str]:
        """Return the options that a page may set, as texts: those asked for, with the defaults of a playground."""
        return {name: text for name in OF_PAGE if (text := self.config.written(name))}

    def resolved(self) -> dict[str, str]:
        """Return what all options of a page have come to."""
        return {name: self.prepared.config.options.written(name) for name in OF_PAGE}

    def command(self) -> str:
        """Write the command line that trains the same, up to the epoch that is done."""
        words = [shlex.quote(name) for name in self.ask.item.named]
        config = dataclasses.replace(self.config, epochs=max(1, self.epoch), data=TrainConfig().data)
        return " ".join(["nncli train", *words, config.command_line(brief=True)])

    def saved(self) -> tuple[Model, Provenance]:
        """Return the model as it is now, as `nncli train` saves one. NncliError before the first epoch is done."""
        if not self.epoch:
            raise NncliError("save", "a model is saved after its first epoch", "Train one")
        options = dataclasses.replace(
            self.prepared.config.options, epochs=max(1, self.epoch), data=self.prepared.dataset.source
        )
        model, provenance = model_now(
            dataclasses.replace(self.prepared, config=ResolvedConfig.of(options)), self.trainer
        )
        notes = (*provenance.notes, *(f"in the playground, {one}" for one in self.departed))
        return model, dataclasses.replace(provenance, notes=notes)


def set_up(ask: Ask, given: TrainConfig) -> Setup:
    """Read the rows, and make the trainer before its first step; of a model, as it was saved, unless other options are
    asked for. `given` has the options of the command line, for the data that it names. Raises NncliError."""
    item = ask.item
    config = _config(ask, given)
    config, whole, guessed = _loaded(item, config)
    if whole.test is not None and "test" not in ask.options:
        config = dataclasses.replace(config, test=None)
    if item.model is None:
        config = _with_units(config, whole)
    dataset, said = sampled(whole) if item.model is None else (whole, [])
    dataset = with_noise(dataset, ask.noise, config.seed)
    departed = list(said)
    if ask.noise:
        departed.append(f"noise of {ask.noise:g} standard deviations was added to the numbers")
    prepared = prepare(dataclasses.replace(config, data=dataset.source or whole.source), dataset)
    _refuse_words(prepared)
    if dataset.source == ARRAYS:
        options = dataclasses.replace(prepared.config.options, data=ARRAYS)
        prepared = dataclasses.replace(prepared, config=ResolvedConfig.of(options))
    goes_on = item.model is not None and _is_of(item.model, prepared.config)
    if item.model is not None and item.model.target is not None and goes_on:
        prepared = _with_target(prepared, item.model.target)
    if item.model is not None:
        prepared, more = _of_model(prepared, item, item.model.preprocess if goes_on else prepared.preprocess)
        said, departed = [*said, *more], [*departed, *more]
    _refuse_large(prepared)
    trainer = new_trainer(prepared)
    if goes_on and item.model is not None and item.provenance is not None:
        trainer.network.theta[:] = item.model.network.theta
        trainer.moved()
        trainer.history = item.provenance.epochs(prepared.config.row_by_row)
        trainer.kept.keep(trainer.history[-1], trainer.network.theta)
        departed.append(f"training goes on from {item.name}")
    return Setup(ask, config, prepared, trainer, (*said, *guessed, *prepared.notes), departed)


def options_of(item: Item, given: TrainConfig) -> dict[str, str]:
    """Return the options that an item is opened with, as texts: of a model, its own; of other data than the command
    line names, none on its columns."""
    own = given if item.model is None else item.model.config.options
    others = () if _is_given(item) or item.model is not None else OF_COLUMNS
    names = [name for name in OF_PAGE if name not in others]
    return {name: text for name in names if (text := own.written(name)) != TrainConfig().written(name)}


def _is_given(item: Item) -> bool:
    """Tell whether the command line names an item."""
    return item.key.startswith("given:")


def _config(ask: Ask, given: TrainConfig) -> TrainConfig:
    """Return the options of the run. OptionError for a value that an option does not take."""
    own = ask.item.model
    if own is None:
        base = dataclasses.replace(given if _is_given(ask.item) else TrainConfig(), data=ask.item.source, **FIXED)
        base = dataclasses.replace(base, **{name: getattr(TrainConfig(), name) for name in OF_PAGE} | {"test": TEST})
    else:
        fixed = {name: value for name, value in FIXED.items() if name != "val"}  # its rows stay in their parts
        usual = {name: getattr(TrainConfig(), name) for name in (*NOT_PLAYED, "calibrate", "refit")}
        base = dataclasses.replace(own.config.options, **usual, **fixed)
        if ask.item.rows:
            base = dataclasses.replace(
                base, data=ask.item.source, val_data=(), test_data=(), weight=None, group=None, time=None
            )
    base = dataclasses.replace(base, threads=given.threads or THREADS)
    texts = {name: text for name, text in ask.options.items() if text}
    return dataclasses.replace(
        base, **{name: read_option(name, text, TrainConfig.kind(name)) for name, text in texts.items()}
    )


def _loaded(item: Item, config: TrainConfig) -> tuple[TrainConfig, Dataset, list[str]]:
    """Read the data. Where nobody has said which column to predict, and none is called so, take the last and say it."""
    try:
        return config, item.load(config), []
    except NncliError as error:
        if item.model is not None or config.target is not None or not any(flag("target") in one for one in error.args):
            raise
        try:
            found = item.load(dataclasses.replace(config, target="-1"))
        except NncliError:
            raise error from None
    target = found.schema.target
    note = f"nobody has said which column to predict: the last one, {in_quotes(target)}, is taken"
    return dataclasses.replace(config, target=target), found, [note]


def _with_units(config: TrainConfig, dataset: Dataset) -> TrainConfig:
    """Return the options with hidden units and an activation, where the model has some and nobody has said which."""
    if config.preset.hidden and config.hidden is None:
        many = len(dataset.classes) >= MANY_CLASSES or len(dataset.schema.columns) > MANY_COLUMNS
        config = dataclasses.replace(config, hidden=MANY if many else FEW)
    if config.hidden and config.activation is None:
        return dataclasses.replace(config, activation=ACTIVATION)
    return config


def _of_model(prepared: Prepared, item: Item, preprocess: Preprocess) -> tuple[Prepared, list[str]]:
    """Return the rows of a model as it sees them, of large parts a sample; and what there is to say."""
    dtype, said = np.dtype(prepared.config.model.dtype), list[str]()
    if not item.rows and np.array_equal(preprocess.scale, prepared.preprocess.scale):
        preprocess = prepared.preprocess
    parts = {}
    for name in PARTS:
        part = getattr(prepared, name)
        if preprocess is not prepared.preprocess and len(part.matrix) == len(prepared.dataset):
            part = dataclasses.replace(part, matrix=preprocess.transform(prepared.dataset.table, dtype))
        if len(part) > MOST_ROWS:
            said.append(f"the playground uses {MOST_ROWS:,} of the {len(part):,} {PARTS[name]} rows")
            part = dataclasses.replace(part, rows=evenly(part.rows, MOST_ROWS))
        parts[name] = part
    return dataclasses.replace(prepared, preprocess=preprocess, **parts), said


def _with_target(prepared: Prepared, target: TargetScale) -> Prepared:
    """Return the rows with their numbers on the scale of a model, which other rows would not have."""
    own = prepared.target
    assert own is not None
    parts = {name: getattr(prepared, name) for name in PARTS}
    moved = {
        name: dataclasses.replace(part, y=target.scaled(part.y * own.sd + own.mean)) for name, part in parts.items()
    }
    return dataclasses.replace(prepared, target=dataclasses.replace(target, errors=()), **moved)


def _is_of(model: Model, config: ResolvedConfig) -> bool:
    """Tell whether a config is still that of a model's weights: its columns, layers, loss and seed."""
    same = ("hidden", "activation", "loss", "dtype", "seed", "scale", *OF_COLUMNS)
    return all(getattr(config.options, name) == getattr(model.config.options, name) for name in same)


def _refuse_words(prepared: Prepared) -> None:
    """Raise DataError for texts, whose words are too many inputs to look at."""
    words = prepared.preprocess.columns_of_words
    if words:
        problem = f"column {in_quotes(words[0])} is read as words, which are too many inputs to play with"
        names = ",".join(words)
        others = len(prepared.dataset.schema.columns) > len(words)
        remedy = f"Leave it out with {mention('drop', names)}" if others else "Use nncli explain --words on a model"
        raise DataError(prepared.dataset.where, problem, remedy)


def _refuse_large(prepared: Prepared) -> None:
    hidden = prepared.config.model.hidden
    widths = [prepared.preprocess.width, *hidden, len(prepared.dataset.classes) or 1]
    size = sum((a + 1) * b for a, b in itertools.pairwise(widths))
    if size > MOST_PARAMETERS:
        problem = f"expected a network of at most {MOST_PARAMETERS:,} parameters to play with, found {size:,}"
        raise OptionError("hidden", problem, "Take fewer units")
