"""Write a report, or one figure, as an HTML file: it opens offline, in light and dark, on paper and on a phone.

All is there without JavaScript. The script adds buttons that copy, the slider and what marks say, and is the only one
that the page allows to run: its hash stands in the policy of the page, which allows no request to any address.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from importlib.resources import files

from nncli.figures.figure import Figure
from nncli.report.document import (
    Block,
    Command,
    Drawing,
    Finding,
    Folded,
    Listing,
    Marked,
    Paragraph,
    Report,
    Section,
    Slider,
    State,
)
from nncli.report.markup import Markup, element, joined, own_code, verbatim
from nncli.report.pictures import Picture, pictures
from nncli.system.output import counted, one_line

BESIDE_OTHERS = {Drawing: "drawings", Listing: "tables"}
BESIDE = 440  # pixels: a figure that is no wider stands beside another
MOST_DESCRIBED_ALONE = 5000  # marks that say what they show, of the one figure of a page
LISTED = 20  # thresholds that a table shows
SENTENCE, MANY = 40, 8  # characters of a cell that needs room, and columns that are small on paper
FEW = 5  # columns that fit a phone side by side
SIGNS: dict[State, tuple[str, str]] = {
    "look": ("▲", "look at this"),
    "undecided": ("≈", "cannot tell"),
    "unknown": ("?", "not tested"),
    "passed": ("✓", "passed"),
}


def page_of(report: Report) -> str:
    """Return the text of an HTML file that shows a report. Figures are drawn with vl-convert-python."""
    anchors = _anchors(report.sections)
    numbers = itertools.count(1)
    return _page(
        report.title,
        element("header", element("h1", report.title), _verdict(report), _contents(report, anchors)),
        element(
            "main",
            _findings(report.findings),
            *(_section(one, anchor, numbers) for one, anchor in zip(report.sections, anchors, strict=True)),
        ),
    )


def page_of_figure(figure: Figure) -> str:
    """Return the text of an HTML file that shows one figure, drawn with vl-convert-python."""
    panels = pictures(figure, "figure", MOST_DESCRIBED_ALONE)
    return _page(figure.title, element("main", element("h1", figure.title, class_="figure"), *_panels(figure, panels)))


def _page(title: str, *parts: Markup) -> str:
    """Return the text of an HTML file that shows some parts, in the style of a report and with its script."""
    script = _own_file("page.js")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(script)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("link", rel="icon", href="data:,"),  # or else browsers ask for one
        element("title", verbatim(title)),
        own_code("style", _own_file("page.css")),
    )
    body = element("body", *parts, own_code("script", script))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en').html}\n"


def _own_file(name: str) -> str:
    return files("nncli.report").joinpath(name).read_text("utf-8")


def _policy(script: str) -> str:
    """Return a policy by which a page runs its own script and loads nothing."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _verdict(report: Report) -> Markup:
    return element("div", *(element("p", sentence) for sentence in report.verdict), class_="verdict")


def _contents(report: Report, anchors: list[str]) -> Markup:
    titles = ["Findings", *(section.title for section in report.sections)]
    links = zip(titles, ["findings", *anchors], strict=True)
    items = (element("li", element("a", title, href=f"#{anchor}")) for title, anchor in links)
    return element("nav", element("ul", *items), aria_label="Contents")


def _anchors(sections: tuple[Section, ...]) -> list[str]:
    """Return ids made of the titles of sections, each of them once."""
    found = ["findings"]
    for section in sections:
        plain = re.sub("[^a-z0-9]+", "-", section.title.lower())[:40].strip("-") or "section"
        found.append(next(one for one in _numbered(plain) if one not in found))
    return found[1:]


def _numbered(name: str) -> Iterator[str]:
    return itertools.chain([name], (f"{name}-{i}" for i in itertools.count(2)))


def _findings(findings: tuple[Finding, ...]) -> Markup:
    """Show what to look at, then what nobody can tell or was not tested, and folded what passed."""
    shown = [one for state in SIGNS if state != "passed" for one in _in_state(findings, state)]
    passed = _in_state(findings, "passed")
    parts = [element("ul", *map(_finding, shown), class_="findings") if shown else element("p", "Nothing was found.")]
    if passed:
        summary = element("summary", f"{counted(len(passed), 'check')} passed")
        parts.append(element("details", summary, element("ul", *map(_finding, passed), class_="findings")))
    return element("section", element("h2", "Findings", id="findings"), *parts, class_="first")


def _in_state(findings: tuple[Finding, ...], state: State) -> list[Finding]:
    return [one for one in findings if one.state == state]


def _finding(one: Finding) -> Markup:
    sign, word = SIGNS[one.state]
    state = element("p", element("span", sign, class_="sign", aria_hidden="true"), word, class_=f"state {one.state}")
    said = [element("p", element("strong", one.title), ". ", one.evidence)]
    if one.remedy:
        said.append(element("p", one.remedy, class_="remedy"))
    return element("li", state, element("div", *said))


def _section(section: Section, anchor: str, numbers: Iterator[int]) -> Markup:
    return element("section", element("h2", section.title, id=anchor), *_blocks(section.blocks, numbers))


def _blocks(blocks: tuple[Block, ...], numbers: Iterator[int]) -> list[Markup]:
    """Show blocks; figures and tables that follow one another stand side by side where there is room."""
    parts = list[Markup]()
    for together, some in itertools.groupby(blocks, lambda block: BESIDE_OTHERS.get(type(block))):
        shown = [_block(block, numbers) for block in some]
        parts += [element("div", *shown, class_=together)] if together else shown
    return parts


