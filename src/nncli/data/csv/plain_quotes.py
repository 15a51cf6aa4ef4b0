"""Tell tables whose quotes are a part of their texts, as many between tabs have them, from quoted ones."""

from __future__ import annotations

from nncli.data.row_blocks import Layout
from nncli.errors import DataError, mention

MOST_BYTES = 1 << 20  # that are looked at
MOST_QUOTED = 0.1  # of the lines, with a cell between quotes: texts may begin and end with one


def are_plain(data: bytes, layout: Layout) -> bool:
    """Tell whether quotes seem to quote nothing in some rows: each line has the delimiters of a row, hardly a cell
    stands between quotes, and no quote is doubled."""
    if (layout.quote, layout.escape) != ('"', "") or layout.is_rewritten:
        return False
    delimiter, lines = layout.delimiter.encode(), data[:MOST_BYTES].splitlines()
    lines = [line for line in (lines[:-1] if len(data) > MOST_BYTES else lines) if line]
    if any(line.count(delimiter) != len(layout.names) - 1 or b'""' in line for line in lines):
        return False
    quoted = sum(b'"' in line and any(map(_is_quoted, line.split(delimiter))) for line in lines)
    return quoted <= MOST_QUOTED * len(lines)


def or_plain(error: DataError) -> DataError:
    """Add to the remedy for a wrong quote that quotes may be a part of the texts."""
    first = f"If quotes are a part of the texts, add {mention('quote', 'none')}"
    return DataError(error.where, error.problem, f"{first}, else {error.remedy[:1].lower()}{error.remedy[1:]}")


def _is_quoted(cell: bytes) -> bool:
    return len(cell) > 1 and cell[:1] == cell[-1:] == b'"'
