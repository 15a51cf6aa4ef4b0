"""Figures of judged rows. Their numbers are those of `eval --json` for the same rows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from nncli.errors import DataError
from nncli.figures.figure import Axis, Cells, Figure, Intervals, Line, Panel, Points, Rule
from nncli.figures.kinds import FIGURES, Judged, OfModel, Subject, probabilities, thinned, two_classes
from nncli.inference.threshold_curve import Curve
from nncli.metrics.definitions import CalibrationError
from nncli.metrics.student import share_interval
from nncli.model.thresholds import Thresholds
from nncli.system.output import in_quotes

MOST_SERIES, MOST_CLASSES = 6, 16  # lines that can be told apart; rows and columns of a matrix, in 24 lines
WRONG = -1.5  # end of the scale of shades of mistakes, which so are never as dark as what is right
DIAGONAL = np.array([0.0, 1.0])

shares = functools.partial(Axis, low=-0.02, high=1.02)  # an axis of shares, with room for what is at its ends


@FIGURES.register("confusion")
class Confusion(OfModel):
    """rows of each class by predicted class"""

    def build(self, of: Subject) -> Figure:
        judged, classes = of.judged, of.model.classes
        K, notes = len(classes), list[str]()
        counts = judged.rows.scored.confusions
        shown = np.arange(K)
        if K > MOST_CLASSES:
            wrong = counts[counts[:, 0] != counts[:, 1]]
            errors = np.bincount(wrong[:, :2].ravel(), np.repeat(wrong[:, 2], 2), K)
            shown = np.sort(np.argsort(-errors, kind="stable")[:MOST_CLASSES])
            notes.append(f"the {MOST_CLASSES} of {K:,} classes with the most errors")
        places = np.full(K, -1)
        places[shown] = np.arange(len(shown))
        matrix = np.zeros((len(shown), len(shown)), np.int64)
        for true, predicted, n in counts.tolist():
            if places[true] >= 0 and places[predicted] >= 0:
                matrix[places[true], places[predicted]] = n
        rows = np.bincount(judged.rows.y, minlength=K)[shown]
        names = tuple(classes[k] for k in shown.tolist())
        texts = tuple(tuple(f"{n:,}" if n else "·" for n in row) for row in matrix.tolist())
        signs = np.where(np.eye(len(shown)) > 0, 1.0, -1.0)  # what is wrong has a colour of its own
        cells = Cells(signs * matrix / np.maximum(rows, 1)[:, None] + 0.0, WRONG, 1.0, texts)
        axes = Axis.of_names("predicted", names), Axis.of_names("true", names)
        return _figure("Confusions", judged, (Panel(*axes, (cells,)),), notes)


@FIGURES.register("roc")
class Roc(OfModel):
    """true and false positive rate, a line for each class"""

    def build(self, of: Subject) -> Figure:
        lines, notes = _for_each_class(of.judged, "area", _area_below_roc, needs_others=True)
        marks = [Line(*thinned(at.false_positive_rate, at.recall), name) for name, at in lines]
        chance = Line(DIAGONAL, DIAGONAL, "chance", dashed=True)
        x, y = shares("false positive rate"), shares("true positive rate")
        return _figure("ROC", of.judged, (Panel(x, y, (chance, *marks)),), notes)


@FIGURES.register("pr")
class PrecisionRecall(OfModel):
    """precision by recall, a line for each class"""

    def build(self, of: Subject) -> Figure:
        lines, notes = _for_each_class(of.judged, "average precision", _average_precision, needs_others=False)
        marks = [Line(*thinned(at.recall, at.precision), name) for name, at in lines]
        x, y = shares("recall"), shares("precision")
        return _figure("Precision and recall", of.judged, (Panel(x, y, tuple(marks)),), notes)


@FIGURES.register("calibration")
class Reliability(OfModel):
    """share of right predictions by their probability"""

    needs = (probabilities,)

    def build(self, of: Subject) -> Figure:
        judged, metric = of.judged, CalibrationError()
        confidence, right = metric.evidence(judged.rows.scored).T
        bin_of = np.minimum((confidence * metric.bins).astype(np.int64), metric.bins - 1)
        n = np.bincount(bin_of, minlength=metric.bins)
        bins = np.flatnonzero(n)
        said, found = (np.bincount(bin_of, one, metric.bins)[bins] / n[bins] for one in (confidence, right))
        counts = zip((n[bins] * found).round().astype(int).tolist(), n[bins].tolist(), strict=True)
        low, high = np.array([share_interval(correct, of_n) for correct, of_n in counts]).T
        ideal = Line(DIAGONAL, DIAGONAL, "as it should be", dashed=True)
        x, y = shares("mean probability of the predicted class"), shares("share of right predictions")
        marks = (ideal, Intervals(said, low, high, "this model"), Points(said, found, "this model"))
        notes = (
            f"calibration error {judged.metrics['ece']:.4f}; {len(bins)} of {metric.bins} bins have rows, "
            "each with its 95 % interval",
        )
        return _figure("Calibration", judged, (Panel(x, y, marks),), notes)


@FIGURES.register("threshold")
class Threshold(OfModel):
    """precision, recall and cost by the threshold"""

    needs = (two_classes, probabilities)

    def build(self, of: Subject) -> Figure:
        rows, decision = of.judged.rows, of.model.decision
        curve = Curve.of(rows)
        t, positive = curve.at.t, of.model.classes[of.model.positive]
        now = 0.5 if decision is None or decision.threshold is None else decision.threshold
        rule = Rule(now, f"threshold of the model, {now:.4g}")
        x = shares(f"probability from which {in_quotes(positive)} is predicted")
        by_name = {"precision": curve.at.precision, "recall": curve.at.recall}
        lines = [Line(*thinned(t, values), name) for name, values in by_name.items()]
        panels = [Panel(x, shares("share"), (*lines, rule))]
        if curve.costs:
            cost = curve.at.mean_cost(curve.costs, curve.positive)
            y = Axis.around("mean cost of a row", cost)
            panels.append(Panel(x, y, (Line(*thinned(t, cost), "cost"), rule)))
        return _figure("Thresholds", of.judged, tuple(panels))


def _for_each_class(
    judged: Judged, title: str, area: Callable[[Thresholds], float], needs_others: bool
) -> tuple[list[tuple[str, Thresholds]], list[str]]:
    """Return the counts at each threshold of the positive one of two classes, or of each class against the others, by a
    name that has the area below its line, under that title; of many classes, of those with the smallest. Classes
    without rows have no line, and with `needs_others` none that all rows have."""
    rows, model = judged.rows.scored, judged.rows.model
    wanted = [model.positive] if rows.K == 2 else range(rows.K)
    counts = {k: Thresholds.of(rows.lead(k), rows.y == k) for k in wanted}
    known = {k: at for k, at in counts.items() if at.tp[-1] and (at.fp[-1] or not needs_others)}
    if not known:
        raise DataError(judged.of, "expected rows of two classes or more, found one")
    areas = {k: area(at) for k, at in known.items()}
    shown = sorted(sorted(known, key=lambda k: areas[k])[:MOST_SERIES])
    notes = list[str]()
    if len(shown) < len(known):
        notes.append(f"the {MOST_SERIES} of {len(known):,} classes with the smallest {title}")
    return [(f"{model.classes[k]}, {title} {areas[k]:.4f}", known[k]) for k in shown], notes


def _area_below_roc(at: Thresholds) -> float:
    return float(np.trapezoid(at.recall, at.false_positive_rate))


def _average_precision(at: Thresholds) -> float:
    return float(np.diff(at.recall) @ at.precision[1:])


def _figure(what: str, judged: Judged, panels: tuple[Panel, ...], notes: Sequence[str] = ()) -> Figure:
    return Figure(f"{what}, {judged.of}", panels, tuple(notes))
