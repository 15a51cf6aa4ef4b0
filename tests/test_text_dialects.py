"""How a text file is cut into cells: quotes, escapes, blanks, ends of lines, lines above and below a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csv_reading import Dribble, blocks, complaint, load, strings
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.header import TextOptions
from nncli.data.csv.reader import read_blocks
from nncli.data.dataset import Dataset
from nncli.data.load import load_dataset
from nncli.errors import DataError

NAMES = ["x, y", "it's", 'the "old" town', "plain"]
ROWS = [(str(i), NAMES[i % 4], "pq"[i % 2]) for i in range(12)]
EXPECTED = [[float(i), NAMES[i % 4], "pq"[i % 2]] for i in range(12)]


def cells(data: Dataset) -> list[list[Any]]:
    [text] = data.table.texts.values()
    labels = [data.classes[k] for k in data.y]
    return [[*map(float, n), t, c] for n, t, c in zip(data.table.numbers, strings(text), labels, strict=True)]


def written(quote: Callable[[str], str], delimiter: str = ",", end: str = "\n", header: str = "a,t,label") -> str:
    lines = [header.replace(",", delimiter), *(delimiter.join(map(quote, row)) for row in ROWS)]
    return "".join(line + end for line in lines)


def double(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & {*',"'} else cell


def single(cell: str) -> str:
    return "'" + cell.replace("'", "''") + "'" if set(cell) & {*",'"} else cell


def all_single(cell: str) -> str:
    return "'" + cell.replace("'", "''") + "'"


def escaped(cell: str) -> str:
    return '"' + cell.replace('"', '\\"') + '"' if set(cell) & {*',"'} else cell


def spaced(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if " " in cell else cell


def unquoted(cell: str) -> str:
    return "".join("\\" * (character in ',"') + character for character in cell)


DIALECTS: dict[str, tuple[str, dict[str, Any]]] = {
    "usual": (written(double), {}),
    "single quotes where needed": (written(single), {}),
    "single quotes everywhere": (written(all_single), {}),
    "escaped quotes": (written(escaped), {}),
    "escaped delimiters": (written(unquoted), {}),
    "escapes without quotes, told": (written(unquoted), {"escape": "\\", "quote": ""}),
    "single quotes, told": (written(single), {"quote": "'"}),
    "blanks after the delimiter": (written(double, ", "), {}),
    "two blanks after the delimiter": (written(double, ",  "), {}),
    "CR": (written(double, end="\r"), {}),
    "CR LF and CR": (written(double, end="\r").replace("p\r", "p\r\n"), {}),
    "rows quoted whole": ("".join('"' + line.replace('"', '""') + '"\n' for line in written(double).splitlines()), {}),
    "the delimiter told by a line": ("sep=;\n" + written(double, ";"), {}),
    "the delimiter told by a quoted line": ('"sep=;"\r\n' + written(double, ";"), {}),
    "blanks": (written(spaced, "  "), {}),
    "blanks, told": (written(spaced, " \t "), {"delimiter": " "}),
    "blanks in front": (written(lambda cell: f"  {spaced(cell)} ", " "), {}),
    "lines above": ("Cities\n\nmade by hand, on a Tuesday\n" + written(double), {}),
    "cells above": ("Cities,,\n,,\n" + written(double), {}),
    "an empty line above": ("\n" + written(double), {}),
    "the header again": (written(double) + written(double), {"rows": (1, 12)}),
}  # fmt: skip


@pytest.mark.usefixtures("by_each_parser")
@pytest.mark.parametrize("name", DIALECTS)
def test_a_table_is_the_same_in_every_dialect(name: str) -> None:
    text, options = DIALECTS[name]
    assert cells(load(text, **options)) == EXPECTED


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_model_reads_later_rows_in_the_dialect_of_its_training(name: str, size: int) -> None:
    """Also through a slow pipe, where only the first line is known."""
    text, options = DIALECTS[name]
    expected = load(text, **options).schema
    found = []
    for block in blocks(text, expected, size, text=TextOptions(rows=options.get("rows"))):
        found += [*zip(block.table.numbers[:, 0].tolist(), strings(block.table.texts["t"]), strict=True)]
    assert found == [(number, text) for number, text, _ in EXPECTED]


@pytest.mark.parametrize("name", DIALECTS)
def test_a_line_that_is_wrong_has_its_number_in_every_dialect(name: str) -> None:
    text, options = DIALECTS[name]
    if "rows" in options or "delimiter told" in name:
        return
    end = "\r" if "CR" in name else "\n"
    line = text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    bad = '"old,x,p"' if "whole" in name else "old,x,p"
    if name in ("blanks", "blanks, told", "blanks in front"):
        bad = "old  x p"
    message = complaint(text + bad + end, **options)
    assert message.startswith(f"data.csv:{line}: column 'a': expected a number, found 'old'.")


def test_a_row_goes_through_a_pipe_at_once_in_an_odd_dialect() -> None:
    expected = load(DIALECTS["single quotes where needed"][0]).schema

    class Pipe(Dribble):
        """Fails where more is asked for than a reader needs for the first row."""

        def read(self, size: int = -1, /) -> bytes:
            assert self.data, "waits for more"
            first, newline, self.data = self.data.partition(b"\n")
            return first + newline

    with read_blocks("-", expected, stream=Pipe(b"a,t,label\n1,'x, y',p\n", 1)) as reader:
        assert strings(next(iter(reader)).table.texts["t"]) == ["x, y"]


@pytest.mark.parametrize(
    ("text", "t"),
    [
        ("a,t,label\n1,O'Neil,p\n2,'tis,q\n3,rock 'n' roll,q\n", ["O'Neil", "'tis", "rock 'n' roll"]),
        ("a,t,label\n1,C:\\x\\,p\n2,C:\\y\\,q\n", ["C:\\x\\", "C:\\y\\"]),
        ('a,t,label\n1,"{""k"": ""v\\""w""}",p\n2,"{""k"": 1}",q\n', ['{"k": "v\\"w"}', '{"k": 1}']),
        ('a,t,label\n1,5" pipe,p\n2,12",q\n3,5"x3" w,q\n', ['5" pipe', '12"', '5"x3" w']),
        ("a,t,label\n1,x;y,p\n2,u;v,q\n", ["x;y", "u;v"]),
        ("a,t,label\n1,one two,p\n2,one two,q\n", ["one two", "one two"]),
        ("a;t;label\n1;'x';p\n2;y;q\n", ["'x'", "y"]),
    ],
)
def test_a_usual_table_is_taken_for_no_other(text: str, t: list[str]) -> None:
    assert strings(load(text).table.texts["t"]) == t


def test_a_null_of_a_database_is_missing_where_there_are_escapes() -> None:
    found = load('a,t,label\n1,\\N,p\n2,"x\\"",q\n\\N,N,q\n')
    assert strings(found.table.texts["t"]) == [None, 'x"', "N"]
    assert str(found.table.numbers[:, 0].tolist()) == "[1.0, 2.0, nan]"


@pytest.mark.parametrize(
    ("row", "cut"),
    [
        (lambda i: f"{i % 4},1;{i % 3},2;{'pq'[i % 2]}", ";"),
        (lambda i: f"{i % 4},1;{i % 3},2;{i % 5},5;{'pq'[i % 2]}", ";"),
        (lambda i: f"{i % 4},{i % 3},{'x;y' if i % 2 else 'u;v'},{'pq'[i % 2]}", ","),
        (lambda i: f"{i % 4},5   {i % 3},5   {'pq'[i % 2]}", " "),
    ],
)
def test_a_tie_of_delimiters_goes_to_the_cut_into_numbers(row: Callable[[int], str], cut: str) -> None:
    found = load("".join(row(i) + "\n" for i in range(300)), target="-1")
    assert (found.schema.delimiter, found.classes) == (cut, ("p", "q"))


@pytest.mark.parametrize(
    "later",
    ["a,t,label\n1,'it''s',p\n", "a;t;label\n1;'it''s';p\n", "a,t,label\n1,'x, y',p\n"],
)
def test_single_quotes_that_only_come_later_are_refused(later: str) -> None:
    with pytest.raises(DataError):
        blocks(later, load(written(double)).schema)


def test_double_quotes_in_a_table_with_single_ones_are_refused() -> None:
    with pytest.raises(DataError, match=r"""data.csv:2: expected cells quoted with ', found one with "\."""):
        blocks('a,t,label\n1,"x",p\n', load(written(single)).schema)


