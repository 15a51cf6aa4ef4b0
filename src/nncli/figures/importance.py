"""The figure of importance: which columns a model goes by. Its numbers are those of `explain --json`."""

from __future__ import annotations

import numpy as np

from nncli.explain.importance import REPEATS, Importances, importances, permutations, suited
from nncli.figures.figure import Axis, Estimates, Figure, Panel
from nncli.figures.images import image_panels, image_shape
from nncli.figures.kinds import FIGURES, OfModel, Subject
from nncli.inference.metrics import metric_for
from nncli.model.model import Model
from nncli.system.output import in_quotes

MOST_COLUMNS, MOST_PAIRS = 15, 2  # that are shown


@FIGURES.register("importance")
class Importance(OfModel):
    """how much worse without each column, with intervals"""

    of_numbers = True

    def build(self, of: Subject) -> Figure:
        judged, model = of.judged, of.model
        rows = judged.rows
        metric = metric_for(suited(model), rows.scored)
        orders = permutations(len(rows.rows), REPEATS)
        found = importances(model, rows.table.take(rows.rows), rows.scored, metric, orders)
        positive = model.classes[model.positive] if len(model.classes) == 2 else None
        return figure_of_importances(found, model, positive, judged.of)


def figure_of_importances(found: Importances, model: Model, positive: str | None, of: str) -> Figure:
    """Draw how much worse a metric gets without each column, of the columns that matter most; an image of pixels."""
    metric, shown, shape = found.metric, found.columns[:MOST_COLUMNS], image_shape(model)
    if shape is not None:
        by_name = {one.column: one.importance for one in found.columns}
        values = np.array([by_name[name] for name in model.schema.names])
        note = f"how much worse the {metric.label(positive)} gets where a pixel is shuffled among the rows"
        return Figure(f"Importance of pixels, {of}", image_panels(values, [""], shape), (note,))
    factor = 100 if metric.in_percent else 1
    values = np.array([one.importance for one in shown]) * factor
    low, high = (np.array([one.interval or (np.nan, np.nan) for one in shown]) * factor).T
    x = Axis.around(
        f"{metric.label(positive)} worse by{', %' if metric.in_percent else ''}",
        values, low, high, np.zeros(1),
    )  # fmt: skip
    panel = Panel(x, Axis.of_names("", [one.column for one in shown]), (Estimates(values, low, high),))
    notes = [f"shuffled {REPEATS} times; the line through a point is its 95 % interval"]
    if len(shown) < len(found.columns):
        notes.append(f"the {MOST_COLUMNS} of {len(found.columns):,} columns that matter most")
    if found.left_out:
        notes.append(found.say_left_out())
    if found.correlated:
        pairs = [f"{in_quotes(a)} and {in_quotes(b)}" for a, b, _ in found.correlated[:MOST_PAIRS]]
        more = len(found.correlated) - len(pairs)
        said = f"{', '.join(pairs)}{f' and {more:,} more' if more else ''}"
        notes.append(f"strongly correlated, so that each may matter more: {said}")
    return Figure(f"Importance of columns, {of}", (panel,), tuple(notes))
