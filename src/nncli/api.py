"""Train and use models from Python, with arrays:

from nncli import load, train

model = train(X, y, model="mlp", hidden=64)
model.figures["test"]["accuracy"]
model.save("model.npz")
load("model.npz").predict(X)
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nncli.config.train_config import TrainConfig
from nncli.data.cells import DEFAULT_MISSING
from nncli.data.dataset import Dataset, Schema, Table, TextColumn
from nncli.data.dates import SECONDS
from nncli.data.labels import classes_of
from nncli.data.numeric_target import labels_as_numbers, numeric_labels
from nncli.data.sources import ARRAYS
from nncli.data.task import CLASSIFICATION, REGRESSION
from nncli.errors import DataError, NncliError, OptionError, UsageError, did_you_mean
from nncli.model import checkpoint
from nncli.model.interval_of_model import half_width, least_probability
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.system.characters import composed
from nncli.system.threads import use_threads
from nncli.training.final_model import train_model
from nncli.training.prepare import FILE_OPTIONS, prepare

Columns = ArrayLike | Mapping[str, Sequence[Any]]
KINDS = {**dict.fromkeys("biuf", "number"), "M": "date"}  # of arrays, by the kind of their dtype; others are text


@dataclass(frozen=True, repr=False)
class TrainedModel:
    """A model and where it comes from. `figures` are those of `nncli train --json`."""

    model: Model
    provenance: Provenance

    def __repr__(self) -> str:
        name, widths = self.model.config.model.name, self.model.network.widths_shown()
        predicts = f"{len(self.classes)} classes" if self.classes else "numbers"
        return f"TrainedModel({name} {widths}, {predicts})"

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the names of the classes; none of a model that predicts numbers."""
        return self.model.classes

    @property
    def figures(self) -> dict[str, Any]:
        return self.provenance.figures

    def predict(self, X: Columns) -> NDArray[np.str_] | NDArray[np.float64]:
        """Return the predicted class of each row (n,), as text, or the predicted number. X is (n, d), or maps names of
        columns to n values."""
        if self.model.target is not None:
            return self.model.numbers(self._scores(X))
        return np.array(self.classes)[self.model.predicted(self._scores(X))]

    def predict_proba(self, X: Columns) -> NDArray[Any]:
        """Return the probability of each class, (n, K), in the order of `classes`.

        UsageError for a model that gives scores only, or numbers.
        """
        self._check_has_classes("predict_proba")
        if not self.model.probabilistic:
            problem = f"{self.model.config.model.name} gives scores, not probabilities"
            raise UsageError("predict_proba", problem, "Train it with calibrate=True, or use scores")
        return self.model.by_class(self._scores(X))

    def interval(self, X: Columns, share: float) -> NDArray[Any]:
        """Return between what the number of each row lies with the probability `share`, (n, 2); of classes, which are
        in the set that holds the true one with that probability, (n, K) of booleans.

        OptionError for too few validation rows, UsageError for a model of scores only.
        """
        if not 0 < share < 1:
            raise UsageError("interval", f"expected a share between 0 and 1, found {share:g}", "Ask for 0.9")
        if self.model.target is not None:
            predicted, half = self.model.numbers(self._scores(X)), half_width(self.model, share)
            return np.column_stack([predicted - half, predicted + half])
        P = self.predict_proba(X)
        return np.asarray(least_probability(self.model, share), P.dtype) <= P

    def scores(self, X: Columns) -> NDArray[Any]:
        """Return the score of each class, (n, K), before link and calibration. The highest is predicted, unless
        calibration has moved the border between two. UsageError for a model that predicts numbers."""
        self._check_has_classes("scores")
        Z = self._scores(X)
        return Z if Z.shape[1] > 1 else np.hstack([2 * self.model.loss.border - Z, Z])

    def embed(self, X: Columns) -> NDArray[Any]:
        """Return the output of the last hidden layer, (n, h); UsageError for a model without one."""
        if not self.model.config.model.hidden:
            raise UsageError("embed", f"model '{self.model.config.model.name}' has no hidden layer")
        return self.model.embed(self._table(X))

    def _check_has_classes(self, where: str) -> None:
        if self.model.target is not None:
            raise UsageError(where, "expected a model that predicts classes, found one of numbers", "Use predict")

    def _scores(self, X: Columns) -> NDArray[Any]:
        return self.model.scores(self._table(X))

    def _table(self, X: Columns) -> Table:
        return _table(X, self.model.schema, self.model.config.model.dtype)

    def save(self, path: str | Path) -> None:
        """Write a model file, whole or not at all."""
        checkpoint.save(Path(path).absolute(), self.model, self.provenance)


