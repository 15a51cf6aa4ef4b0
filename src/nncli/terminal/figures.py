"""Print a figure in characters: readable without colour, and in ASCII where the encoding has no more."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from nncli.errors import OutputError
from nncli.figures.figure import (
    Axis,
    Bars,
    Cells,
    Estimates,
    Figure,
    Floats,
    Intervals,
    Line,
    Panel,
    Points,
    Regions,
    Rule,
)
from nncli.terminal.canvas import Canvas
from nncli.terminal.tables import new_console
from nncli.terminal.text_panels import COLOURS, GREY, MOST_NAME, TextPanels, colour_of, right_aligned

NARROWEST, BESIDE, IMAGE = 40, 38, 19  # columns of a terminal, of a panel beside another, and of an image
LOWEST, HIGHEST, USUAL = 6, 30, 24  # rows of a panel, and of what is no terminal
GAP, IN_CROWD = 12.0, 4.0  # columns from one sign on a line to the next; among faint lines
SURE = 0.5  # certainty from which a region shows what is predicted


def print_figure(figure: Figure, console: Console | None = None, most_rows: int | None = None) -> None:
    """Print a figure as wide and as high as the terminal, or in `most_rows`; OutputError where it is too narrow."""
    console = console or new_console()
    check_width(console, "Make it wider, or write a file, as with -o picture.svg")
    rows = console.height if console.is_terminal else USUAL
    with console.capture() as capture:
        for line in lines_of(figure, console, min(rows, most_rows or rows)):
            console.print(line, highlight=False, soft_wrap=True)
    print(capture.get(), end="", file=console.file)


def check_width(console: Console, remedy: str) -> None:
    """Raise OutputError where a terminal is too narrow for a picture."""
    if console.width < NARROWEST:
        problem = f"expected {NARROWEST} columns or more for a picture, found {console.width}"
        raise OutputError("terminal", problem, remedy)


def lines_of(figure: Figure, console: Console, rows: int) -> list[Text]:
    """Return a figure as lines, as wide as a console and about as many as `rows`."""
    lines = _Drawer(console, rows).lines(figure)
    for line in lines:
        line.rstrip()
    return lines


class _Drawer(TextPanels):
    """Turns figures into lines of a width."""

    def __init__(self, console: Console, rows: int) -> None:
        super().__init__(unicode=not console.options.ascii_only)
        self.console, self.width, self.rows = console, console.width - 1, rows
        self.marks = self.signs.marks

    def lines(self, figure: Figure) -> list[Text]:
        """Return the title, the panels one beside or below another, what the marks mean, and the notes."""
        if len({*map(self.safe, figure.series)}) > 1 and all(cell_len(self.safe(name)) == 1 for name in figure.series):
            self.marks = "".join(map(self.safe, figure.series))  # as digits are
        panels, least = figure.panels, IMAGE if all(panel.bare for panel in figure.panels) else BESIDE
        beside = max(1, min(len(panels), self.width // least))
        if any(isinstance(mark, Cells) and mark.texts for mark in figure.marks):
            beside = 1
        below, key = math.ceil(len(panels) / beside), self._key(figure)
        title = self.wrapped(figure.title, "bold")
        notes = [line for note in figure.notes for line in self.wrapped(note, GREY)]
        room = self.rows - 1 - len(title) - len(key) - len(notes)
        width = (self.width - 2 * (beside - 1)) // beside
        most = width // 2 + 1 if least == IMAGE else HIGHEST  # characters are twice as high as wide
        height = min(max(room // below, LOWEST), most)
        found = [*title]
        for start in range(0, len(panels), beside):
            drawn = [self._panel(panel, figure.series, width, height) for panel in panels[start : start + beside]]
            for row in range(max(map(len, drawn))):
                cells = [lines[row] if row < len(lines) else Text() for lines in drawn]
                found.append(Text("  ").join(_padded(cell, width) for cell in cells) if beside > 1 else cells[0])
        return [*found, *key, *notes]

    def wrapped(self, text: str, style: str) -> list[Text]:
        """Return a text in lines of the width."""
        return [*Text(self.safe(text), style).wrap(self.console, self.width)]

    def _key(self, figure: Figure) -> list[Text]:
        """Return lines that say what each mark means."""
        signs, entries = self.signs, dict[str, Text]()
        regions = {name for mark in figure.marks if isinstance(mark, Regions) for name in mark.names}
        for i, name in enumerate(figure.series):
            ground = signs.ground[i % len(signs.ground)] if name in regions else ""
            sign, said = self.marks[i % len(self.marks)], self.cut(name, 2 * MOST_NAME)
            entries[f"s{name}"] = Text(sign + ground, colour_of(i)).append(
                "" if said == sign else f" {said}", "default"
            )
        for mark in figure.marks:
            if isinstance(mark, Line) and mark.dashed and mark.name:
                entries[f"d{mark.name}"] = Text(f"{signs.dash * 2} {self.safe(mark.name)}", GREY)
            elif isinstance(mark, Line) and mark.faint:
                entries[f"d{mark.name}"] = Text(f"{signs.unsure * 2} {self.safe(mark.name)}", GREY)
            elif isinstance(mark, Rule):
                entries[f"r{mark.name}"] = Text(f"{signs.rule} {self.safe(mark.name)}", GREY)
            elif isinstance(mark, Cells) and mark.diverges and not mark.texts:
                entries["cells"] = Text(f"{signs.up[-1]} above 0   {signs.down[-1]} below 0")
        if regions:
            entries["unsure"] = Text(f"{signs.unsure} unsure", GREY)
        lines = [Text()] if entries else []
        for entry in entries.values():
            if lines[-1].cell_len and lines[-1].cell_len + entry.cell_len + 3 > self.width:
                lines.append(Text())
            lines[-1].append(" " * 3 if lines[-1].cell_len else "").append_text(entry)
        return lines

    def _panel(self, panel: Panel, series: Sequence[str], width: int, height: int) -> list[Text]:
        first = panel.marks[0]
        if isinstance(first, Bars):
            return self._titled(panel, self.bars(panel, first, width))
        if isinstance(first, Estimates):
            return self._titled(panel, self.estimates(panel, first, width))
        if isinstance(first, Cells) and first.texts:
            return self._titled(panel, self.matrix(panel, first, width))
        if panel.bare:
            canvas = Canvas(width, height - 1, self.unicode)
            self._marks(canvas, panel, series)
            return self._titled(panel, canvas.rows())
        return self._plot(panel, series, width, height)

    def _titled(self, panel: Panel, lines: list[Text]) -> list[Text]:
        return [*([Text(self.safe(panel.title))] if panel.title else []), *lines]

    def _plot(self, panel: Panel, series: Sequence[str], width: int, height: int) -> list[Text]:
        """Return the marks between two axes, with their numbers and titles."""
        signs, inner = self.signs, height - 4
        at = {}
        for value, label in self.ticks(panel.y, max(2, inner * 2 // 5)):
            at[round((1 - float(_up(panel.y, np.array(value)))) * (inner - 1))] = label
        gutter = max(map(cell_len, at.values()), default=0)
        canvas = Canvas(width - gutter - 1, inner, self.unicode)
        self._marks(canvas, panel, series)
        found = [Text(self.cut(" ".join(filter(None, [panel.y.title, panel.title and f"({panel.title})"])), width))]
        for i, row in enumerate(canvas.rows()):
            side = signs.left if i in at else signs.side
            found.append(Text(right_aligned(at.get(i, ""), gutter) + side, GREY).append_text(row))
        return [*found, *self.below(panel.x, gutter, canvas.width)]

    def _marks(self, canvas: Canvas, panel: Panel, series: Sequence[str]) -> None:
        """Draw the marks of a panel; lines first, then the signs by which they are told apart, then points."""
        signs, order = self.signs, {name: i for i, name in enumerate(series)}
        in_crowd = any(isinstance(mark, Line) and mark.faint for mark in panel.marks)
        for mark in panel.marks:
            if isinstance(mark, Cells):
                self._cells(canvas, mark)
            elif isinstance(mark, Regions):
                self._regions(canvas, mark, order)
            elif isinstance(mark, Line):
                i = order.get(mark.name, 0)
                x, y = panel.x.share(mark.x), panel.y.share(mark.y)
                pen = signs.dash if mark.dashed else signs.unsure if mark.faint else self.marks[i % len(self.marks)]
                canvas.line(x, y, pen, GREY if mark.is_grey else colour_of(i), mark.dashed)
            elif isinstance(mark, Intervals):
                x, low, high = panel.x.share(mark.x), panel.y.share(mark.low), panel.y.share(mark.high)
                for ends in zip(x, low, high, strict=True):
                    canvas.line(np.repeat(ends[0], 2), np.array(ends[1:]), signs.side, colour_of(order[mark.name]))
        for mark in panel.marks:
            if isinstance(mark, Line) and not mark.is_grey and (len(order) > 1 or in_crowd):
                x, y, gap = panel.x.share(mark.x), panel.y.share(mark.y), IN_CROWD if in_crowd else GAP
                self._tags(canvas, x, y, order[mark.name], len(series), gap)
            elif isinstance(mark, Points):
                i = order.get(mark.name, 0)
                for a, b in zip(panel.x.share(mark.x).tolist(), _up(panel.y, mark.y).tolist(), strict=True):
                    canvas.put(a, b, self.marks[i % len(self.marks)], f"bold {colour_of(i)}")
        for mark in panel.marks:
            if isinstance(mark, Rule):
                across = float(panel.x.share(np.array(mark.x)))
                for up in np.linspace(0, 1, canvas.height).tolist():
                    if canvas.is_free(across, up):
                        canvas.put(across, up, signs.rule, GREY)

    def _tags(self, canvas: Canvas, x: Floats, y: Floats, i: int, n: int, gap: float) -> None:
        """Put the sign of a series on its line, every `gap` columns, each series at others."""
        known = np.isfinite(x) & np.isfinite(y)
        x, y = x[known], y[known]
        if not len(x):
            return
        length = np.concatenate([[0.0], np.hypot(np.diff(x) * canvas.width, np.diff(y) * canvas.height * 2).cumsum()])
        for at in np.arange(gap * (i + 0.5) / n, max(length[-1], gap), gap).tolist():
            a, b = (float(np.interp(at, length, one)) for one in (x, y))
            canvas.put(a, b, self.marks[i % len(self.marks)], f"bold {colour_of(i)}")

    def _regions(self, canvas: Canvas, mark: Regions, order: dict[str, int]) -> None:
        rows, columns = mark.series.shape
        for r in range(canvas.height):
            for c in range(canvas.width):
                at = (canvas.height - 1 - r) * rows // canvas.height, c * columns // canvas.width
                i = order[mark.names[int(mark.series[at])]]
                sure = mark.certainty[at] >= SURE
                sign = self.signs.ground[i % len(self.signs.ground)] if sure else self.signs.unsure
                if (r + c) % 2 == 0:
                    canvas.fill(r, c, sign, colour_of(i) if sure else GREY)

    def _cells(self, canvas: Canvas, mark: Cells) -> None:
        rows, columns = mark.values.shape
        for r in range(canvas.height):
            for c in range(canvas.width):
                value = mark.values[(canvas.height - 1 - r) * rows // canvas.height, c * columns // canvas.width]
                share = mark.strength(float(value))
                ramp = self.signs.down if value < 0 and mark.diverges else self.signs.up
                style = COLOURS[1] if value < 0 else COLOURS[0]
                canvas.fill(r, c, ramp[min(int(share * len(ramp)), len(ramp) - 1)], style)


def _up(axis: Axis, places: Floats) -> Floats:
    """Return how far up places of a y axis are, as shares; of categories, the first stands above."""
    share = axis.share(places)
    return 1 - share if axis.names else share


def _padded(text: Text, width: int) -> Text:
    text.append(" " * max(width - text.cell_len, 0))
    return text
