"""The figure of a training run: loss and accuracy, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nncli.figures.figure import Axis, Figure, Line, Panel, Rule
from nncli.figures.kinds import FIGURES, OfModel, Subject, thinned
from nncli.model.training_state import Epoch, rows_of

PARTS = ("training", "validation")


@FIGURES.register("curve")
class TrainingCurve(OfModel):
    """loss and accuracy by epoch, and which was kept"""

    of_numbers = True

    def build(self, of: Subject) -> Figure:
        name = of.model.config.model.name
        unit = "network" if of.model.config.parts else "epoch"
        what = "Search for" if of.model.config.parts else "Training of"
        title = f"{what} {of.file} ({name} {of.model.network.widths_shown()})"
        config, is_regression = of.model.config, of.model.target is not None
        history, loss = of.provenance.epochs(config.row_by_row), config.objective_name(len(of.model.classes))
        return curve_of(history, of.provenance.best_epoch, title, is_regression, loss, unit)


def curve_of(
    history: Sequence[Epoch],
    best: int,
    title: str,
    is_regression: bool = False,
    loss: str = "loss",
    unit: str = "epoch",
) -> Figure:
    """Return the figure of a history: loss, by the name that it has, and accuracy by epoch or what else its `unit` is,
    and the mistakes where they are counted; of numbers, RMSE in place of the accuracy."""
    epochs, numbers = np.arange(1.0, len(history) + 1), rows_of(history)
    accuracy = ("RMSE", numbers.T[[1, 3]]) if is_regression else ("accuracy, %", 100 * numbers.T[[1, 3]])
    found = [(loss, numbers.T[[0, 2]]), accuracy]
    if history and history[0].mistakes is not None:
        found.append(("mistakes", np.array([[one.mistakes for one in history]], np.float64)))
    panels, rule = [], Rule(float(best), f"{unit} {best:,}, the best")
    for label, of_parts in found:
        lines = [
            Line(*thinned(epochs, y), part) for part, y in zip(PARTS, of_parts, strict=False) if np.isfinite(y).any()
        ]
        x = Axis(unit, 0.0 if len(epochs) > 1 else 0.5, max(len(epochs), 1) + 0.5)
        panels.append(Panel(x, Axis.around(label, *of_parts), (*lines, rule)))
    return Figure(title, tuple(panels))
