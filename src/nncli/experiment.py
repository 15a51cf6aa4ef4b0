"""One run, from a file to a trained model and its honest figures: what `train`, `sweep` and the Python API share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli import __version__
from nncli.checkpoint import Provenance
from nncli.config import DEFAULT_SHARE, TrainConfig
from nncli.data.bundled import BUNDLED
from nncli.data.csv import CsvOptions
from nncli.data.dataset import Dataset, Table
from nncli.data.files import shown
from nncli.data.load import load_dataset, load_like, sha256_of
from nncli.data.matrix import Subset
from nncli.data.preprocess import Preprocess
from nncli.data.split import Split, stratified_split
from nncli.errors import DataError, OptionError, TrainingError
from nncli.metrics import all_metrics
from nncli.model import Model, build_network
from nncli.option import FULL_BATCH
from nncli.trainer import Epoch, Trainer, evaluate

ARRAYS = "arrays"  # the source of what came from Python
FILE_OPTIONS = (
    "target",
    "drop",
    "missing",
    "header",
    "delimiter",
    "val_data",
    "test_data",
)  # that arrays have no use for


def csv_options(config: TrainConfig) -> CsvOptions:
    """The part of the options that says how to read a file."""
    return CsvOptions(config.target, config.drop, config.categorical, config.missing, config.header, config.delimiter)


@dataclass(frozen=True)
class Prepared:
    """Data ready to be trained on, and the config with nothing left open."""

    config: TrainConfig
    dataset: Dataset
    split: Split
    preprocess: Preprocess
    train: Subset
    val: Subset | None
    test: Subset | None
    test_sha256: str  # of --test-data
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """What came out. `failure` is set where the run diverged after at least one good epoch."""

    model: Model
    provenance: Provenance
    figures: dict[str, Any]
    seconds: float
    stopped: str  # why, as the end of a sentence
    failure: TrainingError | None


def prepare(config: TrainConfig, dataset: Dataset | None = None) -> Prepared:
    """Loads (unless given), splits and preprocesses the data."""
    if dataset is None:
        dataset = load_dataset(config.data, csv_options(config), config.dtype)
    _refuse_double_parts(config, dataset)
    own_test = config.test_data is not None or dataset.test is not None
    val_share = 0.0 if config.val_data else DEFAULT_SHARE if config.val is None else config.val
    test_share = 0.0 if own_test else DEFAULT_SHARE if config.test is None else config.test
    if val_share + test_share >= 1:
        raise OptionError(
            "--val",
            f"expected --val and --test to be below 1 together, found {val_share:g} and {test_share:g}",
            "Lower one of them",
        )

    def like(source: str) -> Dataset:
        return load_like(source, dataset.schema, dataset.classes, config.dtype)

    val = like(config.val_data) if config.val_data else None
    test = like(config.test_data) if config.test_data else dataset.test
    split = stratified_split(
        dataset.y, dataset.classes, val_share, test_share, int(_seeds(config)[0].generate_state(1)[0]), dataset.source
    )
    config = config.resolved(len(split.train), has_val=val_share > 0 or config.val_data is not None)
    preprocess = Preprocess.fit(dataset.table, split.train, config.scale)
    dtype = np.dtype(config.dtype)
    matrix = preprocess.transform(dataset.table, dtype)

    def subset_of(other: Dataset | None) -> Subset | None:
        if other is None:
            return None
        return Subset(preprocess.transform(other.table, dtype), other.y, np.arange(len(other)))

    return Prepared(
        config,
        dataset,
        split,
        preprocess,
        train=Subset(matrix, dataset.y, split.train),
        val=subset_of(val) if config.val_data else Subset(matrix, dataset.y, split.val) if val_share else None,
        test=subset_of(test) if own_test else Subset(matrix, dataset.y, split.test) if test_share else None,
        test_sha256=test.sha256 if test is not None and config.test_data else "",
        notes=(*dataset.notes, *preprocess.notes),
    )


def run(
    prepared: Prepared,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    stop: Callable[[], bool] = lambda: False,
) -> Run | None:
    """Trains, and evaluates the best epoch. None if it was stopped before one epoch was done.

    TrainingError where the very first epoch diverges; later, the best epoch before is kept.
    """
    config, classes = prepared.config, prepared.dataset.classes
    K = len(classes)
    network, loss = build_network(config, prepared.preprocess.width, K)
    _, init, shuffle = map(np.random.default_rng, _seeds(config))
    network.initialize(config.init, init)
    network.forget_inputs(prepared.preprocess.dead)
    trainer = Trainer(network, loss, config, prepared.train, prepared.val, K, shuffle)
    failure = None
    began = time.monotonic()
    try:
        for epoch in trainer.run(stop):
            on_epoch(epoch)
    except TrainingError as error:
        failure = error
    if trainer.best is None:
        if failure:
            raise failure
        return None
    seconds = time.monotonic() - began
    network.theta[:] = trainer.best_theta
    _refuse_worse_than_guessing(trainer, K)
    model = Model(config, prepared.dataset.schema, prepared.preprocess, network, loss, classes)
    figures = _figures(prepared, model, trainer)
    dataset = prepared.dataset
    provenance = Provenance(
        version=__version__,
        source=dataset.source,
        sha256=dataset.sha256,
        test_sha256=prepared.test_sha256,
        n_rows=len(dataset),
        val_rows=prepared.split.val,
        test_rows=prepared.split.test,
        has_test_file=prepared.test is not None and len(prepared.split.test) == 0,
        best_epoch=trainer.best.number,
        history=tuple(trainer.history),
        figures=figures,
        notes=prepared.notes,
    )
    return Run(model, provenance, figures, seconds, trainer.stopped, failure)


def _refuse_worse_than_guessing(trainer: Trainer, K: int) -> None:
    """TrainingError where even the best loss is ten times that of scores of 0: finite, but diverged all the same."""
    assert trainer.best is not None
    Y = trainer.loss.targets(K)
    Z = np.zeros_like(Y)
    guessing = float(trainer.loss.forward(Z, Y, np.empty_like(Y)).mean())
    found = trainer.best.train_loss if trainer.best.val_loss is None else trainer.best.val_loss
    if found > 10 * guessing:
        raise trainer.divergence(trainer.best.number, f"a loss near or below that of guessing, {guessing:.3g}", found)


def _seeds(config: TrainConfig) -> list[np.random.SeedSequence]:
    """Of the split, the initial weights and the order of rows: none of them moves the others."""
    return np.random.SeedSequence(config.seed).spawn(3)


def _figures(prepared: Prepared, model: Model, trainer: Trainer) -> dict[str, Any]:
    """Loss and accuracy of the kept θ on each part, and what always guessing the commonest class would get."""
    y = prepared.dataset.y
    majority = np.bincount(y[prepared.train.rows]).argmax()
    parts: dict[str, Any] = {}
    for name in ("train", "val", "test"):
        part: Subset | None = getattr(prepared, name)
        if part is None:
            parts[name] = None
        else:
            loss, accuracy = evaluate(model.network, model.loss, part, len(model.classes))
            parts[name] = {"loss": loss, "accuracy": accuracy}
    judged = prepared.test or prepared.val or prepared.train
    assert trainer.best is not None
    return {
        "model": model.config.model,
        "classes": list(model.classes),
        "n_train": len(prepared.train),
        "n_val": len(prepared.val) if prepared.val else 0,
        "n_test": len(prepared.test) if prepared.test else 0,
        "epochs": len(trainer.history),
        "best_epoch": trainer.best.number,
        **parts,
        "baseline_accuracy": float(np.mean(judged.y[judged.rows] == majority)),
    }


def _refuse_double_parts(config: TrainConfig, dataset: Dataset) -> None:
    for part in ("val", "test"):
        if getattr(config, part) is not None and getattr(config, f"{part}_data") is not None:
            raise OptionError(f"--{part}", f"expected either --{part} or --{part}-data, found both")
    if dataset.test is not None:
        for name in ("test", "test_data"):
            if getattr(config, name) is not None:
                raise OptionError(
                    f"--{name.replace('_', '-')}", f"the data bring their own test set of {len(dataset.test)} rows",
                    "Leave the option out",
                )  # fmt: skip


def summary(prepared: Prepared) -> list[str]:
    """What was decided for the user, a line each."""
    config, dataset = prepared.config, prepared.dataset
    network, _ = build_network(config, prepared.preprocess.width, len(dataset.classes))
    bundled = "bundled " if config.data in BUNDLED and not Path(config.data).exists() else ""
    texts = [f"'{name}'" for name in dataset.schema.of_kind("text") if name not in config.categorical]
    columns = len(dataset.schema.columns)
    noun = "column" if columns == 1 else "columns"
    activation = f"{config.activation}, " if config.activation else ""
    batch = "the whole set at once" if config.batch_size == FULL_BATCH else f"batches of {config.batch_size}"
    parts = [f"{len(prepared.train):,} training"]
    for name, part, own in (("validation", prepared.val, config.val_data), ("test", prepared.test, config.test_data)):
        own = "their own file" if name == "test" and dataset.test is not None else own
        parts.append(f"{len(part) if part else 0:,} {name}" + (f" (from {own})" if own else ""))
    return [
        f"data: {bundled}{shown(config.data)}, {len(dataset):,} rows, {columns:,} {noun}, "
        f"{len(dataset.classes):,} classes",
        f"rows: {', '.join(parts)}",
        f"model: {config.model} {network.widths_shown()}, {activation}{network.size:,} parameters, {config.loss}",
        *([f"read as text: {', '.join(texts[:10])}{', …' if len(texts) > 10 else ''}"] if texts else []),
        f"training: {config.optimizer}, learning rate {config.lr:g} ({config.schedule}), {batch}, "
        f"at most {config.epochs} epochs",
    ]


def plan(prepared: Prepared) -> dict[str, Any]:
    """What `train --dry-run` shows: everything decided before the first step."""
    network, _ = build_network(prepared.config, prepared.preprocess.width, len(prepared.dataset.classes))
    return {
        "classes": list(prepared.dataset.classes),
        "n_train": len(prepared.train),
        "n_val": len(prepared.val) if prepared.val else 0,
        "n_test": len(prepared.test) if prepared.test else 0,
        "inputs": prepared.preprocess.width,
        "parameters": network.size,
        "config": prepared.config.to_json(),
        "notes": list(prepared.notes),
    }


def evaluate_model(
    model: Model, provenance: Provenance, model_file: str, source: str | None
) -> tuple[dict[str, Any], list[str]]:
    """The metrics of a model on all rows of a source, or else on the test rows it was made with; and notes."""
    if source is None:
        table, y, notes = _test_rows(model, provenance, model_file)
    else:
        dataset = load_like(source, model.schema, model.classes, model.config.dtype)
        table, y = dataset.table, dataset.y
        notes = [f"evaluated on all {len(y):,} rows of {shown(source)}", *dataset.notes]
        if dataset.sha256 == provenance.sha256:
            trained = provenance.n_rows - len(provenance.val_rows) - len(provenance.test_rows)
            notes.append(
                f"warning: this is the file the model was trained on: it has seen {trained:,} of these rows. "
                f"nncli eval {model_file} judges by the test rows alone"
            )
    return all_metrics(model.probabilities(table), y, model.classes), notes


def _test_rows(model: Model, provenance: Provenance, model_file: str) -> tuple[Table, NDArray[np.int64], list[str]]:
    """The table and classes of the rows that were held out for the test, read again from where they came."""
    config, source = model.config, provenance.source
    remedy = "Name the data to judge by: nncli eval MODEL DATA"
    if not provenance.has_test_file and len(provenance.test_rows) == 0:
        raise DataError(model_file, "the model was trained without test rows", remedy)
    changed = f"the file has changed since {model_file} was trained on it: its test rows cannot be told"
    if config.test_data:
        test = load_like(config.test_data, model.schema, model.classes, config.dtype)
        if test.sha256 != provenance.test_sha256:
            raise DataError(config.test_data, changed, remedy)
        return test.table, test.y, [f"evaluated on the {len(test):,} rows of {shown(config.test_data)}"]
    if source in ("-", ARRAYS):
        raise DataError(model_file, f"the model was trained on {shown(source)}, which cannot be read again", remedy)
    try:
        found = sha256_of(source)
    except DataError as error:
        raise DataError(error.where, f"{error.problem}, where the model's test rows are to come from", remedy) from None
    if found != provenance.sha256:
        raise DataError(source, changed, remedy)
    dataset = load_dataset(source, csv_options(config), config.dtype)  # the same bytes: the same rows and classes
    if dataset.test is not None:
        return dataset.test.table, dataset.test.y, [f"evaluated on the {len(dataset.test):,} test rows of {source}"]
    rows = provenance.test_rows
    return dataset.table.take(rows), dataset.y[rows], [f"evaluated on the {len(rows):,} test rows of {source}"]
