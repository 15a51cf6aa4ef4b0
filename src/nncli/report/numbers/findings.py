"""The findings on a model of numbers: each is one function that looks at the evidence and says what it found."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from nncli.metrics.paired import mean_interval
from nncli.metrics.student import share_interval
from nncli.report import findings_of_columns, findings_of_fit, findings_of_rows
from nncli.report.document import Finding
from nncli.report.findings import sorted_findings
from nncli.report.numbers.evidence import WIDE, EvidenceOfNumbers, plain, within
from nncli.report.what_helps import is_blend
from nncli.system.output import counted, in_quotes, percent, shortened
from nncli.training.reference import is_beaten_by
from nncli.training.reference_of_numbers import NAMES, say_comparison_of_numbers

GAP = 1.25  # times as far off as on the training rows, from which a model knows its own rows by heart
LITTLE = 0.1  # of the variance of the training rows, below which a model has learned little
FEW, MUCH = 0.01, 0.5  # of the rows, and of the squared errors that they make up
ROWS_TO_PART = 40  # from which a hundredth is worth a look, and parts by prediction
TOO_FEW = f"It was not tested, which takes {ROWS_TO_PART} rows."
UNEVEN = 2.0  # times as far off in one quarter of the predictions as in another


def findings_of_numbers(of: EvidenceOfNumbers) -> tuple[Finding, ...]:
    """Return all findings on a model, in the order in which a person needs to know them."""
    every: tuple[Callable[[EvidenceOfNumbers], Finding], ...] = (
        baseline,
        findings_of_rows.duplicates,
        belong_together,
        findings_of_columns.drift,
        simple_reference,
        too_few_rows,
        findings_of_rows.few_groups,
        too_high_or_low,
        few_large_errors,
        uneven_errors,
        uneven_groups,
        intervals,
        overfitting,
        underfitting,
        to_its_end,
        findings_of_columns.useless,
    )
    return sorted_findings([look(of) for look in every])


def baseline(of: EvidenceOfNumbers) -> Finding:
    """Compare with always giving one answer, row by row."""
    name, (guess, _) = "Better than always one answer", of.guess
    constant = of.model.of_numbers.mean if guess == "mean" else of.model.of_numbers.median
    d = np.abs(of.judged.errors) - np.abs(constant - of.judged.y)  # how much farther off the model is
    mae, error = of.estimate("mae")[0], float(np.abs(constant - of.judged.y).mean())
    evidence = f"The model is off by {plain(mae)} on average, and always answering the {guess} of the training rows "
    evidence += f"by {plain(error)}."
    _, high = mean_interval(d, of.scored.groups) if of.n > 1 else (0.0, 0.0)
    if high < 0:
        return Finding(name, "passed", evidence)
    remedy = "Do not use it yet: look at the data with nncli check, add columns that say more, or add rows."
    return Finding(name, "look", f"{evidence} The difference may be chance.", remedy)


def belong_together(of: EvidenceOfNumbers) -> Finding:
    """Look for rows of training and test that are nearly the same."""
    name = "Rows that belong together"
    if of.prepared is None:
        return Finding(name, "unknown", f"It was not tested: {of.not_prepared}.")
    if of.flattering:
        evidence, _, remedy = of.flattering[0].partition("; ")
        return Finding(name, "look", f"{evidence[0].upper()}{evidence[1:]}.", f"{remedy}.")
    if of.model.config.options.group is not None:
        return Finding(name, "passed", "Rows of a group are in one part.")
    evidence = "Of numbers, it is not tested whether rows belong together, or are nearly copies of others."
    return Finding(name, "unknown", evidence, "If some do, train with --group and a column that says so.")


def simple_reference(of: EvidenceOfNumbers) -> Finding:
    """Compare with a model of another kind."""
    name = "A simple reference"
    found, why = of.reference
    if found is None:
        return Finding(name, "unknown", f"It was not tested: {why}.", "Train with --reference linear to compare.")
    said = "; ".join(say_comparison_of_numbers(found))
    evidence = f"{said[0].upper()}{said[1:]}{', on the rows of the training run' if of.subject.source else ''}."
    if not is_beaten_by(found):
        return Finding(name, "passed", evidence)
    linear = "try --model linear" if is_blend(of) else "try --model linear or more --epochs"
    simpler = linear if found["name"] == "linear" else "try nncli sweep"
    return Finding(name, "look", evidence, f"What {NAMES[found['name']]} finds can be learned: {simpler}.")


def too_few_rows(of: EvidenceOfNumbers) -> Finding:
    """Look how wide the interval of the mean absolute error is, and how many rows would make it narrow."""
    name, (mae, low, high) = "Rows to judge by", of.estimate("mae")
    evidence = f"Judged by {counted(of.n, 'row')}, the model is off by {plain(low)} to {plain(high)} on average."
    if not low < high:
        return Finding(name, "unknown", f"With {counted(of.n, 'row')}, how sure that is cannot be told.")
    if not of.is_vague:
        return Finding(name, "passed", evidence)
    enough = math.ceil(of.n * ((high - low) / (WIDE / 2 * mae)) ** 2 / 100) * 100
    remedy = f"Judge it on more rows: about {enough:,} make the interval half as wide as is still useful."
    return Finding(name, "look", evidence, remedy)


def too_high_or_low(of: EvidenceOfNumbers) -> Finding:
    """Look whether predictions are too high, or too low, on average."""
    name, errors = "Neither too high nor too low", of.judged.errors
    mean = float(errors.mean())
    way = "high" if mean > 0 else "low"
    if np.ptp(errors) == 0:
        return Finding(name, "unknown", "All errors are the same, so that it cannot be tested.")
    low, high = mean_interval(errors, of.scored.groups)
    evidence = f"On average, what is predicted is {plain(abs(mean))} too {way} ({within(low, high)})."
    if low <= 0 <= high:
        return Finding(name, "passed", f"{evidence} That may be chance.")
    loss = of.model.loss.name
    if loss != "mse":
        remedy = f"The loss {loss} does not ask for the mean; train with --loss mse if the sum of predictions matters."
        return Finding(name, "look", evidence, remedy)
    return Finding(name, "look", evidence, "Look for what has changed since training, or train on rows of today.")


def few_large_errors(of: EvidenceOfNumbers) -> Finding:
    """Look whether a few rows make most of the squared errors."""
    name, squares = "A few large errors", np.sort(of.judged.errors**2)[::-1]
    few = max(1, math.ceil(FEW * of.n))
    total = float(squares.sum())
    if of.n < ROWS_TO_PART:
        return Finding(name, "unknown", TOO_FEW)
    if not total > 0:
        return Finding(name, "passed", "No row has an error.")
    share = float(squares[:few].sum()) / total
    which = "row with the largest error makes" if few == 1 else f"{few:,} rows with the largest errors make"
    evidence = f"The {which} {percent(share)} of all squared errors."
    if share < MUCH:
        return Finding(name, "passed", evidence)
    remedy = "Look at these rows below: wrong data, or a kind of rows of their own?"
    if not is_blend(of):
        remedy += " --loss huber gives them less weight."
    return Finding(name, "look", evidence, remedy)


def uneven_errors(of: EvidenceOfNumbers) -> Finding:
    """Look whether high or low predictions are farther off than others."""
    name = "Errors alike for all predictions"
    if of.n < ROWS_TO_PART:
        return Finding(name, "unknown", TOO_FEW)
    quarters = np.array_split(np.abs(of.judged.errors)[np.argsort(of.judged.predicted, kind="stable")], 4)
    first, last = float(quarters[0].mean()), float(quarters[-1].mean())
    evidence = f"The quarter of the rows with the lowest predictions is off by {plain(first)} on average, and that "
    evidence += f"with the highest by {plain(last)}."
    low, high = mean_interval(quarters[0]), mean_interval(quarters[-1])
    apart = low[1] < high[0] or high[1] < low[0]
    if not apart or max(first, last) < UNEVEN * min(first, last):
        return Finding(name, "passed", evidence)
    remedy = "An interval of one width, as of predict --interval, is too narrow for the one and too wide for the other."
    return Finding(name, "look", evidence, remedy)


def uneven_groups(of: EvidenceOfNumbers) -> Finding:
    """Look for rows of one kind that are farther off than all rows."""
    name, mae = "Equally good for all", of.estimate("mae")[0]
    if not of.by_column:
        evidence = "There was no column to compare by: none is sure to matter, and none has few categories."
        return Finding(name, "unknown", evidence)
    worse = [
        (column, one["group"], its["value"], its["interval"])
        for column, groups in of.by_column.items()
        for one in groups
        if (its := one["metrics"]["mae"])["stands_out"] and its["value"] > mae
    ]
    if not worse:
        evidence = (
            f"Of the groups of rows by {counted(len(of.by_column), 'column')}, there is none for which the model is "
        )
        return Finding(name, "passed", f"{evidence}farther off than chance explains.")
    column, group, value, interval = max(worse, key=lambda one: one[2])
    evidence = f"Where {in_quotes(shortened(column))} is {shortened(group)}, the model is off by {plain(value)} on "
    evidence += f"average ({within(*interval)}), and by {plain(mae)} for all rows."
    return Finding(name, "look", evidence, "Trust it less there, or train on more rows of that kind.")


def intervals(of: EvidenceOfNumbers) -> Finding:
    """Look whether intervals around predictions hold as many rows as they should."""
    name, found = "Honest intervals", of.metrics["interval"]
    if found is None:
        evidence = "The model has too few validation rows to know how wide an interval is."
        return Finding(name, "unknown", evidence, "Set --val above 0 to have intervals.")
    share, (low, high) = found["share"], share_interval(found["held"], of.n)
    evidence = f"Prediction ± {plain(found['half_width'])} should hold {percent(share)} of the rows, and holds "
    evidence += f"{percent(found['coverage'])} (95 % interval {percent(low)} to {percent(high)})."
    if high >= share:
        return Finding(name, "passed", evidence)
    remedy = "The rows differ from those of training: train again on rows of today, or do not trust the intervals."
    return Finding(name, "look", evidence, remedy)


def overfitting(of: EvidenceOfNumbers) -> Finding:
    """Compare how far off the model is for training rows and for rows it has not seen."""
    name, train = "Overfitting", of.figures["train"]
    if train is None:
        return Finding(name, "unknown", "How far off it is for the training rows is not known.")
    known, (mae, low, high) = train["mae"], of.estimate("mae")
    evidence = f"The model is off by {plain(known)} on average for the rows that trained it, and by {plain(mae)} "
    evidence += f"for those here ({within(low, high)})."
    if mae > GAP * known and low > known:
        if of.has_sparse_inputs:
            return Finding(name, "undecided", f"{evidence} {findings_of_fit.TOLD_APART}")
        return Finding(name, "look", evidence, f"It has learned rows by heart: {findings_of_fit.less_by_heart(of)}.")
    return Finding(name, "passed", evidence)


def to_its_end(of: EvidenceOfNumbers) -> Finding:
    """Look whether training ended while the model still got better."""
    if of.model.config.training.optimizer == "exact":
        return Finding("Training to its end", "passed", "The optimum was found exactly.")
    return findings_of_fit.stopped_early(of)


def underfitting(of: EvidenceOfNumbers) -> Finding:
    """Look whether the model has learned its own training rows."""
    name, train = "Underfitting", of.figures["train"]
    if train is None or train["r2"] is None:
        return Finding(name, "unknown", "How far off it is for the training rows is not known.")
    evidence = f"The model explains {percent(max(train['r2'], 0.0))} of the variance of its own training rows."
    if train["r2"] < LITTLE:
        options = "" if is_blend(of) else "more --epochs, another --lr, wider --hidden, or "
        remedy = f"It has learned little: try {options}columns that say more."
        return Finding(name, "look", evidence, remedy)
    return Finding(name, "passed", evidence)
