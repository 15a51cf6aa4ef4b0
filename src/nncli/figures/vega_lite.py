"""Draw a figure as SVG or PNG: its description becomes that of Vega-Lite."""

from __future__ import annotations

import dataclasses
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nncli.errors import OptionError
from nncli.figures.figure import Axis, Boxes, Figure, Line, Mark, Panel, Points, Regions
from nncli.figures.vega_marks import COLOURS, GREY, layers_of, safe
from nncli.system.output import told_apart

ENDINGS = (".svg", ".png", ".html")
STAR = "M0,-1L.22,-.31L.95,-.31L.36,.12L.59,.81L0,.38L-.59,.81L-.36,.12L-.95,-.31L-.22,-.31Z"
X = "M-.8,-.5L-.5,-.8L0,-.3L.5,-.8L.8,-.5L.3,0L.8,.5L.5,.8L0,.3L-.5,.8L-.8,.5L-.3,0Z"
TRIANGLES = tuple(f"triangle-{way}" for way in ("up", "down", "left", "right"))
SHAPES = ("circle", TRIANGLES[0], "square", "diamond", TRIANGLES[1], "cross", *TRIANGLES[2:], STAR, X)
DASHES: tuple[list[int], ...] = ([1, 0], [8, 3], [2, 2], [8, 3, 2, 3], [12, 4], [4, 2], [1, 3], [6, 6])
WIDTH, HEIGHT, IMAGE, BAR, CELL = 420, 300, 110, 20, 56  # pixels
LONGEST_NAME = 40  # characters on an axis
SHORT = 7  # characters of a name that stands upright below its column
PATH, LONG = re.compile(r'<path [^<>]*?d="[^"]*"'), re.compile(r"\d+\.\d{3,}(e-\d+)?")


def check_ending(file: str) -> None:
    """Raise OptionError for a file that is no picture by its name, or where the package that draws is not installed."""
    if Path(file).suffix.lower() not in ENDINGS:
        known = f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
        raise OptionError("out", f"expected a name that ends in {known}, found '{file}'")
    check_can_draw("to draw a file")


def check_can_draw(what: str) -> None:
    """Raise OptionError where the package that draws is not installed."""
    if find_spec("vl_convert") is None:
        how = "Install it with: pip install 'nncli[plots]'"
        raise OptionError("out", f"{what} needs vl-convert-python", how)


def drawn(figure: Figure, ending: str) -> bytes:
    """Return the bytes of a picture file, .svg or .png."""
    import vl_convert

    spec = specification(figure)
    if ending == ".png":
        png: bytes = vl_convert.vegalite_to_png(spec, scale=2, allowed_base_urls=[])
        return png
    return _svg(spec).encode()


def _svg(spec: dict[str, Any]) -> str:
    """Return an SVG image, in which places are told to a hundredth of a pixel."""
    import vl_convert

    drawing: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    return PATH.sub(lambda path: LONG.sub(lambda number: f"{float(number[0]):.2f}", path[0]), drawing)


def specification(figure: Figure, longest: int = LONGEST_NAME) -> dict[str, Any]:
    """Return a figure as Vega-Lite describes it, with names on axes of up to `longest` characters, so that they can be
    told apart. Names are values, and never formulas or paths."""
    images = all(panel.bare for panel in figure.panels)
    told = _told_apart(figure)
    panels = [_panel(_with_short_names(panel, longest), told) for panel in figure.panels]
    if len(panels) == 1 and panels[0]["width"] == IMAGE:  # an image that stands alone
        panels[0] |= {"width": 2 * IMAGE, "height": 2 * IMAGE}
    title = {"text": safe(figure.title), "subtitle": [*map(safe, figure.notes)], "anchor": "start"}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "title": {**title, "subtitleColor": "#444444"},
        "background": "white",
        # descriptions for screen readers are formulas, in which a name would not be safe
        "config": {
            "aria": False,
            "view": {"stroke": None if images else "#dddddd"},
            "axis": {"gridColor": "#eeeeee", "labelLimit": 0},
        },
        **(
            panels[0]
            if len(panels) == 1 and not figure.panels[0].title
            else {"concat": panels, "columns": 6 if images else 2}
        ),
    }


def _told_apart(figure: Figure) -> dict[str, dict[str, Any]]:
    """Return the channels by which the series are told apart; lines to compare with are grey and dashed. The legend of
    a figure with points shows a line as a short stroke."""
    greys = {mark.name: mark for mark in figure.marks if isinstance(mark, Line) and mark.is_grey}
    names, n = [*figure.series, *greys], len(figure.series)
    dots = {name for mark in figure.marks for name in _names_of_dots(mark)}
    shapes = [SHAPES[i % len(SHAPES)] if name in dots else "stroke" for i, name in enumerate(figure.series)]
    ranges: dict[str, Any] = {"color": COLOURS, "strokeDash": DASHES, "shape": shapes}
    grey: dict[str, list[Any]] = {
        "color": [GREY] * len(greys),
        "strokeDash": [[4, 4] if mark.dashed else [1, 0] for mark in greys.values()],
        "shape": ["stroke"] * len(greys),
    }
    return {
        channel: {
            "field": "series",
            "type": "nominal",
            "title": None,
            "scale": {
                "domain": [*map(safe, names)],
                "range": [*(values[i % len(values)] for i in range(n)), *grey[channel]],
            },
        }
        for channel, values in ranges.items()
    }


def _names_of_dots(mark: Mark) -> tuple[str, ...]:
    match mark:
        case Points(name=name):
            return (name,)
        case Regions(names=names):
            return tuple(names)
    return ()


def _with_short_names(panel: Panel, longest: int) -> Panel:
    x, y = (
        dataclasses.replace(axis, names=tuple(told_apart([*map(safe, axis.names)], longest)))
        for axis in (panel.x, panel.y)
    )
    return dataclasses.replace(panel, x=x, y=y)


def _panel(panel: Panel, told: dict[str, dict[str, Any]]) -> dict[str, Any]:
    x, y = (_channel(axis, panel.bare) for axis in (panel.x, panel.y))
    y = {**y, "axis": y.get("axis", {"titleAngle": -90})}
    if panel.x.names and not panel.bare:
        x = {**x, "axis": {"labelAngle": 0 if max(map(len, panel.x.names)) <= SHORT else -40}}
    width: float = IMAGE if panel.bare else max(WIDTH / 2, CELL * len(panel.x.names)) if panel.x.names else WIDTH
    height: float = IMAGE if panel.bare else max(60, BAR * len(panel.y.names)) if panel.y.names else HEIGHT
    for boxes in (mark for mark in panel.marks if isinstance(mark, Boxes)):
        width, height = (
            size * (axis.high - axis.low) for size, axis in zip(boxes.unit, (panel.x, panel.y), strict=True)
        )
    return {
        **({"title": {"text": safe(panel.title), "fontSize": 11}} if panel.title else {}),
        "width": width,
        "height": height,
        "layer": [layer for mark in panel.marks for layer in layers_of(mark, panel, x, y, told)],
    }


def _channel(axis: Axis, bare: bool) -> dict[str, Any]:
    """Describe how the places of an axis are shown."""
    shown: dict[str, Any] = {"axis": None} if bare else {"title": safe(axis.title)}
    if axis.names:
        names = [*map(safe, axis.names)]
        return {**shown, "type": "ordinal", "scale": {"domain": names}}
    return {**shown, "type": "quantitative", "scale": {"domain": [axis.low, axis.high], "zero": False, "nice": False}}
