"""Evaluate a saved model on its own test rows, or on other data."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.data.csv.header import DETECTED, TextOptions
from nncli.data.row_blocks import OnError
from nncli.data.sources import Source, title
from nncli.errors import DataError, NncliError
from nncli.guards.report import Report
from nncli.inference.evaluate_numbers import predicted_rows
from nncli.inference.guarded_rows import guard_report, refuse_unlike
from nncli.inference.judged_rows import JudgedRows
from nncli.inference.metrics import OBJECTIVE, all_metrics, check_metrics, check_positive_is_said, one_metric
from nncli.inference.prediction_sets import JudgedSets
from nncli.inference.rows_to_judge import RowsToJudge, read_again_with, rows_to_judge
from nncli.metrics.rows import CELLS_AT_ONCE, ScoredRows
from nncli.metrics.stored_logits import StoredLogits, logits_of
from nncli.model.checkpoint import ModelFile, load_same
from nncli.model.decision import Decision
from nncli.model.model import Model
from nncli.model.network import eval_rows, network_inputs
from nncli.model.provenance import Provenance
from nncli.system import plain_json
from nncli.system.output import in_quotes, warnings_in
from nncli.system.threads import use_threads
from nncli.system.workers import ProcessDeath, Stop, Workers, in_order, never
from nncli.training.guessing import guess, loss_of_shares, say_above
from nncli.training.memory import check_memory_to_evaluate

SEVERAL = 5  # rows of other classes, of which a model that is of use finds one
SETS_FORM = {
    **dict.fromkeys(("share", "least_probability", "coverage", "mean_size"), float),
    "coverage_interval": [float],
    "mean_size_interval": [float],
    **dict.fromkeys(("held", "empty"), int),
}
DECISION_FORM = {"positive": (str, None), "threshold": (float, None), "rule": str}


@dataclass(frozen=True)
class Evaluation:
    """The metrics of a model, which rows they were measured on, and what else a person should know."""

    metrics: dict[str, Any]
    evaluated_on: str  # as in "the 22 test rows of iris"
    notes: list[str]
    decision: dict[str, Any] | None = None  # how classes are decided, where that is not the likeliest one
    headline: dict[str, Any] | None = None  # the metric that was asked for: its name, value, interval and method
    sets: dict[str, Any] | None = None  # how large prediction sets are, and how many hold the class of their row
    guard: Report | None = None  # how rows that were named differ from those of training

    def to_json(self) -> dict[str, Any]:
        headline = {"metric": self.headline} if self.headline else {}
        known = {"evaluated_on": self.evaluated_on, **headline, **self.metrics}
        return known | {"sets": self.sets, "decision": self.decision, "warnings": warnings_in(self.notes)}


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
    positive: int | None = None,
    strict: bool = False,
) -> Evaluation:
    """Evaluate a model on all rows of a source, or without one on the test rows of its training run.

    With `memory`, in bytes, tables stay on the disk. A `threshold` takes the place of the model's own, and `positive`
    that of its positive class: without a threshold, what is predicted stays the same. `on_rows` is given the rows and
    what the model says of them. `metric` is one to report beside the usual ones. With `on_error` "skip", rows of the
    source that cannot be read are left out. `by` is a column that `on_rows` asks for, if it is no input of the model.
    What is advised is for that `command`. Raises DataError where there are no such rows, and, if it is `strict`, at
    the first that has what no training row had; OptionError where `memory` is too little or the metric is not defined
    for them.
    """
    if threshold is not None:
        model.check_threshold("threshold")
        decision = model.decision or Decision(model.positive)
        of = decision.positive if positive is None else positive
        decision = dataclasses.replace(decision, positive=of, threshold=threshold, rule="")
        model = dataclasses.replace(model, decision=decision)
    found = rows_to_judge(model, provenance, model_file, source, text, memory, on_error, command)
    if strict:
        refuse_unlike(model, found, source, on_error)
    P = None if on_rows is None else np.empty((len(found.rows), len(model.classes)), model.network.dtype)
    sets = JudgedSets.of(model)
    scored = score(model, found, memory, P, with_losses=metric == "loss", sets=sets)
    if positive is not None:
        scored = dataclasses.replace(scored, positive=positive)
    elif metric is not None:
        check_positive_is_said(metric, model, scored)
    if on_rows is not None and P is not None:
        beside = None
        if by is not None and by not in model.schema.names:
            beside = read_again_with(model, found.dataset, by, bool(source), text, on_error)
        part = "" if source else "test"
        on_rows(JudgedRows(model, found.dataset.table, found.rows, P, scored, part, beside))
    if metric == "loss" and model.probabilistic and model.config.objective_name(scored.K) == "loss":
        metric = "log-loss"  # one number has one name
    headline = None if metric is None else one_metric(metric, scored)
    if headline is not None and metric == "loss" and model.probabilistic:
        headline["name"] = OBJECTIVE
    metrics = all_metrics(scored, model.classes)
    notes = [*found.notes, *(_of_one_class(model, scored) or _above_guessing(model, provenance, scored, bool(source)))]
    guard = guard_report(model, found, scored.predicted, threshold is None)
    notes += [] if guard is None else guard.said
    if not model.probabilistic:
        tied = sum(int(model.loss.tied(scored.logits[part]).sum()) for part in scored.parts())
        notes += model.say_ties(tied, len(found.rows))
    of_sets = None if sets is None else sets.to_json(found.groups)
    return Evaluation(metrics, found.evaluated_on, notes, _rule_of(model), headline, of_sets, guard)


def score(
    model: Model,
    found: RowsToJudge,
    memory: int | None = None,
    P: NDArray[Any] | None = None,
    with_losses: bool = False,
    sets: JudgedSets | None = None,
) -> ScoredRows:
    """Return the rows with what a model says of them, also their losses if they are asked for; fill in P (n, K), its
    number for each class, and judge the prediction `sets`, if they are given. Raises OptionError where `memory`, in
    bytes, is too little."""
    if model.target is not None:
        return predicted_rows(model, found, memory)
    K, dataset, rows = len(model.classes), found.dataset, found.rows
    inputs = network_inputs(model.preprocess, dataset.table)
    at_once = eval_rows(model.network.widths, inputs.words > 0 or inputs.not_zero is not None)
    block = max(at_once, CELLS_AT_ONCE // max(inputs.stored, K) // at_once * at_once)
    if memory is not None:
        check_memory_to_evaluate(
            memory, model, inputs, n=len(dataset), evaluated=len(rows), block=min(block, len(rows))
        )
    y, losses = dataset.y[rows].astype(np.int64), np.empty(len(rows)) if with_losses else None
    predicted = np.empty(len(rows), np.int64)
    logits: Any = np.empty((len(rows), 0))
    for start in range(0, len(rows), block):
        part = slice(start, start + block)
        Z = found.scores(model, part)
        some = model.logits(Z)
        logits = logits if start else logits_of(len(rows), some.shape[1], some.dtype)
        if isinstance(logits, StoredLogits):
            logits.append(some)
        else:
            logits[part] = some
        predicted[part] = model.predicted(Z)
        if P is not None:
            P[part] = model.by_class(Z)
        if sets is not None:
            sets.add(model.by_class(Z) if P is None else P[part], y[part])
        if losses is not None:
            losses[part] = model.losses(Z, y[part])
    return ScoredRows(
        y,
        predicted,
        K,
        logits,
        model.probabilistic,
        losses,
        positive=model.positive,
        costs=None if model.decision is None else model.decision.cost_matrix,
        groups=found.groups,
    )


def _of_one_class(model: Model, rows: ScoredRows) -> list[str]:
    """Warn of a model that says the same of all rows, though several are of other classes. A threshold or costs are the
    wish of somebody."""
    first = int(rows.predicted[0])
    several = np.count_nonzero(rows.y != first) >= SEVERAL and not (rows.predicted != first).any()
    if not several or _rule_of(model) is not None:
        return []
    said = f"all {len(rows):,} rows are predicted {in_quotes(model.classes[first])}"
    return [f"warning: {said}: the accuracy is the share of that class, and says nothing about the others"]


def _above_guessing(model: Model, provenance: Provenance, rows: ScoredRows, named: bool) -> list[str]:
    """Tell of probabilities that are worse than the shares of the classes in training, with the likely cause, for rows
    that were `named`, or those of the training run. Weights of rows or classes move them, as somebody asked."""
    counts, options = provenance.class_counts, model.config.options
    is_weighted = options.weight is not None or model.config.training.class_weight != "none"
    if not model.probabilistic or is_weighted or not counts:
        return []
    found = guess(rows, counts)
    if found.loss <= found.guessed:
        return []
    own = provenance.figures["train"]
    has_learned = own is None or own["log_loss"] is None or own["log_loss"] <= loss_of_shares(counts)
    cause = "the model has learned too little"
    if has_learned:
        other = "these rows are unlike those it was trained on" if named else "the columns say little about the class"
        cause = f"it is too sure of what it learned by heart, or {other}"
    return [f"{say_above('these rows', found._replace(is_sure=found.is_sure or not has_learned))}; most likely {cause}"]


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
    positive: int | None = None,
) -> Iterator[tuple[str, Evaluation]]:
    """Evaluate on each file by itself, several at a time; yield them in the order given."""
    check = functools.partial(check_evaluation, list(load_same(model)[0].classes))
    shared = model, text, threshold, on_error, positive
    for source, result in in_order(workers, evaluate_file, shared, sources, check):
        if isinstance(result, ProcessDeath):
            raise DataError(title((source,)), str(result))
        if result["failure"] is not None:
            raise NncliError.from_json(result["failure"])
        yield source, Evaluation(**result["evaluation"])


def check_evaluation(classes: list[str], result: Any) -> None:
    """Raise ValueError for what `evaluate_file` cannot have returned: on a cluster, any machine may have sent it."""
    form = {
        "metrics": dict,
        "evaluated_on": str,
        "notes": [str],
        "headline": None,
        "sets": (SETS_FORM, None),
        "decision": (DECISION_FORM, None),
        "guard": None,  # its lines are among the notes
    }
    plain_json.check_form(result, {"evaluation": (form, None), "failure": ([str], None)})
    if result["failure"] is not None:
        NncliError.from_json(result["failure"])
    elif result["evaluation"] is None:
        raise ValueError("neither an evaluation nor a failure")
    else:
        check_metrics(result["evaluation"]["metrics"], classes)


def evaluate_file(
    source: str, shared: tuple[ModelFile, TextOptions, float | None, OnError, int | None], stop: Stop = never
) -> dict[str, Any]:
    """Evaluate on one file in a worker; return the fields of an `Evaluation`, or a failure."""
    saved, text, threshold, on_error, positive = shared
    how: dict[str, Any] = {"text": text, "threshold": threshold, "on_error": on_error, "positive": positive}
    try:
        with use_threads(1):
            evaluation = evaluate_model(*load_same(saved), saved.path, source=(source,), **how)
        return {"evaluation": asdict(dataclasses.replace(evaluation, guard=None)), "failure": None}
    except NncliError as error:
        return {"evaluation": None, "failure": error.to_json()}
