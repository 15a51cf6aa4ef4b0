"""Data ready to be trained on: loaded, split, preprocessed and weighted."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nncli.config.resolve import DataConfig, ResolvedConfig, resolve
from nncli.config.train_config import DEFAULT_SHARE, TrainConfig
from nncli.data.csv.detection import CsvOptions
from nncli.data.dataset import Dataset, Positions, Schema, measured, without_weights
from nncli.data.load import load_dataset, load_like
from nncli.data.preprocess import Preprocess
from nncli.data.row_hashes import Hashes, hash_rows
from nncli.data.scaled_rows import Inputs, RowWindow, Subset
from nncli.data.sources import Source
from nncli.data.split import Split, row_numbers, stratified_fold, stratified_split
from nncli.errors import DataError, OptionError, flag, listing, mention
from nncli.model.provenance import Fingerprint
from nncli.system.output import counted, in_quotes, note_of
from nncli.training.class_weights import Weights, class_weights
from nncli.training.memory import rows_in_memory
from nncli.training.repeated_rows import RowHashes, first_rows
from nncli.training.seeds import Seeds

OF_FILES = [field.name for field in dataclasses.fields(CsvOptions) if field.name not in ("categorical", "weight")]
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
    hashes: RowHashes
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
    read = dataclasses.replace(read, schema=measured(read.schema, read.table))
    dataset, of_row = (read, None) if config.weight is None else without_weights(read, config.weight)
    _refuse_double_parts(config, dataset)
    named = {
        name: _load_like(config, getattr(config, name), schema, dataset)
        for name, schema in (("val_data", read.schema), ("test_data", dataset.schema))  # test rows have equal weight
        if getattr(config, name)
    }
    read_notes = [
        note_of(flag(name), note) for name, its in named.items() for note in its.notes if note not in read.notes
    ]
    own_val, of_val, own_test = named.get("val_data"), None, named.get("test_data", dataset.test)
    if own_val is not None and config.weight is not None:
        own_val, of_val = without_weights(own_val, config.weight)
    own = {part: hash_rows(data.table) for part, data in (("val", own_val), ("test", own_test)) if data is not None}
    hashes = hash_rows(dataset.table)
    rows, notes = _rows_to_use(config, dataset, of_row, hashes, np.concatenate([hashes[:0], *own.values()]))
    split = _split(config, dataset, rows, fold)
    of_parts = {"train": hashes[split.train], "val": hashes[split.val], "test": hashes[split.test]} | own
    repeated = RowHashes(hashes, of_parts, tuple(named))
    resolved = resolve(config, len(split.train), has_val=len(split.val) > 0 or bool(config.val_data))
    preprocess = Preprocess.fit(dataset.table, split.train, config.scale)
    of_train = None if of_row is None else of_row[split.train]
    of_class = class_weights(resolved.training.class_weight, dataset.y[split.train], dataset.classes, of_train)
    n_all = sum(len(own) for own in (dataset, own_val, own_test) if own is not None)

    def subset(part: Dataset, weights: Weights) -> Subset:
        rows = row_numbers(len(part)) if weights is None else np.flatnonzero(weights)
        return Subset(_inputs(resolved, preprocess, part, n_all), part.y, rows, weights)

    every = subset(dataset, _product(of_row, of_class, dataset.y))
    val, test = dataclasses.replace(every, rows=split.val), dataclasses.replace(every, rows=split.test, weights=None)
    if own_val is not None:
        val = subset(own_val, _product(of_val, of_class, own_val.y))
        notes += _classes_without_rows(config, "val_data", val, dataset.classes)
    if own_test is not None:
        test = subset(own_test, None)
        notes += _classes_without_rows(config, "test_data", test, dataset.classes) if config.test_data else []
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
        hashes=repeated,
        notes=(*dataset.notes, *read_notes, *preprocess.notes, *notes, *repeated.repeats()),
    )


def _load(config: TrainConfig, memory: int | None) -> Dataset:
    data = DataConfig.of(config)
    return load_dataset(data.source, data.csv, config.dtype, memory, n_tables(config))


def _rows_to_use(
    config: TrainConfig, dataset: Dataset, of_row: Weights, hashes: Hashes, elsewhere: Hashes
) -> tuple[Positions, list[str]]:
    """Return the rows that take part: those that count, and with --dedupe only the first of those that are the same,
    and none that is `elsewhere` too; also return notes. DataError where no row of a class counts."""
    rows, notes = row_numbers(len(dataset)), []
    if of_row is not None and not of_row.all():
        rows = rows[of_row > 0]
        column = f"column '{config.weight}'"
        of_class = np.bincount(dataset.y[rows], minlength=len(dataset.classes))
        if not of_class.all():
            problem = f"all rows of class {in_quotes(dataset.classes[int(of_class.argmin())])} have a weight of 0"
            raise DataError(dataset.where, f"{column}: {problem}", "Leave the class out, or let it count")
        notes.append(f"{column}: {counted(len(dataset) - len(rows), 'row')} with a weight of 0, which take no part")
    if config.dedupe:
        before, rows = len(rows), first_rows(hashes, dataset.y, rows, elsewhere)
        left_out = counted(before - len(rows), "row")
        notes.append(f"{flag('dedupe')}: left out {left_out} with the same values as a row that is kept")
        if not len(rows):
            raise OptionError("dedupe", "no row is left: all are in the other files too", "Leave the option out")
    return rows, notes


def _classes_without_rows(config: TrainConfig, option: str, part: Subset, classes: Sequence[str]) -> list[str]:
    """Say which classes have no row in a file of its own. OptionError where the part should calibrate them."""
    there = np.bincount(part.y[part.rows], minlength=len(classes))
    absent = [in_quotes(classes[i]) for i in np.flatnonzero(there == 0).tolist()]
    if not absent:
        return []
    of = f"class {absent[0]}" if len(absent) == 1 else f"classes {listing(absent)}"
    if config.calibrate and option == "val_data":
        problem = f"{of}: there is no row in {mention(option)} to calibrate the probability on"
        raise OptionError("calibrate", problem, "Add rows there, or leave the option out")
    return [f"warning: {of}: there is no row in {flag(option)}, whose figures say nothing of that"]


def _split(config: TrainConfig, dataset: Dataset, rows: Positions, fold: tuple[int, int] | None) -> Split:
    """Draw those of the rows that each part has; those that come from files of their own are not among them."""
    own_test = bool(config.test_data) or dataset.test is not None
    val_share = 0.0 if config.val_data else DEFAULT_SHARE if config.val is None else config.val
    test_share = 0.0 if own_test else DEFAULT_SHARE if config.test is None else config.test
    if val_share + test_share >= 1:
        expected = f"expected {mention('val')} and {mention('test')} to be below 1 together"
        raise OptionError("val", f"{expected}, found {val_share:g} and {test_share:g}", "Lower one of them")
    seed = int(Seeds.of(config).split.generate_state(1)[0])
    drawn = stratified_split(dataset.y[rows], dataset.classes, val_share, test_share, seed, dataset.where)
    split = Split(rows[drawn.train], rows[drawn.val], rows[drawn.test])
    return split if fold is None else stratified_fold(dataset.y, split, *fold, seed, dataset.where)


def _load_like(config: TrainConfig, source: Source, schema: Schema, dataset: Dataset) -> Dataset:
    csv, tables = DataConfig.of(config).csv, n_tables(config)
    how = csv.text_of_others, dataset.memory, tables, csv.on_error
    return load_like(source, schema, dataset.classes, config.dtype, *how, told=False)


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
