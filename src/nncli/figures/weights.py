"""The figure of weights: what a linear model, or the first layer of another, makes of each input."""

from __future__ import annotations

import numpy as np

from nncli.explain.columns import names_of_inputs
from nncli.explain.layer_weights import names_of_outputs
from nncli.explain.word_weights import WordWeights, needs_rows, word_weights, word_weights_alone
from nncli.figures.figure import Axis, Bars, Cells, Figure, Floats, Panel
from nncli.figures.images import image_panels, image_shape
from nncli.figures.kinds import FIGURES, OfModel, Subject, one_network
from nncli.nn.plain import plain
from nncli.system.output import counted

MOST_PANELS, MOST_WORDS, FEW_WORDS = 6, 12, 6  # classes, and n-grams of each of two classes, or of more
MOST_INPUTS, MOST_COLUMNS, MOST_IMAGES = 16, 8, 12  # that are shown: with title and notes in 24 lines


@FIGURES.register("weights")
class Weights(OfModel):
    """weights of a linear model by class, or of the first layer"""

    needs = (one_network,)
    of_numbers = True

    def build(self, of: Subject) -> Figure:
        model = of.model
        if model.preprocess.words is not None:
            if not needs_rows(model):
                return figure_of_words(word_weights_alone(model), of.file)
            judged = of.judged.rows
            return figure_of_words(word_weights(model, judged.table, judged.rows), of.file)
        dense = plain(model.network).dense
        W, is_linear = dense[0].W.astype(np.float64), len(dense) == 1
        titles = names_of_outputs(model, 0)
        notes, columns, shape = list[str](), np.arange(W.shape[1]), image_shape(model)
        most = MOST_COLUMNS if shape is None else MOST_IMAGES
        if len(columns) > most:
            columns = np.sort(np.argsort(-np.linalg.norm(W, axis=0), kind="stable")[:most])
            kind = "classes" if is_linear else "units"
            notes.append(f"the {most} of {W.shape[1]:,} {kind} with the largest weights")
        W, titles = W[:, columns], [titles[k] for k in columns.tolist()]
        what = "Weights" if is_linear else "Weights of the first layer"
        if shape is not None:
            return Figure(f"{what} of {of.file}, by pixel", image_panels(W.T, titles, shape), tuple(notes))
        names = names_of_inputs(model.schema, model.preprocess)
        notes.append(f"of the inputs as they are scaled ({model.preprocess.scaling})")
        if len(W) > MOST_INPUTS:
            rows = np.sort(np.argsort(-np.abs(W).max(axis=1), kind="stable")[:MOST_INPUTS])
            notes.append(f"the {MOST_INPUTS} of {len(W):,} inputs with the largest weights")
            W, names = W[rows], [names[i] for i in rows.tolist()]
        y = Axis.of_names("input", names)
        if W.shape[1] == 1:
            panel = Panel(Axis.around(f"weight towards {titles[0]}", W, np.zeros(1)), y, (Bars(W[:, 0]),))
        else:
            texts = tuple(tuple(f"{value:+.2f}" for value in row) for row in W.tolist())
            x = Axis.of_names("class" if is_linear else "unit", titles)
            panel = Panel(x, y, (Cells(W, *_ends(W), texts),))
        return Figure(f"{what} of {of.file}", (panel,), tuple(notes))


def figure_of_words(found: WordWeights, file: str = "") -> Figure:
    """Draw the n-grams with the largest weights of each class, or for larger and smaller numbers."""
    shown = range(min(len(found.of), MOST_PANELS))
    most = max((one.weight for k in shown for one in found.largest(k, 1)), default=1.0)
    panels, several = list[Panel](), len(found.columns) > 1
    for k in shown:
        largest = found.largest(k, MOST_WORDS if len(found.of) == 2 else FEW_WORDS)
        if largest:
            names = [f'{one.column}: "{one.ngram}"' if several else f'"{one.ngram}"' for one in largest]
            values = np.array([one.weight for one in largest])
            x = Axis.around("weight", values, np.zeros(1), np.array([most if values[0] > 0 else -most]))
            panels.append(Panel(x, Axis.of_names("", names), (Bars(values),), found.of[k]))
    notes = [f"{found.method}; of {counted(len(found.vocabulary), found.kind)} named by {found.where_from}"]
    if len(shown) < len(found.of):
        notes.append(f"{len(shown)} of {len(found.of):,} classes")
    return Figure(
        f"{found.kind.capitalize()}s with the largest weights{f', {file}' if file else ''}", tuple(panels), tuple(notes)
    )


def _ends(W: Floats) -> tuple[float, float]:
    most = float(np.abs(W).max()) or 1.0
    return -most, most
