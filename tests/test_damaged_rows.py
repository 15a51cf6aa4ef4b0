"""One damaged row in a text table: it is lost, or left blank, and no other row with it."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli_process import nncli
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.load import load_dataset
from nncli.data.load_stream import stream_like
from nncli.errors import DataError, OptionError
from short_and_long import some_short

Row = tuple[Any, ...]
PLAIN = ["red", "green", "blue"]
LONG = ["red", "green", "very\nblue", "a, b; c\td"]
FILES = {  # delimiter, which cells are quoted, colours
    "plain": (",", csv.QUOTE_MINIMAL, PLAIN),
    "all quoted": (",", csv.QUOTE_ALL, PLAIN),
    "texts quoted": (";", csv.QUOTE_NONNUMERIC, PLAIN),
    "some of several lines": (",", csv.QUOTE_NONNUMERIC, LONG),
    "tabs": ("\t", csv.QUOTE_MINIMAL, PLAIN),
}


def rows_of(n: int, colours: list[str], seed: int = 3) -> list[Row]:
    draw = random.Random(seed)
    classes = ["yes", "no"]
    numbers = [(draw.randint(0, 500), round(draw.gauss(0, 3), 2)) for _ in range(n)]
    return [(*pair, colours[i % len(colours)], classes[i % 2]) for i, pair in enumerate(numbers)]


def written(rows: list[Row], delimiter: str, quoting: Any) -> list[str]:
    """Write a header and rows as Python's csv module does: a text for each."""
    texts = []
    for row in [("n", "x", "colour", "label"), *rows]:
        out = io.StringIO()
        csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator="\n").writerow(row)
        texts.append(out.getvalue())
    return texts


def read(path: Path) -> tuple[list[Row], tuple[str, ...]]:
    """Read the rows, numbers as written, and the notes."""
    found = load_dataset((str(path),), CsvOptions(on_error="skip"), "float64")
    texts = found.table.texts["colour"]
    colours = [texts.values[code] for code in texts.codes[:]]
    rows = zip(found.table.numbers.tolist(), colours, (found.classes[k] for k in found.y), strict=True)
    return [(int(n), x, colour, label) for (n, x), colour, label in rows], found.notes


def damaged(row: str, sign: str) -> Iterator[str]:
    """Yield a row with a sign too many, and with one too few, at each place."""
    line = row.removesuffix("\n")
    for at in range(len(line) + 1):
        yield f"{line[:at]}{sign}{line[at:]}\n"
        if line[at : at + 1] == sign:
            yield f"{line[:at]}{line[at + 1 :]}\n"


def is_a_table(text: str, delimiter: str) -> bool:
    """Tell whether a row is well written, with four cells: no reader can see the damage. A delimiter within quotes is a
    part of its cell."""
    try:
        rows = [*csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)]
    except csv.Error:
        return False
    return len(rows) == 1 and len(rows[0]) == 4 and '"' not in "".join(rows[0])


@pytest.mark.long
@pytest.mark.parametrize("kind", some_short(FILES, 2))
def test_a_delimiter_or_a_quote_too_many_or_too_few_loses_its_own_row_alone(kind: str, tmp_path: Path) -> None:
    delimiter, quoting, colours = FILES[kind]
    rows, n = rows_of(16, colours), 0
    texts = written(rows, delimiter, quoting)
    path = tmp_path / "t.csv"
    for i in (1, 2, 7, 15, 16):
        line = 1 + sum(text.count("\n") for text in texts[:i])
        for sign in ('"', delimiter):
            for one in damaged(texts[i], sign):
                path.write_text("".join([*texts[:i], one, *texts[i + 1 :]]), newline="")
                found, notes = read(path)
                others = rows[: i - 1] + rows[i:]
                assert found[: i - 1] + found[i - 1 + (len(found) == len(rows)) :] == others, one
                if len(found) < len(rows):
                    assert any(f":{line}: left out: " in note for note in notes), (one, notes)
                    n += 1
                else:  # two tabs may be one, where runs of blanks are
                    assert is_a_table(one, delimiter) or kind == "tabs", one
    assert n > 100


