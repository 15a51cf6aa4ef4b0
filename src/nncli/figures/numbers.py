"""The figures of a model that predicts numbers: predicted against true ones, and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.figures.activations import bin_names
from nncli.figures.figure import Axis, Bars, Figure, Floats, Line, Mark, Panel, Points
from nncli.figures.kinds import FIGURES, Judged, OfModel, Subject
from nncli.figures.planes import evenly, said
from nncli.inference.judged_numbers import JudgedNumbers
from nncli.inference.prediction_sets import SHARE
from nncli.system.output import quantity

BINS = 12
ROW, DIAGONAL = "row", "as it should be"


@FIGURES.register("predicted")
class Predicted(OfModel):
    """of numbers: predicted against true ones"""

    of_classes = False
    of_numbers = True

    def build(self, of: Subject) -> Figure:
        judged, target = of.judged, of.model.schema.target
        rows = _rows(judged)
        picked = evenly(len(rows.y))
        y, predicted = _of_picked(rows.y, rows.predicted, picked)
        ends = Axis.around("", y, predicted, is_amount=False)
        across = np.array([ends.low, ends.high])
        marks: list[Mark] = [Line(across, across, DIAGONAL, dashed=True)]
        notes = [said(len(picked), len(rows.y)), figures_of(judged)]
        if rows.half_width is not None:
            name = f"off by {quantity(rows.half_width)}"
            gap = np.full(1, np.nan)
            up, down = across + rows.half_width, across - rows.half_width
            x = np.concatenate([across, gap, across])
            marks.append(Line(x, np.concatenate([up, gap, down]), name, faint=True))
            notes.append(f"between the two thin lines should be {100 * SHARE:g} % of the rows")
        x_axis, y_axis = (Axis(f"{what} {target}", ends.low, ends.high) for what in ("true", "predicted"))
        panel = Panel(x_axis, y_axis, (*marks, Points(y, predicted, ROW)))
        return Figure(f"Predicted and true numbers, {judged.of}", (panel,), tuple(notes))


@FIGURES.register("residuals")
class Residuals(OfModel):
    """of numbers: errors by what is predicted, and how many"""

    of_classes = False
    of_numbers = True

    def build(self, of: Subject) -> Figure:
        judged, target = of.judged, of.model.schema.target
        rows = _rows(judged)
        picked = evenly(len(rows.y))
        predicted, errors = _of_picked(rows.predicted, rows.errors, picked)
        x = Axis.around(f"predicted {target}", predicted, is_amount=False)
        y = Axis.around("predicted − true", errors, np.zeros(1), is_amount=False)
        none = Line(np.array([x.low, x.high]), np.zeros(2), DIAGONAL, dashed=True)
        counts, edges = np.histogram(rows.errors, BINS)
        share = counts / len(rows.y) * 100
        names = bin_names(edges.tolist())[::-1]
        many = Axis("% of the rows", 0.0, float(share.max()) * 1.05)
        panels = (
            Panel(x, y, (none, Points(predicted, errors, ROW))),
            Panel(many, Axis.of_names("predicted − true", names), (Bars(share[::-1]),)),
        )
        mean = float(rows.errors.mean())
        way = "too high" if mean > 0 else "too low"
        notes = said(len(picked), len(rows.y)), f"on average, {quantity(abs(mean))} {way}", figures_of(judged)
        return Figure(f"Errors, {judged.of}", panels, notes)


def _rows(judged: Judged) -> JudgedNumbers:
    rows = judged.rows
    assert isinstance(rows, JudgedNumbers)
    return rows


def _of_picked(one: NDArray[Any], other: NDArray[Any], picked: NDArray[np.int64]) -> tuple[Floats, Floats]:
    return one[picked].astype(np.float64), other[picked].astype(np.float64)


def figures_of(judged: Judged) -> str:
    """Write the figures of the rows that say most."""
    found = judged.metrics
    r2 = "" if found["r2"] is None else f", R² {found['r2']:.4f}"
    return f"RMSE {quantity(found['rmse'])}, MAE {quantity(found['mae'])}{r2}"
