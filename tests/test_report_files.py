"""`nncli report`: where a report goes, what it refuses, and names that would be more than names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from nncli.report.document import Command, Finding, Listing, Paragraph, Report, Section, Slider
from nncli.report.markdown import markdown_of
from reports import report, two_classes, write_rows

Run = Callable[..., Any]
HOSTILE = (
    "</script><script>alert(1)</script> | `rm` **b** _i_ [a](http://b.c) <b> &lt; ![x](y) $x$ \x1b[31m\u202e\n\t~~z~~"
)

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.fixture
def model(nncli: Run) -> Path:
    write_rows("d.csv", two_classes(200))
    assert nncli("train", "d.csv", "--epochs", 3, "-q").code == 0
    return Path("model.npz")


def rendered(text: str) -> list[Any]:
    """Return the pieces that a renderer of Markdown with tables sees, those within lines too."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    return [piece for token in tokens for piece in (token, *(token.children or ()))]


def test_markdown_goes_to_stdout_or_to_a_file_that_is_named_so(model: Path, nncli: Run) -> None:
    shown = nncli("report", model, "--to", "md", "-q")
    assert shown.out.startswith("# Report on model.npz\n")
    assert (nncli("report", model, "-o", "r.md", "-q").out, shown.err) == ("", "")
    assert Path("r.md").read_text() == f"<!-- nncli report -->\n{shown.out}"
    assert nncli("report", model, "--to", "md", "-o", "-", "-q") == shown


def test_it_says_where_the_report_is(model: Path, nncli: Run) -> None:
    assert nncli("report", model, "-o", "r.md").err.splitlines()[-1] == "wrote r.md"


@pytest.mark.parametrize("folder", [".", "..", "/", ""], ids=["here", "above", "root", "empty"])
def test_a_folder_in_place_of_a_model_is_refused_in_one_line(folder: str, nncli: Run) -> None:
    outcome = nncli("report", folder)
    assert outcome.code == 1
    assert outcome.err.startswith(f"{folder or '.'}: cannot read the model: Is a directory. ")
    assert outcome.err.count("\n") == 1
    assert not list(Path().iterdir())


def test_a_report_is_replaced_and_no_other_file(model: Path, nncli: Run) -> None:
    Path("notes.md").write_text("# My notes\n")
    outcome = nncli("report", model, "-o", "notes.md")
    remedy = "Choose another place with -o."
    expected = f"notes.md: cannot write: there is a file of that name, and it is not a report. {remedy}\n"
    assert (outcome.code, outcome.err) == (1, expected)
    assert Path("notes.md").read_text() == "# My notes\n"
    assert nncli("report", model, "-o", "r.md").code == 0
    assert nncli("report", model, "-o", "r.md").code == 0
    assert nncli("report", model, "-o", model, "--to", "html").code == 1
    assert nncli("report", model, "-o", "d.csv", "--to", "md").code == 1
    outcome = nncli("report", model, "-o", "r.pdf")
    remedy = "Name another file, or say the form with --to html."
    assert outcome.err == f"--out: expected a name that ends in .html or .md, found 'r.pdf'. {remedy}\n"
    assert (outcome.code, Path("r.pdf").exists()) == (2, False)


def test_a_report_is_written_whole_or_not_at_all(model: Path, nncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert nncli("report", model, "-o", "r.md").code == 0
    before, files = Path("r.md").read_bytes(), sorted(Path().iterdir())

    def fail(report: Report) -> str:
        raise OSError(28, "No space left on device", "r.md")

    monkeypatch.setattr("nncli.report.markdown.markdown_of", fail)
    assert nncli("report", model, "-o", "r.md").code == 1
    assert (Path("r.md").read_bytes(), sorted(Path().iterdir())) == (before, files)


def test_without_the_package_that_draws_a_page_is_refused_before_anything_is_done(
    model: Path, nncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    outcome = nncli("report", model)
    how = "Install it with: pip install 'nncli[plots]'."
    assert outcome == type(outcome)(2, "", f"--out: to draw the figures of a page needs vl-convert-python. {how}\n")
    assert nncli("report", model, "--to", "md").code == 0


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["model.npz", "--to", "pdf"], "--to: expected html or md, found 'pdf'"),
        (["none.npz"], "none.npz: cannot read the model: No such file or directory"),
        (["model.npz", "none.csv"], "none.csv: "),
        (["model.npz", "--json", "-o", "-"], "--out: --json goes to stdout"),
        (["-"], "--out: the model comes from stdin"),
        (["model.npz", "-o", "no/where.html"], "no/where.html: cannot write: there is no folder"),
        (["d.csv"], "d.csv: expected a model written by nncli"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(argv: list[str], said: str, model: Path, nncli: Run) -> None:
    outcome = nncli("report", *argv)
    assert outcome.code in (1, 2)
    assert (outcome.out, outcome.err.count("\n")) == ("", 1)
    assert outcome.err.startswith(said)


def test_a_model_without_test_rows_asks_for_data(nncli: Run) -> None:
    write_rows("d.csv", two_classes(200))
    assert nncli("train", "d.csv", "--epochs", 3, "--test", 0, "-q").code == 0
    outcome = nncli("report", "model.npz", "--to", "md")
    assert outcome.err == (
        "model.npz: the model was trained without test rows. Name the data to evaluate on: nncli report MODEL DATA.\n"
    )


def hostile_report() -> Report:
    """Return a report in which every text is hostile."""
    listing = Listing((HOSTILE, "n"), ((HOSTILE, HOSTILE), ("x", "1")), frozenset({"n"}), HOSTILE)
    slider = Slider(HOSTILE, ("0", "1"), 1, (HOSTILE,), ((HOSTILE, "b"),), (f"nncli ```{HOSTILE}", f"```` {HOSTILE}"))
    section = Section(HOSTILE, (Paragraph(HOSTILE), listing, Command(f"nncli '{HOSTILE}'"), slider))
    return Report(HOSTILE, (HOSTILE, HOSTILE, HOSTILE), (Finding(HOSTILE, "look", HOSTILE, HOSTILE),), (section,))


def test_hostile_names_are_text_in_markdown() -> None:
    text = markdown_of(hostile_report())
    pieces = rendered(text)
    assert not {"html_block", "html_inline", "link_open", "image", "em_open", "code_inline", "s_open"} & {
        piece.type for piece in pieces
    }
    assert not set(text) & {"\x1b", "\u202e", "\t"}
    shown = [piece.content for piece in pieces if piece.type == "text"]
    seen = HOSTILE.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e").replace("\n", "\\n").replace("\t", "\\t")
    assert "".join(shown).count(seen) >= 10
    assert [piece.type for piece in pieces].count("td_open") == 2 * 2 + 2 * 2
    assert [piece.type for piece in pieces].count("fence") == 2


def test_names_of_a_hostile_table_are_text_in_its_report(nncli: Run) -> None:
    columns = two_classes(200)
    write_rows("d.csv", {"<script>alert(1)</script>|`": columns["a"], "b": columns["b"], "class": columns["class"]})
    assert nncli("train", "d.csv", "--epochs", 3, "-q").code == 0
    outcome = nncli("report", "model.npz", "--to", "md")
    assert outcome.code == 0
    assert "<script" not in outcome.out.replace("&lt;", "")
    tables = [piece for piece in rendered(outcome.out) if piece.type == "html_inline"]
    assert tables == []


def test_json_and_a_file_can_be_had_together(model: Path, nncli: Run) -> None:
    assert report(nncli, model, "-o", "r.md")["title"] == "Report on model.npz"
    assert Path("r.md").exists()