def load(path: str | Path) -> TrainedModel:
    """Read a model file; ModelFileError if it is none."""
    return TrainedModel(*checkpoint.load(Path(path).absolute()))


@contextlib.contextmanager
def _options_as_arguments() -> Iterator[None]:
    """Have errors name options as Python does."""
    try:
        yield
    except NncliError as error:
        error.in_python = True
        raise


@_options_as_arguments()
def train(X: Columns, y: ArrayLike, **options: Any) -> TrainedModel:
    """Train on rows X, (n, d) numbers or a mapping of column names to values, and their classes or numbers y (n,).

    Floats y with fractions, or with more than 20 different values, are numbers to predict, and all others classes,
    unless the `task` says so.
    NaN is a missing number, None a missing text; datetime64 is a date, and NaT a missing one. `options` are those of
    `nncli train`, with underscores: hidden=64, batch_size=32, lr=0.01, apart from those on files; weight="w" is a
    column of the mapping. Raises DataError, OptionError or TrainingError.
    """
    known = [name for name in TrainConfig.options() if name not in FILE_OPTIONS]
    for name in options:
        if name not in known:
            raise OptionError(name, "train() has no such option", did_you_mean(name, known))
    config = dataclasses.replace(TrainConfig.from_values(options), data=ARRAYS)
    labels = np.asarray(y)
    if labels.ndim != 1:
        raise DataError("y", f"expected one class or number for each row, found an array of shape {labels.shape}")
    X = _with_names(X) if isinstance(X, Mapping) else X
    schema = _schema(X, (*config.categorical, config.group or ""))
    table = _table(X, schema, config.dtype)
    if len(table) != len(labels):
        raise DataError("y", f"expected {len(table)} classes, one for each row of X, found {len(labels)}")
    classes, codes = _target(labels, config.task)
    schema = dataclasses.replace(schema, numeric_target=not classes)
    if len(classes) == 1:
        raise DataError("y", f"expected two or more classes, found {len(classes)}")
    for name in config.categorical:
        if name not in schema.names:
            remedy = did_you_mean(name, schema.names, listed="columns")
            raise OptionError("categorical", f"no column is called '{name}'", remedy)
    texts = [column.values for column in table.texts.values()]
    sha256 = hashlib.sha256(repr((schema, classes, texts)).encode())
    for array in (table.numbers, *(column.codes for column in table.texts.values()), *table.dates.values(), codes):
        sha256.update(array.tobytes())
    dataset = Dataset(table, codes, classes, schema, ARRAYS, sha256.hexdigest())
    with use_threads(config.threads):
        run = train_model(prepare(config, dataset))
    assert run is not None, "nobody could stop it"
    if run.failure:
        raise run.failure
    return TrainedModel(run.model, run.provenance)


def _target(labels: NDArray[Any], task: str | None) -> tuple[tuple[str, ...], NDArray[Any]]:
    """Return the classes, and the position of each label among them; of numbers, no classes and the numbers."""
    if labels.dtype.kind in ("f" if task is None else "biuf") and task != CLASSIFICATION:
        numbers = numeric_labels(labels, "y", told=task == REGRESSION)
        if numbers is not None:
            return (), numbers
    classes, codes = classes_of(labels, "y")
    if task != REGRESSION:
        return classes, codes
    found = numeric_labels(labels_as_numbers(classes, "y")[codes], "y", told=True)
    assert found is not None
    return (), found


