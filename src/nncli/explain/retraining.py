"""A model trained again on resampled rows of its own training data, to see how much its parameters depend on them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nncli.data.row_columns import set_aside
from nncli.data.sources import ARRAYS, STDIN
from nncli.data.unchanged_source import check_as_it_was
from nncli.errors import DataError
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.nn.kernels.choice import kernels_again
from nncli.nn.layers import Array
from nncli.training.prepare import Prepared, prepare
from nncli.training.run import fit, keep_best, new_trainer

SEED = 0  # the same model has the same intervals
AGAIN, ANEW = "Train it again to have intervals", "Train it again, on a file"


def prepare_again(
    model: Model, provenance: Provenance, model_file: str, remedy: str = AGAIN, memory: int | None = None
) -> Prepared:
    """Make the data of a training run ready again; DataError where they cannot be read, or are others by now. With
    `memory`, in bytes, tables stay on the disk."""
    options = model.config.options
    options = dataclasses.replace(options, kernels=kernels_again(options.kernels))
    if provenance.parent is not None:
        raise DataError(model_file, "it went on from another model, and cannot be trained again from the start", remedy)
    if options.data in (ARRAYS, STDIN):
        which = "arrays from Python" if options.data == ARRAYS else "stdin"
        raise DataError(model_file, f"its training rows came from {which}, and cannot be read again", remedy)
    for name, file in provenance.files.items():
        if source := getattr(options, name):
            check_as_it_was(source, file.n_bytes, model_file, remedy)
    prepared = prepare(options, memory=memory)
    if options.refit:
        prepared = prepare(options, prepared.read, memory=memory, refit=prepared.config)
    for name, file in provenance.files.items():
        if file.sha256 != prepared.files[name].sha256:
            raise DataError(model_file, f"the data have changed since it was trained on {prepared.read.where}", remedy)
    if (vectors := model.preprocess.vectors) != prepared.preprocess.vectors and vectors is not None:
        raise DataError(model_file, f"the vectors have changed since it started from {vectors.file}", remedy)
    if prepared.preprocess.width != model.preprocess.width:
        raise DataError(model_file, f"its columns are read in another way from {prepared.read.where} by now", remedy)
    return prepared


def prepare_to_train(model: Model, provenance: Provenance, model_file: str, remedy: str = AGAIN) -> Prepared:
    """Make the data ready to train a model again on them; DataError as `prepare_again`, and where it was trained in a
    search, which has no training run of its own."""
    if model.config.parts:
        raise DataError(model_file, "a search has found it, and cannot train it again alone", model.remedy_alone)
    return prepare_again(model, provenance, model_file, remedy)


def parameters_by_epoch(model: Model, provenance: Provenance, model_file: str) -> list[Array]:
    """Train a model again as it was trained; return the parameters θ̄ at the end of each epoch. DataError where the data
    are not as they were, or the model does not come out again."""
    trainer, found = new_trainer(prepare_to_train(model, provenance, model_file, ANEW)), list[Array]()
    fit(trainer, lambda epoch: found.append(trainer.average.mean.copy()), until=len(provenance.history))
    best = provenance.best_epoch
    if len(found) < best or not np.allclose(found[best - 1], model.network.theta, rtol=1e-3, atol=1e-6):
        raise DataError(model_file, "trained again, it comes out with other weights by now", ANEW)
    return found


def train_on_resampled(
    prepared: Prepared, provenance: Provenance, times: int, on_draw: Callable[[int, str], None]
) -> list[Array]:
    """Train so many times on as many rows as there are training rows, drawn from them with replacement (Efron 1979),
    groups of them where there are groups; return the parameters θ of each best epoch."""
    rng, found = np.random.default_rng(SEED), list[Array]()
    figures, rows = provenance.figures, prepared.train.rows
    until = (figures["refit"] or {}).get("epoch") or (figures["folds"] or {}).get("epochs")
    groups = _groups(prepared)
    for done in range(1, times + 1):
        train = dataclasses.replace(prepared.train, rows=rows[_drawn(groups, rng)])
        trainer = new_trainer(dataclasses.replace(prepared, train=train))
        fit(trainer, until=until)
        keep_best(trainer)
        found.append(trainer.network.theta.copy())
        on_draw(done, "trained on resampled rows")
    return found


def _drawn(groups: list[NDArray[np.int64]], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw as many groups as there are, with replacement; return the positions of their rows."""
    return np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))])


def _groups(prepared: Prepared) -> list[NDArray[np.int64]]:
    """Return the positions, among the training rows, of the rows that are drawn together."""
    name, n = prepared.config.options.group, len(prepared.train)
    if name is None:
        return [*np.arange(n)[:, None]]
    column = set_aside(prepared.read, {"group": name})[1].group
    assert column is not None
    codes = column.codes[prepared.train.rows]
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
