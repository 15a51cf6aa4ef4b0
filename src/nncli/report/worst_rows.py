"""The most wrong rows, and why the model answered as it did."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nncli.data.dataset import Positions
from nncli.data.sparse_numbers import is_sparse
from nncli.explain.leads import reasons_title, runners_up
from nncli.explain.nearest_change import Change, nearest_changes, value_of
from nncli.explain.reasons import reasons
from nncli.figures.figure import Figure
from nncli.figures.images import image_panels
from nncli.report.document import Drawing, Listing, Paragraph, Section
from nncli.report.evidence import Evidence
from nncli.report.words import HOW_TO_READ, marked_cell, reasons_of_rows
from nncli.system.output import counted, in_quotes, percent, shortened

MOST, REASONS = 20, 3  # rows, and columns of each that had most part in the answer
MOST_IMAGES, MOST_PIXELS = 12, 12 * 32 * 32  # that are drawn
MOST_CHANGED = 100  # columns in all of which the nearest change is looked for
FAR = 2.0  # standard deviations of a column, beyond which a change is no near one


def worst_rows(of: Evidence) -> Section:
    """Write the rows that `eval --worst 20` shows, with the columns that spoke most for the wrong answer, and the
    nearest change of one column that would change it."""
    title, worst = "The most wrong rows", of.rows.worst(MOST)
    if not worst:
        return Section(title, (Paragraph(f"None: all {of.n:,} rows are right."),))
    place = {int(row): i for i, row in enumerate(of.rows.rows.tolist())}
    at = np.array([place[one["row"] - 1] for one in worst])
    given = "probability of the true class" if of.model.probabilistic else "score of the true class"
    header, rows = ["row", "class", "predicted", given], [
        [
            f"{one['row']:,}",
            one["class"],
            one["prediction"],
            percent(one["p_class"]) if of.model.probabilistic else f"{one['score_class']:.4g}",
        ]
        for one in worst
    ]  # fmt: skip
    wrong = int((of.rows.predicted != of.rows.y).sum())
    said = [f"{len(worst):,} of {counted(wrong, 'wrong row')}, the most wrong first."]
    if of.image_shape is None and of.model.preprocess.mean is None:
        said.append("The model was saved by an older version and gives no reasons; train it again.")
    elif of.image_shape is None:
        own_titles, own_cells = _why(of, at)
        header += own_titles
        rows = [[*row, *cells] for row, cells in zip(rows, own_cells, strict=True)]
        said.append(_how_to_read(of))
    listing = Listing(tuple(header), tuple(map(tuple, rows)), frozenset({"row", given}))
    images = [] if of.image_shape is None else _images(of, at, of.image_shape)
    return Section(title, (Paragraph(" ".join(said)), *images, listing))


def _how_to_read(of: Evidence) -> str:
    """Say what the reasons and the changes of rows are."""
    several = len(of.model.classes) > 2
    said = "The runner-up is the class that came second. " if several else ""
    said += "Reasons are the columns that did most to decide the answer, each with the value it has in the row. "
    behind = "the runner-up" if several else "the other class"
    said += f"A number above 0 says that the value speaks for the predicted class and against {behind}, one below 0 "
    said += "that it speaks the other way, compared with an average row. "
    if of.model.probabilistic:
        said += f"A value of +0.7 makes the predicted class about twice as likely compared with {behind}, +2.3 ten "
        said += "times as likely, and −0.7 half as likely (the numbers add up to "
        said += f"{reasons_title(of.model, 'the runner-up')}). "
    else:
        said += f"The further from 0, the more; the numbers add up to {reasons_title(of.model, 'the runner-up')}. "
    said += (
        "The last column shows the nearest change of a single value with which the model would give another answer. "
    )
    if of.model.preprocess.words is not None:
        said += f"{HOW_TO_READ} "
    said += "For numbers and dates, the brackets say how far that is in standard deviations: between two rows, 1 is "
    return f"{said}usual, and changes of more than {FAR:g} are left out."


def _runners_up(of: Evidence, at: Positions) -> NDArray[np.int64]:
    return runners_up(of.scored.logits[at], of.rows.predicted[at])


def _images(of: Evidence, at: Positions, shape: tuple[int, ...]) -> list[Drawing]:
    """Draw wrong rows, and what each of their pixels adds to the answer."""
    model, judged = of.model, of.rows
    at = at[: max(1, min(len(at), MOST_IMAGES, MOST_PIXELS // math.prod(shape)))]
    table, predicted = judged.table.take(judged.rows[at]), judged.predicted[at]
    names = model.classes
    titles = [f"row {judged.rows[i] + 1:,}: {names[judged.y[i]]}, taken for {names[judged.predicted[i]]}" for i in at]
    pixels = table.numbers.astype(np.float64)
    panels = image_panels(pixels, titles, shape, (min(0.0, float(pixels.min())), float(pixels.max()) or 1.0))
    found = [Drawing(Figure("What was seen", panels), "The class of each, and what the model took it for.")]
    if model.preprocess.mean is not None:
        panels = image_panels(
            reasons(model, table, predicted, _runners_up(of, at)).contributions.astype(np.float64), titles, shape
        )
        caption = "Blue pixels speak for the wrong answer and against the class that came second, brown ones the other "
        caption += "way, compared with an average image."
        found.append(Drawing(Figure("Why it answered so", panels), caption))
    return found


def _why(of: Evidence, at: Positions) -> tuple[list[str], list[list[str]]]:
    """Return why some of the rows are predicted as they are, and what would change that: the titles of columns, and
    the cells of each row."""
    model, judged = of.model, of.rows
    table, runner_up = judged.table.take(judged.rows[at]), _runners_up(of, at)
    found = reasons(model, table, judged.predicted[at], runner_up)
    order, values = found.largest(REASONS)
    few = None if len(found.columns) <= MOST_CHANGED else [found.columns[k] for k in np.unique(order).tolist()]
    changes = nearest_changes(model, table, few)
    several, spreads = len(model.classes) > 2, _spreads(of)
    titles = [*["runner-up"] * several, "reasons for the prediction", "what would change it"]
    of_words = None if found.of_words is None else reasons_of_rows(found, table, REASONS)
    titles = [*["text"] * (of_words is not None), *titles]
    cells = list[list[str]]()
    for i in range(len(at)):
        row = table.take(np.array([i]))
        if of_words is not None:
            parts = [f"{name} ({value:+.2f})" for name, value in of_words[i]]
            second = [marked_cell(found, table, i), *[model.classes[runner_up[i]]] * several]
            cells.append(
                [*second, "; ".join(parts), _said(_near(changes[i], spreads), bool(changes[i]), several, True)]
            )
            continue
        parts = []
        for k, value in zip(order[i].tolist(), values[i].tolist(), strict=True):
            name = found.columns[k]
            parts.append(f"{shortened(name)} = {_shown(value_of(model, row, name))} ({value:+.2f})")
        second = [model.classes[runner_up[i]]] * several
        near = _near(changes[i], spreads)
        cells.append([*second, "; ".join(parts), _said(near, bool(changes[i]), several)])
    return titles, cells


def _spreads(of: Evidence) -> dict[str, float]:
    """Return the standard deviation of each column of numbers or dates among the rows."""
    table, rows = of.rows.table, of.rows.rows
    names = table.number_names or of.model.schema.of_kind("number")
    if is_sparse(table.numbers):
        return dict(zip(names, table.numbers.deviation(rows).tolist(), strict=True))
    columns = {name: table.numbers[rows, i] for i, name in enumerate(names)}
    columns |= {name: days[rows] for name, days in table.dates.items()}
    known = {name: column[np.isfinite(column)].astype(np.float64) for name, column in columns.items()}
    return {name: float(column.std()) for name, column in known.items() if len(column)}


def _near(changes: list[Change], spreads: dict[str, float]) -> list[tuple[Change, float | None]]:
    """Return the changes that are not far, the nearest first, each with how far it is in standard deviations; that is
    None of another category, which comes after all numbers, and where the value is missing."""
    found = list[tuple[Change, float | None]]()
    for one in changes:
        far = _far(one, spreads)
        if far is None or far <= FAR:
            found.append((one, far))
    return sorted(found, key=lambda its: math.inf if its[1] is None else its[1])


def _far(one: Change, spreads: dict[str, float]) -> float | None:
    spread = spreads.get(one.column)
    if not spread or one.old is None:
        return None
    if isinstance(one.old, str) or isinstance(one.new, str):
        old, new = (
            np.datetime64(str(day)).astype("datetime64[s]").astype(float) / 86_400 for day in (one.old, one.new)
        )
        return float(abs(new - old)) / spread
    return abs(one.new - one.old) / spread


def _said(near: list[tuple[Change, float | None]], is_far: bool, several: bool, with_words: bool = False) -> str:
    """Say which change of one column is the nearest."""
    if not near:
        what = "word or column" if with_words else "column"
        return f"no near change of one {what} alone" if is_far else f"no change of one {what} alone"
    one, far = near[0]
    gives = f", which gives {in_quotes(shortened(one.prediction))}" if several else ""
    how_far = "" if far is None else f" ({far:.1f})" if far >= 0.05 else " (less than 0.1)"
    return f"{shortened(one.column)}: {_shown(one.old)} → {_shown(one.new)}{how_far}{gives}"


def _shown(value: float | str | None) -> str:
    return "missing" if value is None else shortened(value) if isinstance(value, str) else f"{value:.6g}"
