"""The kinds of figures. To add one, write one class: its name, what it needs of a model, and how it is built.

The classes are in `training_curve.py`, `judged.py` and the modules beside them that `all_kinds.py` lists.
"""

from __future__ import annotations

import dataclasses
import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from nncli.data.csv.header import DETECTED, TextOptions
from nncli.data.dataset import Dataset
from nncli.data.row_blocks import OnError
from nncli.data.sources import Source
from nncli.errors import DataError, OptionError, mention
from nncli.figures.bands import Bands
from nncli.figures.figure import Figure, Floats
from nncli.inference.evaluate import evaluate_model
from nncli.inference.evaluate_numbers import evaluate_numbers
from nncli.inference.judged_rows import JudgedRows
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.registry import Registry
from nncli.sweep import ledger
from nncli.sweep.ranking import RankedConfig, ranking_of
from nncli.sweep.trial import CHOSEN_BY
from nncli.system.output import counted

MOST_POINTS = 500  # of a line: more cannot be told apart

Problem = tuple[str, str] | None  # what was expected and found, and what to do
Need = Callable[["Subject"], Problem]


@dataclass(frozen=True)
class Judged:
    """The rows that a figure is of, the metrics that `eval --json` reports of them, and what these rows are."""

    rows: JudgedRows
    metrics: dict[str, Any]
    of: str


@dataclass(frozen=True)
class Subject:
    """Hold what a figure is made from: a model with its file, rows of a `source` or else its own test rows, and the
    `columns` that are asked for, if any. Of so many epochs the borders between classes are shown too. Advice in errors
    is for that `command`."""

    model: Model
    provenance: Provenance
    file: str
    source: Source = ()
    columns: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)  # what evaluating has to say
    text: TextOptions = DETECTED  # how the source is read
    on_error: OnError = "fail"
    command: str = "plot"
    epochs_shown: int = 0

    @functools.cached_property
    def judged(self) -> Judged:
        """Evaluate the model. Raises DataError where it has no test rows, and no others are named."""
        found: list[JudgedRows] = []
        where = self.model, self.provenance, self.file, self.source, self.text
        how: dict[str, Any] = {"on_rows": found.append, "on_error": self.on_error, "command": self.command}
        if self.model.target is not None:
            of_numbers = evaluate_numbers(*where, **how)
            self.notes.extend(of_numbers.notes)
            return Judged(found[0], of_numbers.to_json(), of_numbers.evaluated_on)
        done = evaluate_model(*where, **how)
        self.notes.extend(done.notes)
        return Judged(found[0], done.metrics, done.evaluated_on)

    def asked_for(self, *columns: str) -> Subject:
        """Return the subject of a figure of other columns, with the rows that are judged already."""
        other = dataclasses.replace(self, columns=columns)
        vars(other)["judged"] = self.judged
        return other


@dataclass(frozen=True)
class Trials:
    """Hold what a figure of a sweep is made from: its ledger, ranked by the metric of the sweep."""

    file: str
    ranking: list[RankedConfig]


@dataclass(frozen=True)
class Data:
    """Hold what a figure of data is made from: all their rows, the columns that are asked for, and the distortions of
    pictures, if any."""

    dataset: Dataset
    columns: tuple[str, ...] = ()
    distort: str | None = None


class FigureKind(ABC):
    """A figure of a model, of a ledger or of data, for which one may ask for so many columns at `most_columns`."""

    name: ClassVar[str]
    most_columns: ClassVar[int] = 0


class OfModel(FigureKind):
    """A figure of a model.

    `needs`   what must be so, each a function that says what is not
    `judges`  whether it says how good the model is; what makes that wrong is not said of others
    `of_classes`, `of_numbers`  whether it is one of a model that predicts classes, and of one that predicts numbers
    """

    needs: ClassVar[tuple[Need, ...]] = ()
    judges: ClassVar[bool] = True
    of_classes: ClassVar[bool] = True
    of_numbers: ClassVar[bool] = False

    @abstractmethod
    def build(self, of: Subject) -> Figure:
        """Make the figure."""


class OfLedger(FigureKind):
    """A figure of the ledger of a sweep."""

    @abstractmethod
    def build(self, of: Trials) -> Figure:
        """Make the figure."""


