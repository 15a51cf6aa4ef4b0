"""The slider of a report: what happens at each probability from which the positive one of two classes is predicted."""

from __future__ import annotations

import shlex

import numpy as np

from nncli.model.thresholds import Thresholds
from nncli.report.document import Block, Listing, Paragraph, Section, Slider
from nncli.report.evidence import Evidence
from nncli.system.output import counted, in_quotes, number, percent, shortened

STEPS = 100  # of the probability
RATIOS = ((5, 1), (2, 1), (1, 1), (1, 2), (1, 5), (1, 10))  # missed rows that cost as much as so many false alarms


def threshold_section(of: Evidence) -> Section | None:
    """Write the slider; None unless there are probabilities of two classes."""
    if len(of.model.classes) != 2 or not of.model.probabilistic:
        return None
    positive = of.model.classes[of.model.positive]
    its = in_quotes(shortened(positive))
    said = (
        f"The model predicts {its} for a row if it gives that class at least this probability. With a lower threshold "
    )
    said += f"it finds more of the rows that are {its}, and is wrong about more of the others. Precision: of the rows "
    said += f"predicted {its}, the share that really are. Recall: of the rows that really are {its}, the share that is "
    said += "found. nncli predict takes the same --threshold."
    blocks: list[Block] = [Paragraph(said), slider(of, positive)]
    if of.model.decision is None or not of.model.decision.costs:
        how = (
            f"Which to choose depends on what mistakes cost. A missed row is {its}, and not predicted so; a false "
            f"alarm is predicted {its}, and is not. If a missed row costs as much as k false alarms, the threshold of "
            "1 / (1 + k) costs least, as far as the probabilities can be believed. A model that is trained with such "
            "costs, as nncli train does with --cost missed=5,false-alarm=1, has a report that shows here what a row "
            "costs at each threshold."
        )
        blocks += [Paragraph(how), _by_cost(of)]
    return Section("Threshold", tuple(blocks))


def _by_cost(of: Evidence) -> Listing:
    """List the threshold that costs least for some ratios of the costs of the two mistakes, with how many of each there
    are."""
    p, is_positive = of.rows.P[:, of.model.positive].astype(np.float64), of.scored.y == of.model.positive
    rows = []
    for missed, false_alarms in RATIOS:
        t = missed / (missed + false_alarms)
        named = p >= t
        counts = int((is_positive & ~named).sum()), int((named & ~is_positive).sum())
        cost = f"{counted(false_alarms, 'false alarm')}" if missed == 1 else f"1/{missed} of a false alarm"
        rows.append((cost, f"{t:.2g}", *(f"{n:,}" for n in counts)))
    header = "if a missed row costs as much as", "threshold", "missed", "false alarms"
    caption = f"What to choose: {counted(int(is_positive.sum()), 'row')} to find among {of.n:,}"
    return Listing(header, tuple(rows), frozenset(header[1:]), caption)


def slider(of: Evidence, positive: str) -> Slider:
    """Count at thresholds from 0 to 1, and at that of the model, the rows that have at least that probability."""
    decision = of.model.decision
    own = 0.5 if decision is None or decision.threshold is None else decision.threshold
    t = np.unique(np.append(np.arange(STEPS + 1) / STEPS, own))
    p, is_positive = of.rows.P[:, of.model.positive].astype(np.float64), of.scored.y == of.model.positive
    tp, fp = (
        np.searchsorted(np.sort(-some), -t, side="right").astype(np.float64)
        for some in (p[is_positive], p[~is_positive])
    )
    n = np.array([is_positive.sum(), (~is_positive).sum()], np.float64)
    # the last count is that of all rows, and the threshold 0 has it: every figure is taken from the highest down
    at = Thresholds(t[::-1], tp[::-1], fp[::-1])
    assert (at.tp[-1], at.fp[-1]) == tuple(n)
    found = {
        "precision": [_share(value) for value in at.precision[::-1].tolist()],
        "recall": [_share(value) for value in at.recall[::-1].tolist()],
        f"rows predicted {in_quotes(shortened(positive))}": [
            f"{int(value):,} of {of.n:,}" for value in (tp + fp).tolist()
        ],
    }
    if decision is not None and decision.costs:
        found["cost of a row"] = [
            number(value) for value in at.mean_cost(decision.costs, of.model.positive)[::-1].tolist()
        ]
    texts = tuple(f"{value:.4g}" for value in t.tolist())
    return Slider(
        positive,
        texts,
        int(np.flatnonzero(t == own)[0]),
        tuple(found),
        tuple(tuple(values) for values in found.values()),
        tuple(command(of, f"{value:.10g}") for value in t.tolist()),
    )


def _share(value: float) -> str:
    return "none" if np.isnan(value) else percent(value)


def command(of: Evidence, threshold: str) -> str:
    """Return the command that evaluates the model at a threshold."""
    return shlex.join(["nncli", "eval", of.subject.file, *of.subject.source, "--threshold", threshold])