@pytest.mark.usefixtures("by_each_parser")
def test_a_separator_lost_before_a_quoted_cell_is_refused() -> None:
    good = "".join(f'{i},BH,$7,"Table, Round",x,{"pq"[i % 2]}\n' for i in range(30))
    for bad in ('2,BH,$78.07"Table, Round 48",x,y,p', '2,BH-9"Table, Round 48",x,y,p'):
        message = complaint(f"id,code,price,name,made,label\n{good}{bad}\n")
        assert message.startswith("data.csv:32: expected ")
        assert "',' before a quoted cell" in message or "6 columns" in message


def test_a_blank_before_a_quote_that_none_had_before_is_refused() -> None:
    expected = load('a,t,label\n1,"x",p\n2,y,q\n').schema
    with pytest.raises(DataError, match=r"data.csv:3: expected ',' before a quoted cell, found ' \"z\"'."):
        blocks('a,t,label\n1,"x",p\n3, "z",p\n', expected)


@pytest.mark.parametrize("bad", ["x\0", "\0", "\0x"])
def test_a_zero_byte_in_a_cell_is_refused(bad: str) -> None:
    rows = "".join(f"{i},t{i % 3},{'pq'[i % 2]}\n" for i in range(2000))
    assert complaint(f"a,t,label\n{rows}5,{bad},p\n").startswith(
        "data.csv:2002: column 't': expected text, found a zero"
    )
    with pytest.raises(DataError, match="zero byte"):
        blocks(f"a,t,label\n5,{bad},p\n", load(f"a,t,label\n{rows}").schema)


