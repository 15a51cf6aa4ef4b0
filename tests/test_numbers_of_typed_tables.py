"""Numbers and dates of JSON, Excel, Parquet and Arrow in rows for a model are what they are, however its cells were
written."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from csv_reading import load
from nncli.data.csv.header import DETECTED
from nncli.data.dataset import Schema
from nncli.data.formats.known_formats import FORMATS, JSON_LINES, XLSX
from nncli.data.source_files import open_like
from nncli.data.spellings import Spelling
from nncli.errors import NncliError
from spelled_tables import table
from workbooks import DATE, DATE_TIME, sheet, styled, write

Run = Callable[..., Any]
EURO = ["1.234,5", "2.000.005,25", "7,125", "12,5"]
SPELLED = {
    "points between thousands and a decimal comma": EURO,
    "a unit and a decimal comma": ["1,5 kg", "12,25 kg", "7 kg"],
    "commas between thousands": ["1,234.5", "2,000,005.25", "7.125"],
    "a currency": ["$1.5", "$12.25", "$7"],
}
PARQUET = FORMATS[0]
NUMBERS = [1.234, 7125, 0.5, 2000.125, 1e-7]
REFUSED = {
    "percent": (["45%", "5.5%"], "'%', such as 7.5%"),
    "thousands for K": (["45K", "5.5K"], "'K', such as 7.5K"),
    "times of day": (["07:44", "23:10"], "text, such as 07:30"),
    "minutes": (["27:44", "61:10"], "text, such as 7:30"),
}


def jsonl(numbers: Sequence[float], _: Path, **others: str) -> Any:
    return JSON_LINES, io.BytesIO("".join(json.dumps({"a": a, **others}) + "\n" for a in numbers).encode())


def parquet(numbers: Sequence[float], folder: Path, **others: str) -> Any:
    pq.write_table(
        pa.table({"a": [*map(float, numbers)], **{name: [v] * len(numbers) for name, v in others.items()}}),
        folder / "rows",
    )
    return PARQUET, None


def excel(numbers: Sequence[float], folder: Path, **others: str) -> Any:
    write(folder / "rows", {"Sheet1": sheet([["a", *others], *([a, *others.values()] for a in numbers)])})
    return XLSX, None


WRITERS = {"jsonl": jsonl, "parquet": parquet, "excel": excel}


def numbers_of(schema: Schema, written: Any, folder: Path) -> list[float]:
    kind, stream = written
    with open_like(folder / "rows", kind, stream, schema, DETECTED, dtype="float64") as reader:
        return [float(x) for block in reader for x in block.table.numbers[:, 0]]


def schema_of(cells: list[str]) -> Schema:
    schema = load(table(cells * 10, ["pp", "qq"]), drop=("class",), target="b").schema
    assert [name for name, _ in schema.spellings] == ["a"]
    return schema


@pytest.mark.parametrize("many", [1, 400], ids=["few", "many"])  # many are read by the fast parser
@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("case", SPELLED)
def test_a_number_is_no_text_in_the_spelling_of_its_column(case: str, write: str, many: int, tmp_path: Path) -> None:
    schema = schema_of(SPELLED[case])
    assert numbers_of(schema, WRITERS[write](NUMBERS * many, tmp_path), tmp_path) == pytest.approx(NUMBERS * many)


def test_a_text_is_read_as_its_column_writes_it(tmp_path: Path) -> None:
    lines = b'{"a": "1.234"}\n{"a": 1.234}\n{"a": "1.234,5"}\n'
    assert numbers_of(schema_of(EURO), (JSON_LINES, io.BytesIO(lines)), tmp_path) == [1234, 1.234, 1234.5]


def test_a_number_beside_a_cell_that_is_out_of_the_ordinary_stays_the_same(tmp_path: Path) -> None:
    text = "a\tc\tclass\n" + "".join(f"{cell}\t{i}.5\t{'pq'[i % 2]}\n" for i, cell in enumerate(EURO * 10))
    pq.write_table(pa.table({"a": [1.234, 7.125], "c": ["1,5", "(2.5)"]}), tmp_path / "rows")  # brackets are minus
    with pytest.raises(NncliError, match="found '1,5'"):
        numbers_of(load(text).schema, (PARQUET, None), tmp_path)
    pq.write_table(pa.table({"a": [1.234, 7.125], "c": ["1.5", "(2.5)"]}), tmp_path / "rows")
    assert numbers_of(load(text).schema, (PARQUET, None), tmp_path) == [1.234, 7.125]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("case", REFUSED)
def test_a_number_that_may_be_in_another_unit_is_refused(case: str, write: str, tmp_path: Path) -> None:
    cells, advice = REFUSED[case]
    schema = schema_of(cells)
    with pytest.raises(NncliError) as caught:
        numbers_of(schema, WRITERS[write]([0.5], tmp_path), tmp_path)
    told = f"Write it {'as' if advice.startswith('text') else 'with'} {advice}"
    assert str(caught.value).endswith(f"found '0.5'. {told}, or leave the cell empty.")
    as_text = json.dumps({"a": advice.rpartition(" ")[2]}).encode()
    assert numbers_of(schema, (JSON_LINES, io.BytesIO(as_text)), tmp_path) == [7.5]


def test_a_fraction_in_a_column_of_whole_numbers_is_one(tmp_path: Path) -> None:
    """In text, 1.234 may be 1234 with a point between thousands."""
    schema = load(table(["1", "25", "3117"] * 10)).schema
    assert numbers_of(schema, jsonl([1.234], tmp_path, b="0.5"), tmp_path) == [1.234]


def dates_in_excel(folder: Path) -> Any:
    cells = [[styled(46347, DATE)], [styled(46347.5, DATE_TIME)]]  # days since 1899-12-30
    write(folder / "rows", {"Sheet1": sheet([["day"], *cells])})
    return XLSX, None


def dates_in_parquet(folder: Path) -> Any:
    at = np.array(["2026-11-21T00:00", "2026-11-21T12:00"], "datetime64[us]")
    pq.write_table(pa.table({"day": at}), folder / "rows")
    return PARQUET, None


def dates_in_json(folder: Path) -> Any:
    return JSON_LINES, io.BytesIO(b'{"day": "2026-11-21"}\n{"day": "2026-11-21T12:00"}\n')


DATES = {"excel": dates_in_excel, "parquet": dates_in_parquet, "jsonl": dates_in_json}


@pytest.mark.parametrize("kind", DATES)
def test_a_date_is_read_where_training_had_another_format(kind: str, tmp_path: Path) -> None:
    rows = [f"{1 + i % 28:02}/{1 + i % 12:02}/2026,{'pq'[i % 2]}" for i in range(60)]
    schema = load("\n".join(["day,class", *rows]) + "\n").schema
    assert [its.date_format for _, its in schema.spellings] == ["%d/%m/%Y"]
    found, stream = DATES[kind](tmp_path)
    with open_like(tmp_path / "rows", found, stream, schema, DETECTED, dtype="float64") as reader:
        [block] = reader
    # numpy.datetime64("2026-11-21", "D") is day 20778
    np.testing.assert_array_equal(block.table.dates["day"], [20778, 20778.5])


@pytest.mark.parametrize("write", ["jsonl", "parquet"])
@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_true_numbers_are_compared_with_a_target_however_it_was_written(
    write: str, delimiter: str, nncli: Run, tmp_path: Path
) -> None:
    """A line through y = 2 x: R² is 1 with the numbers as they are, and not with those of another decimal sign."""
    x = np.arange(1, 61) / 8 + 1000
    y = [f"{2 * a:_.3f}".replace(".", ",").replace("_", "." if delimiter == "\t" else "") for a in x]
    written = [f"{f'{a:.3f}'.replace('.', ',')}{delimiter}{b}\n" for a, b in zip(x, y, strict=True)]
    (tmp_path / "d.csv").write_text(f"x{delimiter}y\n" + "".join(written))
    model = tmp_path / "m.npz"
    assert nncli("train", tmp_path / "d.csv", "--target", "y", "-m", "linear", "-q", "-o", model).code == 0
    other = tmp_path / f"rows.{write}"
    if write == "jsonl":
        other.write_text("".join(json.dumps({"x": a, "y": 2 * a}) + "\n" for a in x))
    else:
        pq.write_table(pa.table({"x": x, "y": 2 * x}), other)
    found = nncli("eval", model, other, "--json")
    assert found.code == 0, found.err
    assert found.json["r2"] == pytest.approx(1, abs=1e-6)


WRITTEN = {
    "percent": (Spelling(suffix="%"), 49.5, "49.5%"),
    "a unit": (Spelling(decimal=",", suffix="kg"), -1234.5, "-1234,5 kg"),
    "a currency": (Spelling(prefix="$", thousands=","), 1234.5, "$1234.5"),
    "letters before": (Spelling(prefix="CHF", thousands="'"), 12, "CHF 12"),
    "a time": (Spelling("time"), 7.5, "07:30"),
    "a time with seconds": (Spelling("time"), 7 + 1 / 60 + 1 / 3600, "07:01:01"),
    "hours": (Spelling("h:m:s"), 27.25, "27:15:00"),
    "minutes": (Spelling("m:s"), 61.5, "61:30"),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_a_number_is_written_as_it_is_read(case: str) -> None:
    spelling, number, written = WRITTEN[case]
    assert spelling.written(number) == written
    assert float(spelling.number(written) or "nan") == pytest.approx(number)


@pytest.mark.parametrize("written", ["21/11/2026", "Nov 21, 2026"])
def test_a_date_is_written_as_it_is_read(written: str) -> None:
    spelling = Spelling("date", date_format="%d/%m/%Y" if "/" in written else "%b %d, %Y")
    assert spelling.written(20778) == written  # days since 1970: numpy.datetime64("2026-11-21", "D")
    assert spelling.days(written) == 20778
