"""The figure of activations: what the units of each hidden layer give, and which never change."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from nncli.figures.figure import Axis, Bars, Figure, Panel
from nncli.figures.kinds import FIGURES, OfModel, Subject, hidden_layer
from nncli.model.network import EVAL_ROWS

BINS = 10


@FIGURES.register("activations")
class Activations(OfModel):
    """outputs of each hidden layer, and dead units"""

    needs = (hidden_layer,)
    of_numbers = True

    def build(self, of: Subject) -> Figure:
        judged, network = of.judged, of.model.network
        inputs = of.model.preprocess.transform(judged.rows.table.take(judged.rows.rows[:EVAL_ROWS]), network.dtype)
        with np.errstate(all="ignore"):
            network.forward(inputs.slice(0, len(inputs)))
        panels = []
        for name, A in network.activations():
            dead = int(np.count_nonzero(np.ptp(A, axis=0) == 0))
            counts, edges = np.histogram(A, BINS)
            names = bin_names(edges.tolist())
            share = counts / A.size * 100
            title = f"{name}: {A.shape[1]:,} units, {dead:,} dead"
            x = Axis("% of the outputs", 0.0, float(share.max()) * 1.05)
            panels.append(Panel(x, Axis.of_names("output", names[::-1]), (Bars(share[::-1]),), title))
        notes = ["a dead unit gives the same for every row"]
        if len(judged.rows.y) > EVAL_ROWS:
            notes.append(f"the first {EVAL_ROWS:,} rows")
        return Figure(f"Activations, {judged.of}", tuple(panels), tuple(notes))


def bin_names(edges: Sequence[float]) -> list[str]:
    """Return the names of bins between edges, with as many figures as tell them apart."""
    names = list[str]()
    for figures in range(3, 18):
        names = [f"{low:.{figures}g} to {high:.{figures}g}" for low, high in itertools.pairwise(edges)]
        if len({*names}) == len(names):
            break
    return names
