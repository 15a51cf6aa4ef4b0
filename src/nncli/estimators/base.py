"""Define what both estimators share: a model trained on columns, its predictions, and pickles with its file's bytes."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from nncli.config.data_options import DEFAULT_SHARE
from nncli.config.train_config import TrainConfig
from nncli.data.dataset import Dataset, Table
from nncli.data.sources import ARRAYS
from nncli.errors import UsageError, write_names
from nncli.estimators.frames import frame_of
from nncli.estimators.partial import begin, resume
from nncli.estimators.refusals import InvalidUse, as_value_errors
from nncli.estimators.rows import Rows, dataset_of, schema_of, table_of, with_texts
from nncli.model import checkpoint
from nncli.model.file_format import encode, read
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.nn.optimizers import OPTIMIZERS
from nncli.system.threads import use_threads
from nncli.training.doubts import different_texts
from nncli.training.final_model import train_model
from nncli.training.prepare import FILE_OPTIONS, prepare
from nncli.training.splitting import FEW_ROWS
from nncli.training.state import state_of
from nncli.training.steps import Steps

# options that an estimator has no parameter for: its class is the task, and `sample_weight` the weights
NO_PARAMETERS = (*FILE_OPTIONS, "task", "weight")
FITTED_BYTES = "_model_file"  # of a pickle


class NotFitted(UsageError, NotFittedError):
    """A method is called before `fit`."""

    in_python = True


class NNEstimator(BaseEstimator):
    """A model that is trained by `fit`. After it there are `figures_` (those of `nncli train --json`), `notes_` (what
    was decided, a line each), `n_iter_` (epochs), `n_features_in_`, `feature_names_in_` (of columns that have names),
    `model_` and `provenance_`."""

    task: str
    model_: Model
    provenance_: Provenance

    def _keep(self, given: dict[str, Any]) -> None:
        """Keep the parameters of `__init__` as they are: they are looked at by `fit`."""
        self.__dict__.update({name: value for name, value in given.items() if name not in ("self", "__class__")})

    def _config(self) -> TrainConfig:
        """Return the options that the parameters are. OptionError for a value that an option does not take."""
        given = {name: _plain(value) for name, value in self.get_params(deep=False).items()}
        return dataclasses.replace(TrainConfig.from_values(given), data=ARRAYS, task=self.task)

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _fit(self, config: TrainConfig, rows: Rows, classes: tuple[str, ...], target: NDArray[Any]) -> None:
        """Train on rows, with the position of each among the classes, or its number where there are none."""
        config = with_texts(config, rows.frame)
        schema = schema_of(rows, config, not classes)
        dataset = dataset_of(rows, schema, classes, target, self._name)
        if dataset.weights is not None:
            config = dataclasses.replace(config, weight="sample_weight")
        with use_threads(config.threads):
            prepared = prepare(_with_shares(config, dataset), dataset)
            run = train_model(prepared)
        assert run is not None, "nobody could stop it"
        if run.failure:
            raise run.failure
        self._has_learned(rows, run.model, run.provenance)
        texts = different_texts(prepared.dataset.table, prepared.preprocess.columns_of_words)
        self.notes_ = (*run.provenance.notes, *texts, *run.notes, *run.misfits)

    def _partial_fit(self, rows: Rows, classes: tuple[str, ...], target: NDArray[Any]) -> Self:
        """Take the steps of one epoch on some rows."""
        partial: Steps | None = self.__dict__.get("_partial")
        if hasattr(self, "model_"):
            rows = rows._replace(names=self._known_names())
            how = self.model_.schema, self.model_.classes, target, self._name
            dataset = dataset_of(rows, *how, whole=False)
            partial = partial or resume(self.model_, self.provenance_, dataset)
        else:
            config = with_texts(self._config(), rows.frame)
            schema = schema_of(rows, config, not classes)
            dataset = dataset_of(rows, schema, classes, target, self._name, whole=False)
            partial = begin(config, dataset)
        self.__dict__.pop("_partial", None)  # until it has come through
        with use_threads(partial.prepared.config.options.threads):
            model, provenance = partial.learn(dataset)
        if not hasattr(self, "model_"):
            self._has_learned(rows, model, provenance)
        self.model_, self.provenance_, self._partial = model, provenance, partial
        self.figures_, self.n_iter_, self.notes_ = provenance.figures, len(partial.trainer.history), provenance.notes
        return self

    def _has_learned(self, rows: Rows, model: Model, provenance: Provenance) -> None:
        self._take_over(model, provenance)
        self.n_features_in_ = rows.frame.width
        if rows.frame.names is not None:
            self.feature_names_in_ = np.array(rows.frame.names, object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _take_over(self, model: Model, provenance: Provenance) -> None:
        """Be fitted, with a model that is trained."""
        self.model_, self.provenance_, self.figures_ = model, provenance, provenance.figures
        self.n_iter_, self.notes_ = len(provenance.history), provenance.notes
        self.__dict__.pop("_partial", None)

    def _known_names(self) -> tuple[str, ...]:
        if hasattr(self, "feature_names_in_"):
            return tuple(self.feature_names_in_)
        if len(self.model_.schema.names) == self.n_features_in_:  # but for a column of groups, which is no input
            return self.model_.schema.names
        return tuple(f"c{place}" for place in range(self.n_features_in_))

    def _check_is_fitted(self, method: str) -> None:
        if not hasattr(self, "model_"):
            raise NotFitted(method, "expected a model that is fitted, found one that is not", "Call fit first")

    def _table(self, X: Any, method: str) -> Table:
        """Return the columns that the model asks for. NotFitted before `fit`, InvalidData for other columns."""
        self._check_is_fitted(method)
        return table_of(frame_of(X), self.model_.schema, self._known_names(), self._name)

    def _exact_scores(self, X: Any, method: str) -> NDArray[Any]:
        """Return the scores Z (n, outputs) in float64, which the rows beside a row do not change."""
        table = self._table(X, method)
        return self.model_.in_double().scores(table)

    def embed(self, X: Any) -> NDArray[Any]:
        """Return the output of the last hidden layer, (n, h). Raises ValueError for a model without one."""
        with as_value_errors():
            table = self._table(X, "embed")
            if not self.model_.network.has_hidden:
                problem = f"expected a model with a hidden layer, found {self.model_.config.model.name} without one"
                raise InvalidUse("embed", problem, "Train one with hidden=64")
            return self.model_.embed(table)

    def save(self, path: str | Path) -> None:
        """Write a model file, whole or not at all, as `nncli train` does. OutputError where that cannot be."""
        with as_value_errors():
            self._check_is_fitted("save")
            checkpoint.save(Path(path).absolute(), self.model_, self._with_state())

    def _with_state(self) -> Provenance:
        """Return the provenance with the state to take further steps from, if `partial_fit` has taken some."""
        partial: Steps | None = self.__dict__.get("_partial")
        if partial is None:
            return self.provenance_
        return dataclasses.replace(self.provenance_, state=state_of(partial.trainer))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.sparse = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Return the parameters and attributes, and the model as the bytes of its file."""
        state = dict(super().__getstate__())
        if hasattr(self, "model_"):
            state[FITTED_BYTES] = encode(self.model_, self._with_state())
            for name in ("model_", "provenance_", "figures_", "_partial"):
                state.pop(name, None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        stored = state.pop(FITTED_BYTES, None)
        super().__setstate__(state)
        if stored is not None:
            self.model_, self.provenance_ = read(io.BytesIO(stored))
            self.figures_ = self.provenance_.figures


def takes_steps(estimator: NNEstimator) -> bool:
    """Tell whether an estimator has an optimizer that learns from some of the rows, or none named."""
    spec = estimator.get_params(deep=False)["optimizer"]
    return not (isinstance(spec, str) and spec.partition(":")[0] in OPTIMIZERS and OPTIMIZERS.create(spec).smooth)


def check_share(share: float) -> None:
    """Raise InvalidUse for a share that is not between 0 and 1."""
    if not 0 < share < 1:
        raise InvalidUse("interval", f"expected a share between 0 and 1, found {share:g}", "Ask for 0.9")


def _plain(value: Any) -> Any:
    """Write a value of a parameter as options take it: numbers of NumPy as Python's, and weights of classes as text."""
    if isinstance(value, dict):
        return write_names(f"{name}={weight}" for name, weight in value.items())
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value


def _with_shares(config: TrainConfig, dataset: Dataset) -> TrainConfig:
    """Return options that keep no validation rows where nobody asked for them, and there are too few rows: below 20, or
    not one for each class in each part."""
    if config.val is not None or config.group is not None or config.time is not None or config.folds is not None:
        return config
    n, K = len(dataset), len(dataset.classes)
    of_each = np.bincount(dataset.y, minlength=K) if K else np.array([n])
    parts = 2 + (config.test != 0)
    is_enough = n >= FEW_ROWS and round(n * DEFAULT_SHARE) >= K and of_each.min() >= parts
    return config if is_enough or config.rare is not None else dataclasses.replace(config, val=0.0)
