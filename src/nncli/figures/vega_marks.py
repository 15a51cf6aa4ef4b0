"""Turn the marks of a figure into layers of Vega-Lite."""

from __future__ import annotations

from typing import Any

import numpy as np

from nncli.figures.figure import (
    Arrows,
    Axis,
    Bars,
    Boxes,
    Cells,
    Estimates,
    Intervals,
    Line,
    Mark,
    Panel,
    Points,
    Regions,
    Rule,
)
from nncli.system.output import one_line

# the colours of Okabe and Ito, then two of Tol
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999", "#882255", "#44AA99")
SHADES, DARKEST = 10, 0.4  # of a class, from a guess to certainty
GREY = "#767676"


def layers_of(
    mark: Mark, panel: Panel, x: dict[str, Any], y: dict[str, Any], told: dict[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the layers that draw a mark on a panel with the channels x and y; `told` has the scales by which its
    series are told apart."""
    colour = told["color"]
    match mark:
        case Line(xs, ys, name):
            values = [
                {"x": _at(panel.x, a), "y": b if b == b else None, "order": i, "series": safe(name)}
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
            values = [{"x": _at(panel.x, a), "y": _at(panel.y, b), "series": safe(name)} for a, b in pairs]
            how = {"type": "point", "filled": True, "size": 48, "stroke": "white", "strokeWidth": 0.6, "opacity": 0.9}
            own = {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}, "color": colour, "shape": told["shape"]}
            return [_layer(values, {**how, "tooltip": {"content": "data"}}, own)]
        case Intervals(xs, low, high, name):
            ends = zip(xs.tolist(), low.tolist(), high.tolist(), strict=True)
            values = [{"x": a, "y": b, "y2": c, "series": safe(name)} for a, b, c in ends]
            own = {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}, "y2": {"field": "y2"}, "color": colour}
            return [_layer(values, {"type": "rule", "opacity": 0.6, "tooltip": {"content": "data"}}, own)]
        case Rule(at, name):
            place, values = {"x": {**x, "field": "x"}}, [{"x": at, "name": safe(name)}]
            align = "right" if at > (panel.x.low + panel.x.high) / 2 else "left"
            text = {"type": "text", "align": align, "baseline": "bottom", "dy": -2, "color": "#444444"}
            said = {**place, "y": {"value": 0}, "text": {"field": "name"}}
            line = {"type": "rule", "strokeDash": [2, 3], "color": GREY}
            return [_layer(values, line, place), _layer(values, text, said)]
        case Bars(sizes):
            values = [{"x": v, "y": safe(n)} for v, n in zip(sizes.tolist(), panel.y.names, strict=True)]
            own = {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}}
            return [_layer(values, {"type": "bar", "color": COLOURS[0], "tooltip": {"content": "data"}}, own)]
        case Estimates(estimates, low, high):
            together = zip(estimates.tolist(), low.tolist(), high.tolist(), panel.y.names, strict=True)
            values = [{"x": v, "low": a, "high": b, "y": safe(name)} for v, a, b, name in together]
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
        shade = {"series": safe(mark.names[int(mark.series[i, j])]), "shade": shades[i][j]}
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
        value["text"] = safe(text)
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
        | {f"t{k}": safe(text) for k, text in enumerate(texts)}
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
        ends.append({"x": c, "y": d, "angle": mark.angles[k], "text": safe(said), "tx": u, "ty": v})
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
                    place[key] = safe(axis.names[k])
                else:
                    ends = axis.low + (axis.high - axis.low) * k / n, axis.low + (axis.high - axis.low) * (k + 1) / n
                    place[key], place[f"{key}2"] = ends
            found.append((i, j, place))
    return found


def _at(axis: Axis, place: float) -> float | str:
    """Return a place on an axis as its scale takes it: a number, or the name of a category."""
    return safe(axis.names[int(place)]) if axis.names else place


def _layer(values: list[dict[str, Any]], mark: dict[str, Any], encoding: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"values": values}, "mark": mark, "encoding": encoding}


def safe(text: str) -> str:
    """Return a text without what moves a cursor or turns the direction of writing."""
    return one_line(text)
