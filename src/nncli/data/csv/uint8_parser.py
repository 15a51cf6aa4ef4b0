"""Rows of whole numbers from 0 to 255, as images are written: read by a few passes over the bytes, all cells at once.

Seven times as fast as a parser that goes from cell to cell.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ZERO, NEWLINE = np.uint8(ord("0")), ord("\n")
BEFORE = np.full(3, NEWLINE, np.uint8)  # so that each byte has three before it, and each line a newline
PIECE_BYTES = 1 << 19  # whatever is made of them stays in the cache


def read(data: bytes, columns: int, delimiter: str) -> NDArray[np.uint8] | None:
    """Return (rows, columns): the cells of whole lines, each a number from 0 to 255 without a sign, blanks or leading
    zeros.

    None where anything else is there.
    """
    byte, pieces, start = np.frombuffer(data, np.uint8), [], 0
    while start < len(data):
        end = data.rfind(b"\n", start, start + PIECE_BYTES) + 1 or len(data)
        at_hand = start >= len(BEFORE)
        padded = byte[start - len(BEFORE) : end] if at_hand else np.concatenate([BEFORE, byte[start:end]])
        piece = _read(padded, columns, delimiter)
        if piece is None:
            return None
        pieces.append(piece)
        start = end
    return np.concatenate(pieces)


def _read(padded: NDArray[np.uint8], columns: int, delimiter: str) -> NDArray[np.uint8] | None:
    """Do what `read` does for some lines, which have three bytes before them."""
    digits = padded - ZERO  # above 9 for whatever is no digit
    is_digit = digits <= 9
    byte, here, before = padded[3:], is_digit[3:], is_digit[2:-1]
    ends = np.flatnonzero(digits[3:] > 9)
    last = byte[ends[columns - 1 :: columns]]
    if (
        byte[-1] != NEWLINE
        or len(ends) != len(last) * columns
        or (last != NEWLINE).any()
        or np.count_nonzero(byte == ord(delimiter)) != len(ends) - len(last)
        or not (here | before).all()
    ):
        return None  # no end of line, rows of other lengths, another character, or an empty cell
    # of the number that ends before each byte, modulo 256; where none does, it means nothing
    digits *= is_digit.view(np.uint8)  # 0 for whatever is no digit
    hundreds = digits[:-3] * (is_digit[1:-2] & before).view(np.uint8)
    value = digits[1:-2] * np.uint8(10)
    value += digits[2:-1]
    above_299 = hundreds.max() > 2
    hundreds *= np.uint8(100)
    value += hundreds
    cells = value.take(ends)
    # No cell has fewer digits than its value needs. Leading zeros, a fourth digit, and 256 to 299, which come to 0 to
    # 43, are digits too many.
    needed = len(cells) + np.count_nonzero(cells > 9) + np.count_nonzero(cells > 99)
    return None if above_299 or needed != len(byte) - len(ends) else cells.reshape(-1, columns)
