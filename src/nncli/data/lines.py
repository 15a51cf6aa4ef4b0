"""Cut a stream into whole lines as they arrive."""

from __future__ import annotations

from collections.abc import Iterator

from nncli.data.byte_input import Input
from nncli.errors import DataError

BLOCK_BYTES, LONGEST_LINE = 1 << 20, 16 << 20


def line_blocks(file: Input) -> Iterator[tuple[int, list[bytes]]]:
    """Yield whole lines as they arrive, and the number of the first of them. Raises DataError for a line without an
    end."""
    rest, number = b"", 1
    while chunk := file.read(BLOCK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > LONGEST_LINE:
            place = f"{file.where}:{number + len(lines)}"
            raise DataError(place, f"expected the end of a line, found none in {LONGEST_LINE >> 20} MiB")
        if lines:
            yield number, lines
        number += len(lines)
    if rest:
        yield number, [rest]
