"""Figures for pages: an SVG for each panel, whose colours are variables of the page and whose marks say what they show.

The description of a figure as a picture file (`figures/vega_lite.py`) becomes that of a page: smaller, without title,
with colours that have a name instead of a value, so that one picture serves for light and for dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nncli.figures.figure import Boxes, Figure
from nncli.figures.vega_lite import SHAPES, specification
from nncli.figures.vega_marks import COLOURS, GREY
from nncli.report.markup import Markup
from nncli.report.svg import cleaned
from nncli.system.output import shortened

MOST_DESCRIBED, MOST_OF_LINE = 500, 40  # marks that say what they show, of a figure and of a line
WIDTH, HEIGHT, BESIDE_NAMES = 336, 230, 250  # pixels of a panel, and of one whose y axis has names
MATRIX, COLUMN, MOST_COLUMN, ROW, CELL = 200, 44, 90, 22, 30  # of columns, one of them, a row, and a row of cells
CHARACTER, ABOVE = 8, 24  # of a letter, and of a text above a panel
MOST_LABEL = 200  # pixels of a name on the x axis
LONGEST_NAME, LONGEST_LABEL = 80, 20  # characters of a name in a picture, and on an axis
LEGEND = 44  # characters of a row of a legend
STEPS = 10  # of a scale of shades
VARIABLES = {colour: f"var(--c{i})" for i, colour in enumerate(COLOURS)} | {
    GREY: "var(--grey)",
    "#444444": "var(--muted)",
    "#222222": "var(--ink)",
    "white": "var(--paper)",
}
CONFIG = {
    "aria": False,  # other descriptions than ours are formulas, in which a name would not be safe
        "view": {"stroke": None},
    "axis": {
        "domainColor": "var(--line)", "gridColor": "var(--line)", "ticks": False, "labelPadding": 6, "labelLimit": 170,
        "labelColor": "var(--muted)", "titleColor": "var(--ink)", "titleFontWeight": "normal", "titleLimit": 320,
        "labelFontSize": 13, "titleFontSize": 13, "titlePadding": 8, "labelSeparation": 8,
    },
    "axisQuantitative": {"tickCount": 5},
    "axisY": {"titleLimit": HEIGHT},
    "legend": {
        "orient": "top", "labelFontSize": 13, "labelColor": "var(--ink)", "labelLimit": 320, "offset": 10,
        "symbolStrokeWidth": 2, "symbolSize": 70, "symbolOpacity": 1, "rowPadding": 4, "columnPadding": 16,
    },
    "text": {"fontSize": 13},
    "rule": {"strokeWidth": 1.5},
}  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A panel as SVG, its title, and its width in pixels."""

    svg: Markup
    title: str
    width: int


def pictures(figure: Figure, name: str, most_described: int = MOST_DESCRIBED) -> list[Picture]:
    """Draw the panels of a figure. `name` is unlike that of all other figures of the page."""
    import vl_convert

    whole, found, left = specification(figure, LONGEST_LABEL), list[Picture](), most_described
    for i, (panel, spec) in enumerate(zip(figure.panels, whole.get("concat", [whole]), strict=True)):
        spec = _cut(spec, {})
        layers, left = _layers(spec["layer"], left)
        is_graph = any(isinstance(mark, Boxes) for mark in panel.marks)  # whose boxes are as large as their texts
        size = {key: spec[key] for key in ("width", "height")} if is_graph else _sizes(spec)
        drawn = vl_convert.vegalite_to_svg(
            {"$schema": whole["$schema"], "background": None, "config": CONFIG, **size, "layer": layers},
            allowed_base_urls=[],
        )
        label = f"{figure.title}: {panel.title}" if panel.title else figure.title
        svg, width = cleaned(drawn, label, f"{name}-{i}")
        found.append(Picture(svg, panel.title, width))
    return found


