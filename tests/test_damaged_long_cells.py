"""One damaged row in a table whose cells hold line breaks, quotes and delimiters: one row is lost, no other."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from csv_reading import Dribble
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.csv.damaged_row import MOST_LINES, DamagedRows
from nncli.data.csv.reader import read_blocks
from nncli.data.load import load_dataset
from nncli.errors import DataError
from short_and_long import some_short
from test_damaged_rows import damaged

Row = tuple[Any, ...]
ROWS: list[Row] = [
    (1, "plain words", "red", "yes"),
    (2, "one\ntwo", "green", "no"),
    (3, 'said "so"', "blue", "yes"),
    (4, "a, b, c", "red", "no"),
    (5, 'first line\nsecond, line\n"third"', "green", "yes"),
    (6, "plain", "blue", "no"),
    (7, "", "red", "yes"),
    (8, 'ends in a quote "x"', "dark\nblue", "no"),
    (9, '"all"', "green", "yes"),
    (10, "x\n\ny", "red", "no"),
    (11, "plain again", "dark\nblue", "yes"),
    (12, "the end\n", "green", "no"),
]
AS_READ = [(n, note.strip(), colour, label) for n, note, colour, label in ROWS]
QUOTING = [
    csv.QUOTE_MINIMAL,
    pytest.param(csv.QUOTE_NONNUMERIC, marks=pytest.mark.long),
    pytest.param(csv.QUOTE_ALL, marks=pytest.mark.long),
]


def written(quoting: Any, **marks: Any) -> list[str]:
    texts = []
    for row in [("n", "note", "colour", "label"), *ROWS]:
        out = io.StringIO()
        csv.writer(out, quoting=quoting, lineterminator="\n", **marks).writerow(row)
        texts.append(out.getvalue())
    return texts


def with_one_damaged(texts: list[str], signs: str = '",') -> Iterator[tuple[int, int, str, str]]:
    """Yield the number and the line of a row, the row with a sign too many or too few, and the file."""
    for i in range(1, len(texts)):
        line = 1 + sum(text.count("\n") for text in texts[:i])
        for sign in signs:
            for one in damaged(texts[i], sign):
                yield i, line, one, "".join([*texts[:i], one, *texts[i + 1 :]])


def is_whole(text: str, **marks: Any) -> bool:
    """Tell whether Python's csv module finds one row of four cells, so that nobody can see the damage."""
    try:
        return [*map(len, csv.reader(io.StringIO(text, newline=""), strict=True, **marks))] == [4]
    except csv.Error:
        return False


def read(path: Path, **options: Any) -> tuple[list[Row], tuple[str, ...]]:
    how = CsvOptions(on_error="skip", categorical=("note", "colour"), **options)
    found = load_dataset((str(path),), how, "float64")
    texts = [
        [column.values[code] if code >= 0 else "" for code in column.codes[:]]
        for column in (found.table.texts["note"], found.table.texts["colour"])
    ]
    rows = zip(found.table.numbers[:, 0], *texts, (found.classes[k] for k in found.y), strict=True)
    return [(int(n), *others) for n, *others in rows], found.notes


@pytest.mark.long
@pytest.mark.parametrize("quoting", QUOTING)
def test_a_sign_too_many_or_too_few_costs_one_row_that_is_named(quoting: Any, tmp_path: Path) -> None:
    path, lost = tmp_path / "t.csv", 0
    for i, line, one, text in [*with_one_damaged(written(quoting))][::3]:
        path.write_text(text, newline="")
        found, notes = read(path)
        others = AS_READ[: i - 1] + AS_READ[i:]
        if len(found) == len(ROWS):
            assert found[: i - 1] + found[i:] == others, one
            assert found[i - 1] == AS_READ[i - 1] or is_whole(one), one
        else:
            assert found == others, one
            assert "warning: left out 1 of 12 rows, which cannot be read" in notes, (one, notes)
            assert any(f":{line}: left out: " in note for note in notes), (one, notes)
            lost += 1
    assert lost > 133


