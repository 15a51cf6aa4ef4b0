"""Data ready to be trained on: loaded, split, preprocessed and weighted."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nncli.config.contradictions import check_folds_of_members
from nncli.config.resolve import resolve, with_kernels_for_sparse_rows
from nncli.config.resolved import DataConfig, ResolvedConfig, until_told
from nncli.config.task import check_task_options
from nncli.config.train_config import TrainConfig
from nncli.config.usual_model import with_usual_model
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.stand_ins import notes_of_late_ones
from nncli.data.dataset import Dataset, Positions, TextColumn, measured
from nncli.data.labels import for_task
from nncli.data.pictures import shape_to_distort
from nncli.data.preprocess import Preprocess
from nncli.data.row_columns import set_aside, without_columns
from nncli.data.row_hashes import hash_rows
from nncli.data.scaled_rows import Subset
from nncli.data.sparse_numbers import is_sparse
from nncli.data.split import Split, row_numbers
from nncli.data.task import REGRESSION
from nncli.data.words.choice import allow
from nncli.data.words.vectors import Vectors
from nncli.errors import DataError, flag
from nncli.guards.distribution import Distribution
from nncli.model.decision import Decision
from nncli.model.network import build_network, network_inputs
from nncli.model.provenance import Fingerprint
from nncli.nn.calibration import Calibration
from nncli.nn.network import Network
from nncli.nn.optimizers import OPTIMIZERS
from nncli.nn.row_loss import Loss
from nncli.system.output import counted, note_of
from nncli.training.class_weights import Weights, class_weights
from nncli.training.data_of_run import inputs_of_part, load, load_more
from nncli.training.memory import check_inputs_fit, check_network_fits
from nncli.training.repeated_rows import RowHashes, first_rows
from nncli.training.rows_to_use import rows_to_use, val_rows_to_use
from nncli.training.scale_of_target import scale_of
from nncli.training.sparse_inputs import entries_of_rows, refuse_layers_of_zeros
from nncli.training.splitting import (
    Fold,
    check_split_options,
    classes_without_rows,
    has_room_for_folds,
    joined,
    refuse_shared_groups,
    repeated_in_folds,
    settle_rare,
    split_for_members,
    split_rows,
)
from nncli.training.words import (
    columns_of_words,
    notes_on_no_words,
    notes_on_words,
    refuse_with_words,
    with_longest_step,
    with_usual_words,
    word_options,
)

if TYPE_CHECKING:
    from nncli.model.target_scale import TargetScale
    from nncli.training.start import Start

OF_COLUMNS = ("categorical", "text", "weight", "group", "time")  # options that name columns, which arrays may have too
DECIDED_BY = ("positive", "choose_threshold", "cost")  # what a model's class is chosen by, beside its scores
OF_FILES = [field.name for field in dataclasses.fields(CsvOptions) if field.name not in OF_COLUMNS]
FILE_OPTIONS = (*OF_FILES, "val_data", "test_data")  # that arrays have no use for


@dataclass(frozen=True)
class Prepared:
    """Data ready to be trained on, and the config with nothing left open."""

    config: ResolvedConfig
    read: Dataset  # as the files have it
    dataset: Dataset  # to learn from: without the columns that are no input
    of_row: Weights  # of its rows, as the file has them
    split: Split
    preprocess: Preprocess
    train: Subset
    val: Subset  # may be empty, and so may the next
    test: Subset
    val_groups: NDArray[np.int64] | None  # the group of each validation row, where there are groups
    test_groups: NDArray[np.int64] | None
    hashes: RowHashes
    decision: Decision | None  # as far as it is known before training
    target: TargetScale | None  # of a number
    files: Mapping[str, Fingerprint]  # by the options that name them: data, val_data and test_data
    notes: tuple[str, ...]
    start: Start | None = None  # the model that the run goes on from
    vectors: Vectors | None = None  # that the words of a new network start from
    calibration: Calibration | None = None  # by rows that are training rows now, of the run that chose the epoch

    def new_network(self) -> tuple[Network, Loss]:
        """Return the network that the config describes for the rows, all parameters 0, and its loss."""
        return build_network(self.config.model, network_inputs(self.preprocess), len(self.dataset.classes))

    @functools.cached_property
    def distribution(self) -> Distribution | None:
        """Return what the training columns are like; None where they are too many to keep that."""
        return Distribution.fit(self.dataset.table, self.split.train, self.preprocess)


def prepare(
    config: TrainConfig,
    dataset: Dataset | None = None,
    fold: Fold | None = None,
    memory: int | None = None,
    refit: ResolvedConfig | None = None,
    start: Start | None = None,
    chosen: Sequence[str] = (),
) -> Prepared:
    """Load (unless given), split and preprocess the data; where there is a `start`, as that says, see there.

    A `fold` is in the place of the validation rows or the test rows. With `refit`, the settings of an earlier run,
    and for the final model of cross-validation, the validation rows are training rows. With `memory`, in bytes, tables
    that are loaded stay on the disk, and what comes out is the same, bit for bit. `chosen` are the notes on the choice
    of a model that an earlier part of the run has made.
    """
    read = load(config, memory) if dataset is None else for_task(dataset, config.task)
    allow(read.memory)
    read = dataclasses.replace(read, schema=measured(read.schema, read.table))
    read = dataclasses.replace(read, notes=(*read.notes, *notes_of_late_ones(read, config.weight)))
    config = dataclasses.replace(config, task=REGRESSION if read.is_numeric else config.task)
    if read.is_numeric:
        check_task_options(config)
    check_split_options(config, read)
    check_folds_of_members(config, goes_on=start is not None)
    asked = DataConfig.of(config).csv.row_columns
    if read.weights is not None:
        del asked["weight"]
    dataset, columns = set_aside(read, asked)
    of_row, rare_notes = columns.weight if read.weights is None else read.weights, list[str]()
    if config.rare is not None and start is None:
        dataset, rare_notes = settle_rare(config, dataset, columns)
    words, vectors = columns_of_words(config, dataset.table) if start is None else start.words, None
    # test rows have equal weight but for those of weight 0, and in files of their own no part depends on the time
    of_part = {name: _of(asked, "weight", "group") for name in ("val_data", "test_data")}
    whole = dict[str, Dataset]()
    for name in of_part:
        if source := getattr(config, name):
            others = {*asked.values()} - {*of_part[name].values()}
            its = of_part[name]
            try:
                found = load_more(config, source, without_columns(read.schema, others), dataset, its, words)
            except DataError:
                if name == "val_data" or config.weight is None:
                    raise
                of_part[name] = its = _of(asked, "group")  # test rows need no weights
                others.add(config.weight)
                found = load_more(config, source, without_columns(read.schema, others), dataset, its, words)
            whole[name] = found
    read_notes = [
        note_of(flag(name), note) for name, its in whole.items() for note in its.notes if note not in read.notes
    ]
    parts = {name: set_aside(its, of_part[name]) for name, its in whole.items()}
    named = {name: its for name, (its, _) in parts.items()}
    own_val, own_test = named.get("val_data"), named.get("test_data", dataset.test)
    of_val = parts["val_data"][1].weight if own_val is not None else None
    of_own = {name: its.group for name, (_, its) in parts.items()}
    own = {part: hash_rows(data.table) for part, data in (("val", own_val), ("test", own_test)) if data is not None}
    val_rows, val_notes = None, list[str]()
    if own_val is not None:
        val_rows, val_notes = val_rows_to_use(config, own, of_val)
        own |= {"val": own["val"][val_rows]}
    hashes = hash_rows(dataset.table) if dataset.hashes is None else dataset.hashes
    elsewhere = hashes[:0] if read.elsewhere is None else read.elsewhere
    rows, notes = rows_to_use(config, dataset, of_row, hashes, np.concatenate([elsewhere, *own.values()]))
    if columns.group is not None:
        groups = {"data": columns.group.take(rows)} | {name: its.group for name, (_, its) in parts.items() if its.group}
        refuse_shared_groups(
            str(config.group), {"data": dataset.where} | {n: d.where for n, d in named.items()}, groups
        )
    folds = None
    on_all = refit is not None or (config.folds is not None and fold is None)
    if start is None:
        split, split_notes = split_rows(config, dataset, columns, rows, fold, on_all)
        if config.preset.searches:
            from nncli.config.search_plan import FOLDS, inputs_of, with_folds

            has_room = has_room_for_folds(dataset, columns, joined(split).train, FOLDS)
            config = with_folds(config, len(read), inputs_of(dataset.table), has_room)
            check_folds_of_members(config, goes_on=False)
        split, folds = split_for_members(config, dataset, columns, rows, split)
    else:
        split, split_notes = start.split(config, dataset, columns, rows)
    notes += [*rare_notes, *split_notes, *val_notes]
    has_val = len(split.val) > 0 or folds is not None or bool(config.val_data) or (on_all and config.val != 0)
    of_parts = {"train": hashes[split.train], "val": hashes[split.val], "test": hashes[split.test]} | own
    repeated = RowHashes(hashes, of_parts, tuple(named))
    if refit is None:
        config, by_data = with_model(config, dataset, words)
        config, chosen = with_usual_words(config, dataset.table, words), [*chosen, *by_data]
    if words:
        refuse_with_words(config, words)
        if start is None and config.vectors is not None:
            from nncli.training.word_vectors import with_vectors

            config, vectors = with_vectors(config, len(words))
        notes += notes_on_words(words, word_options(config), config.text)
    resolved = refit or resolve(config, len(split.train), has_val)
    if start is None:
        how = words, word_options(config), vectors, config.vocabulary
        preprocess = Preprocess.fit(dataset.table, split.train, resolved.data.scale, *how)
        notes += notes_on_no_words(preprocess.words)
    else:
        preprocess = start.preprocess(dataset.table, split.train)
    if vectors is not None:
        from nncli.training.word_vectors import notes_on_vectors

        notes += notes_on_vectors(vectors, preprocess, len(split.train))
    if refit is None and OPTIMIZERS.create(resolved.training.optimizer).exact:
        from nncli.training.optimum import with_steps

        rows_are_sparse = bool(words) or is_sparse(dataset.table.numbers)
        config = with_steps(config, resolved, preprocess.width, rows_are_sparse)
        resolved = resolve(config, len(split.train), has_val)
    if refit is None and is_sparse(dataset.table.numbers):
        config, step_notes = with_longest_step(config, resolved, preprocess.scaling)
        resolved, notes = resolve(config, len(split.train), has_val), [*notes, *step_notes]
    if refit is None:
        entries = entries_of_rows(preprocess, dataset.table, len(split.train))
        resolved = with_kernels_for_sparse_rows(resolved, config.kernels, entries)
    if on_all:  # and there is nothing to choose an epoch by
        resolved = dataclasses.replace(resolved, training=until_told(resolved.training))
    if config.number_embedding or config.category_embedding:
        from nncli.training.embeddings import notes_on_embeddings, refuse_embeddings_of_nothing

        refuse_embeddings_of_nothing(config, dataset.table)
        notes += notes_on_embeddings(config, preprocess)
    check_inputs_fit(resolved, dataset.table, preprocess)
    check_network_fits(resolved, len(split.train), network_inputs(preprocess), len(dataset.classes))
    if resolved.training.distort:
        shape_to_distort(dataset, split.train, preprocess)  # which refuses what is no picture
    target, of_class = None, None
    if dataset.is_numeric:
        target = scale_of(dataset, split.train) if start is None else start.target(dataset, split.train)
    else:
        of_train = None if of_row is None else of_row[split.train]
        of_class = class_weights(resolved.training.class_weight, dataset.y[split.train], dataset.classes, of_train)
    n_all = sum(len(own) for own in (dataset, own_val, own_test) if own is not None)

    def subset(part: Dataset, weights: Weights) -> Subset:
        rows = row_numbers(len(part)) if weights is None else np.flatnonzero(weights)
        y = part.y if target is None else target.scaled(part.y)
        return Subset(inputs_of_part(resolved, preprocess, part, n_all), y, rows, weights)

    every = subset(dataset, _product(of_row, of_class, dataset.y))
    if every.matrix.is_sparse:
        refuse_layers_of_zeros(resolved)
    val, test = dataclasses.replace(every, rows=split.val), dataclasses.replace(every, rows=split.test, weights=None)
    if folds is not None:  # every row that trains some members is left out by one
        notes += repeated_in_folds(hashes[split.train], folds[split.train])
        val = dataclasses.replace(every, rows=split.train, folds=folds)
    if own_val is not None and val_rows is not None:
        val = subset(own_val, _product(of_val, of_class, own_val.y))
        val = dataclasses.replace(val, rows=np.intersect1d(val.rows, val_rows))
        notes += classes_without_rows(config, "val_data", val, dataset.classes)
    if own_test is not None:
        test = subset(own_test, None)
        if config.dedupe:
            test = dataclasses.replace(test, rows=first_rows(own["test"], own_test.y, test.rows))
            if left_out := len(own_test) - len(test.rows):
                notes.append(f"{flag('dedupe')}: left out {counted(left_out, 'test row')} that repeat another")
        notes += classes_without_rows(config, "test_data", test, dataset.classes) if config.test_data else []
    weights = every.weights
    if weights is not None:  # of mean 1 over the training rows, so that a learning rate means the same
        weights = weights / weights[split.train].mean()
    decision = None
    if target is None and any(getattr(config, name) is not None for name in (*DECIDED_BY, "metric")):
        from nncli.training.decision import plan_decision

        of_each = np.bincount(dataset.y[rows], minlength=len(dataset.classes))
        decision = plan_decision(resolved, dataset.classes, len(val) > 0, of_each, of_class)
    return Prepared(
        config=resolved,
        read=read,
        dataset=dataset,
        of_row=of_row,
        split=split,
        preprocess=preprocess,
        train=dataclasses.replace(every, rows=split.train, weights=weights),
        val=val,
        test=test,
        val_groups=_groups(columns.group if own_val is None else of_own.get("val_data"), val),
        test_groups=_groups(columns.group if own_test is None else of_own.get("test_data"), test),
        files={
            "data": _file(dataset),
            "val_data": _file(named.get("val_data")),
            "test_data": _file(named.get("test_data")),
        },
        hashes=repeated,
        decision=decision,
        target=target,
        notes=(*chosen, *dataset.notes, *read_notes, *preprocess.notes, *notes, *repeated.repeats()),
        start=start,
        vectors=vectors,
    )


def with_model(config: TrainConfig, dataset: Dataset, words: Sequence[str] = ()) -> tuple[TrainConfig, list[str]]:
    """Return the options with a model, by the data where they name none; see `with_usual_model`."""
    schema = dataset.schema
    is_picture, columns, of_numbers = bool(schema.image_shape), len(schema.columns), dataset.is_numeric
    return with_usual_model(config, len(dataset), columns, schema.profile, is_picture, of_numbers, bool(words))


def apart_from_test(prepared: Prepared) -> Dataset:
    """Return the data as they were read, without the test rows that have files of their own: what is the same as one
    of these is left out with `--dedupe` all the same."""
    is_own = len(prepared.test) > 0 and len(prepared.split.test) == 0
    elsewhere = prepared.hashes.parts["test"] if is_own else prepared.read.elsewhere
    return dataclasses.replace(prepared.read, test=None, elsewhere=elsewhere)


def _of(asked: Mapping[str, str], *options: str) -> dict[str, str]:
    return {option: name for option, name in asked.items() if option in options}


def _groups(column: TextColumn | None, part: Subset) -> NDArray[np.int64] | None:
    return None if column is None else column.codes[part.rows].astype(np.int64)


def _file(dataset: Dataset | None) -> Fingerprint:
    return Fingerprint("", 0) if dataset is None else Fingerprint(dataset.sha256, dataset.file_bytes)


def _product(of_row: Weights, of_class: Weights, y: Positions) -> Weights:
    """Return what each row counts, from its own weight and that of its class, if there are classes."""
    if of_class is None:
        return of_row
    return of_class[y] if of_row is None else of_row * of_class[y]
