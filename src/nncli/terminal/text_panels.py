"""Panels that are lines of text: a table, or a line for each category; and the line below other panels."""

from __future__ import annotations

import itertools

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.text import Text

from nncli.figures.figure import Axis, Bars, Cells, Estimates, Panel
from nncli.system.output import one_line, told_apart
from nncli.terminal.canvas import Canvas
from nncli.terminal.signs import ASCII, UNICODE

MOST_NAME = 24  # characters of a category on the left
LARGE = 1e9  # from which numbers are written as powers of ten
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#888888", "#B5A400", "#AA4499", "#44AA99")
SHADES = ("on #08306b", "on #2171b5", "on #6baed6", "on #c6dbef")  # from much to little
GREY = "bright_black"


class TextPanels:
    """Turns panels into lines of a width, with Unicode or without."""

    def __init__(self, unicode: bool) -> None:
        self.unicode, self.signs = unicode, UNICODE if unicode else ASCII

    def safe(self, text: str) -> str:
        """Return a text on one line, in characters that can be shown."""
        text = one_line(text)
        return text if self.unicode else text.replace("·", ".").encode("ascii", "replace").decode()

    def cut(self, text: str, most: int) -> str:
        """Return a text shortened to a width."""
        text = self.safe(text)
        if cell_len(text) <= most:
            return text
        return set_cell_size(text, max(most - 1, 0)).rstrip() + ("…" if self.unicode else "~") if most > 0 else ""

    def names(self, axis: Axis) -> list[str]:
        """Return the names of an axis, shortened so that they can still be told apart."""
        safe = [*map(self.safe, axis.names)]
        is_wide = any(cell_len(name) > len(name) for name in safe)
        most = MOST_NAME // 2 if is_wide else MOST_NAME
        return [one if self.unicode else one.replace("…", "~") for one in told_apart(safe, most)]

    def ticks(self, axis: Axis, most: int) -> list[tuple[float, str]]:
        """Return the ticks of an axis with their labels, as they can be shown."""
        found = axis.ticks(most)
        return [*zip((place for place, _ in found), self.names(axis), strict=True)] if axis.names else found

    def below(self, axis: Axis, gutter: int, size: int) -> list[Text]:
        """Return the axis below a panel, behind so many characters: its line, its numbers and its title."""
        signs, width = self.signs, gutter + 1 + size
        base, below = [signs.bottom] * size, [" "] * (width + 1)
        for value, label in self.ticks(axis, max(2, size // 12)):
            place = round(float(axis.share(np.array(value))) * (size - 1))
            base[place] = signs.tick
            start = min(max(gutter + 1 + place - len(label) // 2, 0), width - len(label))
            if "".join(below[max(start - 1, 0) : start + len(label) + 1]).isspace():
                below[start : start + len(label)] = label
        title = self.cut(axis.title, size)
        return [
            Text(f"{'':>{gutter}}{signs.corner}{''.join(base)}", GREY),
            Text("".join(below).rstrip(), GREY),
            Text(" " * (gutter + 1 + (size - cell_len(title)) // 2) + title),
        ]

    def matrix(self, panel: Panel, mark: Cells, width: int) -> list[Text]:
        """Return a row of texts for each category of the y axis, and a column for each of the x axis."""
        own = self.names(panel.y)
        left = min(max(map(cell_len, own)), width // 3)
        longest = max(len(text) for row in mark.texts for text in row)
        names, room = panel.x.names, width - left - 1
        each = max(min(max(longest, *map(cell_len, map(self.safe, names))) + 2, 13, room // len(names) - 1), longest, 2)
        shown = max(min(len(names), room // (each + 1)), 1)
        lines = [Text(self.cut(" \\ ".join(filter(None, [panel.y.title, panel.x.title])), width), GREY)]
        heads = [right_aligned(self.cut(name, each), each) for name in names[:shown]]
        lines.append(Text(" ".join([" " * left, *heads])))
        for name, row, values in zip(own, mark.texts, mark.values.tolist(), strict=True):
            line = Text(right_aligned(self.cut(name, left), left) + " ")
            for text, value in itertools.islice(zip(row, values, strict=True), shown):
                line.append(right_aligned(self.safe(text), each) + " ", _shade(mark, value))
            lines.append(line)
        if shown < len(names):
            lines.append(Text(f"{len(names) - shown:,} more columns: make the terminal wider", GREY))
        return lines

    def bars(self, panel: Panel, mark: Bars, width: int) -> list[Text]:
        """Return a bar for each category, with its value behind it; those below 0 go to the left."""
        values = mark.values.tolist()
        own = self.names(panel.y)
        left = max(map(cell_len, own))
        numbers = [*map(_short, values)]
        room = max(width - left - 3 - max(map(len, numbers)), 4)
        low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
        zero = round(-low / ((high - low) or 1) * room)
        lines = []
        for name, value, number in zip(own, values, numbers, strict=True):
            size = abs(value) / ((high - low) or 1) * room
            bar = self._bar(size, room)
            before = zero - len(bar) if value < 0 else zero
            text = Text(right_aligned(self.cut(name, left), left) + " " + self.signs.side + " " * max(before, 0))
            text.append(bar, COLOURS[1] if value < 0 else COLOURS[0])
            lines.append(text.append(f" {number}"))
        return [*lines, Text(" " * (left + 2) + self.cut(panel.x.title, width - left - 2))]

    def estimates(self, panel: Panel, mark: Estimates, width: int) -> list[Text]:
        """Return a point for each category, on its interval, with its value at the right."""
        own = self.names(panel.y)
        left = max(map(cell_len, own))
        numbers = [*map(_short, mark.values.tolist())]
        size = max(width - left - 3 - max(map(len, numbers)), 8)
        low_end, between, high_end = [*self.signs.span]
        lines = []
        for name, number, *ends in zip(own, numbers, mark.low, mark.high, mark.values, strict=True):
            canvas = Canvas(size, 1, self.unicode)
            canvas.put(float(panel.x.share(np.array(0.0))), 0, self.signs.rule, GREY)
            low, high, at = panel.x.share(np.array(ends)).tolist()
            if low == low:
                for place in np.linspace(low, high, size).tolist():
                    canvas.put(place, 0, between, colour_of(0))
                canvas.put(low, 0, low_end, colour_of(0))
                canvas.put(high, 0, high_end, colour_of(0))
            canvas.put(at, 0, self.signs.marks[0], f"bold {colour_of(0)}")
            line = Text(right_aligned(self.cut(name, left), left) + " ").append(self.signs.side, GREY)
            lines.append(line.append_text(canvas.rows()[0]).append(f" {number}"))
        return [*lines, *self.below(panel.x, left + 1, size)]

    def _bar(self, size: float, most: int) -> str:
        whole = min(int(size), most)
        eighths = self.signs.ends[: int((size - whole) * 8)][-1:] if whole < most else ""
        return self.signs.bar * whole + eighths


def _short(value: float) -> str:
    """Write a number with three figures, or a larger one without decimal places."""
    return f"{value:,.0f}" if 1000 <= abs(value) < LARGE else f"{value:.3g}"


def colour_of(i: int) -> str:
    return COLOURS[i % len(COLOURS)]


def _shade(mark: Cells, value: float) -> str:
    """Return the style of a cell: the darker, the nearer to an end of the scale."""
    share = mark.strength(value)
    if share < 0.05:
        return ""
    if mark.diverges and value < 0:
        return f"black on {('#7f3b08', '#e08214', '#fdb863', '#fee0b6')[_step(share)]}"
    return f"{'white' if share > 0.5 else 'black'} {SHADES[_step(share)]}"


def _step(share: float) -> int:
    return 3 - min(int(share * 4), 3)


def right_aligned(text: str, width: int) -> str:
    return " " * max(width - cell_len(text), 0) + text
