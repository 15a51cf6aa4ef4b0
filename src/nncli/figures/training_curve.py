"""The figure of a training run: loss and accuracy, epoch by epoch."""

from __future__ import annotations

import numpy as np

from nncli.figures.figure import Axis, Figure, Floats, Line, Panel, Rule
from nncli.figures.kinds import FIGURES, OfModel, Subject, thinned

PARTS = ("training", "validation")


@FIGURES.register("curve")
class TrainingCurve(OfModel):
    """loss and accuracy by epoch, and which was kept"""

    def build(self, of: Subject) -> Figure:
        name = of.model.config.model.name
        title = f"Training of {of.file} ({name} {of.model.network.widths_shown()})"
        return curve_of(of.provenance.history, of.provenance.best_epoch, title)


def curve_of(history: Floats, best: int, title: str) -> Figure:
    """Return the figure of a history (epochs, any): loss and accuracy of the training rows, then those of the
    validation rows, NaN where there are none."""
    epochs, panels = np.arange(1.0, len(history) + 1), []
    for label, columns in (("loss", (0, 2)), ("accuracy, %", (1, 3))):
        factor = 1 if label == "loss" else 100
        of_part = {part: history[:, at] * factor for part, at in zip(PARTS, columns, strict=True)}
        lines = [Line(*thinned(epochs, y), part) for part, y in of_part.items() if np.isfinite(y).any()]
        x = Axis("epoch", 0.0 if len(epochs) > 1 else 0.5, max(len(epochs), 1) + 0.5)
        y = Axis.around(label, *of_part.values())
        panels.append(Panel(x, y, (*lines, Rule(float(best), f"epoch {best:,}, the best"))))
    return Figure(title, tuple(panels))
