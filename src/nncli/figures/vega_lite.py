"""Draw a figure as SVG, PNG or a page that opens without network: its description becomes that of Vega-Lite."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from nncli.errors import OptionError
from nncli.figures.figure import (
    Arrows,
    Axis,
    Bars,
    Boxes,
    Cells,
    Estimates,
    Figure,
    Intervals,
    Line,
    Mark,
    Panel,
    Points,
    Regions,
    Rule,
)
from nncli.system.output import one_line, told_apart

ENDINGS = (".svg", ".png", ".html")
# the colours of Okabe and Ito, then two of Tol
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999", "#882255", "#44AA99")
STAR = "M0,-1L.22,-.31L.95,-.31L.36,.12L.59,.81L0,.38L-.59,.81L-.36,.12L-.95,-.31L-.22,-.31Z"
X = "M-.8,-.5L-.5,-.8L0,-.3L.5,-.8L.8,-.5L.3,0L.8,.5L.5,.8L0,.3L-.5,.8L-.8,.5L-.3,0Z"
TRIANGLES = tuple(f"triangle-{way}" for way in ("up", "down", "left", "right"))
SHAPES = ("circle", TRIANGLES[0], "square", "diamond", TRIANGLES[1], "cross", *TRIANGLES[2:], STAR, X)
DASHES: tuple[list[int], ...] = ([1, 0], [8, 3], [2, 2], [8, 3, 2, 3], [12, 4], [4, 2], [1, 3], [6, 6])
WIDTH, HEIGHT, IMAGE, BAR, CELL = 420, 300, 110, 20, 56  # pixels
LONGEST_NAME = 40  # characters on an axis
SHADES, DARKEST = 10, 0.4  # of a class, from a guess to certainty
SHORT = 7  # characters of a name that stands upright below its column
GREY = "#767676"
PATH, LONG = re.compile(r'<path [^<>]*?d="[^"]*"'), re.compile(r"\d+\.\d{3,}(e-\d+)?")

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body {{ margin: 1rem; background: white }} svg {{ max-width: 100%; height: auto }}</style>
</head>
<body>
<div id="figure">{svg}</div>
<script>{vega}</script>
<script>vegaEmbed("#figure", {spec}, {{renderer: "svg", actions: false}})</script>
</body>
</html>
"""


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
    """Return the bytes of a file with such an ending."""
    import vl_convert

    spec = specification(figure)
    if ending == ".png":
        png: bytes = vl_convert.vegalite_to_png(spec, scale=2, allowed_base_urls=[])
        return png
    if ending == ".svg":
        return _svg(spec).encode()
    return _page(_safe(figure.title), _svg(spec), spec).encode()


def _svg(spec: dict[str, Any]) -> str:
    """Return an SVG image, in which places are told to a hundredth of a pixel."""
    import vl_convert

    drawing: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    return PATH.sub(lambda path: LONG.sub(lambda number: f"{float(number[0]):.2f}", path[0]), drawing)


def _page(title: str, svg: str, spec: dict[str, Any]) -> str:
    """Return a page with the picture, which a browser with JavaScript makes one that answers to the pointer."""
    import vl_convert

    text = json.dumps(spec).replace("<", "\\u003c")  # a name ends no script
    return PAGE.format(
        title=html.escape(title), svg=svg, spec=text, vega=vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    )


def specification(figure: Figure, longest: int = LONGEST_NAME) -> dict[str, Any]:
    """Return a figure as Vega-Lite describes it, with names on axes of up to `longest` characters, so that they can be
    told apart. Names are values, and never formulas or paths."""
    images = all(panel.bare for panel in figure.panels)
    told = _told_apart(figure)
    panels = [_panel(_with_short_names(panel, longest), told) for panel in figure.panels]
    if len(panels) == 1 and panels[0]["width"] == IMAGE:  # an image that stands alone
        panels[0] |= {"width": 2 * IMAGE, "height": 2 * IMAGE}
    title = {"text": _safe(figure.title), "subtitle": [*map(_safe, figure.notes)], "anchor": "start"}
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
    """Return the channels by which the series are told apart; lines to compare with are grey and dashed."""
    greys = {mark.name: mark for mark in figure.marks if isinstance(mark, Line) and mark.is_grey}
    names, n = [*figure.series, *greys], len(figure.series)
    ranges: dict[str, Any] = {"color": COLOURS, "strokeDash": DASHES, "shape": SHAPES}
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
                "domain": [*map(_safe, names)],
                "range": [*(values[i % len(values)] for i in range(n)), *grey[channel]],
            },
        }
        for channel, values in ranges.items()
    }


