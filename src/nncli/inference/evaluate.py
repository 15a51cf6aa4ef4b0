"""Evaluate a saved model on its own test rows, or on other data."""

from __future__ import annotations

import dataclasses
import functools
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.csv.header import DETECTED, TextOptions
from nncli.data.dataset import Dataset, Positions, Table
from nncli.data.load import check_as_it_was, digest_of_source, load_dataset, load_like
from nncli.data.rare_classes import in_classes, merging
from nncli.data.row_blocks import OnError
from nncli.data.row_columns import set_aside
from nncli.data.row_hashes import hash_rows
from nncli.data.sources import Source, title
from nncli.data.split import row_numbers
from nncli.errors import DataError, NncliError
from nncli.inference.column_beside import group_codes, read_beside
from nncli.inference.judged_rows import JudgedRows
from nncli.inference.metrics import all_metrics, check_metrics, one_metric
from nncli.metrics.intervals import few_groups
from nncli.metrics.rows import CELLS_AT_ONCE, ScoredRows
from nncli.model.checkpoint import ModelFile, load_same
from nncli.model.decision import Decision
from nncli.model.model import EVAL_ROWS, Model
from nncli.model.provenance import Provenance
from nncli.system import plain_json
from nncli.system.output import counted, in_quotes
from nncli.system.threads import use_threads
from nncli.system.workers import ProcessDeath, Stop, Workers, in_order, never
from nncli.training.memory import check_memory_to_evaluate
from nncli.training.repeated_rows import trained_on

DECISION_FORM = {"positive": (str, None), "threshold": (float, None), "rule": str}


@dataclass(frozen=True)
class Evaluation:
    """The metrics of a model, which rows they were measured on, and what else a person should know."""

    metrics: dict[str, Any]
    evaluated_on: str  # as in "the 22 test rows of iris"
    notes: list[str]
    decision: dict[str, Any] | None = None  # how classes are decided, where that is not the likeliest one
    headline: dict[str, Any] | None = None  # the metric that was asked for: its name, value, interval and method

    def to_json(self) -> dict[str, Any]:
        headline = {"metric": self.headline} if self.headline else {}
        return {"evaluated_on": self.evaluated_on, **headline, **self.metrics, "decision": self.decision}


def evaluate_model(
    model: Model,
    provenance: Provenance,
    model_file: str,
    source: Source = (),
    text: TextOptions = DETECTED,
    memory: int | None = None,
    threshold: float | None = None,
    on_rows: Callable[[JudgedRows], None] | None = None,
    metric: str | None = None,
    on_error: OnError = "fail",
    by: str | None = None,
    command: str = "eval",
) -> Evaluation:
    """Evaluate a model on all rows of a source, or without one on the test rows of its training run.

    With `memory`, in bytes, tables stay on the disk. A `threshold` takes the place of the model's own. `on_rows` is
    given the rows and what the model says of them. `metric` is one to report beside the usual ones. With
    `on_error` "skip", rows of the source that cannot be read are left out. `by` is a column that `on_rows` asks for, if
    it is no input of the model. What is advised is for that `command`. Raises DataError where there are no such rows,
    and OptionError where `memory` is too little or the metric is not defined for them.
    """
    if threshold is not None:
        model.check_threshold("threshold")
        decision = dataclasses.replace(model.decision or Decision(model.positive), threshold=threshold, rule="")
        model = dataclasses.replace(model, decision=decision)
    found = rows_to_judge(model, provenance, model_file, source, text, memory, on_error, command)
    P = None if on_rows is None else np.empty((len(found.rows), len(model.classes)), model.network.dtype)
    scored = score(model, found, memory, P)
    if on_rows is not None and P is not None:
        beside = None
        if by is not None and by not in model.schema.names:
            beside = _read_beside(model, found.dataset, by, bool(source), text, on_error)
        part = "" if source else "test"
        on_rows(JudgedRows(model, found.dataset.table, found.rows, P, scored, part, beside))
    headline = None if metric is None else one_metric(metric, scored)
    metrics = all_metrics(scored, model.classes)
    return Evaluation(metrics, found.evaluated_on, found.notes, _rule_of(model), headline)


