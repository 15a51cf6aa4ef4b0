"""Findings on the rows: whether they are enough, spread over the classes, and new to the model."""

from __future__ import annotations

import math

import numpy as np

from nncli.diagnostics.data_check import RARE
from nncli.diagnostics.near_copies import why_no_copies
from nncli.metrics.intervals import FEW_GROUPS
from nncli.metrics.student import Z
from nncli.report.document import Finding
from nncli.report.evidence import Evidence
from nncli.report.sub_groups import say_mistakes, worse_categories
from nncli.system.output import counted, in_quotes, percent, shortened
from nncli.training.repeated_rows import SOME

WANTED = 0.05  # width of the interval of the accuracy


def too_few_rows(of: Evidence) -> Finding:
    """Look how wide the interval of the accuracy is, and how many rows would make it narrow."""
    name = "Rows to judge by"
    p, low, high = of.estimate("accuracy")
    evidence = f"Judged by {counted(of.n, 'row')}, the true accuracy is very probably between {percent(low)} and "
    evidence += f"{percent(high)}."
    if not of.is_vague:
        return Finding(name, "passed", evidence)
    enough = math.ceil((2 * Z / WANTED) ** 2 * max(p * (1 - p), 0.01) / 100) * 100
    remedy = f"Judge it on more rows: about {enough:,} make the interval {100 * WANTED:.0f} points wide."
    return Finding(name, "look", evidence, remedy)


def few_groups(of: Evidence) -> Finding:
    """Look how many groups the rows are of, where rows of one group are alike."""
    name, column = "Groups to judge by", of.model.config.options.group
    if column is None:
        evidence = "Nobody said which rows belong together, such as those of one patient or customer, so that each row "
        evidence += "counts as one by itself."
        return Finding(name, "unknown", evidence, "If some do belong together, train with --group and their column.")
    if of.scored.groups is None:
        evidence = f"Column {in_quotes(shortened(column))} is not there, so that the intervals may be too narrow."
        return Finding(name, "unknown", evidence, "Name data that have it.")
    n = len(np.unique(of.scored.groups))
    evidence = f"The rows are of {counted(n, 'group')} by column {in_quotes(shortened(column))}."
    if n < FEW_GROUPS:
        return Finding(name, "look", f"{evidence} The intervals are too narrow for so few.", "Judge it on more groups.")
    return Finding(name, "passed", evidence)


def duplicates(of: Evidence) -> Finding:
    """Count the rows whose values are those of a row that trained the model."""
    name = "Rows it has seen before"
    if of.seen is None:
        return Finding(name, "unknown", "The model does not remember which rows it was trained on.")
    seen, validated, exact = of.seen
    if not seen and not validated:
        return Finding(
            name, "passed", f"None of {counted(of.n, 'row')} has the values of a row that trained the model."
        )
    evidence = f"{'' if exact else 'About '}{seen:,} of {counted(of.n, 'row')}"
    evidence += f" ({_share(seen / of.n)}) have the values of a row that trained the model"
    evidence += f", and {validated:,} more of a validation row" if validated else ""
    if seen + validated < SOME * of.n:
        return Finding(name, "passed", f"{evidence}: too few to change the figures by much.")
    evidence += ". The figures may look better than they are."
    return Finding(name, "look", evidence, "Judge it on other rows, or train with --dedupe.")


def _share(share: float) -> str:
    return percent(share) if share >= 0.001 else "less than 0.1 %"


def flattering_split(of: Evidence) -> Finding:
    """Look for columns by which rows hang together, so that a random split flatters."""
    name = "Rows that belong together"
    if of.prepared is None:
        return Finding(name, "unknown", f"It was not tested: {of.not_prepared}.")
    if not of.flattering and (why := why_no_copies(of.prepared)):
        if of.model.config.options.group is not None or of.model.config.options.time is not None:
            return Finding(name, "passed", "The rows are split by a column that says which belong together.")
        return Finding(name, "unknown", f"Near copies of rows were not looked for: {why}.")
    if not of.flattering:
        evidence = "No column says which rows of training and test belong together, and none are nearly copies."
        return Finding(name, "passed", evidence)
    evidence, _, remedy = of.flattering[0].partition("; ")
    return Finding(name, "look", f"{evidence[0].upper()}{evidence[1:]}.", f"{remedy}.")


def imbalance(of: Evidence) -> Finding:
    """Look for classes that have few rows, and how many of them are found."""
    name, K = "Balance of the classes", len(of.model.classes)
    rows = {one: its["n"] for one, its in of.metrics["per_class"].items()}
    rarest = min(rows, key=lambda one: rows[one])
    share = rows[rarest] / of.n
    evidence = f"Class {in_quotes(shortened(rarest))}, the rarest of {K:,}, has {percent(share)} of the rows."
    if share >= RARE / K:
        return Finding(name, "passed", f"{evidence} That is not rare.")  # how many are found says the verdict
    recall = of.metrics["per_class"][rarest]["recall"]
    if recall is not None:
        evidence += f" The model finds {percent(recall)} of its {counted(rows[rarest], 'row')}."
    balanced = of.model.config.training.class_weight == "balanced"
    remedy = (
        "Collect more of its rows" if balanced else "Train with --class-weight balanced, or collect more of its rows"
    )
    return Finding(name, "look", evidence, f"{remedy}; accuracy alone says little here.")


def uneven_groups(of: Evidence) -> Finding:
    """Look for categories of rows for which the model makes more mistakes of a kind than for all rows."""
    name = "Equally good for all"
    worse = worse_categories(of)
    if worse is None:
        return Finding(name, "unknown", "There is no column of a few categories to compare by.")
    if not worse:
        evidence = "There is no category of rows for which the model makes more mistakes than chance explains."
        if of.is_vague:
            return Finding(name, "undecided", f"{evidence} So few rows would hardly show it.")
        return Finding(name, "passed", evidence)
    others = len(worse) - 1
    too = "One other category stands out, too" if others == 1 else f"{others:,} other categories stand out, too"
    more = f" {too if others else 'All categories'}: see the section on groups of rows."
    remedy = "Trust it less there, or train on more rows of that kind."
    return Finding(name, "look", f"{say_mistakes(of, worse[0])}{more}", remedy)