def _with_short_names(panel: Panel, longest: int) -> Panel:
    x, y = (
        dataclasses.replace(axis, names=tuple(told_apart([*map(_safe, axis.names)], longest)))
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
        **({"title": {"text": _safe(panel.title), "fontSize": 11}} if panel.title else {}),
        "width": width,
        "height": height,
        "layer": [layer for mark in panel.marks for layer in _layers(mark, panel, x, y, told)],
    }


def _channel(axis: Axis, bare: bool) -> dict[str, Any]:
    """Describe how the places of an axis are shown."""
    shown: dict[str, Any] = {"axis": None} if bare else {"title": _safe(axis.title)}
    if axis.names:
        names = [*map(_safe, axis.names)]
        return {**shown, "type": "ordinal", "scale": {"domain": names}}
    return {**shown, "type": "quantitative", "scale": {"domain": [axis.low, axis.high], "zero": False, "nice": False}}


def _layers(
    mark: Mark, panel: Panel, x: dict[str, Any], y: dict[str, Any], told: dict[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    colour = told["color"]
    match mark:
        case Line(xs, ys, name):
            values = [
                {"x": _at(panel.x, a), "y": b if b == b else None, "order": i, "series": _safe(name)}
                for i, (a, b) in enumerate(zip(xs.tolist(), ys.tolist(), strict=True))
            ]
            own: dict[str, Any] = {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}, "order": {"field": "order"}}
            own |= {"color": colour, "strokeDash": told["strokeDash"]}
            how: dict[str, Any] = (
                {"strokeWidth": 0.7, "opacity": 0.5} if mark.faint else {"tooltip": {"content": "data"}}
            )
            return [_layer(values, {"type": "line", "clip": True, **how}, own)]
        case Points(xs, ys, name):
            pairs = zip(xs.tolist(), ys.tolist(), strict=True)
            values = [{"x": _at(panel.x, a), "y": _at(panel.y, b), "series": _safe(name)} for a, b in pairs]
            how = {"type": "point", "filled": True, "size": 48, "stroke": "white", "strokeWidth": 0.6, "opacity": 0.9}
            own = {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}, "color": colour, "shape": told["shape"]}
            return [_layer(values, {**how, "tooltip": {"content": "data"}}, own)]
        case Intervals(xs, low, high, name):
            ends = zip(xs.tolist(), low.tolist(), high.tolist(), strict=True)
            values = [{"x": a, "y": b, "y2": c, "series": _safe(name)} for a, b, c in ends]
            own = {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}, "y2": {"field": "y2"}, "color": colour}
            return [_layer(values, {"type": "rule", "opacity": 0.6, "tooltip": {"content": "data"}}, own)]
        case Rule(at, name):
            place, values = {"x": {**x, "field": "x"}}, [{"x": at, "name": _safe(name)}]
            align = "right" if at > (panel.x.low + panel.x.high) / 2 else "left"
            text = {"type": "text", "align": align, "baseline": "bottom", "dy": -2, "color": "#444444"}
            said = {**place, "y": {"value": 0}, "text": {"field": "name"}}
            line = {"type": "rule", "strokeDash": [2, 3], "color": GREY}
            return [_layer(values, line, place), _layer(values, text, said)]
        case Bars(sizes):
            values = [{"x": v, "y": _safe(n)} for v, n in zip(sizes.tolist(), panel.y.names, strict=True)]
            own = {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}}
            return [_layer(values, {"type": "bar", "color": COLOURS[0], "tooltip": {"content": "data"}}, own)]
        case Estimates(estimates, low, high):
            together = zip(estimates.tolist(), low.tolist(), high.tolist(), panel.y.names, strict=True)
            values = [{"x": v, "low": a, "high": b, "y": _safe(name)} for v, a, b, name in together]
            known = [value for value in values if value["low"] == value["low"]]
            own = {"y": {**y, "field": "y"}}
            zero = {"type": "rule", "color": GREY, "strokeDash": [2, 3]}
            whole = {**own, "x": {**x, "field": "low"}, "x2": {"field": "high"}}
            point = {"type": "point", "filled": True, "size": 60, "opacity": 1, "color": COLOURS[0]}
            at_zero = [_layer([{"x": 0}], zero, {"x": {**x, "field": "x"}})] if panel.x.low <= 0 <= panel.x.high else []
            return [
                *at_zero,
                _layer(known, {"type": "rule", "color": COLOURS[0], "tooltip": {"content": "data"}}, whole),
                _layer(values, {**point, "tooltip": {"content": "data"}}, {**own, "x": {**x, "field": "x"}}),
            ]
        case Cells():
            return _cells(mark, panel, x, y)
        case Boxes():
            return _boxes(mark, x, y)
        case Arrows():
            return _arrows(mark, x, y)
        case Regions():
            return _regions(mark, panel, x, y, colour)
    raise AssertionError(mark)