def _with_names(X: Mapping[str, Sequence[Any]]) -> Mapping[str, Sequence[Any]]:
    """Spell the names of columns as options have them."""
    if all(str(name).isascii() for name in X):
        return X
    return {composed(name) if isinstance(name, str) else name: X[name] for name in X}


def _schema(X: Columns, categorical: Sequence[str]) -> Schema:
    if isinstance(X, Mapping):
        kinds = {
            name: "text" if name in categorical else KINDS.get(np.asarray(values).dtype.kind, "text")
            for name, values in X.items()
        }
    else:
        kinds = {f"c{i}": "number" for i in range(_matrix(X).shape[1])}
    return Schema(tuple(kinds.items()), "y", isinstance(X, Mapping), DEFAULT_MISSING, len(kinds))


def _matrix(X: ArrayLike) -> NDArray[Any]:
    matrix = np.asarray(X)
    if matrix.ndim != 2 or matrix.dtype.kind not in "biuf" or matrix.shape[1] == 0:
        raise DataError("X", f"expected numbers of shape (n, d), found {matrix.dtype} of shape {matrix.shape}")
    return matrix


def _table(X: Columns, schema: Schema, dtype: str) -> Table:
    numbers, texts = schema.of_kind("number"), schema.of_kind("text")
    if isinstance(X, Mapping):
        X = _with_names(X)
        older = {name: X[composed(name)] for name in schema.names if composed(name) in X}
        X = {**X, **older}  # models of earlier programs keep names as they were written
        for name in schema.names:
            if name not in X:
                raise DataError("X", f"column '{name}' is missing", did_you_mean(name, set(X).difference(schema.names)))
        lengths = {len(X[name]) for name in schema.names}
        if len(lengths) != 1:
            raise DataError("X", f"expected columns of one length, found {sorted(lengths)}")
        matrix = np.empty((lengths.pop(), len(numbers)), dtype)
        for i, name in enumerate(numbers):
            try:
                matrix[:, i] = X[name]
            except (TypeError, ValueError):
                raise DataError("X", f"column '{name}': expected numbers, found something else") from None
        return Table(
            numbers,
            _finite(matrix, X),
            {name: _text(X[name]) for name in texts},
            {name: _days(X[name], name) for name in schema.of_kind("date")},
        )
    matrix = _matrix(X)
    if len(numbers) < len(schema.columns) or matrix.shape[1] != len(numbers):
        raise DataError("X", f"expected the {len(schema.columns)} columns of the model, found {matrix.shape[1]}")
    return Table(numbers, matrix if matrix.dtype == np.uint8 else _finite(matrix.astype(dtype), X))


def _finite(matrix: NDArray[Any], X: Any) -> NDArray[Any]:
    if np.isinf(matrix).any():
        i, j = np.argwhere(np.isinf(matrix))[0]
        raise DataError("X", f"row {i}, column {j}: expected a finite number that fits {matrix.dtype}, found infinity")
    return matrix


def _days(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return days since 1970, NaN for a missing date."""
    dates = np.asarray(values)
    if dates.dtype.kind != "M":
        raise DataError("X", f"column '{name}': expected dates as datetime64, found {dates.dtype}")
    seconds = dates.astype("datetime64[ms]").astype(np.float64) / 1000
    return np.where(np.isnat(dates), np.nan, seconds / SECONDS)


def _text(values: Sequence[Any]) -> TextColumn:
    known: dict[str, int] = {}
    codes = [-1 if value is None else known.setdefault(str(value), len(known)) for value in values]
    return TextColumn(np.array(codes, np.int32), tuple(known))
