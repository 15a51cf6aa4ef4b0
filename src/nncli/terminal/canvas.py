"""A sheet of characters to draw on: single characters, and lines of braille dots, two wide and four high in each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

BRAILLE = 0x2800
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a row and a column within a character
Floats = NDArray[np.float64]


class Canvas:
    """A sheet of `width` × `height` characters, each with a style; without Unicode, a line is made of `pen`s.

    Places are shares of the width, from the left, and of the height, from below.
    """

    def __init__(self, width: int, height: int, unicode: bool) -> None:
        self.width, self.height, self.unicode = width, height, unicode
        self._cells: dict[tuple[int, int], tuple[str, str]] = {}
        self._dots: dict[tuple[int, int], int] = {}
        self._inks: dict[tuple[int, int], str] = {}

    def cell(self, x: float, y: float) -> tuple[int, int] | None:
        """Return the row and the column of a place, None outside the sheet."""
        if not (-1e-9 <= x <= 1 + 1e-9 and -1e-9 <= y <= 1 + 1e-9):
            return None
        return round((1 - y) * (self.height - 1)), round(x * (self.width - 1))

    def put(self, x: float, y: float, character: str, style: str = "") -> None:
        """Put a character at a place, over what is there."""
        at = self.cell(x, y)
        if at is not None:
            self._cells[at] = (character, style)

    def fill(self, row: int, column: int, character: str, style: str = "") -> None:
        """Put a character in a row and a column."""
        self._cells[row, column] = (character, style)

    def is_free(self, x: float, y: float) -> bool:
        """Tell whether nothing is at a place."""
        at = self.cell(x, y)
        return at is not None and at not in self._cells and at not in self._dots

    def line(self, x: Floats, y: Floats, pen: str, style: str = "", dashed: bool = False) -> None:
        """Draw through points in their order, interrupted by NaN."""
        wide, high = (2, 4) if self.unicode else (1, 1)
        across, down = np.rint(x * (self.width * wide - 1)), np.rint((1 - y) * (self.height * high - 1))
        drawn = 0
        if len(x) == 1 and np.isfinite(x[0] + y[0]):
            self._dot(int(across[0]), int(down[0]), pen, style)
        for i in range(len(x) - 1):
            ends = across[i : i + 2], down[i : i + 2]
            if not np.isfinite(ends).all():
                continue
            steps = max(1, *(int(abs(end[1] - end[0])) for end in ends))
            a_to_b = (np.linspace(end[0], end[1], steps + 1).round().astype(int).tolist() for end in ends)
            for a, b in zip(*a_to_b, strict=True):
                drawn += 1
                if not dashed or drawn % (2 * wide) < wide:
                    self._dot(a, b, pen, style)

    def _dot(self, across: int, down: int, pen: str, style: str) -> None:
        wide, high = (2, 4) if self.unicode else (1, 1)
        at = down // high, across // wide
        if not (0 <= at[0] < self.height and 0 <= at[1] < self.width):
            return
        if self.unicode:
            self._cells.pop(at, None)  # of a shaded ground
            self._dots[at] = self._dots.get(at, 0) | DOTS[down % high][across % wide]
            self._inks[at] = style
        else:
            self._cells[at] = (pen, style)

    def rows(self) -> list[Text]:
        """Return the sheet, a text for each row."""
        found = []
        for row in range(self.height):
            text = Text()
            for column in range(self.width):
                at = row, column
                if at in self._cells:
                    text.append(*self._cells[at])
                elif at in self._dots:
                    text.append(chr(BRAILLE + self._dots[at]), self._inks[at])
                else:
                    text.append(" ")
            found.append(text)
        return found
