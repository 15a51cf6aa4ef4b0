"""How a text table is read, decided from its first rows: to learn from in `detection`, for a model in `alignment`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nncli.data.byte_input import ByteStream
from nncli.data.csv.encoding import Utf8Text
from nncli.data.csv.header import Head, TextOptions
from nncli.data.row_blocks import Layout


class ReadingPlan(NamedTuple):
    """The layout of a text table, where its first row is, and what to tell the user."""

    layout: Layout
    rest: bytes  # what was read ahead, from the first data row on
    stream: ByteStream  # what is behind that
    first_line: int
    notes: tuple[str, ...] = ()
    is_quote_told: bool = False  # by the user
    header: bytes = b""  # the row with the names
    text: Utf8Text | None = None  # below the stream
    rows: tuple[int, int] | None = None


def planned(
    layout: Layout, head: Head, row: bytes, notes: Sequence[str], options: TextOptions, names: bytes
) -> ReadingPlan:
    """Make the plan that follows from the first row, which is a header or the first row of data; `names` is what may
    come again of a header."""
    used = row if layout.header else b""
    first_line = head.line + used.count(b"\n")
    return ReadingPlan(
        layout,
        head.data[len(used) :],
        head.stream,
        first_line,
        tuple(notes),
        is_quote_told=options.quote is not None,
        header=names if layout.header else b"",
        text=head.text,
        rows=options.rows,
    )
