"""What stands around a table: read at once where it is certain, else refused with the option that reads the table."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_process import nncli
from csv_reading import blocks, complaint, load, strings
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.dataset import Dataset
from nncli.data.load import load_dataset
from nncli.errors import DataError

ROWS = [(i * 7 % 10 + i / 4, ["red", "green", "blue"][i % 3], "ab"[i % 2]) for i in range(30)]
BODY = [f"{x},{colour},{label}" for x, colour, label in ROWS]
HEADER = "size,colour,label"
BARS, BLANKS, TABS = ([row.replace(",", sign) for row in BODY] for sign in (" | ", "  ", "\t"))
TEXTS = [f"n{i},t{i % 3},z{i}" for i in range(50)]


def text(*lines: str) -> str:
    return "".join(line + "\n" for line in lines)


def is_read(data: Dataset) -> bool:
    [name] = [name for name, kind in data.schema.columns if kind == "number"]
    [column] = data.table.texts.values()
    np.testing.assert_allclose(data.table.numbers[:, 0], [row[0] for row in ROWS])
    assert "size" in name
    assert strings(column) == [row[1] for row in ROWS]
    assert [data.classes[k] for k in data.y] == [row[2] for row in ROWS]
    return True


def options_in(line: str) -> list[dict[str, Any]]:
    """Take each option that an error advises, with what is said together."""
    found: list[dict[str, Any]] = []
    for part in re.split(", or | if |; ", line):
        told: dict[str, Any] = {}
        for name, value in re.findall(r"--(rows|skip-rows|header-rows|on-error) (\S*[^\s.,;:])", part):
            key = name.replace("-", "_")
            told[key] = tuple(map(int, value.split(":"))) if key == "rows" else value
            told[key] = int(value) if key in ("skip_rows", "header_rows") else told[key]
        found += [told] if told else []
    return found


CERTAIN = {
    "row names of R": text('"size","colour","label"', *(f'"{i}",{row}' for i, row in enumerate(BODY, 1))),
    "row names of R, blanks": text("size colour label", *(f"car{i} {row}" for i, row in enumerate(BLANKS))),
    "row names of R, tabs": text("size\tcolour\tlabel", *(f"{i}\t{row}" for i, row in enumerate(TABS))),
    "Markdown": text("| size | colour | label |", "|---:|:---|---|", *(f"| {row} |" for row in BARS)),
    "Markdown without outer bars": text("size | colour | label", "---|---|---", *BARS),
    "psql": text(" size | colour | label ", "------+--------+-------", *(f" {row}" for row in BARS)),
    "a rule below names": text("size  colour  label", "----- ------ -----", *BLANKS),
    "delimiters at the end": text(HEADER, *BODY, ",,", ",,"),
    "delimiters and empty lines at the end": text(HEADER, *BODY, ",,", "", ", ,", ""),
    "delimiters without an end of line": text(HEADER, *BODY) + ",,",
    "a comment above": text("# made on a Tuesday", HEADER, *BODY),
    "a comment as wide as the table": text("# made, on a, Tuesday", HEADER, *BODY),
    "a preamble of other widths": text("Account,DE12,,", "Owner,Max", HEADER, *BODY),
    "comments of different widths": text("# a, b", "# c, d, e, f", HEADER, *BODY),
}  # fmt: skip
REFUSED = {
    "units below the names": text(HEADER, "cm,,", *BODY),
    "units of every column": text(HEADER, "(cm),(name),(class)", *BODY),
    "questions below the names": text(
        HEADER, '"How big, if known?",Which colour?,Which?', '"{""Id"":1}","{""Id"":2}","{""Id"":3}"', *BODY
    ),
    "units below a title": text("Sizes", "", HEADER, "cm,,", *BODY),
    "groups above the names": text("measured,measured,", HEADER, *BODY),
    "a preamble as wide": text("Account,DE12,", "Owner,Max,Muster", "From,2026-01-01,2026-02-01", HEADER, *BODY),
    "a total": text(HEADER, *BODY, "Total,,"),
    "a total with a class": text(HEADER, *BODY, "Total,,a"),
    "a count of rows": text(HEADER, *BODY, "(30 rows)"),
    "a source below an empty line": text(HEADER, *BODY, "", "Source: the office, 2026"),
    "a total, empty lines and a note": text(HEADER, *BODY, "Total,,30", "", "", "Source: the office"),
    "two empty lines and a note": text(HEADER, *BODY, "", "", "Source: the office"),
    "an empty line and a total": text(HEADER, *BODY, "", "Total,,"),
    "a note below delimiters": text(HEADER, *BODY, ",,", "Source: the office,,"),
    "a note beside delimiters": text(HEADER, *BODY, ",Source: the office,"),
    "a sum without a name and a note": text(HEADER, *BODY, "140.25,,", "", "Source: the office"),
    "a quoted note": text(HEADER, *BODY, '"Source: the office, 2026",,'),
    "a note as wide": text(HEADER, *BODY, "Source: the office, 2026, all of it"),
    "notes as wide": text(HEADER, *BODY, "a,b,c", "d,e,f", "g,h,i"),
    "notes among the rows": text(HEADER, *BODY[:9], "Page 2,,", *BODY[9:]),
    "a rule and a total": text(HEADER, *BODY, "----,----,----", "Total,,"),
    "other names and rows": text(HEADER, *BODY, "price,town,kind", *(f"{i}.5,t{i % 3},z" for i in range(9))),
    "a table as wide below": text(HEADER, *BODY, "name,town,zip", *TEXTS),
    "a table below an empty line": text(HEADER, *BODY, "", "name,town,zip", *TEXTS),
    "a narrow table below": text(HEADER, *BODY, "", "name,town", *(row.rpartition(",")[0] for row in TEXTS)),
    "a comment among the rows": text(HEADER, *BODY[:9], "# a note", *BODY[9:]),
    "a comment as wide among the rows": text(HEADER, *BODY[:9], "# a note,,", *BODY[9:]),
    "a total among the rows": text(HEADER, *BODY[:9], "Total,,", *BODY[9:]),
    "an empty line among the rows": text(HEADER, *BODY[:9], "", *BODY[9:]),
}  # fmt: skip


OTHER_NAMES = ("questions below the names", "units of every column")  # where the last line names the columns


@pytest.mark.parametrize("kind", CERTAIN)
def test_what_is_certainly_no_row_is_read_over(kind: str) -> None:
    assert is_read(load(CERTAIN[kind]))


@pytest.mark.parametrize("kind", REFUSED)
def test_each_option_that_is_advised_reads_the_table(kind: str) -> None:
    advised = options_in(complaint(REFUSED[kind]).replace("\0", " "))
    assert advised
    for options in advised:
        if "skip_rows" not in options or kind not in OTHER_NAMES:
            assert is_read(load(REFUSED[kind], **options)), options


def test_it_is_said_what_has_been_left_out() -> None:
    row_names, tail = load(CERTAIN["row names of R"]).notes, load(CERTAIN["delimiters at the end"]).notes
    assert sum("the first column names the rows, and is left out" in note for note in row_names) == 1
    assert "data.csv: the last 2 lines have no cells: left out" in tail


@pytest.mark.parametrize("kind", ["row names of R", "row names of R, blanks", "Markdown", "psql", "a rule below names"])
@pytest.mark.parametrize("size", [None, 3])
def test_a_model_reads_a_later_file_of_that_kind(kind: str, size: int | None) -> None:
    data = load(CERTAIN[kind])
    found = np.concatenate([block.table.numbers for block in blocks(CERTAIN[kind], data.schema, size)])
    np.testing.assert_allclose(found[:, 0], [row[0] for row in ROWS])


def test_a_row_without_cells_to_predict_is_a_row() -> None:
    data = load(text(HEADER, *BODY))
    assert sum(map(len, blocks(text("size,colour", "1,red", ","), data.schema))) == 2


@pytest.mark.parametrize(
    "lines",
    [
        [HEADER, "n/a,red,a", *BODY],  # a cell of a row
        [HEADER, *BODY[:-1], "n/a,red,a"],
        [HEADER, *BODY[:9], "n/a,red,a", *BODY[9:]],
    ],
)
def test_a_cell_that_cannot_be_read_is_no_line_of_names_and_no_footer(lines: list[str]) -> None:
    line = complaint(text(*lines))
    assert "Add --missing n/a" in line
    assert "-rows" not in line


def test_a_delimiter_too_many_in_all_rows_is_no_column_of_row_names() -> None:
    assert "expected 4 names, as each row below has 4 cells" in complaint(text(HEADER, *(f"{row}," for row in BODY)))


def test_a_category_called_total_that_comes_again_is_one() -> None:
    data = load(text(HEADER, "1,Total,a", *BODY, "2,Total,b"))
    assert "Total" in data.table.texts["colour"].values


def test_a_part_of_a_joined_name_names_the_column() -> None:
    lines = text("Q1,Q2,Q3", "How big?,Which colour?,Which?", *BODY)
    data = load(lines, header_rows=2, target="Q3", categorical=("Which colour?",))
    assert data.schema.target == "Q3 Which?"
    assert data.schema.names == ("Q1 How big?", "Q2 Which colour?")
    assert load(lines, header_rows=2, target="Which?", drop=("Q2",)).schema.names == ("Q1 How big?",)
    assert "no column is called 'Q4'" in complaint(lines, header_rows=2, target="Q4")
    twice = text("a,a,b", "x,y,z", *BODY)
    assert "no column is called 'a'" in complaint(twice, header_rows=2, target="a")  # which of the two?
    found = load(text("one,two,label", "cm,name,(class)", *BODY), header_rows=2)
    assert "target column: label (class)" in found.notes


@pytest.mark.parametrize("right", [False, True])
def test_columns_aligned_by_blanks_are_told_how_to_be_cut(right: bool, tmp_path: Path) -> None:
    """The command is done as it is printed; a cell without a text stays one."""
    cells = ([str(x), f"{colour} ish" if i % 4 else "", y] for i, (x, colour, y) in enumerate(ROWS))
    rows = [["size", "colour", "label"], *cells]
    widths = [7, 11, 9]
    lines = ["".join(c.rjust(n) if right else c.ljust(n) for c, n in zip(row, widths, strict=True)) for row in rows]
    line = complaint(text(*lines))
    assert "expected a delimiter between the columns, found only blanks. Put tabs between them: python3 -c " in line
    command = line.partition("between them: ")[2].removesuffix(".")
    command = command.replace("FILE.tsv", "out.tsv").replace("FILE", "in.txt")
    (tmp_path / "in.txt").write_text(text(*lines))
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    found = load((tmp_path / "out.tsv").read_text())
    np.testing.assert_allclose(found.table.numbers[:, 0], [row[0] for row in ROWS])
    assert strings(found.table.texts["colour"]) == [f"{row[1]} ish" if i % 4 else None for i, row in enumerate(ROWS)]
    assert [found.classes[k] for k in found.y] == [row[2] for row in ROWS]


@pytest.mark.parametrize("last", ["99.5,Total,a", "99.5,red,Total:", "99.5,grand total,b"])
def test_a_total_in_a_column_of_text_is_no_category(last: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text(HEADER, *BODY, last))
    with pytest.raises(DataError, match="Leave it out with --rows 1:30, or keep it with --rows 1:31"):
        load_dataset((str(path),), CsvOptions(), "float32")
    assert is_read(load_dataset((str(path),), CsvOptions(rows=(1, 30)), "float32"))
    assert len(load_dataset((str(path),), CsvOptions(rows=(1, 31)), "float32")) == 31


def test_words_below_numbers_are_no_table_if_no_names_stand_above_them() -> None:
    codes = [
        f"{code},{x},{label}"
        for code, (x, _, label) in zip(["1", "2", "3"] * 4 + ["A", "B", "C"] * 6, ROWS, strict=True)
    ]
    assert load(text("code,size,label", *codes)).schema.of_kind("text") == ("code",)


@pytest.mark.long
def test_of_several_files_none_is_cut(tmp_path: Path) -> None:
    for name, n in (("a", 30), ("b", 20)):
        (tmp_path / f"{name}.csv").write_text(text(HEADER, *BODY[:n], f"({n} rows)"))
    outcome = nncli("train", str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), "-q", cwd=tmp_path)
    assert b"leave such rows out with --on-error skip" in outcome.stderr
    assert b"--rows" not in outcome.stderr


def test_a_comment_among_the_rows_does_not_hide_the_lines_above() -> None:
    rows = [f"{i}.5,{i % 7},{'pq'[i % 2]}" for i in range(40)]
    text = "\n".join(["# sensor v2", "# 2024-01-01", "time,temp,class", *rows[:20], "# recalibrated", *rows[20:], ""])
    assert complaint(text).startswith("data.csv:24: expected 3 columns, found 1")
    found = load(text, on_error="skip")
    assert (len(found), found.table.number_names) == (40, ("time", "temp"))


BANK = [
    f"{i % 28 + 1:02}.{i % 12 + 1:02}.2026;Shop {i % 4};-{i * 137 % 900},{i % 90 + 10};EUR;{'ab'[i % 2]}"
    for i in range(60)
]
NAMES = "Day;To;Amount;Currency;Kind"


@pytest.mark.parametrize("target", ["Kind", "-1", "4", None])
@pytest.mark.parametrize(
    ("above", "n"),
    [
        (["Statement;;;;", "Account:;DE12;;;"], 2),
        (['"Statement";"";"";"";""', '"Account:";"DE12 3456";"";"";""', ";;;;"], 3),
        (["Account:;DE12;;;"], 1),
    ],
)
def test_lines_above_that_have_as_many_cells_are_told_from_the_names(
    above: list[str], n: int, target: str | None
) -> None:
    """Decimal commas cut the rows in two, and none of the lines above: these are no preamble of a table of commas."""
    found = text(*above, NAMES, *BANK)
    names = "expected the names of the columns at the top, found Day, To, Amount, Currency and Kind"
    line = "line" if n == 1 else "lines"
    said = complaint(found, target=target)
    assert said.startswith(f"data.csv:{n + 1}: {names}. Leave the {line} above out with --skip-rows {n}")
    read = load(found, target="Kind", skip_rows=n)  # as advised
    assert read.schema.names == ("Day", "To", "Amount", "Currency")
    assert len(read) == 60


def test_a_sparse_first_row_is_no_line_above() -> None:
    """Two rows of texts, of which the first has empty cells, above others like them."""
    rows = [f"{i % 7 or ''},{i % 5},w{i % 3},{'ab'[i % 2]}" for i in range(40)]
    assert len(load(text(",,w1,a", "1,2,w2,b", *rows), header=False, target="-1")) == 42
    assert len(load(text("n,,,label", *rows), target="-1")) == 40