class OfData(FigureKind):
    """A figure of data, without a model; `of_numbers` tells whether their target may be a number."""

    of_numbers: ClassVar[bool] = False

    @abstractmethod
    def build(self, of: Data) -> Figure:
        """Make the figure."""


FIGURES: Registry[FigureKind] = Registry("figure")


def build_of_model(kind: OfModel, of: Subject) -> Figure:
    """Make a figure; OptionError where it does not fit the model."""
    if of.model.target is not None and not kind.of_numbers:
        known = f"{kind.name}: it is of classes, and the model predicts numbers"
        raise OptionError("figure", known, "Use predicted or residuals")
    if of.model.target is None and not kind.of_classes:
        known = f"{kind.name}: it is of numbers, and the model predicts classes"
        raise OptionError("figure", known, "Use confusion or calibration")
    check_columns(kind, of.columns)
    for need in kind.needs:
        problem = need(of)
        if problem is not None:
            raise OptionError("figure", f"{kind.name}: {problem[0]}", problem[1])
    return kind.build(of)


def check_columns(kind: FigureKind, columns: tuple[str, ...]) -> None:
    """Raise OptionError where more columns are asked for than a figure can show."""
    if len(columns) > kind.most_columns:
        most = f"at most {counted(kind.most_columns, 'column')}" if kind.most_columns else "no columns"
        raise OptionError("figure", f"{kind.name}: expected {most}, found {len(columns)}")


def build_of_data(kind: OfData, of: Data) -> Figure:
    """Make a figure of data, by bands of their target where that is a number; DataError for a figure that is of classes
    alone, and OptionError where the data have no such columns."""
    check_columns(kind, of.columns)
    dataset = of.dataset
    if not dataset.is_numeric or not kind.of_numbers:
        dataset.refuse_numbers(f"the figure {kind.name}")
        return kind.build(of)
    y = dataset.y[:]
    bands = Bands.of(y)
    of_bands = dataclasses.replace(dataset, y=bands.places(y), classes=bands.names)
    made = kind.build(dataclasses.replace(of, dataset=of_bands))
    about = f"the rows are told apart by their {dataset.schema.target}, in bands of about as many rows"
    return dataclasses.replace(made, notes=(*made.notes, about))


def trials_of(file: str) -> Trials:
    """Read the ledger of a sweep; DataError for a file that is none, or has no trials."""
    _, records = ledger.read(Path(file))
    if not records:
        raise DataError(file, "no trial is finished yet")
    return Trials(file, ranking_of(records, records[0]["config"].metric or CHOSEN_BY))


def two_classes(of: Subject) -> Problem:
    """Say what is wrong unless there are two classes."""
    n = len(of.model.classes)
    return (
        None if n == 2 else (f"expected a model of two classes, found {n}", "Use pr, which has a line for each class")
    )


def probabilities(of: Subject) -> Problem:
    """Say what is wrong unless the model gives probabilities."""
    found = f"expected a model with probabilities, and {of.model.config.model.name} gives scores"
    return None if of.model.probabilistic else (found, f"Train it with {mention('calibrate', True)}, or use roc")


def hidden_layer(of: Subject) -> Problem:
    """Say what is wrong unless the network has a hidden layer."""
    found = f"expected a model with a hidden layer, and {of.model.config.model.name} has none"
    return None if of.model.network.has_hidden else (found, f"Use weights, or train it with {mention('model', 'mlp')}")


def one_network(of: Subject) -> Problem:
    """Say what is wrong with an ensemble, whose members have weights each."""
    n = of.model.network.number
    found = f"expected a model of one network, found an ensemble of {n} members, which have weights each"
    return (found, "Use importance") if of.model.network.is_several else None


def thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Leave points of a line out that nobody could see: those that lie close to others along it, on axes as long as
    the line is."""
    if len(x) <= MOST_POINTS:
        return x, y
    lengths = [np.abs(np.diff(np.nan_to_num(one))) / (np.ptp(one[np.isfinite(one)]) or 1) for one in (x, y)]
    along = np.concatenate([[0.0], np.cumsum(np.maximum(*lengths))])
    kept = np.unique(np.searchsorted(along, np.linspace(0, along[-1], MOST_POINTS)).clip(0, len(x) - 1))
    return x[kept], y[kept]