@dataclass(frozen=True)
class RowsToJudge:
    """Rows of a data set at these positions, of known classes: what a model is to be judged on."""

    dataset: Dataset
    rows: Positions
    evaluated_on: str  # as in "the 22 test rows of iris"
    groups: NDArray[np.int64] | None  # the group of each row, where there are groups
    notes: list[str]


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
    if not source:
        found = RowsToJudge(*_test_rows(model, provenance, model_file, memory, command), notes=[])
    else:
        dtype, rare = model.config.model.dtype, merging(model.config.options.rare)
        dataset = load_like(source, model.schema, model.classes, dtype, text, memory, on_error=on_error, rare=rare)
        which = f"all {counted(len(dataset), 'row')} of {title(source)}"
        evaluated_on = which if on_error == "fail" else f"{which} that can be read"
        notes = [*dataset.notes, *_seen_in_training(dataset, model, provenance, model_file, command)]
        found = RowsToJudge(dataset, row_numbers(len(dataset)), evaluated_on, None, notes)
    group = model.config.options.group
    if group is not None and found.groups is None:
        try:
            beside = _read_beside(model, found.dataset, group, bool(source), text, on_error)
        except NncliError:  # the column is not there, or not in all rows
            narrow = "the intervals take the rows as independent, and are too narrow if they are not"
            found.notes.append(f"column {in_quotes(group)} cannot be read here: {narrow}")
        else:
            found = dataclasses.replace(found, groups=group_codes(beside, group)[found.rows])
    if found.groups is not None:
        found.notes.extend(few_groups(found.groups))
    return found


def _read_beside(
    model: Model, dataset: Dataset, column: str, is_named: bool, text: TextOptions, on_error: OnError
) -> Table:
    """Read the rows again with a column that is no input: of a source that is named, or of the training run."""
    csv, rare = model.config.data.csv, model.config.options.rare
    its = csv.text_of_others if model.config.data.test_source else csv.text
    how = (text, on_error, merging(rare)) if is_named else (its, csv.on_error, rare)
    names = dict(zip(("text", "on_error", "rare"), how, strict=True))
    return read_beside(model, dataset, column, dtype=model.config.model.dtype, told=is_named, **names)


