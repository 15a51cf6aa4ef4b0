"""Find the rows that a model is to be judged on: the test rows of its training run, or those of other files."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.csv.header import DETECTED, TextOptions
from nncli.data.dataset import Dataset, Positions, Table
from nncli.data.load import load_dataset
from nncli.data.rare_classes import in_classes, merging
from nncli.data.row_blocks import OnError
from nncli.data.row_columns import set_aside
from nncli.data.row_hashes import hash_rows
from nncli.data.sources import Source, title
from nncli.data.split import row_numbers
from nncli.data.task import CLASSIFICATION, REGRESSION
from nncli.data.unchanged_source import check_as_it_was, digest_of_source
from nncli.data.words.choice import allow
from nncli.errors import DataError, NncliError
from nncli.inference.column_beside import group_codes, load_for_model, read_beside
from nncli.inference.other_units import FIRST_ROWS, FarColumns, NewCategories
from nncli.inference.unfamiliar_cells import UnfamiliarCells
from nncli.metrics.intervals import IN_TIME, few_groups
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.system.output import counted, in_quotes
from nncli.training.repeated_rows import effect_on, first_rows, trained_on


@dataclass(frozen=True)
class RowsToJudge:
    """Rows of a data set at these positions, of known classes: what a model is to be judged on."""

    dataset: Dataset
    rows: Positions
    evaluated_on: str  # as in "the 22 test rows of iris"
    groups: NDArray[np.int64] | None  # the group of each row, where there are groups
    notes: list[str]
    guarded: bool = False  # whether they may differ from the training rows: they were named
    told: Sequence[str] = ()  # columns of which the notes tell that they are unlike those of training
    cells: UnfamiliarCells = field(default_factory=UnfamiliarCells)  # of the rows that have been judged

    def scores(self, model: Model, part: slice) -> NDArray[Any]:
        """Return the scores Z (n, outputs) that a model gives some of the rows; note, behind the last of rows that were
        named, how many cells it knows nothing of."""
        Z = self.cells.scores(model, self.dataset.table.take(self.rows[part]))
        if self.guarded and part.stop >= len(self.rows):
            self.notes.extend(self.cells.notes())
        return Z


def rows_to_judge(
    model: Model,
    provenance: Provenance,
    model_file: str,
    source: Source = (),
    text: TextOptions = DETECTED,
    memory: int | None = None,
    on_error: OnError = "fail",
    command: str = "eval",
) -> RowsToJudge:
    """Read all rows of a source, or without one find the test rows of the training run; see `evaluate_model`. What is
    advised is for that command."""
    allow(memory)
    if not source:
        found = RowsToJudge(*_test_rows(model, provenance, model_file, memory, command), notes=[])
    else:
        dtype, rare = model.config.model.dtype, merging(model.config.options.rare)
        how: dict[str, Any] = {"dtype": dtype, "text": text, "memory": memory, "on_error": on_error, "rare": rare}
        dataset = load_for_model(model, source, model.schema, **how)
        which = f"all {counted(len(dataset), 'row')} of {title(source)}"
        evaluated_on = which if on_error == "fail" else f"{which} that can be read"
        far, new = FarColumns(model.schema), NewCategories(model.preprocess.categories)
        far.look(dataset.table)
        first = dataset.table.take(row_numbers(min(len(dataset), FIRST_ROWS)))  # of a table that may be on the disk
        new.look(first, model.preprocess.unseen(first))
        unlike = [*far.notes(), *new.notes()]
        notes = [*dataset.notes, *unlike, *_seen_in_training(dataset, model, provenance, model_file, command)]
        found = RowsToJudge(dataset, row_numbers(len(dataset)), evaluated_on, None, notes, True, [*far.told, *new.told])
    group = model.config.options.group
    if group is not None and found.groups is None:
        try:
            beside = read_again_with(model, found.dataset, group, bool(source), text, on_error)
        except NncliError:  # the column is not there, or not in all rows
            narrow = "the intervals take the rows as independent, and are too narrow if they are not"
            found.notes.append(f"column {in_quotes(group)} cannot be read here: {narrow}")
        else:
            found = dataclasses.replace(found, groups=group_codes(beside, group)[found.rows])
    if found.groups is not None:
        found.notes.extend(few_groups(found.groups))
    if model.config.options.time is not None:
        found.notes.append(IN_TIME)
    return found


def _each_once(model: Model, test: Dataset) -> Positions:
    """Return the rows of a file of test rows as training took them: with --dedupe, each once."""
    rows = row_numbers(len(test))
    return first_rows(hash_rows(test.table), test.y, rows) if model.config.options.dedupe else rows


def read_again_with(
    model: Model, dataset: Dataset, column: str, is_named: bool, text: TextOptions, on_error: OnError
) -> Table:
    """Read the rows again with a column that is no input: of a source that is named, or of the training run."""
    csv, rare = model.config.data.csv, model.config.options.rare
    its = csv.text_of_others if model.config.data.test_source else csv.of_text
    how = (text, on_error, merging(rare)) if is_named else (its, csv.on_error, rare)
    names = dict(zip(("text", "on_error", "rare"), how, strict=True))
    return read_beside(model, dataset, column, dtype=model.config.model.dtype, told=is_named, **names)


def _seen_in_training(
    dataset: Dataset, model: Model, provenance: Provenance, model_file: str, command: str
) -> list[str]:
    """Say how many rows the model was trained on or chosen by, by their values, or else by the digest of an older
    model's file."""
    same_file, hashes = dataset.sha256 == provenance.files["data"].sha256, hash_rows(dataset.table)
    seen, exact = trained_on(hashes, provenance.row_hashes)
    by_val, exact_val = trained_on(hashes, provenance.val_row_hashes)
    n_val = len(provenance.val_rows)
    if not provenance.row_hashes and same_file:
        seen = provenance.n_rows - n_val - len(provenance.test_rows)
    if not provenance.val_row_hashes and same_file:
        by_val = min(n_val, max(0, provenance.n_rows - len(provenance.test_rows) - seen))
    if not (seen or by_val):
        return []
    about = "" if exact and exact_val else "about "
    rows = (
        f"{about}{seen or by_val:,} of the {counted(len(dataset), 'row')} {'has' if (seen or by_val) == 1 else 'have'}"
    )
    hint = ""
    with suppress(DataError):  # what is advised must work
        if same_file and _has_own_test_rows(model, provenance, model_file):
            what = " WHAT" if command == "plot" else ""
            hint = f". Evaluate on its own test rows: nncli {command} {shlex.quote(model_file)}{what}"
    if not seen:
        what = "a validation row, which helped to choose the model"
    elif by_val:
        what = f"a row that trained the model, and {by_val:,} more as a validation row"
    else:
        what = "a row that trained the model"
    effect = effect_on("the figures", seen + by_val, len(dataset))
    return [f"warning: {rows} the same values as {what}: {effect}{hint}"]


