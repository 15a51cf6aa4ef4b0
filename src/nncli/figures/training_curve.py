"""The figure of a training run: loss and accuracy, epoch by epoch."""

from __future__ import annotations

import numpy as np

from nncli.figures.figure import Axis, Figure, Line, Panel, Rule
from nncli.figures.kinds import FIGURES, OfModel, Subject, thinned

PARTS = ("training", "validation")


@FIGURES.register("curve")
class TrainingCurve(OfModel):
    """loss and accuracy by epoch, and which was kept"""

    def build(self, of: Subject) -> Figure:
        history, best = of.provenance.history, of.provenance.best_epoch
        epochs = np.arange(1.0, len(history) + 1)
        panels = []
        for title, columns in (("loss", (0, 2)), ("accuracy, %", (1, 3))):
            factor = 1 if title == "loss" else 100
            of_part = {part: history[:, at] * factor for part, at in zip(PARTS, columns, strict=True)}
            lines = [Line(*thinned(epochs, y), part) for part, y in of_part.items() if np.isfinite(y).any()]
            x = Axis("epoch", 0.0 if len(epochs) > 1 else 0.5, max(len(epochs), 1) + 0.5)
            y = Axis.around(title, *of_part.values())
            panels.append(Panel(x, y, (*lines, Rule(float(best), f"epoch {best:,}, the best"))))
        name = of.model.config.model.name
        return Figure(f"Training of {of.file} ({name} {of.model.network.widths_shown()})", tuple(panels))