def _regions(
    mark: Regions, panel: Panel, x: dict[str, Any], y: dict[str, Any], colour: dict[str, Any]
) -> list[dict[str, Any]]:
    """Describe the colours of a plane. Neighbours of the same shade are one box, or the picture would be ten times
    as large."""
    shades = np.round(np.round(mark.certainty * SHADES) * DARKEST / SHADES, 3).tolist()
    boxes = list[dict[str, Any]]()
    for i, j, place in _places(mark.series.shape, panel):
        shade = {"series": _safe(mark.names[int(mark.series[i, j])]), "shade": shades[i][j]}
        if j and shade.items() <= boxes[-1].items():
            boxes[-1]["x2"] = place["x2"]
        else:
            boxes.append({**place, **shade})
    values, last = list[dict[str, Any]](), dict[tuple[Any, ...], dict[str, Any]]()
    for box in boxes:  # row by row
        below = last.get(sides := (box["x"], box["x2"], box["series"], box["shade"]))
        if below is not None and below["y2"] == box["y"]:
            below["y2"] = box["y2"]
        else:
            last[sides] = box
            values.append(box)
    certain = {"field": "shade", "type": "quantitative", "legend": None, "scale": None}
    own = {"x": {**x, "field": "x"}, "x2": {"field": "x2"}, "y": {**y, "field": "y"}, "y2": {"field": "y2"}}
    return [_layer(values, {"type": "rect"}, {**own, "color": colour, "opacity": certain})]


def _cells(mark: Cells, panel: Panel, x: dict[str, Any], y: dict[str, Any]) -> list[dict[str, Any]]:
    colours = ["#B35806", "#f7f7f7", "#08519c"] if mark.diverges else ["#f7fbff", "#08306b"]
    domain = [mark.low, 0, mark.high] if mark.diverges else [mark.low, mark.high]
    scale = {"domain": domain, "range": colours}
    colour = {"field": "value", "type": "quantitative", "scale": scale, "legend": None}
    values = [{**place, "value": float(mark.values[i, j])} for i, j, place in _places(mark.values.shape, panel)]
    own = {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}}
    if not (panel.x.names or panel.y.names):
        own |= {"x2": {"field": "x2"}, "y2": {"field": "y2"}}
    rect = _layer(values, {"type": "rect", "tooltip": {"content": "data"}}, {**own, "color": colour})
    if not mark.texts:
        return [rect]
    texts = [text for row in mark.texts for text in row]
    for value, text in zip(values, texts, strict=True):
        value["text"] = _safe(text)
    ends = f"datum.value > {0.6 * mark.high}"
    if mark.diverges:  # as dark, in the eleven steps that a page has of two colours
        ends = f"datum.value > {7 / 11 * mark.high} || datum.value < {7 / 11 * mark.low}"
    ink = {"condition": {"test": ends, "value": "white"}, "value": "#222222"}
    return [rect, _layer(values, {"type": "text", "fontSize": 11}, {**own, "text": {"field": "text"}, "color": ink})]


