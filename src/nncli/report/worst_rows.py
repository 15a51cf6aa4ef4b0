"""The most wrong rows, and why the model answered as it did."""

from __future__ import annotations

import math

import numpy as np

from nncli.data.dataset import Positions
from nncli.explain.leads import lead_title
from nncli.explain.nearest_change import value_of
from nncli.explain.reasons import reasons
from nncli.figures.figure import Figure
from nncli.figures.images import image_panels
from nncli.report.document import Drawing, Listing, Paragraph, Section
from nncli.report.evidence import Evidence
from nncli.system.output import percent, shortened

MOST, REASONS = 20, 3  # rows, and columns of each that had most part in the answer
MOST_IMAGES, MOST_PIXELS = 12, 12 * 32 * 32  # that are drawn


def worst_rows(of: Evidence) -> Section:
    """Write the rows that `eval --worst 20` shows, with the columns that spoke most for the wrong answer."""
    title, worst = "The most wrong rows", of.rows.worst(MOST)
    if not worst:
        return Section(title, (Paragraph(f"None: all {of.n:,} rows are right."),))
    place = {int(row): i for i, row in enumerate(of.rows.rows.tolist())}
    at = np.array([place[one["row"] - 1] for one in worst])
    why = [()] * len(worst) if of.model.preprocess.mean is None or of.image_shape else _reasons(of, at)
    given = "probability of its class" if of.model.probabilistic else "score of its class"
    rows = tuple(
        (
            f"{one['row']:,}",
            one["class"],
            one["prediction"],
            percent(one["p_class"]) if of.model.probabilistic else f"{one['score_class']:.4g}",
            *because,
        )
        for one, because in zip(worst, why, strict=True)
    )
    header = "row", "class", "predicted", given, *(["reasons for the prediction"] if why[0] else [])
    how = "The number behind a reason says how much that column speaks for the answer, or, below 0, against it, beside "
    how += f"an average row: what it adds to {lead_title(of.model)}."
    said = f"{len(worst)} of {int((of.rows.predicted != of.rows.y).sum()):,} wrong rows, the most wrong first."
    listing = Listing(header, rows, frozenset({"row", given}))
    if of.image_shape is not None:
        return Section(title, (Paragraph(said), *_images(of, at, of.image_shape), listing))
    text = f"{said} {how if why[0] else 'The model is too old to give reasons; train it again.'}"
    return Section(title, (Paragraph(text), listing))


def _images(of: Evidence, at: Positions, shape: tuple[int, ...]) -> list[Drawing]:
    """Draw wrong rows, and what each of their pixels adds to the answer."""
    model, judged = of.model, of.rows
    at = at[: max(1, min(len(at), MOST_IMAGES, MOST_PIXELS // math.prod(shape)))]
    table, predicted = judged.table.take(judged.rows[at]), judged.predicted[at]
    names = model.classes
    titles = [f"row {judged.rows[i] + 1:,}: {names[judged.y[i]]}, not {names[judged.predicted[i]]}" for i in at]
    pixels = table.numbers.astype(np.float64)
    panels = image_panels(pixels, titles, shape, (min(0.0, float(pixels.min())), float(pixels.max()) or 1.0))
    found = [Drawing(Figure("What was seen", panels), "The class of each, and what the model took it for.")]
    if model.preprocess.mean is not None:
        panels = image_panels(reasons(model, table, predicted).contributions.astype(np.float64), titles, shape)
        caption = "Blue pixels speak for the wrong answer, brown ones against it, beside an average image."
        found.append(Drawing(Figure("Why it answered so", panels), caption))
    return found


def _reasons(of: Evidence, at: Positions) -> list[tuple[str, ...]]:
    """Return the reasons for the predictions of some of the rows, as one cell each."""
    model, judged = of.model, of.rows
    table = judged.table.take(judged.rows[at])
    found = reasons(model, table, judged.predicted[at])
    order, values = found.largest(REASONS)
    cells = list[tuple[str, ...]]()
    for i in range(len(at)):
        row = table.take(np.array([i]))
        parts = []
        for k, value in zip(order[i].tolist(), values[i].tolist(), strict=True):
            name = found.columns[k]
            its = value_of(model, row, name)
            shown = "missing" if its is None else shortened(its) if isinstance(its, str) else f"{its:.6g}"
            parts.append(f"{shortened(name)} = {shown} ({value:+.2f})")
        cells.append(("; ".join(parts),))
    return cells
