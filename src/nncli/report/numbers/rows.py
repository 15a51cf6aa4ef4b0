"""The rows for which a model of numbers is the farthest off, with reasons, and figures of groups of rows."""

from __future__ import annotations

import numpy as np

from nncli.explain.nearest_change import value_of
from nncli.explain.reasons import reasons_for_numbers
from nncli.report.document import Block, Listing, Paragraph, Section
from nncli.report.numbers.evidence import EvidenceOfNumbers
from nncli.report.words import HOW_TO_READ, marked_cell, reasons_of_rows
from nncli.system.output import quantity, shortened

MOST, REASONS = 20, 3  # rows, and columns of each that had most part in the answer


def signed(value: float) -> str:
    """Write a number with its sign."""
    return f"{'−' if value < 0 else '+'}{quantity(abs(value))}"


def worst_numbers(of: EvidenceOfNumbers) -> Section:
    """Write the rows that `eval --worst 20` shows, with the columns that moved the prediction most."""
    title, worst = "The rows that are the farthest off", of.judged.worst(MOST)
    header = ["row", f"true {of.model.schema.target}", "predicted", "error"]
    rows = [
        [f"{one['row']:,}", quantity(one["target"]), quantity(one["prediction"]), signed(one["error"])] for one in worst
    ]
    said = [f"{len(worst):,} of {of.n:,} rows, the farthest off first; the error is predicted less true."]
    numbers = frozenset(header)
    if of.model.preprocess.mean is None:
        said.append("The model was saved by an older version and gives no reasons; train it again.")
    elif of.image_shape is None:
        is_text = of.model.preprocess.words is not None
        header += [*["text"] * is_text, "reasons for the prediction"]
        rows = [[*row, *why] for row, why in zip(rows, _why(of, [one["row"] - 1 for one in worst]), strict=True)]
        background = "an average row, without text" if is_text else "an average row"
        said.append(
            "Reasons are the columns that did most to move the prediction away from that of "
            f"{background}, each with the value it has in the row and what that adds."
        )
        said += [HOW_TO_READ] * is_text
    return Section(title, (Paragraph(" ".join(said)), Listing(tuple(header), tuple(map(tuple, rows)), numbers)))


def _why(of: EvidenceOfNumbers, rows: list[int]) -> list[list[str]]:
    """Return why a number is predicted for each of some rows of the table."""
    model, table = of.model, of.judged.table.take(np.array(rows))
    found = reasons_for_numbers(model, table)
    if found.of_words is not None:
        each = reasons_of_rows(found, table, REASONS)
        said = ["; ".join(f"{name} ({signed(value)})" for name, value in its) for its in each]
        return [[marked_cell(found, table, i), its] for i, its in enumerate(said)]
    order, values = found.largest(REASONS)
    said = []
    for i in range(len(rows)):
        row, parts = table.take(np.array([i])), []
        for k, value in zip(order[i].tolist(), values[i].tolist(), strict=True):
            name = found.columns[k]
            parts.append(f"{shortened(name)} = {_shown(value_of(model, row, name))} ({signed(value)})")
        said.append("; ".join(parts))
    return [[its] for its in said]


def _shown(value: float | str | None) -> str:
    return "missing" if value is None else shortened(value) if isinstance(value, str) else f"{value:.6g}"


def groups_of_numbers(of: EvidenceOfNumbers) -> Section:
    """Write how far off the model is for the groups of each column."""
    blocks, header = list[Block](), ("group", "rows", "off by", "95 % interval", "RMSE", "differs")
    for name, groups in of.by_column.items():
        rows = []
        for one in groups:
            mae, rmse = one["metrics"]["mae"], one["metrics"]["rmse"]
            interval = " to ".join(map(quantity, mae["interval"] or ()))
            differs = "yes" if mae["stands_out"] else ""
            figures = quantity(mae["value"]), interval, quantity(rmse["value"]), differs
            rows.append((one["group"], f"{one['n']:,}", *figures))
        blocks.append(Listing(header, tuple(rows), frozenset({"rows", "off by", "RMSE"}), f"By {name}"))
    if not blocks:
        text = "There is no column to compare by: none is sure to matter, and none has few categories."
        return Section("Groups of rows", (Paragraph(text),))
    text = (
        "How far off the model is on average for rows of each kind. Numbers and dates are put into up to four groups "
    )
    text += (
        "of about as many rows each. A group differs if it differs from all rows by more than chance; the intervals "
    )
    text += "hold for all groups of a column together."
    return Section("Groups of rows", (Paragraph(text), *blocks))