def _boxes(mark: Boxes, x: dict[str, Any], y: dict[str, Any]) -> list[dict[str, Any]]:
    """Describe boxes, and their lines of text: the first in bold, the last in the colour of what comes back."""
    w, h = mark.half
    values = [
        {"x": a, "y": b, "x1": a - w, "x2": a + w, "y1": b - h, "y2": b + h}
        | {f"t{k}": _safe(text) for k, text in enumerate(texts)}
        for a, b, texts in zip(mark.x.tolist(), mark.y.tolist(), mark.lines, strict=True)
    ]
    ends = {"x": {**x, "field": "x1"}, "x2": {"field": "x2"}, "y": {**y, "field": "y1"}, "y2": {"field": "y2"}}
    box = {"type": "rect", "fill": "white", "stroke": GREY, "cornerRadius": 4}
    at, found = {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}}, [_layer(values, box, ends)]
    n = len(mark.lines[0])
    for k in range(n):
        weight, ink = "bold" if k == 0 else "normal", COLOURS[1] if k == n - 1 else "#222222"
        text = {"type": "text", "fontSize": 11, "fontWeight": weight, "color": ink, "dy": 13 * (k - (n - 1) / 2)}
        found.append(_layer(values, text, {**at, "text": {"field": f"t{k}"}}))
    return found


def _arrows(mark: Arrows, x: dict[str, Any], y: dict[str, Any]) -> list[dict[str, Any]]:
    """Describe arrows: their lines, their heads in the direction in which they end, and their texts."""
    lines: list[dict[str, Any]] = []
    ends: list[dict[str, Any]] = []
    for k, (path, said, (u, v)) in enumerate(zip(mark.paths, mark.texts, mark.text_places, strict=True)):
        lines += [{"x": place, "y": height, "order": i, "arrow": k} for i, (place, height) in enumerate(path)]
        c, d = path[-1]
        ends.append({"x": c, "y": d, "angle": mark.angles[k], "text": _safe(said), "tx": u, "ty": v})
    at = {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}}
    halfway = {"x": {**x, "field": "tx"}, "y": {**y, "field": "ty"}, "text": {"field": "text"}}
    turned = {"angle": {"field": "angle", "type": "quantitative", "scale": None}}
    head = {"type": "point", "shape": "M0,0L-8,-3.5L-8,3.5Z", "size": 2.5, "filled": True, "color": GREY, "opacity": 1}
    text = {"type": "text", "fontSize": 10, "color": "#444444"}
    order = {"order": {"field": "order"}, "detail": {"field": "arrow"}}
    return [
        _layer(lines, {"type": "line", "color": GREY, "strokeWidth": 1}, {**at, **order}),
        _layer(ends, head, {**at, **turned}),
        _layer(ends, {**text, "stroke": "white", "strokeWidth": 4}, halfway),  # so that it can be read on a line
        _layer(ends, text, halfway),
    ]


def _places(shape: tuple[int, ...], panel: Panel) -> list[tuple[int, int, dict[str, Any]]]:
    """Return the place of each cell: its categories, or where it begins and ends on the axes."""
    rows, columns = shape
    found = []
    for i in range(rows):
        for j in range(columns):
            place: dict[str, Any] = {}
            for key, axis, k, n in (("x", panel.x, j, columns), ("y", panel.y, i, rows)):
                if axis.names:
                    place[key] = _safe(axis.names[k])
                else:
                    ends = axis.low + (axis.high - axis.low) * k / n, axis.low + (axis.high - axis.low) * (k + 1) / n
                    place[key], place[f"{key}2"] = ends
            found.append((i, j, place))
    return found


def _at(axis: Axis, place: float) -> float | str:
    """Return a place on an axis as its scale takes it: a number, or the name of a category."""
    return _safe(axis.names[int(place)]) if axis.names else place


def _layer(values: list[dict[str, Any]], mark: dict[str, Any], encoding: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"values": values}, "mark": mark, "encoding": encoding}


def _safe(text: str) -> str:
    """Return a text without what moves a cursor or turns the direction of writing."""
    return one_line(text)
