"""The data of a report, as `check` sees them."""

from __future__ import annotations

from typing import Any

from nncli.data.dates import written
from nncli.diagnostics.data_check import DataReport
from nncli.report.document import Block, Listing, Paragraph, Section
from nncli.report.evidence import Evidence
from nncli.system.output import counted, percent, shortened

MOST_COLUMNS, MOST_CLASSES = 40, 30


def data_section(of: Evidence) -> Section:
    """List the columns and classes of the data that the model was trained on, and what one should look at."""
    title, found = "The data", of.data
    if found is None:
        return Section(title, (Paragraph(f"The data of the training run were not looked at: {of.not_prepared}."),))
    n, columns = found.rows, found.columns
    each = " by ".join(map(str, of.image_shape)) + " pixels each" if of.image_shape else counted(len(columns), "column")
    said = f"{found.source}: {counted(n, 'row')}, {each}, {len(found.classes):,} classes"
    classes = tuple((name, f"{k:,}", percent(k / n)) for name, k in [*found.classes.items()][:MOST_CLASSES])
    of_classes = "Classes" if len(found.classes) <= MOST_CLASSES else f"The first {MOST_CLASSES} classes"
    blocks: list[Block] = [
        Paragraph(f"{said}."),
        *([] if of.image_shape else [columns_listing(found)]),
        Listing(("class", "rows", "share"), classes, frozenset({"rows", "share"}), of_classes),
    ]
    lines = [line.removeprefix("warning: ") for line in (*found.notes, *found.findings)]
    if lines:
        blocks.append(Listing(("what nncli check says",), tuple((line,) for line in lines)))
    return Section(title, tuple(blocks))


def columns_listing(found: DataReport) -> Listing:
    """List the columns: their kinds, missing and distinct cells, ranges, and what they become."""
    columns = found.columns
    rows = tuple(
        (one["name"], one["kind"], f"{one['missing']:,}", f"{one['distinct']:,}", _range(one), one["becomes"])
        for one in columns[:MOST_COLUMNS]
    )
    header = "column", "kind", "missing", "distinct", "range", "becomes"
    caption = "Columns" if len(columns) <= MOST_COLUMNS else f"The first {MOST_COLUMNS} of {len(columns):,} columns"
    return Listing(header, rows, frozenset({"missing", "distinct"}), caption)


def _range(column: dict[str, Any]) -> str:
    """Return the range of a column of numbers or dates, or the most frequent texts."""
    if column["often"]:
        more = ["…"] if column["distinct"] > len(column["often"]) else []
        return ", ".join([*map(shortened, column["often"]), *more])
    if column["low"] is None:
        return ""
    ends = column["low"], column["high"]
    return " to ".join(written(end) if column["kind"] == "date" else f"{end:g}" for end in ends)
