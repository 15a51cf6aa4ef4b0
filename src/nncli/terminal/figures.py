"""Print a figure in characters: readable without colour, and in ASCII where the encoding has no more."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from nncli.errors import OutputError
from nncli.figures.figure import Bars, Cells, Figure, Floats, Intervals, Line, Panel, Points, Regions, Rule
from nncli.system.output import one_line
from nncli.terminal.canvas import Canvas
from nncli.terminal.signs import ASCII, UNICODE
from nncli.terminal.tables import new_console

NARROWEST, BESIDE, IMAGE = 40, 38, 19  # columns of a terminal, of a panel beside another, and of an image
LOWEST, HIGHEST, USUAL = 6, 30, 24  # rows of a panel, and of what is no terminal
MOST_NAME = 24  # characters of a category on the left
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#888888", "#B5A400", "#AA4499", "#44AA99")
SHADES = ("on #08306b", "on #2171b5", "on #6baed6", "on #c6dbef")  # from much to little
GREY = "bright_black"
SURE = 0.5  # certainty from which a region shows what is predicted


def print_figure(figure: Figure, console: Console | None = None) -> None:
    """Print a figure as wide as the terminal; OutputError where that is too narrow."""
    console = console or new_console()
    if console.width < NARROWEST:
        problem = f"expected {NARROWEST} columns or more for a picture, found {console.width}"
        raise OutputError("terminal", problem, "Make it wider, or write a file, as with -o picture.svg")
    lines = _Drawer(console, console.height if console.is_terminal else USUAL).lines(figure)
    with console.capture() as capture:
        for line in lines:
            line.rstrip()
            console.print(line, highlight=False, soft_wrap=True)
    print(capture.get(), end="", file=console.file)


class _Drawer:
    """Turns figures into lines of a width."""

    def __init__(self, console: Console, rows: int) -> None:
        self.console, self.width, self.rows = console, console.width - 1, rows
        self.unicode = not console.options.ascii_only
        self.signs = UNICODE if self.unicode else ASCII
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

    def _key(self, figure: Figure) -> list[Text]:
        """Return lines that say what each mark means."""
        signs, entries = self.signs, dict[str, Text]()
        regions = any(isinstance(mark, Regions) for mark in figure.marks)
        for i, name in enumerate(figure.series):
            ground = signs.ground[i % len(signs.ground)] if regions else ""
            sign, said = self.marks[i % len(self.marks)], self.cut(name, 2 * MOST_NAME)
            entries[f"s{name}"] = Text(sign + ground, _colour(i)).append("" if said == sign else f" {said}", "default")
        for mark in figure.marks:
            if isinstance(mark, Line) and mark.dashed and mark.name:
                entries[f"d{mark.name}"] = Text(f"{signs.dash * 2} {self.safe(mark.name)}", GREY)
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
            return self._titled(panel, self._bars(panel, first, width))
        if isinstance(first, Cells) and first.texts:
            return self._titled(panel, self._matrix(panel, first, width))
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
        for value, label in panel.y.ticks(max(2, inner * 2 // 5)):
            at[round((1 - float(panel.y.share(np.array(value)))) * (inner - 1))] = label
        gutter = max(map(len, at.values()), default=0)
        canvas = Canvas(width - gutter - 1, inner, self.unicode)
        self._marks(canvas, panel, series)
        found = [Text(self.cut(" ".join(filter(None, [panel.y.title, panel.title and f"({panel.title})"])), width))]
        for i, row in enumerate(canvas.rows()):
            side = signs.left if i in at else signs.side
            found.append(Text(f"{at.get(i, ''):>{gutter}}{side}", GREY).append_text(row))
        base, below = [signs.bottom] * canvas.width, [" "] * (width + 1)
        for value, label in panel.x.ticks(max(2, canvas.width // 12)):
            place = round(float(panel.x.share(np.array(value))) * (canvas.width - 1))
            base[place] = signs.tick
            start = min(max(gutter + 1 + place - len(label) // 2, 0), width - len(label))
            if "".join(below[max(start - 1, 0) : start + len(label) + 1]).isspace():
                below[start : start + len(label)] = label
        title = self.cut(panel.x.title, canvas.width)
        found.append(Text(f"{'':>{gutter}}{signs.corner}{''.join(base)}", GREY))
        found.append(Text("".join(below).rstrip(), GREY))
        found.append(Text(" " * (gutter + 1 + (canvas.width - cell_len(title)) // 2) + title))
        return found

    def _marks(self, canvas: Canvas, panel: Panel, series: Sequence[str]) -> None:
        """Draw the marks of a panel; lines first, then the signs by which they are told apart, then points."""
        signs, order = self.signs, {name: i for i, name in enumerate(series)}
        for mark in panel.marks:
            if isinstance(mark, Cells):
                self._cells(canvas, mark)
            elif isinstance(mark, Regions):
                self._regions(canvas, mark, order)
            elif isinstance(mark, Line):
                i = order.get(mark.name, 0)
                x, y = panel.x.share(mark.x), panel.y.share(mark.y)
                pen = signs.dash if mark.dashed else self.marks[i % len(self.marks)]
                canvas.line(x, y, pen, GREY if mark.dashed else _colour(i), mark.dashed)
            elif isinstance(mark, Intervals):
                x, low, high = panel.x.share(mark.x), panel.y.share(mark.low), panel.y.share(mark.high)
                for ends in zip(x, low, high, strict=True):
                    canvas.line(np.repeat(ends[0], 2), np.array(ends[1:]), signs.side, _colour(order[mark.name]))
        for mark in panel.marks:
            if isinstance(mark, Line) and not mark.dashed and len(series) > 1:
                self._tags(canvas, panel.x.share(mark.x), panel.y.share(mark.y), order[mark.name], len(series))
            elif isinstance(mark, Points):
                i = order.get(mark.name, 0)
                for a, b in zip(panel.x.share(mark.x).tolist(), panel.y.share(mark.y).tolist(), strict=True):
                    canvas.put(a, b, self.marks[i % len(self.marks)], f"bold {_colour(i)}")
        for mark in panel.marks:
            if isinstance(mark, Rule):
                across = float(panel.x.share(np.array(mark.x)))
                for up in np.linspace(0, 1, canvas.height).tolist():
                    if canvas.is_free(across, up):
                        canvas.put(across, up, signs.rule, GREY)

    def _tags(self, canvas: Canvas, x: Floats, y: Floats, i: int, n: int) -> None:
        """Put the sign of a series on its line, every twelve columns, each series at others."""
        known = np.isfinite(x) & np.isfinite(y)
        x, y = x[known], y[known]
        if not len(x):
            return
        length = np.concatenate([[0.0], np.hypot(np.diff(x) * canvas.width, np.diff(y) * canvas.height * 2).cumsum()])
        gap = 12.0
        for at in np.arange(gap * (i + 0.5) / n, max(length[-1], gap), gap).tolist():
            a, b = (float(np.interp(at, length, one)) for one in (x, y))
            canvas.put(a, b, self.marks[i % len(self.marks)], f"bold {_colour(i)}")

    def _regions(self, canvas: Canvas, mark: Regions, order: dict[str, int]) -> None:
        rows, columns = mark.series.shape
        for r in range(canvas.height):
            for c in range(canvas.width):
                at = (canvas.height - 1 - r) * rows // canvas.height, c * columns // canvas.width
                i = order[mark.names[int(mark.series[at])]]
                sure = mark.certainty[at] >= SURE
                sign = self.signs.ground[i % len(self.signs.ground)] if sure else self.signs.unsure
                if (r + c) % 2 == 0:
                    canvas.fill(r, c, sign, _colour(i) if sure else GREY)

    def _cells(self, canvas: Canvas, mark: Cells) -> None:
        rows, columns = mark.values.shape
        for r in range(canvas.height):
            for c in range(canvas.width):
                value = mark.values[(canvas.height - 1 - r) * rows // canvas.height, c * columns // canvas.width]
                share = min(abs(float(value)) / mark.high, 1) if mark.diverges else _share(mark, float(value))
                ramp = self.signs.down if value < 0 and mark.diverges else self.signs.up
                style = COLOURS[1] if value < 0 else COLOURS[0]
                canvas.fill(r, c, ramp[min(int(share * len(ramp)), len(ramp) - 1)], style)

    def _matrix(self, panel: Panel, mark: Cells, width: int) -> list[Text]:
        """Return a row of texts for each category of the y axis, and a column for each of the x axis."""
        left = min(max(map(cell_len, map(self.safe, panel.y.names))), MOST_NAME, width // 3)
        longest = max(len(text) for row in mark.texts for text in row)
        names, room = panel.x.names, width - left - 1
        each = max(min(max(longest, *map(cell_len, map(self.safe, names))) + 2, 13, room // len(names) - 1), longest, 2)
        shown = max(min(len(names), room // (each + 1)), 1)
        lines = [Text(self.cut(" \\ ".join(filter(None, [panel.y.title, panel.x.title])), width), GREY)]
        heads = [_right(self.cut(name, each), each) for name in names[:shown]]
        lines.append(Text(" ".join([" " * left, *heads])))
        for name, row, values in zip(panel.y.names, mark.texts, mark.values.tolist(), strict=True):
            line = Text(_right(self.cut(name, left), left) + " ")
            for text, value in itertools.islice(zip(row, values, strict=True), shown):
                line.append(_right(self.safe(text), each) + " ", _shade(mark, value))
            lines.append(line)
        if shown < len(names):
            lines.append(Text(f"{len(names) - shown:,} more columns: make the terminal wider", GREY))
        return lines

    def _bars(self, panel: Panel, mark: Bars, width: int) -> list[Text]:
        """Return a bar for each category, with its value behind it; those below 0 go to the left."""
        values = mark.values.tolist()
        left = min(max(map(cell_len, map(self.safe, panel.y.names))), MOST_NAME)
        numbers = [f"{value:.3g}" for value in values]
        room = max(width - left - 3 - max(map(len, numbers)), 4)
        low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
        zero = round(-low / ((high - low) or 1) * room)
        lines = []
        for name, value, number in zip(panel.y.names, values, numbers, strict=True):
            size = abs(value) / ((high - low) or 1) * room
            bar = self._bar(size, room)
            before = zero - len(bar) if value < 0 else zero
            text = Text(_right(self.cut(name, left), left) + " " + self.signs.side + " " * max(before, 0))
            text.append(bar, COLOURS[1] if value < 0 else COLOURS[0])
            lines.append(text.append(f" {number}"))
        return [*lines, Text(" " * (left + 2) + self.cut(panel.x.title, width - left - 2))]

    def _bar(self, size: float, most: int) -> str:
        whole = min(int(size), most)
        eighths = self.signs.ends[: int((size - whole) * 8)][-1:] if whole < most else ""
        return self.signs.bar * whole + eighths


def _colour(i: int) -> str:
    return COLOURS[i % len(COLOURS)]


def _share(mark: Cells, value: float) -> float:
    return (value - mark.low) / ((mark.high - mark.low) or 1)


def _shade(mark: Cells, value: float) -> str:
    """Return the style of a cell: the darker, the nearer to an end of the scale."""
    share = abs(value) / mark.high if mark.diverges else _share(mark, value)
    if share < 0.05:
        return ""
    if mark.diverges and value < 0:
        return f"black on {('#7f3b08', '#e08214', '#fdb863', '#fee0b6')[_step(share)]}"
    return f"{'white' if share > 0.5 else 'black'} {SHADES[_step(share)]}"


def _step(share: float) -> int:
    return 3 - min(int(share * 4), 3)


def _right(text: str, width: int) -> str:
    return " " * max(width - cell_len(text), 0) + text


def _padded(text: Text, width: int) -> Text:
    text.append(" " * max(width - text.cell_len, 0))
    return text
