"""The figure of importance: which columns a model goes by. Its numbers are those of `explain --json`."""

from __future__ import annotations

import numpy as np

from nncli.explain.importance import REPEATS, importances, permutations, suited
from nncli.figures.figure import Axis, Estimates, Figure, Panel
from nncli.figures.kinds import FIGURES, OfModel, Subject
from nncli.inference.metrics import metric_for
from nncli.system.output import in_quotes

MOST_COLUMNS, MOST_PAIRS = 15, 2  # that are shown


@FIGURES.register("importance")
class Importance(OfModel):
    """how much worse without each column, with intervals"""

    def build(self, of: Subject) -> Figure:
        judged, model = of.judged, of.model
        rows = judged.rows
        metric = metric_for(suited(model), rows.scored)
        orders = permutations(len(rows.rows), REPEATS)
        found = importances(model, rows.table.take(rows.rows), rows.scored, metric, orders)
        shown = found.columns[:MOST_COLUMNS]
        factor = 100 if metric.in_percent else 1
        values = np.array([one.importance for one in shown]) * factor
        low, high = (np.array([one.interval or (np.nan, np.nan) for one in shown]) * factor).T
        label = metric.label(model.classes[model.positive] if len(model.classes) == 2 else None)
        x = Axis.around(
            f"{label}{', %' if metric.in_percent else ''}, how much worse where the column is shuffled",
            values, low, high, np.zeros(1),
        )  # fmt: skip
        panel = Panel(x, Axis.of_names("", [one.column for one in shown]), (Estimates(values, low, high),))
        notes = [f"shuffled {REPEATS} times; the line through a point is its 95 % interval"]
        if len(shown) < len(found.columns):
            notes.append(f"the {MOST_COLUMNS} of {len(found.columns):,} columns that matter most")
        if found.correlated:
            pairs = [f"{in_quotes(a)} and {in_quotes(b)}" for a, b, _ in found.correlated[:MOST_PAIRS]]
            more = len(found.correlated) - len(pairs)
            said = f"{', '.join(pairs)}{f' and {more:,} more' if more else ''}"
            notes.append(f"strongly correlated, so that each may matter more: {said}")
        return Figure(f"Importance of columns, {judged.of}", (panel,), tuple(notes))
