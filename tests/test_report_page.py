"""The page of a report: what it holds, what it may do, and what it makes of hostile names."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.figures.all_kinds import FIGURES, OfModel, Subject, build_of_model
from nncli.figures.figure import Axis, Bars, Boxes, Cells, Figure, Intervals, Line, Panel, Points, Regions, Rule
from nncli.model import checkpoint
from nncli.report.document import Block, Command, Drawing, Finding, Listing, Paragraph, Report, Section, Slider
from nncli.report.page import page_of, page_of_figure
from pages import Element, read_page

HOSTILE = "</script></style><script>alert(1)</script><img src=//x.y onerror=alert(2)>\"'&\x1b[31m\u202e\u2028${x}"
SHOWN = HOSTILE.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e").replace("\u2028", "\\u2028")
LONG = "n" * 10_000
NAMES = (
    "html head meta link title style body header h1 div p nav ul li a main section h2 strong span details summary "
    "table caption thead tbody tr th td figure figcaption pre code label output input dl dt dd script bdi "
    "svg g path line text rect defs clippath"
)
KNOWN = {*NAMES.split()}


def report(*blocks: Block, **changes: Any) -> Report:
    made = Report("A report", ("One.", "Two.", "Three."), (), (Section("Part", blocks),))
    return dataclasses.replace(made, **changes)


def page(*blocks: Block, **changes: Any) -> Element:
    return read_page(page_of(report(*blocks, **changes)))


def slider(n: int = 101, name: str = "yes") -> Slider:
    texts = tuple(f"{i / (n - 1):.2f}" for i in range(n))
    values = tuple(f"p{i}" for i in range(n)), tuple(f"{name}{i}" for i in range(n))
    commands = tuple(f"nncli eval m.npz {name} --threshold {text}" for text in texts)
    return Slider(name, texts, (n - 1) * 42 // 100, (f"precision{name}", "recall"), values, commands)


def figure(name: str = "a") -> Figure:
    """A figure with every kind of mark, in which a name is everywhere."""
    x, y, names = np.linspace(0, 1, 5), np.linspace(1, 0, 5), (name, "b", "c")
    lines = (
        Line(x, y, name), Line(x, x, "line", dashed=True), Points(x, y, f"{name}!"),
        Intervals(x, y - 0.1, y, f"{name}!"), Rule(0.5, name),
    )  # fmt: skip
    regions = Regions(np.eye(3, dtype=np.int64), np.eye(3) / 2, names)
    cells = Cells(np.eye(3) - 0.5, -1, 1, (names,) * 3)
    panels = (
        Panel(Axis(name), Axis(f"up {name}"), lines, name),
        Panel(Axis("x"), Axis("y"), (regions,)),
        Panel(Axis.of_names("predicted", names), Axis.of_names("true", names), (cells,)),
        Panel(Axis("share"), Axis.of_names("column", names), (Bars(np.array([0.25, 1, 0.5])),)),
    )
    return Figure(name, panels, (name,))


def hostile(name: str) -> Report:
    listing = Listing((name, "n"), ((name, name), ("", "")), frozenset(["n"]), name)
    blocks = (Paragraph(name), listing, Drawing(figure(name), name), Command(name), slider(21, name))
    findings = tuple(Finding(name, state, name, name) for state in ("look", "unknown", "passed"))
    return Report(name, (name, name, name), findings, (Section(name, blocks), Section(name, ())))


@pytest.fixture(scope="module")
def real(digits_model: Path) -> str:
    """A page of a model with every figure that it has."""
    subject = Subject(*checkpoint.load(digits_model), "digits.npz")
    names = ["confusion", "roc", "pr", "calibration", "curve", "weights", "activations", "boundary", "embedding"]
    kinds = [kind for kind in map(FIGURES.create, names) if isinstance(kind, OfModel)]
    drawings = [Drawing(build_of_model(kind, subject), f"What {kind.name} shows.") for kind in kinds]
    return page_of(report(*drawings, slider()))


@pytest.fixture(scope="module", params=[HOSTILE, LONG, f"{LONG} {LONG}"], ids=["signs", "long", "words"])
def attacked(request: pytest.FixtureRequest) -> tuple[str, Element, str]:
    text = page_of(hostile(request.param))
    return request.param, read_page(text), text


def check_asks_for_nothing(found: Element) -> None:
    for one in found.elements:
        for key, value in one.attributes.items():
            assert not key.startswith("on"), f"{one.name} has {key}"
            assert key not in ("src", "srcset", "style", "action", "srcdoc", "xlink:href"), f"{one.name} has {key}"
            if key == "href":
                assert value is not None
                assert value == "data:," or value.startswith("#")


def check_script(found: Element) -> None:
    """The only script is that of the package, and the policy lets it run and nothing else."""
    script, style = found.one("script"), found.one("style")
    assert script.text == files("nncli.report").joinpath("page.js").read_text("utf-8")
    assert not re.search(r"url\(|@import", style.text)
    (policy,) = (one for one in found.all("meta") if "http-equiv" in one.attributes)
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    parts = dict(part.strip().split(" ", 1) for part in str(policy.attributes["content"]).split(";"))
    assert policy.attributes["http-equiv"] == "Content-Security-Policy"
    assert (parts["default-src"], parts["script-src"]) == ("'none'", f"'sha256-{digest}'")
    assert not {"connect-src", "font-src", "frame-src"} & parts.keys()


def check_ids(found: Element) -> None:
    ids = [one.attributes["id"] for one in found.elements if "id" in one.attributes]
    assert len({*ids}) == len(ids)
    for one in found.elements:
        for key in ("href", "for", "clip-path"):
            aim = one.attributes.get(key)
            if aim and aim != "data:,":
                assert re.sub(r"^url\(#|^#|\)$", "", aim) in ids


def test_a_page_of_real_figures_runs_its_own_script_only_and_asks_for_nothing(real: str) -> None:
    found = read_page(real)
    check_asks_for_nothing(found)
    check_script(found)
    check_ids(found)
    assert {one.name for one in found.elements} <= KNOWN
    assert "http" not in real.replace('http-equiv="Content-Security-Policy"', "")


def test_it_is_smaller_than_two_megabytes_and_describes_at_most_500_marks_of_a_figure(real: str) -> None:
    assert len(real.encode()) < 2_000_000
    counts = [
        sum("aria-label" in one.attributes for svg in drawn.all("svg") for one in svg.elements)
        for drawn in read_page(real).all("figure", "drawing")
    ]
    assert max(counts) <= 500
    assert sum(count > 0 for count in counts) >= 8


@pytest.mark.parametrize("name", ["Weights of m.npz", HOSTILE], ids=["plain", "hostile"])
def test_a_page_of_one_figure_has_a_heading_and_names_its_pictures_and_asks_for_nothing(name: str) -> None:
    found = read_page(page_of_figure(figure(name)))
    check_asks_for_nothing(found)
    check_script(found)
    check_ids(found)
    shown = SHOWN if name == HOSTILE else name
    assert {one.name for one in found.elements} <= KNOWN
    assert (found.one("html").attributes["lang"], found.one("title").text) == ("en", shown)
    main = found.one("main")
    assert main.one("h1").text == shown
    assert [svg.attributes["aria-label"] for svg in main.all("svg")] == [f"{shown}: {shown}", *[shown] * 3]
    assert main.one("p", "notes").text == shown


def test_boxes_of_a_graph_are_as_large_on_a_page_as_in_a_picture() -> None:
    boxes = Boxes(np.arange(9.0), np.zeros(9), (("u",),) * 9, (100, 80), (0.4, 0.4))
    panel = Panel(Axis("", -0.5, 8.5), Axis("", 0.5, -0.5), (boxes,), bare=True)
    svg = read_page(page_of_figure(Figure("-log(x)", (panel,)))).one("svg")
    assert int(str(svg.attributes["width"])) >= 900  # nine of 100 pixels


def test_the_same_report_gives_the_same_page(real: str) -> None:
    assert page_of(report(Drawing(figure(), "c"))) == page_of(report(Drawing(figure(), "c")))


def test_all_colours_of_figures_are_variables_that_the_page_has_for_light_and_dark(real: str) -> None:
    text = real + page_of(report(Drawing(figure(), "c")))
    found = {
        str(one.attributes[key])
        for part in (real, text)
        for svg in read_page(part).all("svg")
        for one in svg.elements
        for key in ("fill", "stroke")
        if key in one.attributes
    }
    for colour in found - {"none", "transparent"}:
        assert re.fullmatch(r"var\(--[a-z0-9]+\)", colour)
    defined = {name for _, colours in schemes() for name in colours}
    assert {colour[6:-1] for colour in found - {"none", "transparent"}} <= defined


def schemes() -> list[tuple[str, dict[str, str]]]:
    """Return the colours of the page by name, in light and in dark."""
    text = files("nncli.report").joinpath("page.css").read_text("utf-8")
    light, dark = (dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", half)) for half in text.split("@media screen and", 1))
    assert dark.keys() == light.keys()
    return [("light", light), ("dark", dark)]


def contrast(one: str, other: str) -> float:
    """The contrast of WCAG 2.2: (L1 + 0.05) / (L2 + 0.05) of relative luminances."""
    luminances = []
    for colour in (one, other):
        shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
        luminances.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(luminances) + 0.05) / (min(luminances) + 0.05)


@pytest.mark.parametrize(("scheme", "colours"), schemes(), ids=["light", "dark"])
def test_texts_have_a_contrast_of_4_5_and_lines_of_3(scheme: str, colours: dict[str, str]) -> None:
    for name in ("ink", "muted", "accent", "look", "passed"):
        for ground in ("paper", "tint"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    for name in ["grey", *(f"c{i}" for i in range(10))]:
        assert contrast(colours[name], colours["paper"]) >= 3, name
    # from 0.6 of the way on, the text of a cell has the colour of the paper
    for step in range(10):
        ink = "paper" if step >= 6 else "ink"
        assert contrast(colours[f"s{step}"], colours[ink]) >= 4.5, step
        ink = "paper" if step in (0, 1, 8, 9) else "ink"
        assert contrast(colours[f"d{step}"], colours[ink]) >= 4.5, step


def fills(cells: Cells) -> list[str]:
    """Return the colours of cells on a page, row by row."""
    names = tuple(str(i) for i in range(len(cells.values)))
    panel = Panel(Axis.of_names("predicted", names), Axis.of_names("true", names), (cells,))
    svg = page(Drawing(Figure("f", (panel,)), "c")).one("figure", "drawing").one("svg")
    marks = [one for one in svg.elements if "aria-label" in one.attributes]
    return [str(one.attributes["fill"]) for one in marks][: cells.values.size]


def test_mistakes_have_a_colour_of_their_own_and_are_never_as_dark_as_what_is_right() -> None:
    """32 of 34 and 1 of 12 rows are right. Eleven steps, d0 to d4 for mistakes, none around 0, and d5 to d9."""
    texts = (("32", "2"), ("11", "1"))
    assert fills(Cells(np.array([[32 / 34, -2 / 34], [-11 / 12, 1 / 12]]), -1.5, 1.0, texts)) == [
        "var(--d9)", "var(--paper)", "var(--d2)", "var(--paper)",
    ]  # fmt: skip
    assert fills(Cells(np.array([[1.0, -1.0], [-0.5, 0.5]]), -1.0, 1.0, texts)) == [
        "var(--d9)", "var(--d0)", "var(--d2)", "var(--d7)",
    ]  # fmt: skip


def test_the_verdict_stands_first_and_headings_are_in_order() -> None:
    sections = tuple(Section(title, (Paragraph("p"),)) for title in ("How good", "Ünï", "how good!", "Findings"))
    found = page(sections=sections)
    assert [p.text for p in found.one("div", "verdict").all("p")] == ["One.", "Two.", "Three."]
    assert found.one("html").attributes == {"lang": "en"}
    assert found.one("title").text == found.one("h1").text == "A report"
    headings = [one for one in found.elements if re.fullmatch("h[1-6]", one.name)]
    assert [one.name for one in headings] == ["h1", "h2", "h2", "h2", "h2", "h2"]
    links = [(a.text, a.attributes["href"]) for a in found.one("nav").all("a")]
    assert links == [(one.text, f"#{one.attributes['id']}") for one in headings[1:]]
    check_ids(found)


def test_findings_have_a_sign_and_a_word_and_those_that_passed_are_folded() -> None:
    findings = [
        Finding("Drift", "passed", "None."),
        Finding("Time", "unknown", "No column.", "Name one."),
        Finding("Reference", "undecided", "By chance."),
        Finding("Few rows", "look", "40 rows.", "Get more."),
    ]
    found = page(findings=tuple(findings))
    texts = [li.text for li in found.one("main").all("li")]
    assert texts == ["▲look at thisFew rows. 40 rows.Get more.", "≈cannot tellReference. By chance.",
                     "?not testedTime. No column.Name one.", "✓passedDrift. None."]  # fmt: skip
    folded = found.one("main").one("details")
    assert [li.text for li in folded.all("li")] == texts[3:]
    assert folded.one("summary").text == "1 check passed"


def test_a_table_has_its_titles_and_numbers_stand_to_the_right() -> None:
    listing = Listing(("class", "rows", ""), (("a", "12", "x"), ("b", "7", "")), frozenset(["rows"]), "By class")
    table = page(listing).one("table")
    assert table.one("caption").text == "By class"
    head, *rows = table.all("tr")
    assert [(one.name, one.text, one.attributes.get("scope")) for one in head.elements] == [
        ("th", "class", "col"), ("th", "rows", "col"), ("td", "", None),
    ]  # fmt: skip
    assert [[cell.text for cell in row.elements] for row in rows] == [["a", "12", "x"], ["b", "7", ""]]
    assert [row.all("th")[0].attributes["scope"] for row in rows] == ["row", "row"]
    assert [one.text for one in table.elements if one.attributes.get("class") == "number"] == ["rows", "12", "7"]


def test_a_figure_says_what_each_of_its_marks_shows() -> None:
    found = page(Drawing(figure(), "What to see.")).one("figure", "drawing")
    assert found.one("figcaption").text == "aWhat to see."
    labels = [
        [str(one.attributes["aria-label"]) for one in svg.elements if "aria-label" in one.attributes]
        for svg in found.all("svg")
    ]
    assert labels[0][:2] == ["a: a 0, up a 1", "a: a 0.25, up a 0.75"]
    assert "a!: a 0.5, up a 0.4 to 0.5" in labels[0]
    assert labels[1] == []
    assert labels[2][:3] == ["true a, predicted a: a", "true a, predicted b: b", "true a, predicted c: c"]
    assert labels[3] == ["column a, share 0.25", "column b, share 1", "column c, share 0.5"]
    roles = {one.attributes.get("role") for one in found.elements if "aria-label" in one.attributes}
    assert roles <= {"graphics-document", "graphics-symbol", "group"}


def test_all_thresholds_are_there_for_the_script_and_some_without_it() -> None:
    made = slider()
    found = page(made)
    box = found.one("div", "slider")
    assert json.loads(str(box.attributes["data-thresholds"])) == {
        key: json.loads(json.dumps(getattr(made, key))) for key in ("thresholds", "titles", "values", "commands")
    }
    range_ = box.one("input").attributes
    assert [range_[key] for key in ("type", "min", "max", "value")] == ["range", "0", "100", "42"]
    assert "hidden" in range_  # until the script is there
    assert box.one("label").attributes["for"] == range_["id"]
    assert (box.one("output").text, [dd.text for dd in box.all("dd")]) == ("0.42", ["p42", "yes42"])
    assert box.one("code").text == "nncli eval m.npz yes --threshold 0.42"
    rows = [[cell.text for cell in row.elements] for row in box.one("details").one("tbody").all("tr")]
    assert len(rows) in (20, 21)
    assert (rows[0], rows[-1]) == (["0.00", "p0", "yes0"], ["1.00", "p100", "yes100"])
    assert [row.elements.__next__().text for row in box.all("tr", "chosen")] == ["0.42"]


def test_hostile_names_run_nothing_and_ask_for_nothing(attacked: tuple[str, Element, str]) -> None:
    _, found, text = attacked
    check_asks_for_nothing(found)
    check_script(found)
    check_ids(found)
    assert {one.name for one in found.elements} <= KNOWN
    assert text.count("<script") == text.count("</script") == 1
    assert all(sign.isprintable() or sign == "\n" for sign in text)


def test_hostile_names_are_shown_as_text(attacked: tuple[str, Element, str]) -> None:
    name, found, _ = attacked
    places = [
        found.one("title"), found.one("h1"), *found.one("div", "verdict").all("p"), *found.one("nav").all("a")[1:],
        *found.all("strong"), *found.all("p", "remedy"), found.one("main").all("h2")[1], found.all("caption")[0],
        *found.all("code"), found.all("th")[0],
    ]  # fmt: skip
    assert len(places) >= 15
    for place in places:
        if place.name in ("title", "code"):
            assert (SHOWN if name == HOSTILE else name) in place.text
        elif name == HOSTILE:
            assert place.text == SHOWN
        else:
            assert len(place.text) <= 2000
            assert place.text.startswith(name[:80])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Train with --dedupe, or --lr 0.01.", "Train with <code>--dedupe</code>, or <code>--lr 0.01</code>."),
        ("more rows help, or --l2 0.01.", "more rows help, or <code>--l2 0.01</code>."),
        ("85.0 % of 4,884 (84.1 % to 86 %)", "85.0&nbsp;% of 4,884 (84.1&nbsp;% to&nbsp;86&nbsp;%)"),
        ("a--b and --<b> stay", "a--b and --&lt;b&gt; stay"),
    ],
    ids=["options", "figures", "percent", "others"],
)
def test_no_line_ends_within_an_option_or_before_a_percent_sign(text: str, expected: str) -> None:
    whole = page_of(report(Paragraph(text)))
    assert f"<p>{expected}</p>" in whole
    assert re.search(r"p code[^{]*\{[^}]*white-space: nowrap", whole)


def test_no_line_ends_within_an_option_of_a_command() -> None:
    whole = page_of(report(Command("nncli eval a--b.npz --threshold 0.5")))
    assert "<code>nncli eval a--b.npz <span>--threshold</span> 0.5</code>" in whole


def test_a_page_without_names_is_whole_too() -> None:
    check_ids(read_page(page_of(hostile(""))))


def test_words_from_right_to_left_leave_what_stands_beside_them_in_its_place() -> None:
    text = page_of(report(Paragraph("class שלום עולם: 12 of 30, <b> مرحبا 7")))
    assert "<p>class <bdi>שלום עולם</bdi>: 12 of 30, &lt;b&gt; <bdi>مرحبا</bdi> 7</p>" in text
