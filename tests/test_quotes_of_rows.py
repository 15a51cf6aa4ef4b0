"""Quotes and escapes that the header does not show, or that come late in a file: read, or named in advice."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csv_reading import complaint, load

Run = Callable[..., Any]
NAMES = "n,colour,note,label"
ROWS = [(i * 7 % 60, ("red", "blue")[i * i % 3 == 0], f"text {i % 3}, part", ("yes", "no")[i % 2]) for i in range(60)]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def write(name: str, form: str, rows: list[tuple[Any, ...]] = ROWS, header: str = NAMES) -> str:
    Path(name).write_text("\n".join([header, *(form.format(*row) for row in rows)]) + "\n")
    return name


def trained(nncli: Run, data: str) -> dict[str, Any]:
    outcome = nncli("train", data, "--epochs", "2", "--json", "-o", "m.npz")
    assert outcome.code == 0, outcome.err
    return {part: outcome.json[part] for part in ("train", "val", "test")}


DOUBLE, SINGLE = '{},{},"{}",{}', "{},'{}','{}','{}'"


@pytest.mark.parametrize(
    ("form", "header"),
    [
        (SINGLE, NAMES),
        (SINGLE, "'n','colour','note','label'"),
        ("'{}','{}','{}','{}'", NAMES),
        ("{}, '{}', '{}', '{}'", NAMES),
    ],
)
def test_rows_in_single_quotes_are_read_under_names_of_either_kind(nncli: Run, form: str, header: str) -> None:
    right = trained(nncli, write("d.csv", DOUBLE))
    answers = nncli("predict", "m.npz", "d.csv").out
    later = nncli("predict", "m.npz", write("s.csv", form, header=header))
    assert later.code == 0, later.err
    assert later.out == answers
    assert "quotes: cells are quoted with ', not with" in later.err
    assert "not seen" not in later.err
    assert trained(nncli, "s.csv") == right


@pytest.mark.parametrize("names", [NAMES, NAMES.replace(",", ", ")], ids=["close names", "spaced names"])
def test_blanks_before_quotes_are_read_under_names_that_do_not_show_them(nncli: Run, names: str) -> None:
    trained(nncli, write("d.csv", DOUBLE))
    answers = nncli("predict", "m.npz", "d.csv").out
    later = nncli("predict", "m.npz", write("s.csv", '{}, "{}", "{}", {}', header=names))
    assert (later.code, later.out) == (0, answers), later.err
    assert "not seen" not in later.err


def test_a_quote_behind_a_blank_within_a_cell_is_no_quote_around_one(nncli: Run) -> None:
    rows = [(n, 'a, ""b""', note, label) for n, _, note, label in ROWS]
    trained(nncli, write("d.csv", '{},"{}","{}",{}', rows))
    assert nncli("predict", "m.npz", write("s.csv", '{},"{}","{}",{}', rows)).code == 0


def test_words_above_the_table_are_no_row_of_as_many_columns(nncli: Run) -> None:
    trained(nncli, write("d.csv", DOUBLE))
    answers = nncli("predict", "m.npz", "d.csv").out
    Path("s.csv").write_text("Report of our shop\n\n" + Path("d.csv").read_text())  # four words, as there are columns
    later = nncli("predict", "m.npz", "s.csv")
    assert (later.code, later.out) == (0, answers), later.err
    assert "the first 2 lines are left out" in later.err


@pytest.mark.parametrize("rows", [ROWS[:1], ROWS])
def test_rows_in_double_quotes_are_read_by_a_model_of_single_ones(nncli: Run, rows: list[tuple[Any, ...]]) -> None:
    trained(nncli, write("s.csv", SINGLE))
    expected = nncli("predict", "m.npz", write("t.csv", SINGLE, rows)).out
    later = nncli("predict", "m.npz", write("d.csv", SINGLE.replace("'", '"'), rows))
    assert (later.code, later.out) == (0, expected)


def test_names_in_single_quotes_stand_above_plain_rows(nncli: Run) -> None:
    rows = [(n, colour, note.replace(",", ""), label) for n, colour, note, label in ROWS]
    right = trained(nncli, write("d.csv", "{},{},{},{}", rows))
    assert trained(nncli, write("h.csv", "{},{},{},{}", rows, "'n','colour','note','label'")) == right


def test_categories_that_a_model_knows_with_quotes_keep_them(nncli: Run) -> None:
    rows = [(n, f"'{colour}'", "a", label) for n, colour, _, label in ROWS]
    trained(nncli, write("d.csv", '{},"{}",{},{}', rows))
    assert "not seen" not in nncli("predict", "m.npz", "d.csv").err


@pytest.mark.parametrize("late", [r"7,red,a\, b,no", r'7,red,"a \"b\", c",no', "7,red,'a, b',no"])
@pytest.mark.parametrize("command", ["train", "predict"])
def test_a_mark_that_comes_late_is_named_with_the_option_that_reads_it(nncli: Run, late: str, command: str) -> None:
    """Names and the first rows show nothing: the row is at 1.4 MB, behind what is looked at."""
    long = "so that few rows are many bytes " * 5
    lines = [f"{i % 100},{('red', 'blue')[i % 3 == 0]},{long}{i % 7},{('yes', 'no')[i % 2]}" for i in range(8_000)]
    Path("t.csv").write_text("\n".join([NAMES, *lines[:600]]) + "\n")
    Path("d.csv").write_text("\n".join([NAMES, *lines, late, *lines[:9]]) + "\n")
    if command == "predict":
        trained(nncli, "t.csv")
        run = ["predict", "m.npz", "d.csv", "-o", "out.csv"]
    else:
        run = ["check", "d.csv"]
    outcome = nncli(*run)
    assert outcome.code == 1
    assert outcome.err.startswith("d.csv:8002: ")
    advised = outcome.err.split(", add ")[1].split(", or leave")[0].rstrip(".\n")
    assert nncli(*run, *shlex.split(advised)).code == 0, advised


def test_rows_in_single_quotes_that_come_after_the_names_are_refused_with_the_option(
    nncli: Run, tmp_path: Path
) -> None:
    """A producer that sends the names first: they are answered, before anybody can see how the rows are quoted."""
    rows = "".join(f"{i % 7},{color},{'ab'[i % 2]}\n" for i, color in enumerate(["red", "green"] * 15))
    (tmp_path / "train.csv").write_text("x,color,label\n" + rows)
    nncli("train", "train.csv", "--epochs", 2, "-o", "m.npz")
    with subprocess.Popen(
        [sys.executable, "-m", "nncli", "predict", "m.npz"],
        cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"x,color\n")
        assert process.stdout.read(11) == b"prediction\n"
        _, err = process.communicate(b"1,'red'\n2,'green'\n", timeout=30)
    assert process.returncode == 1
    assert b"""column 'color': expected texts in double quotes or none, found 'red'. Add --quote "'" """ in err


@pytest.mark.usefixtures("by_each_parser")
@pytest.mark.parametrize("on_error", ["fail", "skip"])
@pytest.mark.parametrize(
    "cell", ['say ""hi"" you"', 'say ""hi"""', 'it is 5"" wide"', 'a ""b"" ""c"" d"']
)  # fmt: skip
def test_a_cell_without_its_opening_quote_is_damage_and_the_advice_works(cell: str, on_error: str) -> None:
    def table(cell: str) -> str:
        rows = [f"{i % 7}.5,t{i % 3},{'pq'[i % 2]}" for i in range(40)]
        return "\n".join(["n,note,label", *rows[:10], f"0.5,{cell},p", *rows[10:]]) + "\n"

    if on_error == "skip":
        assert len(load(table(cell), on_error="skip")) == 40
        return
    assert complaint(table(cell)) == (
        f"data.csv:12: expected a quote before a cell that ends in one, found '{cell}'. Write it in front of the cell; "
        'if it has none, quote the cell and write each quote within it as "".'
    )
    meant = cell[:-1].replace('""', '"')
    quoted = '"' + cell.replace('"', '""') + '"'
    for correct, text in ((f'"{cell}', meant), (quoted, cell)):
        assert text in load(table(correct), categorical=("note",)).table.texts["note"].values