@pytest.mark.parametrize("size", some_short([1, 40, 1 << 20], 1))
def test_later_rows_stay_in_line_with_their_answers_however_they_arrive(size: int, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    texts = written(csv.QUOTE_MINIMAL)
    path.write_text("".join(texts), newline="")
    known = load_dataset((str(path),), CsvOptions(categorical=("note", "colour")), "float64")
    columns = {"label": known.classes, **{name: its.values for name, its in known.table.texts.items()}}
    for i, line, one, text in [*with_one_damaged(texts)][:: 1 if size > 40 else 23]:
        stream = Dribble(text.encode(), size)
        found: list[float | None] = []
        with read_blocks("-", known.schema, dtype="float64", on_error="blank", stream=stream, known=columns) as blocks:
            for block in blocks:
                found += [None if at in block.errors else block.table.numbers[at, 0] for at in range(len(block))]
                assert [error.where for error in block.errors.values()] in ([], [f"stdin:{line}"]), one
        assert len(found) == 12, one
        assert found[: i - 1] + found[i:] == [*range(1, i), *range(i + 1, 13)], one


@pytest.mark.parametrize(
    ("row", "below", "met"),
    [
        # the wrong quote opens a cell, which ends where that of the next row begins
        ('7,plain,red,"yes\n', '"\n8",x,red,no\n', '8",x'),
        # the wrong quote closes a cell that goes on below, in lines that are no rows
        ('7,"dark\nblue",red,""\n\n7\n\na,b"\n', "8,x,red,no\n", "\n7\n\na,b"),
    ],
)
def test_a_row_that_seems_whole_is_the_damaged_one_if_the_lines_below_show_it(row: str, below: str, met: str) -> None:
    data = f"6,a,b,no\n{row}{below}"
    begin = data.index("7,")
    rows = DamagedRows(data.encode(), ",", lambda text: is_whole(text.decode()), at_end=True)
    assert rows.place(data.index(met), begin) == (begin, begin + len(row), True)


def test_rows_of_one_line_that_are_damaged_one_after_another_are_as_many_as_before(tmp_path: Path) -> None:
    lines = [f'{i},"a, b",{"red" if i % 3 else "blue"},{"yes" if i % 2 else "no"}\n' for i in range(40)]
    lines[10], lines[11], lines[12] = lines[10].replace(",r", 'r"'), '11,"a, b,red,yes\n', "12,x,y,red,no\n"
    path = tmp_path / "t.csv"
    path.write_text("n,note,colour,label\n" + "".join(lines))
    found, notes = read(path)
    assert [n for n, *_ in found] == [*range(10), *range(13, 40)]
    assert [note.split(": ")[0].rpartition(":")[2] for note in notes if ": left out: " in note] == ["12", "13", "14"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("marks", "options"),
    [
        ({"doublequote": False, "escapechar": "\\"}, {"escape": "\\"}),
        ({"quotechar": "'"}, {"quote": "'"}),
    ],
)
def test_no_other_row_is_lost_where_quotes_are_written_in_another_way(marks: Any, options: Any, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    sign = marks.get("quotechar", '"')
    texts = [text.replace('"', "´") if sign == "'" else text for text in written(csv.QUOTE_MINIMAL, **marks)]
    rows = [
        tuple(cell.replace('"', "´") if sign == "'" and cell != row[0] else cell for cell in row) for row in AS_READ
    ]
    for i, _, one, text in [*with_one_damaged(texts, f"{sign},")][::7]:
        path.write_text(text, newline="")
        try:
            found, _ = read(path, **options)
        except DataError:  # refused
            continue
        assert found[: i - 1] + found[i - 1 + (len(found) == len(rows)) :] == rows[: i - 1] + rows[i:], one


def test_a_damaged_row_is_looked_for_in_few_lines() -> None:
    data = b'1,"a\n' + b"x\n" * 5000
    asked = list[bytes]()

    def is_row(text: bytes) -> bool:
        asked.append(text)
        return False

    assert DamagedRows(data, ",", is_row, at_end=False).place(0, None) == (0, 5, False)
    assert len(asked) <= MOST_LINES + 2


def test_a_text_that_is_a_quote_alone_is_no_damaged_empty_cell(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    cells = ["red", "", '""""', "blue"]  # the third is a quoted cell with a quote in it
    path.write_text("n,colour,label\n" + "".join(f"{i},{cells[i % 4]},{i % 2}\n" for i in range(8)))
    path.write_text(path.read_text().replace('6,""""', "6,blue"))  # so that it comes only once
    found = load_dataset((str(path),), CsvOptions(), "float64")
    assert '"' in found.table.texts["colour"].values


WORDS = [
    "the",
    "a price,",
    'said "so"',
    "it,",
    '"and then"',
    "was 3",
    "1,2,3",
    "yes no",
    "red,",
    '"x","y"',
    ";",
    '"',
    "O'Neil",
    ", end.",
]
MARKS: dict[str, dict[str, Any]] = {
    "double quotes": {},
    "single quotes": {"quotechar": "'"},
    "escapes": {"doublequote": False, "escapechar": "\\"},
}


def prose(draw: random.Random, most: int) -> str:
    """Write lines of words with delimiters and quotes; some look like rows."""
    lines = [
        f"{draw.randint(0, 9)},{draw.choice('ab')},x,yes" if draw.random() < 0.1 else " ".join(draw.choices(WORDS, k=k))
        for k in draw.choices(range(8), k=draw.randint(1, most))
    ]
    return "\n".join(lines)


def prose_table(draw: random.Random, sign: str, marks: dict[str, Any]) -> tuple[list[int], list[str], int, str]:
    """Write a table with prose in a column: the numbers of its rows, the text of each below the header, which one is
    damaged, and that with one sign too many or too few."""
    most, n, place = draw.choice([1, 3, 8, 25, 60]), draw.choice([6, 12, 30]), draw.choice([0, 1, 3])
    quoting, share = draw.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), draw.choice([0.2, 0.6, 1])
    numbers, texts = [draw.randint(100, 9999) for _ in range(n)], list[str]()
    for i, number in enumerate(["n", *numbers]):
        text = prose(draw, most).replace('"', sign) if draw.random() < share else draw.choice(["plain", "words", ""])
        cells: list[object] = [number, draw.choice(["red", "green"]), "no" if i % 2 else "yes"]
        cells.insert(place, text)
        if not i:
            cells = ["n", "colour", "label"]
            cells.insert(place, "note")
        out = io.StringIO()
        csv.writer(out, quoting=quoting, lineterminator="\n", **marks).writerow(cells)
        texts.append(out.getvalue())
    bad = draw.randint(1, n)
    ones = [one for mark in (sign, ",") for one in damaged(texts[bad], mark)]
    return numbers, texts, bad, draw.choice(ones)


@pytest.mark.parametrize("kind", MARKS)
@pytest.mark.parametrize("first", [0, pytest.param(60, marks=pytest.mark.long)])
def test_prose_of_many_lines_costs_one_row_or_the_file_is_refused(kind: str, first: int, tmp_path: Path) -> None:
    path, marks, as_before = tmp_path / "t.csv", MARKS[kind], 0
    how = CsvOptions(
        categorical=("note", "colour"), quote=marks.get("quotechar"), escape=marks.get("escapechar"), on_error="skip"
    )
    for seed in range(first, first + (60 if first else 25)):
        numbers, texts, i, one = prose_table(random.Random(seed), marks.get("quotechar", '"'), marks)
        others = numbers[: i - 1] + numbers[i:]
        path.write_text("".join(texts), newline="")
        known = load_dataset((str(path),), how, "float64")
        columns = {"label": known.classes, **{name: its.values for name, its in known.table.texts.items()}}
        path.write_text("".join([*texts[:i], one, *texts[i + 1 :]]), newline="")
        answers = list[float]()
        try:
            rest = {"on_error": "blank", "known": columns, "text": how.of_text}
            like = read_blocks(str(path), known.schema, dtype="float64", **rest)
            with like as blocks:
                for block in blocks:
                    answers += block.table.numbers[:, 0].tolist()
            assert len(answers) == len(numbers), seed
            assert answers[: i - 1] + answers[i:] == others, seed
            found = load_dataset((str(path),), how, "float64").table.numbers[:, 0].tolist()
            assert found[: i - 1] + found[i - 1 + (len(found) == len(numbers)) :] == others, seed
            as_before += 1
        except DataError:
            continue
    assert as_before > (20 if kind == "double quotes" else 5)


def test_a_damaged_row_whose_lines_may_be_rows_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [f'{i * 7 % 100},"one\ntwo {i}",{"yes" if i % 2 else "no"}\n' for i in range(20)]
    rows[5] = '35,"one" two\n1,three\nfour"",no,"\n'  # several signs are wrong
    path.write_text("n,note,label\n" + "".join(rows))
    with pytest.raises(DataError, match=r":12: .*; it cannot be told which of the lines below belong to this row"):
        load_dataset((str(path),), CsvOptions(on_error="skip", categorical=("note",)), "float64")
