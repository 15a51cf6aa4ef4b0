"""Describe figures as plain data: panels, each with two axes and marks on them, the same for every drawer.

Drawers turn places on an axis into places on a screen, and work out nothing else.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """A scale of places from `low` to `high`; with `names`, of categories, the i-th at the place i."""

    title: str
    low: float = 0.0
    high: float = 1.0
    names: tuple[str, ...] = ()

    @classmethod
    def of_names(cls, title: str, names: Sequence[str]) -> Axis:
        """Return an axis of categories, with room for half a step before the first and behind the last."""
        return cls(title, -0.5, len(names) - 0.5, tuple(names))

    @classmethod
    def around(cls, title: str, *values: Floats, room: float = 0.05, is_amount: bool = True) -> Axis:
        """Return an axis for all finite values, with room at both ends as a share of their range. One of amounts does
        not go below a least value of 0."""
        together = np.concatenate([np.ravel(some) for some in values])
        together = together[np.isfinite(together)]
        low, high = (float(together.min()), float(together.max())) if len(together) else (0.0, 1.0)
        more = room * (high - low) or 0.5 * abs(low) or 0.5
        return cls(title, low if low == 0 and is_amount else low - more, high + more)

    def share(self, values: Floats) -> Floats:
        """Return how far along the axis values lie: 0 at `low`, 1 at `high`."""
        return (values - self.low) / (self.high - self.low)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Return at most so many round numbers on the axis, and how they are written; or all categories."""
        if self.names:
            return [(float(place), name) for place, name in enumerate(self.names)]
        span = self.high - self.low
        step = 10.0 ** math.floor(math.log10(span / max(most, 1)))
        first, steps = next(
            (math.ceil(self.low / size - 1e-9), size)
            for size in (step * factor for factor in (1, 2, 5, 10, 20, 50, 100))
            if math.floor(self.high / size + 1e-9) - math.ceil(self.low / size - 1e-9) < max(most, 1)
        )
        last = math.floor(self.high / steps + 1e-9)
        return [(k * steps, f"{k * steps:.10g}") for k in range(first, last + 1)]


@dataclass(frozen=True)
class Line:
    """A line through points in their order, interrupted by NaN; a dashed one is there to compare with, and a faint one
    is many, of which none matters by itself."""

    x: Floats
    y: Floats
    name: str = ""
    dashed: bool = False
    faint: bool = False

    @property
    def is_grey(self) -> bool:
        """Tell whether it has no colour and no sign of its own."""
        return self.dashed or self.faint


@dataclass(frozen=True)
class Points:
    """A mark at each point."""

    x: Floats
    y: Floats
    name: str = ""


@dataclass(frozen=True)
class Intervals:
    """A line up from `low` to `high` at each x: how sure the point between them is."""

    x: Floats
    low: Floats
    high: Floats
    name: str = ""


@dataclass(frozen=True)
class Rule:
    """A line across the panel at a place of the x axis."""

    x: float
    name: str


@dataclass(frozen=True)
class Bars:
    """A bar for each category of the y axis, from 0 to its value on the x axis."""

    values: Floats


@dataclass(frozen=True)
class Estimates:
    """A point on the x axis for each category of the y axis, with a line from `low` to `high`; NaN: there is none."""

    values: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Cells:
    """A matrix (rows, columns) of shades from `low` to `high`, spread over both axes: the first row is at the first
    category, or at the low end. A scale that begins below 0 has two colours, and no shade at 0. A cell may have a
    text."""

    values: Floats
    low: float
    high: float
    texts: tuple[tuple[str, ...], ...] = ()

    @property
    def diverges(self) -> bool:
        """Tell whether the sign of a value counts."""
        return self.low < 0

    def strength(self, value: float) -> float:
        """Return how dark the shade of a value is, from 0 to 1."""
        if self.diverges:
            return min(value / self.low if value < 0 else value / (self.high or 1), 1.0)
        return (value - self.low) / ((self.high - self.low) or 1)


@dataclass(frozen=True)
class Regions:
    """A plane shaded by what is predicted there: the position of a series, and its probability or another certainty
    from 0 to 1, (rows, columns) each, the first row at the low end."""

    series: NDArray[np.int64]
    certainty: Floats
    names: tuple[str, ...]


@dataclass(frozen=True)
class Boxes:
    """A box at each place, with lines of text. From one place to the next is one unit, of so many pixels to the right
    and down; a box reaches half its size from its place, in units."""

    x: Floats
    y: Floats
    lines: tuple[tuple[str, ...], ...]
    unit: tuple[int, int]
    half: tuple[float, float]


@dataclass(frozen=True)
class Arrows:
    """Arrows from box to box: the places that each passes, its text, the place of that, and how far its head is turned
    from right to down, in degrees of the picture."""

    paths: tuple[tuple[tuple[float, float], ...], ...]
    texts: tuple[str, ...]
    text_places: tuple[tuple[float, float], ...]
    angles: tuple[float, ...]


Mark = Line | Points | Intervals | Rule | Bars | Estimates | Cells | Regions | Boxes | Arrows


@dataclass(frozen=True)
class Panel:
    """Marks on two axes. A `bare` panel is an image, whose axes say nothing."""

    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    title: str = ""
    bare: bool = False


@dataclass(frozen=True)
class Figure:
    """Panels under one title, with sentences that say what a reader should know."""

    title: str
    panels: tuple[Panel, ...]
    notes: tuple[str, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """Return the names of what is told apart by colour and shape, in order."""
        found: dict[str, None] = {}  # an ordered set
        for mark in self.marks:
            if isinstance(mark, Regions):
                found.update(dict.fromkeys(mark.names))
            elif isinstance(mark, Points) or (isinstance(mark, Line) and not mark.is_grey):
                found[mark.name] = None
        return tuple(found)

    @property
    def marks(self) -> Iterator[Mark]:
        """Return the marks of all panels."""
        return (mark for panel in self.panels for mark in panel.marks)

    def to_json(self) -> dict[str, Any]:
        """Return what `plot --json` prints: null where a number is none."""
        panels = [
            dataclasses.asdict(panel)
            | {"marks": [{"mark": type(mark).__name__.lower(), **vars(mark)} for mark in panel.marks]}
            for panel in self.panels
        ]
        found: dict[str, Any] = _plain({"title": self.title, "panels": panels, "notes": self.notes})
        return found


def _plain(value: Any) -> Any:
    """Return what JSON can hold of lists, arrays and numbers."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