@pytest.mark.parametrize("n", [3, 3000])
@pytest.mark.parametrize("between", ["", "\ufeff"])
def test_a_header_that_comes_again_is_no_row(n: int, between: str) -> None:
    header, rows = "s,t,label\n", "".join(f"u{i % 4},t{i % 3},{'pq'[i % 2]}\n" for i in range(n))
    found = load(header + rows + between + header + rows + between + header)
    assert (len(found), found.classes) == (2 * n, ("p", "q"))
    assert found.notes[-1] == "data.csv: the header comes again 2 times among the rows: left out"
    bad = complaint(header + rows + between + header + rows + "x\n")
    assert bad.startswith(f"data.csv:{2 * n + 3}: expected 3 columns")


def test_a_header_of_numbers_that_comes_again_is_no_row() -> None:
    rows = "".join(f"{i % 4}.5,{i % 3},{i % 5},{i % 2}\n" for i in range(3000))
    assert len(load(f"0,1,2,3\n{rows}" * 2, target="3")) == 6000


def test_a_header_within_a_stream_is_counted_when_it_ends(
    nncli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"{i % 4},t{i % 3},{'pq'[i % 2]}\n" for i in range(60))
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_text("a,t,label\n" + rows)
    Path("twice.csv").write_text(("a,t,label\n" + rows) * 2)
    nncli("train", "d.csv", "--epochs", "1")
    done = nncli("predict", "model.npz", "twice.csv")
    assert done.out.count("\n") == 121
    assert "twice.csv: the header comes again once among the rows: left out" in done.err


@pytest.mark.parametrize(
    ("header", "rows", "names"),
    [
        ("0,1,2,3", lambda i: f"{i % 4},{i % 3},{i % 5},{i % 2}", ("0", "1", "2")),
        ("1,2,3,4", lambda i: f"{i % 4},{i % 3},{i % 5},{i % 2}", ("1", "2", "3")),
        ("0,1,2", lambda i: f"{i % 4}.5,{i % 3},{i % 2}", ("0", "1")),
        ("1,0,2,3", lambda i: f"{i % 4},{i % 3},{i % 5},{i % 2}", ("c0", "c1", "c2")),
        ("0,1", lambda i: f"{i % 4},{i % 2}", ("c0",)),
    ],
)
def test_whole_numbers_that_count_columns_are_a_header(
    header: str, rows: Callable[[int], str], names: tuple[str, ...]
) -> None:
    found = load("".join([header + "\n", *(rows(i) + "\n" for i in range(30))]), target="-1")
    assert found.schema.names == names
    assert len(found) == 30 + (not found.schema.header)
    counts = header in ("0,1,2,3", "1,2,3,4", "0,1,2", "0,1")
    assert any("the first row" in note for note in found.notes) == counts


def test_a_row_of_text_that_is_taken_for_a_header_is_quoted() -> None:
    text = "".join(f"c{i % 4},d{i % 3},{'pq'[i % 2]}\n" for i in range(30))
    note = "the first row names the columns: red, small and r (--no-header reads it as data)"
    assert note in load("red,small,r\n" + text, target="-1").notes
    assert len(load("red,small,r\n" + text, target="-1", header=False)) == 31


def test_names_in_several_rows_are_joined() -> None:
    text = "length,,width,label\ncm,mm,cm,\n1,2,3,p\n4,5,6,q\n"
    found = load(text, header_rows=2)
    assert found.schema.names == ("length cm", "length mm", "width cm")
    assert found.table.numbers.tolist() == [[1, 2, 3], [4, 5, 6]]
    for later in (text, "width cm,length cm,length mm\n3,1,2\n6,4,5\n"):
        for size in (1, 1000):
            read = blocks(later, found.schema, size)
            assert [row for block in read for row in block.table.numbers.tolist()] == [[1, 2, 3], [4, 5, 6]]
    assert complaint("a,b,c\nx,y\n1,2,p\n", header_rows=2) == (
        "data.csv:2: expected 3 names as in the line above, found 2. Correct the number of --header-rows."
    )


