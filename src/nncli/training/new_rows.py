"""New rows, and rows of before, made ready for a model to go on with."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nncli.config.resolved import DataConfig
from nncli.config.train_config import TrainConfig
from nncli.data.csv.header import DETECTED
from nncli.data.dataset import Dataset, Positions, Schema
from nncli.data.joined import joined
from nncli.data.load import load_like
from nncli.data.more_categories import new_categories
from nncli.data.rare_classes import UNKNOWN, merging
from nncli.data.row_columns import with_column, without_column
from nncli.data.row_hashes import hash_rows
from nncli.data.sources import Source, title
from nncli.data.split import row_numbers, set_one_to_0
from nncli.data.unchanged_source import digest_of_source
from nncli.errors import DataError, OptionError, flag, listing
from nncli.model.labelled_rows import labelled_rows
from nncli.model.model import Model
from nncli.model.provenance import EarlierData
from nncli.system.output import WARNING, counted, in_quotes, note_of
from nncli.training.before import SLOWER, Before
from nncli.training.data_of_run import n_tables
from nncli.training.prepare import Prepared, prepare
from nncli.training.repeated_rows import SOME, known_test_rows, trained_on, warned
from nncli.training.start import OldRows, Start

LOOKED_AT = 10_000  # training rows that tell whether a column is constant
SHARE = 0.8  # of the training rows, that are rows of before: so many that little is forgotten
OF_TWO_CLASSES = ("positive", "choose_threshold", "cost")


def prepare_to_go_on(
    before: Before,
    config: TrainConfig,
    replay: Source = (),
    share: float = SHARE,
    refits: bool = False,
    memory: int | None = None,
) -> Prepared:
    """Read new rows and rows of before, split and preprocess them for the model. Raises DataError where these are not
    rows for it, or are what it was trained on; OptionError where its scaling cannot be fitted anew."""
    if refits and not before.model.preprocess.is_affine:
        scaling = before.model.preprocess.scaling
        problem = f"the scaling {scaling} of the model bends its columns: behind another, no weights would say the same"
        raise OptionError("refit_scaling", problem, "Leave it out, or train a model from the beginning")
    tables = n_tables(config) + len(replay)
    new = _read_new(before, config, memory, tables)
    _refuse_known(before, new)
    _refuse_few(before, config, new)
    parts, notes = [new], list[str]()
    train, val, test = list[Positions](), list[Positions](), dict[str, Positions]()
    n = len(new)
    for part, known in _read_replay(before, config, replay, new, memory, tables):
        rows = np.flatnonzero(part.y != UNKNOWN)
        if known is None:
            own = _tested(before, part)
            notes += _unknown(before, part, int(own.sum()))
            train.append(n + rows[~own[rows]])
        else:
            train.append(n + np.setdiff1d(rows, np.concatenate([known.val_rows, known.test_rows])))
            val.append(n + np.intersect1d(rows, known.val_rows))
            if len(known.test_rows):
                test[part.where] = n + np.intersect1d(rows, known.test_rows)
        parts.append(part)
        n += len(part)
    old = OldRows(_all(train), _all(val), test)
    if replay and not len(old.train):
        raise DataError(title(replay), "there is no training row of before in it", "Name the data of training")
    both = joined(parts, new.classes)
    if len(new.classes) > len(before.model.classes) == 2:
        config, dropped = _without_decision(config)
        notes += dropped
    its = before.model.config.training
    if config.lr is None and config.optimizer == its.optimizer:
        config = dataclasses.replace(config, lr=its.lr * (SLOWER if new.classes == before.model.classes else 1))
    start = Start(before.model, before.parent, len(new), old, share, refits)
    prepared = prepare(config, both, memory=memory, start=start)
    notes = [*prepared.notes, *notes, *_known_already(before, prepared, len(new)), *_notes(prepared, start)]
    return dataclasses.replace(prepared, dataset=_with_ranges(before.model, prepared.dataset), notes=tuple(notes))


def _schema(before: Before, config: TrainConfig) -> Schema:
    """Return the schema of the model, with the columns that are no inputs and that this run asks for."""
    schema = before.model.schema
    for name in DataConfig.of(config).csv.row_columns.values():
        schema = with_column(schema, name)
    return schema


def _read_new(before: Before, config: TrainConfig, memory: int | None, tables: int) -> Dataset:
    csv, model = DataConfig.of(config).csv, before.model
    rare = merging(config.rare)
    named = {name: column for name, column in csv.row_columns.items() if name != "time"}
    return load_like(
        config.data, _schema(before, config), model.classes, config.dtype, csv.of_text, memory, tables, csv.on_error,
        rare, row_columns=named, takes_new=not rare, words=model.preprocess.columns_of_words,
    )  # fmt: skip


def _read_replay(
    before: Before, config: TrainConfig, replay: Source, new: Dataset, memory: int | None, tables: int
) -> list[tuple[Dataset, EarlierData | None]]:
    """Read the rows of before: as one source where these files were one, else each file by itself; with what the model
    knows of it."""
    if not replay:
        return []
    known = {one.file.sha256: one for one in before.provenance.data_so_far}
    whole = known.get(digest_of_source(replay)) if len(replay) > 1 else None
    sources = [replay] if whole else [(name,) for name in replay]
    csv, found = before.model.config.data.csv, list[tuple[Dataset, EarlierData | None]]()
    named = {name: column for name, column in DataConfig.of(config).csv.row_columns.items() if name != "time"}
    for source in sources:
        its = whole or known.get(digest := digest_of_source(source))
        if not its and digest == new.sha256:
            raise DataError(
                title(source), f"expected rows of before, found the new ones of {new.where}", "Leave them out"
            )
        is_own = its is not None and its.file.sha256 == before.provenance.files["data"].sha256
        text, on_error = (csv.of_text, csv.on_error) if is_own else (DETECTED, DataConfig.of(config).csv.on_error)
        part = load_like(
            source, _schema(before, config), new.classes, config.dtype, text, memory, tables, on_error,
            config.rare, told=False, row_columns=named, words=before.model.preprocess.columns_of_words,
        )  # fmt: skip
        found.append((part, its if its is not None and its.n_rows == len(part) else None))
    return found


def _refuse_known(before: Before, new: Dataset) -> None:
    """Raise DataError for data that the model was trained on: its test rows are among them."""
    for one in before.provenance.data_so_far:
        if one.file.sha256 == new.sha256:
            problem = f"expected new rows, found the data that {before.file} was trained on"
            remedy = f"Name new rows, and these with {flag('replay')}; to train longer on them, see {flag('resume')}"
            raise DataError(new.where, problem, remedy)


def _refuse_few(before: Before, config: TrainConfig, new: Dataset) -> None:
    """Raise DataError where there is not a row for each part, also of each new class."""
    val, test = config.val != 0 and not config.val_data, config.test != 0 and not config.test_data
    parts = 1 + val + test
    if not new.is_numeric and len(new) < parts:  # of few rows with numbers, all train the model
        problem = f"expected at least {parts} rows, one for each of the {parts} parts of the split, found {len(new)}"
        raise DataError(new.where, problem, f"Get more rows, or {set_one_to_0(val, test)}")
    for name in new.classes:
        n = int(np.count_nonzero(new.y == new.classes.index(name)))
        if name not in before.model.classes and n < parts:
            problem = f"class {in_quotes(name)}: expected at least {parts} rows of a class that is new, found {n}"
            remedy = "Get more rows of it, or correct it if it is meant to be another class"
            raise DataError(new.where, problem, remedy)


def _tested(before: Before, part: Dataset) -> NDArray[np.bool_]:
    """Tell of each row whether its values are those of a test row of the model, as far as these can be read."""
    try:
        own = labelled_rows(before.model, before.provenance, before.file, (), before.model.config.model.dtype)
    except DataError:
        return np.zeros(len(part), np.bool_)
    test = hash_rows(own.table.take(before.provenance.test_rows))
    table = part.table
    for name in {*part.schema.names} - {*before.model.schema.names}:  # which are no inputs
        table = without_column(table, name)
    return np.isin(hash_rows(table), test)


def _unknown(before: Before, part: Dataset, left_out: int) -> list[str]:
    """Say of data of before that the model was not trained on them as they are."""
    told = f"not a file that {before.file} was trained on"
    if left_out:
        return [note_of(part.where, f"{told}: left out {counted(left_out, 'row')} with the values of its test rows")]
    return [note_of(part.where, f"{told}: all of its rows may train the model")]


def _without_decision(config: TrainConfig) -> tuple[TrainConfig, list[str]]:
    """Return options without those that are for two classes, and a line on them."""
    asked = [name for name in OF_TWO_CLASSES if getattr(config, name) is not None]
    if not asked:
        return config, []
    told = f"{listing(map(flag, asked))} of the model: left out, as there are more than two classes now"
    return TrainConfig(**vars(config) | dict.fromkeys(asked)), [told]


def _known_already(before: Before, prepared: Prepared, n: int) -> list[str]:
    """Say how many of the n new rows the model has learned from, or was chosen by, as in a file that grows."""
    hashes, its = prepared.hashes.every[:n], before.provenance
    found = [trained_on(hashes, known) for known in (its.row_hashes, its.val_row_hashes)]
    if not (seen := sum(count for count, _ in found)):
        return []
    about = "" if all(exact for _, exact in found) else "about "
    told = (
        f"{about}{seen:,} of the {counted(n, 'new row')} {'has' if seen == 1 else 'have'} the same values as a row "
        f"that trained or validated {before.file}"
    )
    effect = "too few to change what was gained by much"
    if seen >= SOME * n:
        effect = f"what was gained looks less than it is. Rows of before belong to {flag('replay')}"
    return [warned(f"{told}: {effect}", seen, n)]


def _notes(prepared: Prepared, start: Start) -> list[str]:
    """Say, a line each, what the model learns that it had no place for, and which rows of before it sees again."""
    train, val, classes = prepared.split.train, prepared.split.val, prepared.dataset.classes
    found = ["scaling: fitted anew to the training rows" if start.refits else "scaling: as the model has it"]
    for name in [one for one in classes if one not in start.model.classes]:
        n = int(np.count_nonzero(prepared.dataset.y[train] == classes.index(name)))
        found.append(f"class {in_quotes(name)} is new: an output is added; {counted(n, 'training row')} of it")
    if not prepared.dataset.is_numeric and len(present := np.unique(prepared.dataset.y[train])) == 1:
        named = in_quotes(classes[int(present[0])])
        told = f"all training rows are of class {named}: the model learns to answer that, whatever the row"
        found.append(f"{WARNING}{told}. Add rows of before with {flag('replay')}")
    for name, more in new_categories(start.model.preprocess, prepared.preprocess).items():
        named = listing("a missing cell" if one is None else in_quotes(one) for one in more)
        what, inputs = ("category", "an input is") if len(more) == 1 else ("categories", f"{len(more)} inputs are")
        found.append(f"column {in_quotes(name)}: new {what} {named}: {inputs} added")
    if same := _was_constant(prepared, start):
        named, were = listing(map(in_quotes, same)), "was" if len(same) == 1 else "were"
        how = flag("refit_scaling") if start.model.preprocess.is_affine else "a model trained from the beginning"
        remedy = f"{how} takes {'it' if len(same) == 1 else 'them'} in"
        found.append(f"constant before, and so without effect, {were} {named}: {remedy}")
    tested = _all([*start.old.test.values()])
    if seen := prepared.hashes.in_training(prepared.hashes.every[tested]):
        found.append(known_test_rows(seen, len(tested)))
    old = [int(np.count_nonzero(rows >= start.n_new)) for rows in (train, val)]
    if len(start.old.train):
        of_all = "all" if old[0] == len(start.old.train) else f"{old[0]:,} of"
        beside = f", and {old[1]:,} validation rows" if old[1] else ""
        share = f"{100 * old[0] / len(train):.0f} % of those that train the model"
        found.append(f"replay: {of_all} {len(start.old.train):,} training rows of before, {share}{beside}")
    return found


def _was_constant(prepared: Prepared, start: Start) -> list[str]:
    """Return the columns of numbers and dates that were the same in all training rows of the model, and differ in those
    of now, as far as the first of them tell."""
    fitted = prepared.preprocess
    names = [*fitted.number_names, *(name for name, _ in fitted.dates)]
    places = [i for i, _ in enumerate(names) if fitted.is_without_effect(i)]
    if not places:
        return []
    table, d = prepared.dataset.table.take(prepared.split.train[:LOOKED_AT]), len(fitted.number_names)
    values = (table.numbers[:, i].astype(np.float64) if i < d else table.dates[names[i]][:] for i in places)
    return [names[i] for i, its in zip(places, values, strict=True) if np.fmax.reduce(its) > np.fmin.reduce(its)]


def _with_ranges(model: Model, dataset: Dataset) -> Dataset:
    """Return data whose columns have the ranges that those of the model had, and their own."""
    old = {column.name: column for column in model.schema.profile}
    found = []
    for column in dataset.schema.profile:
        was = old.get(column.name, column)
        lows = [one for one in (was.low, column.low) if one is not None]
        highs = [one for one in (was.high, column.high) if one is not None]
        low, high = min(lows, default=None), max(highs, default=None)
        found.append(dataclasses.replace(column, low=low, high=high, whole=was.whole and column.whole))
    return dataclasses.replace(dataset, schema=dataclasses.replace(dataset.schema, profile=tuple(found)))


def _all(parts: Sequence[Positions]) -> Positions:
    return np.concatenate([row_numbers(0), *parts])