@pytest.mark.parametrize("kind", FILES)
def test_a_damaged_row_has_an_empty_prediction_and_no_other_row_has(kind: str, tmp_path: Path) -> None:
    delimiter, quoting, colours = FILES[kind]
    rows, n = rows_of(12, colours), 0
    texts = written(rows, delimiter, quoting)
    path = tmp_path / "t.csv"
    path.write_text("".join(texts), newline="")
    known = load_dataset((str(path),), CsvOptions(), "float64")
    categories = {"label": known.classes, "colour": known.table.texts["colour"].values}
    for i in (1, 6, 12):
        for sign in ('"', delimiter):
            for one in damaged(texts[i], sign):
                path.write_text("".join([*texts[:i], one, *texts[i + 1 :]]), newline="")
                blank, good = list[int](), list[tuple[Any, ...]]()
                how: dict[str, Any] = {"on_error": "blank", "known": categories}
                with stream_like(str(path), known.schema, "float64", **how) as (blocks, _, _):
                    for block in blocks:
                        blank += [len(good) + len(blank) + at for at in block.errors if at < len(block)]
                        colour = block.table.texts["colour"]
                        good += [
                            (*map(float, block.table.numbers[at]), colour.values[colour.codes[at]])
                            for at in range(len(block))
                            if at not in block.errors
                        ]
                own = 0 if blank else 1
                others = [row[:3] for row in rows[: i - 1] + rows[i:]]
                assert good[: i - 1] + good[i - 1 + own :] == others, one
                n += len(blank)
    assert n > 50


@pytest.mark.long
def test_rows_behind_a_damaged_one_are_read_in_a_file_of_many_blocks(tmp_path: Path) -> None:
    # 4 MB: blocks of 1.5 MiB are read by the fast parser, and refused ones halved down to 64 KiB
    rows = rows_of(150_000, LONG, seed=8)
    texts = written(rows, ",", csv.QUOTE_NONNUMERIC)
    draw = random.Random(5)
    bad = sorted(draw.sample([i for i, text in enumerate(texts) if i and text.count("\n") == 1], 25))
    for i in bad:
        at = draw.choice([0, texts[i].index(",") + 1, len(texts[i]) - 1, texts[i].rindex(",") + 1])
        texts[i] = texts[i][:at] + '"' + texts[i][at:]
    path = tmp_path / "t.csv"
    path.write_text("".join(texts), newline="")
    found, notes = read(path)
    assert found == [row for i, row in enumerate(rows, 1) if i not in bad]
    assert "warning: left out 25 of 150,000 rows, which cannot be read; the first 10 are:" in notes


@pytest.mark.long
def test_a_quote_that_nothing_closes_costs_its_row_and_not_the_rest_of_a_large_file(tmp_path: Path) -> None:
    lines = [f"{i},{i % 7},{'yes' if i % 2 else 'no'}\n" for i in range(120_000)]
    lines[1234] = lines[1234].replace(",", ',"', 1)
    path = tmp_path / "t.csv"
    path.write_text("".join(["n,m,label\n", *lines]))
    found = load_dataset((str(path),), CsvOptions(on_error="skip"), "float64")
    assert len(found) == 119_999
    assert f"{path}:1236: left out: an open quote: it is never closed" in found.notes


TABLE = "a,b,label\n1,2,yes\n2,3,no\n3,4,\n4,?,yes\n5,x,no\n6,7,yes\n7,8,no\n"