def _cut(part: Any, known: dict[str, str]) -> Any:
    """Shorten the long names of a description, each to one of its own: Vega takes minutes to measure them."""
    if isinstance(part, dict):
        return {key: _cut(value, known) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [_cut(one, known) for one in part]
    if not isinstance(part, str) or len(part) <= LONGEST_NAME or part in SHAPES:
        return part
    if part not in known:
        known[part] = f"{part[: LONGEST_NAME - 10]}…{len(known) + 1}"
    return known[part]


def _sizes(spec: dict[str, Any]) -> dict[str, int]:
    """Return how wide and high a panel is on a page; images stay as they are."""
    x, y = (_names(spec["layer"], channel) for channel in "xy")
    cells = any(layer["mark"]["type"] == "rect" for layer in spec["layer"])
    if not (x or y) and spec["width"] == spec["height"]:
        return {"width": spec["width"], "height": spec["height"]}
    has_lines = any(layer["mark"]["type"] == "line" for layer in spec["layer"])
    width = (
        max(WIDTH if has_lines else MATRIX, _column(spec["layer"], x) * len(x)) if x else BESIDE_NAMES if y else WIDTH
    )
    return {"width": width, "height": max(ROW * 3, (CELL if cells else ROW) * len(y)) if y else HEIGHT}


def _column(layers: list[dict[str, Any]], names: list[str]) -> int:
    """Return how wide a column of a name is: as wide as any text in it."""
    texts = (value["text"] for layer in layers for value in layer["data"]["values"] if "text" in value)
    longest = max(map(len, texts), default=0)
    return max(COLUMN, MATRIX // len(names), min(CHARACTER * longest, MOST_COLUMN))


def _names(layers: list[dict[str, Any]], channel: str) -> list[str]:
    """Return the names on an axis."""
    scales = (layer["encoding"].get(channel, {}).get("scale", {}) for layer in layers)
    domain: list[str] = next((scale["domain"] for scale in scales if "domain" in scale), [])
    return domain if domain and isinstance(domain[0], str) else []


def _layers(layers: list[dict[str, Any]], most: int) -> tuple[list[dict[str, Any]], int]:
    """Return the layers of a panel as a page has them, with up to `most` marks described, and how many more may be."""
    legend, labels, found = _legend(layers), _x_labels(layers), list[dict[str, Any]]()
    for layer in layers:
        values, mark, encoding = layer["data"]["values"], _coloured(layer["mark"]), _coloured(layer["encoding"])
        for channel in encoding.values():
            if channel.get("field") == "series":
                channel["legend"] = legend
        if mark["type"] == "text":
            mark["limit"] = MOST_COLUMN if labels else WIDTH
        if labels and encoding["x"].get("axis", {}) is not None:
            encoding["x"]["axis"] = labels
        is_told, is_line = mark.pop("tooltip", None) is not None, mark["type"] == "line"
        told = _places_of_line(values) if is_line else values
        is_told = is_told and 0 < len(told) <= most
        if is_line or not is_told:
            found.append({"data": {"values": values}, "mark": mark, "encoding": encoding})
        if is_told:
            most -= len(told)
            if is_line:
                mark, encoding = _points_of_line(encoding, told[0]["series"])
            encoding = {**encoding, "description": {"field": "said", "type": "nominal"}}
            told = [{**value, "said": _said(value, encoding)} for value in told]
            found.append({"data": {"values": told}, "mark": {**mark, "aria": True}, "encoding": encoding})
    return found, most


def _legend(layers: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Describe the legend of a panel: of the series in it, side by side where their names are short."""
    named = dict.fromkeys(value.get("series") for layer in layers for value in layer["data"]["values"])
    names = [name for name in named if name]
    has_text_above = any(layer["mark"].get("baseline") == "bottom" for layer in layers)
    columns = max(1, LEGEND // (max(map(len, names), default=0) + 5))
    return {"values": names, "columns": columns, **({"offset": ABOVE} if has_text_above else {})} if names else None


def _x_labels(layers: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Describe the names on the x axis: aslant where they are wider than their columns."""
    names = _names(layers, "x")
    is_wide = max(map(len, names), default=0) * CHARACTER > _column(layers, names or [""])
    return {"labelAngle": -40 if is_wide else 0, "labelLimit": MOST_LABEL} if names else None


def _places_of_line(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return some of the places that a line goes through, evenly taken."""
    return [value for value in values[:: max(1, len(values) // MOST_OF_LINE)] if value["y"] is not None]


def _points_of_line(encoding: dict[str, Any], series: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Describe points on a line that are seen only when one comes near."""
    scale = encoding["color"]["scale"]
    colour = scale["range"][scale["domain"].index(series)]
    own = {"x": encoding["x"], "y": encoding["y"], "color": {"value": colour}}
    return {"type": "point", "filled": True, "size": 70, "opacity": 0}, own


def _said(value: dict[str, Any], encoding: dict[str, Any]) -> str:
    """Say what a mark shows: "training: epoch 3, loss 0.25"."""
    parts = [part for channel in ("y", "x") if (part := _place(value, encoding, channel))]
    if not isinstance(value.get("y"), str):
        parts.reverse()
    if shown := value.get("text") or ("value" in value and _number(value["value"])):
        parts = [f"{', '.join(parts)}: {'none' if shown == '·' else shortened(shown)}"]
    return f"{shortened(value['series'])}: {', '.join(parts)}" if value.get("series") else ", ".join(parts)


def _place(value: dict[str, Any], encoding: dict[str, Any], channel: str) -> str:
    """Say where a mark is on an axis, or from where to where."""
    one, other = encoding.get(channel), encoding.get(f"{channel}2")
    if one is None or "field" not in one or not one.get("title"):
        return ""
    ends = [_number(value[place["field"]]) for place in (one, other) if place and place.get("field") in value]
    return f"{shortened(one['title'])} {' to '.join(ends)}"


def _number(value: float | str) -> str:
    return shortened(value) if isinstance(value, str) else f"{value:.4g}"


def _coloured(part: Any) -> Any:
    """Return a part of a description with variables for its colours, and steps for scales between colours."""
    if isinstance(part, dict):
        scale = part.get("scale")
        if part.get("type") == "quantitative" and isinstance(scale, dict) and _is_shade(scale.get("range")):
            ramp = "d" if len(scale["range"]) == 3 else "s"
            shades = [f"var(--{ramp}{i})" for i in range(STEPS)]
            shades[STEPS // 2 : STEPS // 2] = ["var(--paper)"] if ramp == "d" else []  # around 0
            return {**part, "scale": _steps(scale["domain"], shades)}
        return {key: value if key == "domain" else _coloured(value) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [_coloured(one) for one in part]
    return VARIABLES.get(part, part) if isinstance(part, str) else part


def _steps(domain: list[float], shades: list[str]) -> dict[str, Any]:
    """Describe a scale of steps: as many on each side of 0, where there are two, of one width each."""
    low, high = domain[0], domain[-1]
    if len(domain) == 2:
        return {"type": "quantize", "domain": [low, high], "range": shades}
    n = len(shades)
    borders = [2 * k / n - 1 for k in range(1, n)]
    return {"type": "threshold", "domain": [one * (-low if one < 0 else high) for one in borders], "range": shades}


def _is_shade(colours: Any) -> bool:
    return bool(colours) and all(isinstance(one, str) for one in colours)
