"""Data ready to be trained on: loaded, split, weighted and preprocessed."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.config.option import FULL_BATCH
from nncli.config.resolve import resolve
from nncli.config.train_config import DEFAULT_SHARE, TrainConfig
from nncli.data.csv.detection import CsvOptions
from nncli.data.dataset import Dataset, Positions, Schema, without_weights
from nncli.data.load import check_as_it_was, has_named_columns, load_dataset, load_like
from nncli.data.preprocess import Preprocess
from nncli.data.scaled_rows import Inputs, RowWindow, Subset
from nncli.data.sources import Source
from nncli.data.split import Split, row_numbers, stratified_fold, stratified_split
from nncli.errors import DataError, OptionError
from nncli.model.model import EVAL_ROWS, Model
from nncli.model.provenance import Provenance
from nncli.training.batch import rows_at_once

Weights = NDArray[np.float64] | None  # None: all 1
OF_PROGRAM = 150 << 20  # bytes that it takes without any data
COPIES = 9  # of the parameters: gradient, state of the optimizer, the best so far, and those on the way to a file
ROW_BYTES, SPLIT_BYTES = 9, 20  # of each row whose cells are on the disk: numbers and classes, and to draw them
LEAST_WINDOW = 16 << 20
FILE_OPTIONS = (
    "target",
    "drop",
    "only",
    "numeric",
    "missing",
    "header",
    "delimiter",
    "decimal",
    "encoding",
    "skip_rows",
    "val_data",
    "test_data",
)  # that arrays have no use for


def csv_options(config: TrainConfig) -> CsvOptions:
    """The part of the options that says how to read a file."""
    return CsvOptions(
        config.target, config.drop, config.only, config.categorical, config.numeric, config.weight, config.missing,
        config.header, config.delimiter, config.decimal, config.encoding, config.skip_rows,
    )  # fmt: skip


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
    val_sha256: str  # of --val-data
    test_sha256: str  # of --test-data
    val_bytes: int  # of the files of --val-data
    test_bytes: int
    notes: tuple[str, ...]


def prepare(
    config: TrainConfig,
    dataset: Dataset | None = None,
    fold: tuple[int, int] | None = None,
    memory: int | None = None,
) -> Prepared:
    """Loads (unless given), splits and preprocesses the data.

    `fold` (k, of): in place of the validation rows, fold number k, from 0, of so many. With `memory`, in bytes, tables
    that are loaded stay on the disk, and what comes out is the same, bit for bit.
    """
    if dataset is None:
        dataset = load_dataset(config.data, csv_options(config), config.dtype, memory, tables(config))
        if config.weight is not None and not has_named_columns(config.data):
            raise OptionError("--weight", "an IDX file has no column of weights", "Leave the option out")
    as_read = dataset.schema
    of_row = None
    if config.weight is not None:
        dataset, of_row = without_weights(dataset, config.weight)
    _refuse_double_parts(config, dataset)
    own_test = bool(config.test_data) or dataset.test is not None
    val_share = 0.0 if config.val_data else DEFAULT_SHARE if config.val is None else config.val
    test_share = 0.0 if own_test else DEFAULT_SHARE if config.test is None else config.test
    if val_share + test_share >= 1:
        raise OptionError(
            "--val",
            f"expected --val and --test to be below 1 together, found {val_share:g} and {test_share:g}",
            "Lower one of them",
        )

    split_seed = int(seeds(config)[0].generate_state(1)[0])
    split = stratified_split(dataset.y, dataset.classes, val_share, test_share, split_seed, dataset.where)
    if fold is not None:
        split = stratified_fold(dataset.y, split, *fold, split_seed, dataset.where)
        val_share = 1 / fold[1]
    config = resolve(config, len(split.train), has_val=val_share > 0 or bool(config.val_data))
    preprocess = Preprocess.fit(dataset.table, split.train, config.scale)
    matrix = _inputs(config, preprocess, dataset)
    if of_row is not None:
        _check_weights(config, dataset, of_row, split)
    of_class = None
    if config.class_weight == "balanced":
        of_class = balanced(
            dataset.y[split.train], len(dataset.classes), None if of_row is None else of_row[split.train]
        )

    def whole(other: Dataset, weights: Weights = None) -> Subset:
        return Subset(_inputs(config, preprocess, other), other.y, row_numbers(len(other)), weights)

    weights = _product(of_row, of_class, dataset.y)
    train = Subset(matrix, dataset.y, split.train, weights)
    notes = [*dataset.notes, *preprocess.notes]
    val = test = None
    val_sha256 = test_sha256 = ""
    val_bytes = test_bytes = 0
    if config.val_data:
        other = _load_part(config, config.val_data, as_read, dataset)
        notes += _same_file("--val-data", other, dataset)
        of_row = None
        if config.weight is not None:
            other, of_row = without_weights(other, config.weight)
        val, val_sha256 = whole(other, _product(of_row, of_class, other.y)), other.sha256
        val_bytes = other.file_bytes
    elif val_share:
        val = dataclasses.replace(train, rows=split.val)
    # test rows count alike, whatever training makes of them
    if config.test_data:
        other = _load_part(config, config.test_data, dataset.schema, dataset)
        notes += _same_file("--test-data", other, dataset)
        test, test_sha256, test_bytes = whole(other), other.sha256, other.file_bytes
    elif dataset.test is not None:
        test = whole(dataset.test)
    elif test_share:
        test = Subset(matrix, dataset.y, split.test)
    if weights is not None:  # of mean 1 over the training rows, so that a learning rate means the same
        train = dataclasses.replace(train, weights=weights / weights[split.train].mean())
    return Prepared(
        config, dataset, split, preprocess, train, val, test, val_sha256, test_sha256, val_bytes, test_bytes,
        tuple(notes),
    )  # fmt: skip


def _inputs(config: TrainConfig, preprocess: Preprocess, dataset: Dataset) -> Inputs:
    """What the network gets of the rows: all of it in memory, or what memory there is at a time. OptionError where that
    is too little."""
    dtype = np.dtype(config.dtype)
    if not dataset.table.is_on_disk:
        return preprocess.transform(dataset.table, dtype)
    assert dataset.memory is not None
    assert config.hidden is not None
    assert config.batch_size is not None
    n, widths = len(dataset), [preprocess.width, *config.hidden, len(dataset.classes)]
    batch = n if config.batch_size == FULL_BATCH else config.batch_size
    at_once = min(batch, rows_at_once(widths))
    row_bytes = 3 * widths[0] * dtype.itemsize + 16  # of a window: as read, scaled, and on the way
    network = COPIES * sum((a + 1) * b for a, b in itertools.pairwise(widths)) * dtype.itemsize
    step = 3 * sum(widths) * dtype.itemsize * max(at_once, EVAL_ROWS) + row_bytes * at_once
    of_row = ROW_BYTES + 16 * (config.class_weight == "balanced") + 32 * (config.weight is not None)
    sharing = tables(config)
    needed = OF_PROGRAM + max(network + step + sharing * (of_row * n + LEAST_WINDOW), SPLIT_BYTES * n)
    if needed > dataset.memory:
        raise OptionError(
            "--memory",
            f"{n:,} rows in batches of {batch:,} need {-(-needed // 10**6):,}MB, found {dataset.memory // 10**6:,}MB",
            "Allow so much",
        )
    window = max(at_once, ((dataset.memory - OF_PROGRAM - network - step) // sharing - of_row * n) // row_bytes)
    return RowWindow(dataset.table, preprocess.width, lambda table: preprocess.transform(table, dtype), window)


def _load_part(config: TrainConfig, source: Source, schema: Schema, dataset: Dataset) -> Dataset:
    """Load the rows of --val-data or --test-data."""
    text = csv_options(config).text
    return load_like(source, schema, dataset.classes, config.dtype, text, dataset.memory, tables(config))


def tables(config: TrainConfig) -> int:
    """Count the tables that share the memory: the training file, and those to validate and test on."""
    return 1 + bool(config.val_data) + bool(config.test_data)


def _same_file(option: str, other: Dataset, dataset: Dataset) -> list[str]:
    if other.sha256 != dataset.sha256:
        return []
    return [f"warning: {option} is the training file itself: most of its rows are trained on, and flatter the figures"]


def _check_weights(config: TrainConfig, dataset: Dataset, of_row: NDArray[np.float64], split: Split) -> None:
    """DataError where there is nothing to judge by, or a class that cannot be learned."""
    of_class = np.bincount(dataset.y[split.train], of_row[split.train] > 0, len(dataset.classes))
    if not of_class.all():
        name = dataset.classes[int(of_class.argmin())]
        raise DataError(
            dataset.where, f"column '{config.weight}': all training rows of class '{name}' have a weight of 0",
            "Leave the class out, or let it count",
        )  # fmt: skip
    if len(split.val) and not of_row[split.val].any():
        raise DataError(
            dataset.where, f"column '{config.weight}': all validation rows have a weight of 0",
            "Set another --seed, or leave the rows that do not count out",
        )  # fmt: skip


def balanced(y: Positions, K: int, of_row: Weights = None) -> NDArray[np.float64]:
    """For each class what makes its rows weigh as much together as those of any other: n / (K Σ w)."""
    weights: NDArray[np.float64] = len(y) / (K * np.bincount(y, of_row, minlength=K))
    return weights


def _product(of_row: Weights, of_class: Weights, y: Positions) -> Weights:
    """What each row counts, from its own weight and that of its class."""
    if of_class is None:
        return of_row
    return of_class[y] if of_row is None else of_row * of_class[y]


def labelled_rows(model: Model, provenance: Provenance, model_file: str, source: Source, dtype: str) -> Dataset:
    """Read rows with their classes as a model reads them: of the source, or of the one that it was trained on, if none
    is named and that is as it was."""
    if source:
        return load_like(source, model.schema, model.classes, dtype)
    remedy = "Name the data behind the model"
    check_as_it_was(provenance.source, provenance.file_bytes, model_file, remedy)
    dataset = load_like(provenance.source, model.schema, model.classes, dtype, csv_options(model.config).text)
    if dataset.sha256 != provenance.sha256:
        raise DataError(dataset.where, f"the data have changed since {model_file} was trained on them", remedy)
    return dataset


def seeds(config: TrainConfig) -> list[np.random.SeedSequence]:
    """Of the split, the initial weights, the order of rows and dropout: none of them moves the others."""
    split, *others = np.random.SeedSequence(config.seed).spawn(4)
    if config.split_seed is not None:
        split, *_ = np.random.SeedSequence(config.split_seed).spawn(4)
    return [split, *others]


def _refuse_double_parts(config: TrainConfig, dataset: Dataset) -> None:
    for part in ("val", "test"):
        if getattr(config, part) is not None and getattr(config, f"{part}_data"):
            raise OptionError(f"--{part}", f"expected either --{part} or --{part}-data, found both")
    if dataset.test is not None:
        for name in ("test", "test_data"):
            if getattr(config, name) not in (None, ()):
                raise OptionError(
                    f"--{name.replace('_', '-')}", f"the data bring their own test set of {len(dataset.test)} rows",
                    "Leave the option out",
                )  # fmt: skip
