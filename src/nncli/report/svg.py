"""Make an SVG that Vega has drawn fit to stand in a page: small, with ids of its own, and named for screen readers."""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from nncli.report.markup import Markup
from nncli.system.output import one_line

SVG = "{http://www.w3.org/2000/svg}"
LONG_NUMBER = re.compile(r"-?\d*\.\d{3,}(?:e-?\d+)?")
MARK = "graphics-symbol"  # the role of what has a description
NEEDLESS = {
    "class",
    "aria-hidden",
    "aria-roledescription",
    "role",
    "pointer-events",
    "font-family",
    "stroke-miterlimit",
}
USUAL = {
    "opacity": "1", "stroke-width": "1", "font-weight": "normal",
    "stroke-dasharray": "1,0", "transform": "translate(0,0)",
}  # fmt: skip


def cleaned(drawn: str, label: str, name: str) -> tuple[Markup, int]:
    """Return an SVG as a page has it, and its width. Ids begin with `name`, and `label` says what the picture is."""
    root = ElementTree.fromstring(drawn)
    groups_of_cells = [one for one in root.iter() if "mark-rect" in one.get("class", "")]
    drawn_ids = [one.attrib["id"] for one in root.iter() if "id" in one.attrib]  # numbered on from the last picture
    ids = {found: f"{name}-{i}" for i, found in enumerate(drawn_ids)}
    for one in root.iter():
        one.tag = one.tag.removeprefix(SVG)
        _shorten(one, ids)
    for group in groups_of_cells:
        _join_cells(group)
    _drop_unseen(root)
    width, height = (round(float(root.attrib[key])) for key in ("width", "height"))
    root.attrib = {
        "class": "figure", "role": "graphics-document", "aria-label": one_line(label),
        "width": str(width), "height": str(height), "viewBox": f"0 0 {width} {height}",
    }  # fmt: skip
    return Markup(ElementTree.tostring(root, "unicode", short_empty_elements=True)), width


def _shorten(one: Element, ids: dict[str, str]) -> None:
    """Leave out of an element what says nothing, round its numbers, and make its ids its own."""
    described = one.get("role") == MARK and "aria-label" in one.attrib
    for key, value in [*one.attrib.items()]:
        if (key in NEEDLESS and not (described and key == "role")) or USUAL.get(key) == value:
            del one.attrib[key]
        elif key == "id":
            one.set(key, ids[value])
        elif key == "clip-path":
            one.set(key, f"url(#{ids[value.removeprefix('url(#').removesuffix(')')]})")
        elif key != "aria-label":
            one.set(key, LONG_NUMBER.sub(lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), value))


def _drop_unseen(parent: Element) -> None:
    """Leave out paths without ink, and groups of nothing else."""
    for child in [*parent]:
        _drop_unseen(child)
        no_ink = child.tag == "path" and not ({"fill", "stroke"} & child.attrib.keys() and child.get("d"))
        if no_ink or (child.tag == "g" and not len(child)):
            parent.remove(child)


def _join_cells(group: Element) -> None:
    """Make one path of all cells of a colour that have no description: an image has thousands."""
    paths: dict[tuple[tuple[str, str], ...], Element] = {}
    for cell in [*group]:
        if "aria-label" in cell.attrib:
            continue
        look = tuple((key, value) for key, value in cell.attrib.items() if key != "d")
        first = paths.get(look)  # an element without children counts as false
        if first is not None:
            first.set("d", first.attrib["d"] + cell.attrib["d"])
            group.remove(cell)
        else:
            paths[look] = cell
            cell.set("shape-rendering", "crispEdges")  # no seams between neighbours