def _block(block: Block, numbers: Iterator[int]) -> Markup:
    """Show a block. Ids in it begin with a name of its own, which no title makes."""
    name = f"block_{next(numbers)}"
    match block:
        case Folded(title, blocks):
            return element("details", element("summary", title), *_blocks(blocks, numbers))
        case Paragraph(text):
            return element("p", text)
        case Listing():
            return _listing(block)
        case Drawing():
            return _drawing(block, name)
        case Command(line):
            return _command(line)
        case Slider():
            return _slider(block, name)


def _command(line: str) -> Markup:
    words = re.split("(?<= )(--[a-z][a-z0-9-]*)", line)  # options are in spans, which no line breaks in two
    parts = (element("span", verbatim(word)) if i % 2 else verbatim(word) for i, word in enumerate(words))
    return element("div", element("pre", element("code", *parts)), class_="command")


def _listing(table: Listing, chosen: int | None = None) -> Markup:
    """Show a table in a box of its own, which scrolls where the table is wider than the page."""
    numbers = [title in table.numbers for title in table.header]
    titles = [
        element("th" if title else "td", title, scope="col" if title else None, class_="number" if is_number else None)
        for title, is_number in zip(table.header, numbers, strict=True)
    ]
    rows, has_sentences = [], any(len(cell) > SENTENCE for row in table.rows for cell in row)
    as_cards = any(table.header) and ((has_sentences and len(table.header) > 2) or len(table.header) > FEW)
    for i, row in enumerate(table.rows):
        cells = list[Markup]()
        for title, cell, is_number in zip(table.header, row, numbers, strict=True):
            names_row = not cells and not is_number and cell and len(row) > 1
            kind = "number" if is_number else "sentence" if len(cell) > SENTENCE else None
            told = {"scope": "row" if names_row else None, "class_": kind, "data_title": title if as_cards else None}
            shown = _marked(cell) if isinstance(cell, Marked) else cell
            cells.append(element("th" if names_row else "td", shown, **told))
        rows.append(element("tr", *cells, class_="chosen" if i == chosen else None))
    kinds = {"many": len(table.header) > MANY, "cards": as_cards}
    whole = element(
        "table",
        *([element("caption", element("span", table.caption))] if table.caption else []),
        *([element("thead", element("tr", *titles))] if any(table.header) else []),
        element("tbody", *rows),
        class_=" ".join(name for name, it_is in kinds.items() if it_is) or None,
    )
    return element("div", whole, class_="scroll", role="group", aria_label=table.caption or "Table", tabindex=0)


def _marked(cell: Marked) -> Markup:
    return joined(
        element("mark", part, class_="for" if value > 0 else "against") if value else part for part, value in cell.parts
    )


def _drawing(drawing: Drawing, name: str) -> Markup:
    """Show a figure, below what it says."""
    panels = pictures(drawing.figure, name)
    caption = element("figcaption", element("strong", drawing.figure.title), drawing.caption)
    is_whole = len(panels) > 1 or panels[0].width > BESIDE
    kind = "drawing whole" if is_whole else "drawing"
    return element("figure", caption, *_panels(drawing.figure, panels), class_=kind)


def _panels(figure: Figure, panels: list[Picture]) -> list[Markup]:
    """Show the panels of a figure, and its notes below them."""
    shown = []
    for picture in panels:
        title = [element("p", picture.title)] if picture.title else []
        wide = {"class_": "panel wide", "role": "group", "aria_label": picture.title or figure.title, "tabindex": "0"}
        shown.append(element("div", *title, picture.svg, **(wide if picture.width > BESIDE else {"class_": "panel"})))
    notes = [element("p", "; ".join(figure.notes), class_="notes")] if figure.notes else []
    return [element("div", *shown, class_="panels"), *notes]


def _slider(slider: Slider, name: str) -> Markup:
    """Show what happens at the chosen threshold, a slider for the others, and a table of some of them."""
    last, now = len(slider.thresholds) - 1, slider.chosen
    label = element("label", f"Threshold: the probability from which “{slider.positive}” is predicted", for_=name)
    value = element("output", slider.thresholds[now], for_=name)
    note = element("p", f"The model uses {slider.thresholds[now]}.", class_="note")
    range_ = element("input", type="range", id=name, min=0, max=last, value=now, autocomplete="off", hidden=True)
    at = (
        element("div", element("dt", title), element("dd", texts[now]))
        for title, texts in zip(slider.titles, slider.values, strict=True)
    )
    some = sorted({round(i * last / (LISTED - 1)) for i in range(LISTED)} | {now})
    header = ("threshold", *slider.titles)
    rows = tuple((slider.thresholds[i], *(texts[i] for texts in slider.values)) for i in some)
    table = _listing(Listing(header, rows, frozenset(header)), some.index(now))
    more = element("details", element("summary", "Table of thresholds"), table)
    return element(
        "div", label, value, note, range_, element("dl", *at), _command(slider.commands[now]), more,
        class_="slider", data_thresholds=_as_json(slider),
    )  # fmt: skip


def _as_json(slider: Slider) -> str:
    """Return what the script reads, with all texts as they are shown."""
    return json.dumps(
        {
            "thresholds": [*map(one_line, slider.thresholds)],
            "titles": [*map(one_line, slider.titles)],
            "values": [[*map(one_line, texts)] for texts in slider.values],
            "commands": [*map(one_line, slider.commands)],
        },
        ensure_ascii=False,
    )