def score(model: Model, found: RowsToJudge, memory: int | None = None, P: NDArray[Any] | None = None) -> ScoredRows:
    """Return the rows with what a model says of them; fill in P (n, K), its number for each class, if it is given.
    Raises OptionError where `memory`, in bytes, is too little."""
    K, dataset, rows = len(model.classes), found.dataset, found.rows
    block = max(EVAL_ROWS, CELLS_AT_ONCE // max(model.preprocess.width, K) // EVAL_ROWS * EVAL_ROWS)
    if memory is not None:
        check_memory_to_evaluate(memory, model, n=len(dataset), evaluated=len(rows), block=min(block, len(rows)))
    logits, predicted = np.empty((len(rows), 0)), np.empty(len(rows), np.int64)
    for start in range(0, len(rows), block):
        part = slice(start, start + block)
        Z = model.scores(dataset.table.take(rows[part]))
        some = model.logits(Z)
        logits = logits if start else np.empty((len(rows), some.shape[1]), some.dtype)
        logits[part], predicted[part] = some, model.predicted(Z)
        if P is not None:
            P[part] = model.by_class(Z)
    return ScoredRows(
        dataset.y[rows].astype(np.int64),
        predicted,
        K,
        logits,
        model.probabilistic,
        positive=model.positive,
        costs=None if model.decision is None else model.decision.cost_matrix,
        groups=found.groups,
    )


def _rule_of(model: Model) -> dict[str, Any] | None:
    """Return how classes are decided; None for the likeliest class."""
    decision = model.decision
    if decision is None or decision.is_likeliest:
        return None
    positive = model.classes[decision.positive] if len(model.classes) == 2 else None
    return {"positive": positive, "threshold": decision.threshold, "rule": decision.rule}


def evaluate_files(
    workers: Workers,
    model: ModelFile,
    sources: Sequence[str],
    text: TextOptions,
    threshold: float | None = None,
    on_error: OnError = "fail",
) -> Iterator[tuple[str, Evaluation]]:
    """Evaluate on each file by itself, several at a time; yield them in the order given."""
    check = functools.partial(check_evaluation, list(load_same(model)[0].classes))
    for source, result in in_order(workers, evaluate_file, (model, text, threshold, on_error), sources, check):
        if isinstance(result, ProcessDeath):
            raise DataError(title((source,)), str(result))
        if result["failure"] is not None:
            raise NncliError.from_json(result["failure"])
        yield source, Evaluation(**result["evaluation"])


def check_evaluation(classes: list[str], result: Any) -> None:
    """Raise ValueError for what `evaluate_file` cannot have returned: on a cluster, any machine may have sent it."""
    form = {"metrics": dict, "evaluated_on": str, "notes": [str], "headline": None, "decision": (DECISION_FORM, None)}
    plain_json.check_form(result, {"evaluation": (form, None), "failure": ([str], None)})
    if result["failure"] is not None:
        NncliError.from_json(result["failure"])
    elif result["evaluation"] is None:
        raise ValueError("neither an evaluation nor a failure")
    else:
        check_metrics(result["evaluation"]["metrics"], classes)


def evaluate_file(
    source: str, shared: tuple[ModelFile, TextOptions, float | None, OnError], stop: Stop = never
) -> dict[str, Any]:
    """Evaluate on one file in a worker; return the fields of an `Evaluation`, or a failure."""
    saved, text, threshold, on_error = shared
    how: dict[str, Any] = {"text": text, "threshold": threshold, "on_error": on_error}
    try:
        with use_threads(1):
            evaluation = evaluate_model(*load_same(saved), saved.path, source=(source,), **how)
        return {"evaluation": asdict(evaluation), "failure": None}
    except NncliError as error:
        return {"evaluation": None, "failure": error.to_json()}


def _seen_in_training(
    dataset: Dataset, model: Model, provenance: Provenance, model_file: str, command: str
) -> list[str]:
    """Say how many rows the model was trained on, by their values, or else by the digest of an older model's file."""
    same_file = dataset.sha256 == provenance.files["data"].sha256
    seen, exact = trained_on(hash_rows(dataset.table), provenance.row_hashes)
    if not provenance.row_hashes and same_file:
        seen = provenance.n_rows - len(provenance.val_rows) - len(provenance.test_rows)
    if not seen:
        return []
    rows = f"{'' if exact else 'about '}{seen:,} of the {counted(len(dataset), 'row')} {'has' if seen == 1 else 'have'}"
    hint = ""
    with suppress(DataError):  # what is advised must work
        if same_file and _has_own_test_rows(model, provenance, model_file):
            what = " WHAT" if command == "plot" else ""
            hint = f". Evaluate on its own test rows: nncli {command} {shlex.quote(model_file)}{what}"
    same = f"warning: {rows} the same values as a row that trained the model"
    return [f"{same}: the figures look better than they are{hint}"]


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
        how = data.csv.text_of_others, memory, 1, data.csv.on_error, merging(model.config.options.rare)
        test = load_like(source, model.schema, model.classes, dtype, *how, told=False)
    if file.sha256 != (digest_of_source(source) if test is None else test.sha256):
        problem = f"the data have changed since {model_file} was trained, so its test rows cannot be found"
        raise DataError(title(source), problem, remedy)
    if test is not None:
        return test, row_numbers(len(test)), f"the {counted(len(test), 'row')} of {title(source)}", None
    # the same bytes have the same rows and classes, but for those that were rare
    dataset, columns = set_aside(load_dataset(source, data.csv, dtype, memory), data.csv.row_columns)
    dataset = in_classes(dataset, model.classes, model.config.options.rare)
    rows = provenance.test_rows if dataset.test is None else row_numbers(len(dataset.test))
    evaluated_on = f"the {counted(len(rows), 'test row')} of {title(source)}"
    groups = None if columns.group is None else columns.group.codes[rows].astype(np.int64)
    return dataset if dataset.test is None else dataset.test, rows, evaluated_on, groups
