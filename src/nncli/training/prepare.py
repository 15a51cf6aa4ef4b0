"""Data ready to be trained on: loaded, split, preprocessed and weighted."""

from __future__ import annotations

import dataclasses
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
from nncli.errors import DataError, OptionError, mention
from nncli.model.provenance import NO_FILE, Fingerprint
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
    val: Subset | None
    test: Subset | None
    val_file: Fingerprint  # of the files of --val-data
    test_file: Fingerprint
    notes: tuple[str, ...]


def prepare(
    config: TrainConfig,
    dataset: Dataset | None = None,
    fold: tuple[int, int] | None = None,
    memory: int | None = None,
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
    weights = _product(of_row, of_class, dataset.y)
    own_val = _load_like(resolved, config.val_data, read.schema, dataset) if config.val_data else None
    own_test = _load_like(resolved, config.test_data, dataset.schema, dataset) if config.test_data else dataset.test
    n_all = sum(len(own) for own in (dataset, own_val, own_test) if own is not None)
    parts = _Parts(resolved, preprocess, dataset, of_class, n_all)
    every = Subset(parts.inputs(dataset), dataset.y, split.train, weights)
    if own_val is not None:
        val = parts.of_files("--val-data", own_val, weighted=True)
    else:
        val = _Part(dataclasses.replace(every, rows=split.val) if len(split.val) else None)
    if own_test is not None:  # all test rows have equal weight
        test = (
            parts.of_files("--test-data", own_test, weighted=False)
            if config.test_data
            else _Part(parts.all_of(own_test))
        )
    else:
        test = _Part(dataclasses.replace(every, rows=split.test, weights=None) if len(split.test) else None)
    if weights is not None:  # of mean 1 over the training rows, so that a learning rate means the same
        weights = weights / weights[split.train].mean()
    return Prepared(
        config=resolved,
        dataset=dataset,
        split=split,
        preprocess=preprocess,
        train=dataclasses.replace(every, weights=weights),
        val=val.subset,
        test=test.subset,
        val_file=val.file,
        test_file=test.file,
        notes=(*dataset.notes, *preprocess.notes, *val.notes, *test.notes),
    )


def _load(config: TrainConfig, memory: int | None) -> Dataset:
    data = DataConfig.of(config)
    dataset = load_dataset(data.source, data.csv, config.dtype, memory, n_tables(config))
    if data.weight is not None and not has_named_columns(data.source):
        raise OptionError("weight", "an IDX file has no column of weights", "Leave the option out")
    return dataset


def _split(config: TrainConfig, dataset: Dataset, fold: tuple[int, int] | None) -> Split:
    """Draw the rows of each part; those that come from files of their own are not among them."""
    _refuse_double_parts(config, dataset)
    own_test = bool(config.test_data) or dataset.test is not None
    val_share = 0.0 if config.val_data else DEFAULT_SHARE if config.val is None else config.val
    test_share = 0.0 if own_test else DEFAULT_SHARE if config.test is None else config.test
    if val_share + test_share >= 1:
        raise OptionError(
            "val",
            f"expected {mention('val')} and {mention('test')} to be below 1 together, "
            f"found {val_share:g} and {test_share:g}",
            "Lower one of them",
        )
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


@dataclass(frozen=True)
class _Part:
    """Validation or test rows, and the files of their own that they come from, if there are such."""

    subset: Subset | None = None
    file: Fingerprint = NO_FILE
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Parts:
    """Makes the parts of the data, all preprocessed as the training rows are, with what their classes count."""

    config: ResolvedConfig
    preprocess: Preprocess
    dataset: Dataset
    of_class: Weights
    n_all: int  # rows of all files, which share the memory

    def all_of(self, dataset: Dataset, weights: Weights = None) -> Subset:
        """Return all rows of a data set."""
        return Subset(self.inputs(dataset), dataset.y, row_numbers(len(dataset)), weights)

    def of_files(self, option: str, other: Dataset, weighted: bool) -> _Part:
        """Make a part of files of its own; if it is `weighted`, they have the column of the weights too."""
        notes = (f"warning: {option} {THE_SAME}",) if other.sha256 == self.dataset.sha256 else ()
        of_row: Weights = None
        if weighted and self.config.data.weight is not None:
            other, of_row = without_weights(other, self.config.data.weight)
        weights = _product(of_row, self.of_class, other.y) if weighted else None
        return _Part(self.all_of(other, weights), Fingerprint(other.sha256, other.file_bytes), notes)

    def inputs(self, dataset: Dataset) -> Inputs:
        """Return the inputs of the network: all in memory, or as many rows at a time as fit. OptionError if too few
        fit."""
        preprocess, dtype = self.preprocess, np.dtype(self.config.model.dtype)
        if dataset.memory is None or not dataset.table.is_on_disk:
            return preprocess.transform(dataset.table, dtype)
        window = rows_in_memory(dataset.memory, self.config, self.n_all, preprocess.width, len(dataset.classes))
        window = max(1, window * len(dataset) // self.n_all)
        return RowWindow(dataset.table, preprocess.width, lambda table: preprocess.transform(table, dtype), window)


def _check_weights(dataset: Dataset, column: str, of_row: NDArray[np.float64], split: Split) -> None:
    """Raise DataError if a class has no training row that counts, or no validation row counts."""
    of_class = np.bincount(dataset.y[split.train], of_row[split.train] > 0, len(dataset.classes))
    if not of_class.all():
        name = dataset.classes[int(of_class.argmin())]
        raise DataError(
            dataset.where,
            f"{column}: all training rows of class {in_quotes(name)} have a weight of 0",
            "Leave the class out, or let it count",
        )
    if len(split.val) and not of_row[split.val].any():
        raise DataError(
            dataset.where,
            f"{column}: all validation rows have a weight of 0",
            f"Set another {mention('seed')}, or leave the rows that do not count out",
        )


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
                raise OptionError(
                    name,
                    f"the data bring their own test set of {len(dataset.test)} rows",
                    "Leave the option out",
                )
