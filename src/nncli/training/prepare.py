"""Data ready to be trained on: loaded, split, preprocessed and weighted."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.config.resolve import DataConfig, ResolvedConfig, resolve
from nncli.config.train_config import DEFAULT_SHARE, TrainConfig
from nncli.data.csv.detection import CsvOptions
from nncli.data.dataset import Dataset, Positions, Schema, without_weights
from nncli.data.load import has_named_columns, load_dataset, load_like
from nncli.data.preprocess import Preprocess
from nncli.data.scaled_rows import Inputs, RowWindow, Subset
from nncli.data.sources import Source
from nncli.data.split import Split, row_numbers, stratified_fold, stratified_split
from nncli.errors import DataError, OptionError, flag, mention
from nncli.model.provenance import Fingerprint
from nncli.system.output import in_quotes
from nncli.training.memory import rows_in_memory
from nncli.training.seeds import Seeds

Weights = NDArray[np.float64] | None  # None: all 1
OF_FILES = [field.name for field in dataclasses.fields(CsvOptions) if field.name not in ("categorical", "weight")]
THE_SAME = "is the training file itself: most of its rows are trained on, and flatter the figures"
FILE_OPTIONS = (*OF_FILES, "val_data", "test_data")  # that arrays have no use for


@dataclass(frozen=True)
class Prepared:
    """Data ready to be trained on, and the config with nothing left open."""

    config: ResolvedConfig
    dataset: Dataset
    split: Split
    preprocess: Preprocess
    train: Subset
    val: Subset  # may be empty, and so may the next
    test: Subset
    files: Mapping[str, Fingerprint]  # by the options that name them: data, val_data and test_data
    notes: tuple[str, ...]


def prepare(
    config: TrainConfig, dataset: Dataset | None = None, fold: tuple[int, int] | None = None, memory: int | None = None
) -> Prepared:
    """Load (unless given), split and preprocess the data.

    `fold` (k, of): in place of the validation rows, fold number k, from 0, of so many. With `memory`, in bytes, tables
    that are loaded stay on the disk, and what comes out is the same, bit for bit.
    """
    read = _load(config, memory) if dataset is None else dataset
    dataset, of_row = (read, None) if config.weight is None else without_weights(read, config.weight)
    split = _split(config, dataset, fold)
    resolved = resolve(config, len(split.train), has_val=len(split.val) > 0 or bool(config.val_data))
    preprocess = Preprocess.fit(dataset.table, split.train, config.scale)
    of_class = _class_weights(resolved, dataset, split, of_row)
    named = {
        name: _load_like(resolved, getattr(config, name), schema, dataset)
        for name, schema in (("val_data", read.schema), ("test_data", dataset.schema))  # test rows have equal weight
        if getattr(config, name)
    }
    notes = [f"warning: {flag(name)} {THE_SAME}" for name, own in named.items() if own.sha256 == dataset.sha256]
    own_val, of_val, own_test = named.get("val_data"), None, named.get("test_data", dataset.test)
    if own_val is not None and config.weight is not None:
        own_val, of_val = without_weights(own_val, config.weight)
    n_all = sum(len(own) for own in (dataset, own_val, own_test) if own is not None)

    def subset(part: Dataset, weights: Weights) -> Subset:
        return Subset(_inputs(resolved, preprocess, part, n_all), part.y, row_numbers(len(part)), weights)

    every = subset(dataset, _product(of_row, of_class, dataset.y))
    val, test = dataclasses.replace(every, rows=split.val), dataclasses.replace(every, rows=split.test, weights=None)
    if own_val is not None:
        val = subset(own_val, _product(of_val, of_class, own_val.y))
    if own_test is not None:
        test = subset(own_test, None)
    weights = every.weights
    if weights is not None:  # of mean 1 over the training rows, so that a learning rate means the same
        weights = weights / weights[split.train].mean()
    return Prepared(
        config=resolved,
        dataset=dataset,
        split=split,
        preprocess=preprocess,
        train=dataclasses.replace(every, rows=split.train, weights=weights),
        val=val,
        test=test,
        files={
            "data": _file(dataset),
            "val_data": _file(named.get("val_data")),
            "test_data": _file(named.get("test_data")),
        },
        notes=(*dataset.notes, *preprocess.notes, *notes),
    )


def _load(config: TrainConfig, memory: int | None) -> Dataset:
    data = DataConfig.of(config)
    dataset = load_dataset(data.source, data.csv, config.dtype, memory, n_tables(config))
    if data.weight is not None and not has_named_columns(data.source):
        raise OptionError("weight", "a file of that kind has no column of weights", "Leave the option out")
    return dataset


def _split(config: TrainConfig, dataset: Dataset, fold: tuple[int, int] | None) -> Split:
    """Draw the rows of each part; those that come from files of their own are not among them."""
    _refuse_double_parts(config, dataset)
    own_test = bool(config.test_data) or dataset.test is not None
    val_share = 0.0 if config.val_data else DEFAULT_SHARE if config.val is None else config.val
    test_share = 0.0 if own_test else DEFAULT_SHARE if config.test is None else config.test
    if val_share + test_share >= 1:
        expected = f"expected {mention('val')} and {mention('test')} to be below 1 together"
        raise OptionError("val", f"{expected}, found {val_share:g} and {test_share:g}", "Lower one of them")
    seed = int(Seeds.of(config).split.generate_state(1)[0])
    split = stratified_split(dataset.y, dataset.classes, val_share, test_share, seed, dataset.where)
    return split if fold is None else stratified_fold(dataset.y, split, *fold, seed, dataset.where)


def _class_weights(config: ResolvedConfig, dataset: Dataset, split: Split, of_row: Weights) -> Weights:
    """Return what the rows of each class count, (K,). DataError if rows that have to count do not."""
    if of_row is not None:
        _check_weights(dataset, f"column '{config.data.weight}'", of_row, split)
    if config.training.class_weight == "none":
        return None
    return balanced(dataset.y[split.train], len(dataset.classes), None if of_row is None else of_row[split.train])


def _load_like(config: ResolvedConfig, source: Source, schema: Schema, dataset: Dataset) -> Dataset:
    csv, dtype, memory = config.data.csv, config.model.dtype, dataset.memory
    return load_like(source, schema, dataset.classes, dtype, csv.text, memory, n_tables(config.options))


def n_tables(config: TrainConfig) -> int:
    """Count the tables that share the memory: the training file, and those to validate and test on."""
    return 1 + bool(config.val_data) + bool(config.test_data)


def _file(dataset: Dataset | None) -> Fingerprint:
    return Fingerprint("", 0) if dataset is None else Fingerprint(dataset.sha256, dataset.file_bytes)


def _inputs(config: ResolvedConfig, preprocess: Preprocess, part: Dataset, n_all: int) -> Inputs:
    """Return the inputs of the network: all in memory, or as many rows at a time as fit beside those of all files."""
    dtype = np.dtype(config.model.dtype)
    if part.memory is None or not part.table.is_on_disk:
        return preprocess.transform(part.table, dtype)
    window = rows_in_memory(part.memory, config, n_all, preprocess.width, len(part.classes)) * len(part) // n_all
    return RowWindow(part.table, preprocess.width, lambda table: preprocess.transform(table, dtype), max(1, window))


def _check_weights(dataset: Dataset, column: str, of_row: NDArray[np.float64], split: Split) -> None:
    """Raise DataError if a class has no training row that counts, or no validation row counts."""
    of_class = np.bincount(dataset.y[split.train], of_row[split.train] > 0, len(dataset.classes))
    if not of_class.all():
        rows = f"training rows of class {in_quotes(dataset.classes[int(of_class.argmin())])}"
        remedy = "Leave the class out, or let it count"
    elif len(split.val) and not of_row[split.val].any():
        rows, remedy = "validation rows", f"Set another {mention('seed')}, or leave the rows that do not count out"
    else:
        return
    raise DataError(dataset.where, f"{column}: all {rows} have a weight of 0", remedy)


def balanced(y: Positions, K: int, of_row: Weights = None) -> NDArray[np.float64]:
    """Return a weight for each class with which all classes weigh the same: n / (K Σ w), from the weights of rows."""
    weights: NDArray[np.float64] = len(y) / (K * np.bincount(y, of_row, minlength=K))
    return weights


def _product(of_row: Weights, of_class: Weights, y: Positions) -> Weights:
    """Return what each row counts, from its own weight and that of its class."""
    if of_class is None:
        return of_row
    return of_class[y] if of_row is None else of_row * of_class[y]


def _refuse_double_parts(config: TrainConfig, dataset: Dataset) -> None:
    for part in ("val", "test"):
        if getattr(config, part) is not None and getattr(config, f"{part}_data"):
            raise OptionError(part, f"expected either {mention(part)} or {mention(f'{part}_data')}, found both")
    if dataset.test is not None:
        for name in ("test", "test_data"):
            if getattr(config, name) not in (None, ()):
                problem = f"the data bring their own test set of {len(dataset.test)} rows"
                raise OptionError(name, problem, "Leave the option out")