@pytest.mark.parametrize(("between", "line"), [("\n", 86), ("", 85), ("\nTable 2\n", 86)])
def test_a_second_table_is_refused_with_its_place_and_what_is_advised_works(between: str, line: int) -> None:
    rows = "".join(f"{i % 4},{i % 5},{'pq'[i % 2]}\n" for i in range(83))
    text = f"a,b,label\n{rows}{between}x,y\n1,2\n3,4\n5,6\n"
    message = complaint(text)
    assert message == (
        f"data.csv:{line}: expected 3 columns, found what looks like another table, of 2 columns. "
        "Read the first one with --rows 1:83."
    )
    assert len(load(text, rows=(1, 83))) == 83


def test_some_rows_are_read_in_training_and_later() -> None:
    text = "a,b,label\n" + "".join(f"{i},{i % 5},{'pq'[i % 2]}\n" for i in range(3000))
    found = load(text, rows=(3, 2005), only=("a",))
    assert found.table.numbers[:, 0].tolist() == [*range(2, 2005)]
    read = blocks(text, found.schema, text=TextOptions(rows=(2999, 5000)))
    assert [n for block in read for n in block.table.numbers[:, 0].tolist()] == [2998, 2999]


def test_quotes_and_escapes_are_options_of_the_command_line(
    nncli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{i % 7},'{'ab'[i % 2]}, c','{'pq'[i % 2]}'\n" for i in range(60))
    Path("d.csv").write_text("a,t,label\n" + rows)
    nncli("train", "d.csv", "--epochs", "1", "--quote", "'", "--escape", "none")
    assert nncli("predict", "model.npz", "d.csv", "--rows", "2:4").out.count("\n") == 4
    assert "quotes: " not in nncli("eval", "model.npz").err
    assert nncli("predict", "model.npz", "d.csv", "--quote", "none").code == 1


@pytest.mark.parametrize("title", ["", "Report\nmade on Tuesday\n"])
@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_decimal_commas_cut_rows_but_not_their_header(delimiter: str, title: str) -> None:
    """Every sheet of numbers from a German or French office: a comma cuts its rows into as many cells each."""
    header = ["Sepal.Length", "Sepal.Width", "Petal.Length", "Species"]
    lines = [header, *([f"{i % 7},{i % 9}", f"{i % 5},5", f"{i % 3},25", "pq"[i % 2]] for i in range(40))]
    found = load(title + "".join(delimiter.join(line) + "\n" for line in lines), target="Species")
    assert found.schema.names == ("Sepal.Length", "Sepal.Width", "Petal.Length")
    assert found.table.numbers[5].tolist() == [5.5, 0.5, 2.25]


def test_other_quotes_are_told_in_words() -> None:
    rows = "".join(f"{i % 7},'{'ab'[i % 2]}, c','{'pq'[i % 2]}'\n" for i in range(60))
    assert "quotes: cells are quoted with ', not with \"" in load(f"a,t,label\n{rows}").notes


SINGLE = "x,note,label\n" + "".join(
    f"{i},'{'it is red' if i % 3 else 'so, well'}','{'ab'[i % 2]}'\n" for i in range(30)
)


def test_rows_with_double_quotes_for_a_model_of_single_ones_are_told_the_option_that_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nncli: Callable[..., Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.csv").write_text(SINGLE)
    assert nncli("train", "s.csv", "--epochs", 2, "-q", "--json").code == 0
    Path("all.csv").write_text('"x","note","label"\n"1","so, well","a"\n"2","it is red","b"\n')
    read = nncli("predict", "model.npz", "all.csv")
    assert (read.code, read.out.count("\n")) == (0, 3)
    assert "quotes: cells are quoted with \", not with '" in read.err
    Path("some.csv").write_text('x,note,label\n1,it is red,a\n2,"so, well",b\n')
    refused = nncli("predict", "model.npz", "some.csv")
    line = """some.csv:3: expected 3 columns, found 4. If cells are quoted with ", add --quote '"'.\n"""
    assert (refused.code, refused.err) == (1, line)
    assert nncli("predict", "model.npz", "some.csv", "--quote", '"').out.count("\n") == 3


def test_a_text_that_begins_with_a_number_and_lists_words_is_no_number(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    texts = ("'5\" pipe, red'", "'6\" pipe'")
    path.write_text("x,note,label\n" + "".join(f"{i * 7 % 11},{texts[i % 2]},{'ab'[i % 2]}\n" for i in range(40)))
    found = load_dataset((str(path),), CsvOptions(), "float64")
    assert found.table.texts["note"].values == ('5" pipe, red', '6" pipe')
    assert not [note for note in found.notes if "look like numbers" in note]