@pytest.mark.usefixtures("by_each_parser")
@pytest.mark.parametrize("cell", ['5" pipe', '5 x 6"', 'say ""hi"" you', 'the "so called" end', 'a"" b'])
def test_quotes_within_a_cell_that_has_none_around_it_stay_text(cell: str) -> None:
    rows = "".join(f"{i % 7}.5,{(cell, 't')[i % 2]},{'pq'[i % 2]}\n" for i in range(40))
    assert cell in load(f"n,note,label\n{rows}").table.texts["note"].values


def shops(form: str, n: int) -> str:
    return "".join(f"{form.format(i % 3)},{i % 7}.5,{'pq'[i % 2]}\n" for i in range(n))


LATE = "'it''s shop 1, unit',3,p\n"


@pytest.mark.usefixtures("by_each_parser")
@pytest.mark.parametrize(
    "names", ["t,x,label\n", "'t','x','label'\n", ""], ids=["names", "names in quotes", "no names"]
)
@pytest.mark.parametrize("form", ["'shop {}, unit'", "shop {}", "it's {}"])
def test_a_delimiter_within_single_quotes_cuts_no_cell_in_two(form: str, names: str) -> None:
    found = load(names + shops(form, 30) + LATE + shops(form, 5), target=None if names else "c2")
    [column] = found.table.texts.values()
    assert {*column.values} == {form.format(i).strip("'") for i in range(3)} | {"it's shop 1, unit"}
    assert found.classes == ("p", "q")
    assert any(note.startswith("quotes: cells are quoted with '") for note in found.notes)


@pytest.mark.parametrize(
    ("form", "n", "advice", "how"),
    [
        ("shop {}", 25_000, """add --quote "'\"""", {"quote": "'"}),
        ('"shop {}, unit"', 20, 'write " in its place, as in other rows', {}),
        ('"shop {}, unit"', 20_000, 'write " in its place, as in other rows', {}),
    ],
    ids=["late", "beside double quotes", "late beside double quotes"],
)
def test_a_row_in_other_quotes_is_told_how_to_be_read(form: str, n: int, advice: str, how: dict[str, Any]) -> None:
    table = "t,x,label\n" + shops(form, n) + LATE
    assert complaint(table) == (
        f"data.csv:{n + 2}: expected 3 columns, found 4. If cells are quoted with ', {advice}, "
        "or leave such rows out with --on-error skip."
    )
    correct = table if how else table.replace(LATE, '"it\'s shop 1, unit",3,p\n')
    assert "it's shop 1, unit" in load(correct, **how).table.texts["t"].values
    assert len(load(table, on_error="skip")) == n
