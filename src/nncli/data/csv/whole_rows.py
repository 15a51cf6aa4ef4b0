"""Cut the text of a table, as it arrives, where rows end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nncli.data.byte_input import ByteStream
from nncli.data.csv.row_text import LOOKED_AT, ROW_LIMIT, end_of_rows, row_patterns
from nncli.data.row_blocks import Layout

NEAR = 64  # bytes in which the last row most often ends


class UnfinishedRow(Exception):
    """Raised where the rest of the file, its second argument, is no whole row. The first is a quote that none closes,
    or the problem."""


def whole_rows(
    tail: bytes, stream: ByteStream, layout: Layout, go_on: bool, block_bytes: int, note: Callable[[str], None]
) -> Iterator[tuple[bytes, bool]]:
    """Yield whole rows as they arrive, and whether their quotes are regular: what has been read ahead, then the stream
    in blocks of so many bytes. To `go_on`, lines that begin no row are yielded, too, each alone; else,
    UnfinishedRow is raised."""
    wide, at_end, behind = len(layout.names) > 1, False, b""
    # of a row of delimiters at the end of the file, which is none where each row has a class
    empty = b"\r\n \t" + layout.delimiter.encode() if layout.target is not None else b""
    endings = tuple(start + end for start in (layout.delimiter.encode(), b"\n") for end in (b"\n", b"\r\n"))
    while True:
        end, regular = end_of_rows(tail, layout.delimiter)
        if wide and empty and tail.endswith(endings, 0, end):
            last = len(tail[:end].rstrip(empty))
            end = tail.find(b"\n", last, end) + 1 if last else 0
        # Empty lines are an error, but not at the end of the file: they wait for what follows.
        end = _before_empty_lines(tail, end) if wide else end
        data, tail, behind = tail[:end], tail[end:] + behind, b""  # most often all there is, which nobody copies
        if end:
            yield data, regular
        del data
        if at_end and wide and not tail.strip(empty or b"\r\n"):
            lines = tail.split(b"\n") if tail.strip(b"\r\n") else []
            n = sum(line.strip(b"\r") != b"" for line in lines)
            if n:
                which = "line has" if n == 1 else f"{n:,} lines have"
                note(f"the last {which} no cells: left out")
            return
        if (at_end or len(tail) > ROW_LIMIT) and tail.strip(b"\r\n"):
            line = tail.find(b"\n") + 1
            if not go_on or b'"' not in tail or not line:
                problem = f"expected a row, found no end of line in {ROW_LIMIT >> 20} MiB"
                raise UnfinishedRow('"' if b'"' in tail else problem, tail)
            start = 0
            while line and (not start or not _begins_row(tail, start, layout.delimiter)):  # this line alone is damaged
                yield tail[start:line], False
                start, line = line, tail.find(b"\n", line) + 1
            tail = tail[start:]
            continue
        if at_end:
            return
        chunk = stream.read(block_bytes)
        at_end = not chunk
        cut = chunk.rfind(b"\n") + 1
        tail, behind = b"".join((tail, memoryview(chunk)[:cut])), chunk[cut:]
        del chunk  # megabytes that nobody needs while the block is read
        if at_end and tail and not tail.endswith(b"\n"):
            tail += b"\n"  # the end of the file ends its last row


def _before_empty_lines(data: bytes, end: int) -> int:
    """Return where the empty lines begin with which some rows end, 0 where there is nothing else. A lone CR is no line
    end, and its line is not empty. All are looked at in one step: a file may have millions of them."""
    start = max(0, end - NEAR)
    content = start + len(data[start:end].rstrip(b"\r\n"))
    if content == start:
        content = len(data[:end].rstrip(b"\r\n"))
    lone = data.rfind(b"\r\r\n", content, end)
    if lone >= 0:
        return lone + 3
    return data.find(b"\n", content, end) + 1 if content else 0


def _begins_row(data: bytes, start: int, delimiter: str) -> bool:
    """Tell whether a row begins at a place, and is not longer than rows behind a damaged one are looked for."""
    _, row = row_patterns(delimiter)
    return row.match(data, start, start + LOOKED_AT) is not None