def _has_own_test_rows(model: Model, provenance: Provenance, model_file: str) -> bool:
    """Tell whether there were test rows in training; DataError where their files are not as they were."""
    if not provenance.has_test_file and len(provenance.test_rows) == 0:
        return False
    test_source = model.config.data.test_source
    source, file = test_source or provenance.source, provenance.files["test_data" if test_source else "data"]
    check_as_it_was(source, file.n_bytes, model_file, "")
    return digest_of_source(source) == file.sha256


def _test_rows(
    model: Model, provenance: Provenance, model_file: str, memory: int | None, command: str
) -> tuple[Dataset, Positions, str, NDArray[np.int64] | None]:
    """Read the data of the training run again; return them, the positions of the test rows, their name, and the group
    of each, where there are groups."""
    data, dtype, own = model.config.data, model.config.model.dtype, bool(model.config.data.test_source)
    source, file = data.test_source or provenance.source, provenance.files["test_data" if own else "data"]
    remedy = (
        f"Name the data to evaluate on: nncli {command} MODEL {'WHAT --data FILE' if command == 'plot' else 'DATA'}"
    )
    if not provenance.has_test_file and len(provenance.test_rows) == 0:
        raise DataError(model_file, "the model was trained without test rows", remedy)
    check_as_it_was(source, file.n_bytes, model_file, remedy)
    test = None
    if own:
        how: dict[str, Any] = {"dtype": dtype, "text": data.csv.text_of_others, "memory": memory, "told": False}
        how |= {"on_error": data.csv.on_error, "rare": merging(model.config.options.rare)}
        test = load_for_model(model, source, model.schema, **how)
    if file.sha256 != (digest_of_source(source) if test is None else test.sha256):
        problem = f"the data have changed since {model_file} was trained, so its test rows cannot be found"
        raise DataError(title(source), problem, remedy)
    if test is not None:
        rows = _each_once(model, test)
        return test, rows, f"the {counted(len(rows), 'row')} of {title(source)}", None
    if provenance.parent is not None and not provenance.has_test_file:  # its columns are those of the model before
        return _test_rows_like(model, provenance, model_file, memory)
    # the same bytes have the same rows and classes, but for those that were rare
    task = CLASSIFICATION if model.target is None else REGRESSION
    dataset, columns = set_aside(load_dataset(source, data.csv, dtype, memory, task=task), data.csv.row_columns)
    if len(dataset) != provenance.n_rows:
        problem = f"expected {provenance.n_rows:,} rows, as {model_file} was trained on, found {len(dataset):,}"
        raise DataError(title(source), problem, "Train the model again: rows of weight 0 were counted then")
    if model.target is None:
        dataset = in_classes(dataset, model.classes, model.config.options.rare)
    rows = provenance.test_rows if dataset.test is None else _each_once(model, dataset.test)
    evaluated_on = f"the {counted(len(rows), 'test row')} of {title(source)}"
    groups = None if columns.group is None else columns.group.codes[rows].astype(np.int64)
    return dataset if dataset.test is None else dataset.test, rows, evaluated_on, groups


def _test_rows_like(
    model: Model, provenance: Provenance, model_file: str, memory: int | None
) -> tuple[Dataset, Positions, str, NDArray[np.int64] | None]:
    """Read the new rows of a model that went on from another one, as `_test_rows` does."""
    csv, options = model.config.data.csv, model.config.options
    how: dict[str, Any] = {"dtype": options.dtype, "text": csv.of_text, "memory": memory, "on_error": csv.on_error}
    dataset = load_for_model(model, provenance.source, model.schema, rare=options.rare, **how)
    if len(dataset) != provenance.n_rows:
        problem = f"expected {provenance.n_rows:,} rows, as {model_file} was trained on, found {len(dataset):,}"
        raise DataError(title(provenance.source), problem, "Name the data to evaluate on")
    rows = provenance.test_rows
    return dataset, rows, f"the {counted(len(rows), 'test row')} of {title(provenance.source)}", None
