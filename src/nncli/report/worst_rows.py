"""The most wrong rows, and why the model answered as it did."""

from __future__ import annotations

import numpy as np

from nncli.explain.leads import lead_title
from nncli.explain.nearest_change import value_of
from nncli.explain.reasons import reasons
from nncli.report.document import Listing, Paragraph, Section
from nncli.report.evidence import Evidence
from nncli.system.output import percent, shortened

MOST, REASONS = 20, 3  # rows, and columns of each that had most part in the answer


def worst_rows(of: Evidence) -> Section:
    """Write the rows that `eval --worst 20` shows, with the columns that spoke most for the wrong answer."""
    title, worst = "The most wrong rows", of.rows.worst(MOST)
    if not worst:
        return Section(title, (Paragraph(f"None: all {of.n:,} rows are right."),))
    why = _reasons(of, [one["row"] for one in worst])
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
    how = (
        "A number behind a reason is what that column adds to the lead of the predicted class, beyond what an average "
    )
    how += f"row has; its lead is {lead_title(of.model)}."
    said = f"{len(worst)} of {int((of.rows.predicted != of.rows.y).sum()):,} wrong rows, the most wrong first."
    text = f"{said} {how if why[0] else 'The model is too old to give reasons; train it again.'}"
    return Section(title, (Paragraph(text), Listing(header, rows, frozenset({"row", given}))))


def _reasons(of: Evidence, numbers: list[int]) -> list[tuple[str, ...]]:
    """Return the reasons for the predictions of rows, as one cell each; nothing for a model that cannot give them."""
    model, judged = of.model, of.rows
    if model.preprocess.mean is None:
        return [()] * len(numbers)
    place = {int(row): i for i, row in enumerate(judged.rows.tolist())}
    at = np.array([place[row - 1] for row in numbers])
    table = judged.table.take(judged.rows[at])
    found = reasons(model, table, judged.predicted[at])
    order, values = found.largest(REASONS)
    cells = list[tuple[str, ...]]()
    for i in range(len(numbers)):
        row = table.take(np.array([i]))
        parts = []
        for k, value in zip(order[i].tolist(), values[i].tolist(), strict=True):
            name = found.columns[k]
            its = value_of(model, row, name)
            shown = "missing" if its is None else shortened(its) if isinstance(its, str) else f"{its:.6g}"
            parts.append(f"{shortened(name)} = {shown} ({value:+.2f})")
        cells.append(("; ".join(parts),))
    return cells
