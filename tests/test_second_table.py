"""A second table below the first one, as wide, with other columns: refused with the place where it begins."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import workbooks
from csv_reading import complaint, load
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.load import load_dataset
from nncli.errors import DataError


def rows(n: int, classes: str = "pq", town: str = "t", price: str = "{}.5") -> str:
    return "".join(f"{price.format(i % 7)},{i % 5},{town}{i % 3},{classes[i % 2]}\n" for i in range(n))


FIRST = "price,size,town,label\n"
OTHERS = {
    "names at once": "sales,year,shop,kind\n",
    "a name of the first one": "sales,year,town,kind\n",
    "quoted names": '"sales of 1","year",shop,kind\n',
    "an empty line between": "\nsales,year,shop,kind\n",
    "empty lines and a title between": "\n\nSecond table\nsales,year,shop,kind\n",
    "other classes": "sales,year,shop,kind\n" + rows(5, "rs"),
}
NAMES = "expected a row, found what looks like the names of another table: 'sales"


@pytest.mark.parametrize("on_error", ["fail", "skip"])
@pytest.mark.parametrize("n", [40, 1500], ids=["few rows", "rows beyond the sample"])
@pytest.mark.parametrize("case", OTHERS)
def test_another_table_is_refused_with_the_place_where_it_begins(case: str, n: int, on_error: str) -> None:
    table = FIRST + rows(n) + OTHERS[case] + rows(10)
    line = next(i for i, text in enumerate(table.split("\n"), 1) if "sales" in text)
    error = complaint(table, on_error=on_error)
    assert error.startswith(f"data.csv:{line}: {NAMES}")
    advice = re.search(r"Read the rows above it with --rows 1:(\d+), or correct the line if it is a row\.$", error)
    assert advice is not None, error
    found = load(table, on_error=on_error, rows=(1, int(advice[1])))
    assert len(found) == n
    assert found.classes == ("p", "q")


@pytest.mark.parametrize(
    "row",
    ["unknown,1,t1,p", "n/a,nn,t1,p", "cheap,small,t1,p", "cheap,1,new,r", "Total,sum,all,none", "cheap,cheap,new,r",
     "# sales,year,shop,kind"],
)  # fmt: skip
def test_a_row_with_a_wrong_cell_is_no_row_of_names(row: str) -> None:
    table = FIRST + rows(30) + f"{row}\n" + rows(30)
    assert complaint(table).startswith("data.csv:32: column '")
    assert len(load(table, on_error="skip")) == 60


def test_texts_alone_hold_a_row_of_names(tmp_path: Path) -> None:
    def some(n: int, kinds: str) -> str:
        return "".join(f"{'red' if i % 2 else 'blue'},s{i % 3},{kinds[i % 2]}\n" for i in range(n))

    path = tmp_path / "d.csv"
    path.write_text("color,size,label\n" + some(30, "pq") + "shop,town,kind\n" + some(30, "rs"))
    with pytest.raises(DataError) as caught:
        load_dataset((str(path),), CsvOptions(), "float32")
    names = "row 31 of the data looks like the names of another table: 'shop', 'town' and 'kind'"
    assert str(caught.value) == f"{path}: {names}. Read the rows above it with --rows 1:30, or all with --rows 1:61."
    found = load_dataset((str(path),), CsvOptions(rows=(1, 30)), "float32")
    assert (len(found), found.classes) == (30, ("p", "q"))
    assert len(load_dataset((str(path),), CsvOptions(rows=(1, 61)), "float32")) == 61
    path.write_text("color,size,label\n" + some(30, "pq") + "green,s1,p\n" + some(30, "pq"))
    assert len(load_dataset((str(path),), CsvOptions(), "float32")) == 61


def test_a_sheet_with_another_table_is_refused(tmp_path: Path) -> None:
    table = [line.split(",") for line in (FIRST + rows(30) + OTHERS["names at once"] + rows(10)).splitlines()]
    numbers = [[float(cell) if cell[0].isdigit() else cell for cell in row] for row in table]
    path = tmp_path / "d.xlsx"
    workbooks.write(path, {"one": workbooks.sheet(numbers)})
    with pytest.raises(DataError, match=rf"d\.xlsx:32: {NAMES}.* Put it in a file of its own"):
        load_dataset((str(path),), CsvOptions(on_error="skip"), "float32")


def test_rows_of_several_files_are_not_cut_by_an_option(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(FIRST + rows(30))
    (tmp_path / "b.csv").write_text(FIRST + rows(30) + OTHERS["names at once"] + rows(10))
    with pytest.raises(DataError, match=r"b\.csv:32: expected a row, .* Put it in a file of its own"):
        load_dataset((str(tmp_path / "a.csv"), str(tmp_path / "b.csv")), CsvOptions(), "float32")