def test_rows_without_a_class_and_rows_with_a_word_for_a_number_are_left_out_and_listed(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(TABLE)
    found = load_dataset((str(path),), CsvOptions(on_error="skip", numeric=("b",)), "float64")
    assert found.table.numbers[:, 0].tolist() == [1, 2, 4, 6, 7]  # the ? is a missing value, not an error
    assert [note for note in found.notes if "left out" in note] == [
        "warning: left out 2 of 7 rows, which cannot be read",
        f"{path}:4: left out: target column 'label': expected a class, found an empty cell",
        f"{path}:6: left out: column 'b': expected a number, found 'x'",
        "warning: 28.6 % of the rows are left out, and the others may not be like them: read without --on-error to "
        "see what to do about the first",
    ]


def test_the_same_rows_stop_training_that_is_not_told_to_skip_them(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(TABLE)
    with pytest.raises(DataError, match=":4: target column 'label': expected a class"):
        load_dataset((str(path),), CsvOptions(numeric=("b",)), "float64")


def test_a_file_of_which_no_row_can_be_read_is_refused_with_its_first_error(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,label\n1,2,\n3,4,\n")
    with pytest.raises(DataError, match=":2: target column 'label': expected a class, found an empty cell"):
        load_dataset((str(path),), CsvOptions(on_error="skip"), "float64")


def test_rows_are_left_out_of_other_kinds_of_tables_too(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    lines = tmp_path / "t.jsonl"
    lines.write_text(
        '{"a": 1, "label": "p"}\n{"a": 2, "label": null}\n{"a": 3, "label": "q"}\n{"a": 4, "label": "p"}\n'
    )
    table = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"a": [1.0, 2, 3, 4], "label": ["p", None, "q", "p"]}), table)
    for path in (lines, table):
        found = load_dataset((str(path),), CsvOptions(on_error="skip"), "float64")
        assert found.table.numbers[:, 0].tolist() == [1, 3, 4]
        assert f"{path}:2: left out: target column 'label': expected a class, found an empty cell" in found.notes


def test_damaged_pictures_are_left_out(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for name, grey in (("p", 10), ("q", 200)):
        (tmp_path / name).mkdir()
        for i in range(4):
            image.new("L", (3, 2), grey + i).save(tmp_path / name / f"{i}.png")
    broken = tmp_path / "q" / "2.png"
    broken.write_bytes(broken.read_bytes()[:40])
    with pytest.raises(DataError, match=r"2\.png: the picture is damaged"):
        load_dataset((str(tmp_path),), CsvOptions(), "float64")
    found = load_dataset((str(tmp_path),), CsvOptions(on_error="skip"), "float64")
    assert sorted(found.table.numbers[:, 0].tolist()) == [10, 11, 12, 13, 200, 201, 203]
    assert [found.classes[k] for k in found.y] == ["p" if x < 100 else "q" for x in found.table.numbers[:, 0]]
    assert "warning: left out 1 of 8 pictures, which cannot be read" in found.notes


def test_a_file_without_rows_to_leave_out_takes_no_such_option(tmp_path: Path) -> None:
    path = tmp_path / "t.svm"
    path.write_text("1 1:2 2:3\n2 1:4 2:1\n")
    with pytest.raises(OptionError, match="neither a table nor a folder of pictures: nothing in it can be left out"):
        load_dataset((str(path),), CsvOptions(on_error="skip"), "float64")


def test_a_model_trained_on_what_is_left_is_evaluated_on_the_same_test_rows(tmp_path: Path) -> None:
    rows = [f"{i},{i * 7 % 11},{'yes' if i % 3 else 'no'}" for i in range(120)]
    rows[17], rows[60] = rows[17] + ",1", ",,"
    (tmp_path / "t.csv").write_text("a,b,label\n" + "\n".join(rows) + "\n")
    (tmp_path / "v.csv").write_text("a,b,label\n1,2,yes\n1,2\n3,4,no\n")
    more = ["--on-error", "skip", "--val-data", "v.csv", "--epochs", "2", "--json"]
    trained = nncli("train", "t.csv", *more, cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert "left out 2 of 120 rows" in trained.stderr.decode()
    assert "warning: --val-data: left out 1 of 3 rows" in trained.stderr.decode()
    evaluated = nncli("eval", "model.npz", "--json", cwd=tmp_path)
    assert json.loads(evaluated.stdout)["accuracy"] == json.loads(trained.stdout)["test"]["accuracy"]
