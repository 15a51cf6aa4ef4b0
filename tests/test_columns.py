"""What columns are: numbers, text, dates; and those that are left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from csv_reading import complaint, load, strings
from nncli.data.dates import days_of, inputs_of
from nncli.data.preprocess import Preprocess

Run = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.mark.parametrize(
    ("cell", "days"),
    [
        ("1970-01-01", 0),
        ("1969-12-31", -1),
        ("2026-11-21", 20778),  # 56 years, 14 of them with a leap day, and 324 days
        ("2026/11/21", 20778),
        ("21.11.2026", 20778),
        ("1.3.2000", 11017),  # 30 years, 7 leap days before 2000, and 31 + 29 days
        ("2026-11-21 18:00", 20778.75),
        ("2026-11-21T06:00:00.000", 20778.25),
        ("2026-11-21T01:00+01:00", 20778),
        ("2026-11-20T23:30-0030", 20778),
        ("1970-01-02T00:00:21,6Z", 1.00025),
    ],
)
def test_dates_are_days_since_1970(cell: str, days: float) -> None:
    assert days_of(cell) == pytest.approx(days, abs=1e-9)


@pytest.mark.parametrize(
    "cell",
    ["", "2026-02-29", "31.6.2026", "11/12/2026", "20261121", "2026-11/21", "2026-11-21T25:00", "2026-11-21x",
     "21.11.26", "2026-11-21T", "٢٠٢٦-11-21", "0000-01-01", "2026-11-21 18", "1.5"],
)  # fmt: skip
def test_what_is_no_date(cell: str) -> None:
    assert days_of(cell) is None


def test_what_a_network_gets_of_a_date() -> None:
    """1970 began on a Thursday; 2024, 54 · 365 + 13 days later, had 366 days; 2026-11-21 is a Saturday."""
    cells = ["1970-01-01", "2024-12-31 12:00", "2025-01-01", "2026-11-21", "1969-12-31"]
    found = inputs_of(np.array([*map(days_of, cells), np.nan], float), 10.0)
    np.testing.assert_array_equal(found[:, 0], [-10, 20088.5 - 10, 20089 - 10, 20768, -11, np.nan])
    np.testing.assert_array_equal(found[:, 1], [1, 366, 1, 325, 365, np.nan])
    np.testing.assert_array_equal(found[:, 2], [3, 1, 2, 5, 2, np.nan])


def dated(rows: int) -> str:
    """Rows of every day from 2026-01-01; what matters is whether it is a weekend."""
    days = [np.datetime64("2026-01-01") + np.timedelta64(i, "D") for i in range(rows)]
    return "when,x,class\n" + "".join(
        f"{day},{i % 7 % 3},{'rest' if not np.is_busday(day) else 'work'}\n" for i, day in enumerate(days)
    )


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (["08:00", "17:30", "12:15"], True),
        (["", "", ""], False),
        (["09:00"] * 3, False),
        (["23:00Z", "22:00Z", "23:00Z"], False),  # midnight in Berlin, in winter and in summer
    ],
)
def test_an_hour_that_is_no_input_is_told(times: list[str], said: bool, nncli: Run) -> None:
    rows = [f"2026-03-{i % 28 + 1:02}{'T' * bool(times[0])}{times[i % 3]},{'ab'[i % 2]}\n" for i in range(60)]
    Path("d.csv").write_text("when,class\n" + "".join(rows))
    hint = "; the hour is no input: add a column of it if it matters\n"
    assert (hint in nncli("train", "d.csv", "--epochs", "1", "-o", "m.npz").err) == said
    assert ("but not the hour" in " ".join(nncli("check", "d.csv").out.split())) == said


def test_dates_are_learned_from(nncli: Run) -> None:
    Path("d.csv").write_text(dated(500))
    outcome = nncli("train", "d.csv", "--drop", "x", "--hidden", "32", "-o", "m.npz", "--json")
    assert "column 'when': dates, as days since the first, day of the year and weekday\n" in outcome.err
    assert outcome.json["test"]["accuracy"] == 1
    Path("new.csv").write_text("when\n2027-05-01\n03.05.2027\n2027-05-07T23:59\n2027-05-08\n")
    assert nncli("predict", "m.npz", "new.csv").out.split() == ["prediction", "rest", "work", "work", "rest"]
    [column] = nncli("info", "m.npz", "--json").json["columns"]
    assert (column["name"], column["kind"], column["first"][:9]) == ("when", "date", "2026-01-0")
    assert nncli("info", "m.npz").out.split("dates")[1].split("\n")[0].strip() == f"when (from {column['first']})"
    assert "dates" in nncli("info", "m.npz").out


def test_a_model_of_dates_is_what_was_trained(nncli: Run) -> None:
    Path("d.csv").write_text(dated(200))
    figures = nncli("train", "d.csv", "-o", "m.npz", "--json", "-q").json
    assert nncli("eval", "m.npz", "--json", "-q").json["accuracy"] == figures["test"]["accuracy"]


@pytest.mark.usefixtures("by_each_parser")
def test_dates_in_a_file_become_days() -> None:
    found = load("when,class\n1970-01-03,a\n NA,b\n 2.1.1970 ,a\n")
    assert found.schema.columns == (("when", "date"),)
    np.testing.assert_array_equal(found.table.dates["when"], [2, np.nan, 1])
    fitted = Preprocess.fit(found.table, np.arange(3), "none")
    assert fitted.dates == (("when", 1.0),)
    X = fitted.transform(found.table, np.dtype("float32")).slice(0, 3)
    np.testing.assert_array_equal(X, [[1, 3, 5], [0.5, 2.5, 4.5], [0, 2, 4]])  # a missing one is the median
    bad = complaint("when,class\n1970-01-03,a\n1970-01-04,b\n1970-13-04,b\n")
    assert bad == (
        "data.csv:4: column 'when': expected a date such as 2026-11-21, found '1970-13-04'. Correct it, "
        "read the column as text with --categorical when, or leave it out with --drop when."
    )


def rows_of(n: int, **columns: Callable[[int], Any]) -> str:
    rows = (",".join([*(str(value(i)) for value in columns.values()), "ab"[i % 2]]) for i in range(n))
    return "\n".join([",".join([*columns, "class"]), *rows]) + "\n"


def test_what_only_tells_rows_apart_is_left_out(nncli: Run) -> None:
    text = rows_of(60, id=lambda i: i + 100, name=lambda i: f"customer {i}", x=lambda i: i % 5)
    found = load(text)
    assert found.schema.columns == (("x", "number"),)
    assert [note for note in found.notes if "left out" in note] == [
        "column 'id': left out, as it counts the rows (--numeric keeps it)",
        "column 'name': left out, as nearly all of its texts are different (--categorical keeps it)",
    ]
    assert load(text, numeric=("id",)).schema.names == ("id", "x")
    assert load(text, categorical=("name",)).schema.names == ("name", "x")
    assert load(text, only=("name", "x")).schema.names == ("name", "x")
    assert load(text, drop=("x",)).schema.names == ("id", "name")  # there is nothing else
    assert load(rows_of(19, id=lambda i: i, x=lambda i: 0)).schema.names == ("id", "x")  # perhaps by chance
    Path("d.csv").write_text(text)
    nncli("train", "d.csv", "-q", "-o", "m.npz")
    Path("new.csv").write_text("x\n1\n")
    assert nncli("predict", "m.npz", "new.csv").code == 0


def test_numbers_that_grow_are_no_ids() -> None:
    assert load(rows_of(60, year=lambda i: 1900 + 2 * i, t=lambda i: i / 10)).schema.names == ("year", "t")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"only": ("a", "z")}, "--only: no column is called 'z'. The columns are a, b and class."),
        ({"only": ("class",)}, "--only: 'class' is the target column. Name another one with --target."),
        ({"only": ("a",), "drop": ("a",)}, "--drop: 'a' is named by --only too. Name it once."),
        ({"numeric": ("a",), "categorical": ("a",)}, "--numeric: 'a' is named by --categorical too. Name it once."),
        ({"text": ("a",), "group": "a"}, "--group: 'a' is named by --text too. Name it once."),
        ({"text": ("a",), "time": "a"}, "--time: 'a' is named by --text too. Name it once."),
        ({"numeric": ("b",)}, "data.csv:2: column 'b': expected a number, found 'x'. Add --missing x, read the column "
            "as text with --categorical b, or leave it out with --drop b."),
    ],
)  # fmt: skip
def test_columns_that_contradict_one_another(options: dict[str, Any], line: str) -> None:
    assert complaint("a,b,class\n1,x,p\n2,y,q\n", **options) == line


@pytest.mark.parametrize("option", ["text", "categorical", "numeric"])
def test_what_is_said_of_a_column_that_is_left_out_is_told(option: str) -> None:
    options: dict[str, Any] = {option: ("a",), "only": ("b",)}
    told = f"--{option}: 'a' is none of the columns to learn from, which --only names. Name it there too, or leave"
    assert complaint("a,b,class\n1,x,p\n2,y,q\n", **options) == f"{told} it out here."


def header_of(text: str, **options: Any) -> tuple[str, ...]:
    return load(text, target="-1", **options).schema.names


@pytest.mark.parametrize(
    ("first", "names"),
    [
        ("red,big,no", ("c0", "c1")),  # texts that come again below are no names
        ("colour,size,sold", ("colour", "size")),
        ("2019,2020,class", ("2019", "2020")),  # numbers, but for the usual name of a target
        ("red,big,class", ("red", "big")),
        ("2019,2020,2021", ("c0", "c1")),
    ],
)
def test_a_header_is_known_from_what_is_below(first: str, names: tuple[str, ...]) -> None:
    rows = "".join(
        f"{['red', 'blue', 'green'][i % 3]},{['big', 'small'][i // 3 % 2]},{'yn'[i % 2]}\n" for i in range(60)
    )
    rows = rows.replace("y\n", "yes\n").replace("n\n", "no\n")
    assert header_of(f"{first}\n{rows}") == names
    assert len(load(f"{first}\n{rows}", target="-1")) == 60 + (names[0] == "c0")


def test_a_header_that_comes_again_is_still_one() -> None:
    """Where files were joined with their headers."""
    rows = "".join(f"{'ab'[i % 2]},{i % 3},{'pq'[i % 2]}\n" for i in range(30))
    found = load(f"t,n,class\n{rows}t,n,class\n{rows}")
    assert len(found) == 60
    assert found.notes[-1] == "data.csv: the header comes again once among the rows: left out"


@pytest.mark.usefixtures("by_each_parser")
def test_booleans_are_alike_however_they_are_written() -> None:
    """Python and pandas write True, Arrow and JSON true, spreadsheets TRUE; a class stays as it is."""
    found = load("flag,class\nTrue,True\ntrue,False\nFALSE,True\n,False\n")
    assert found.table.texts["flag"].values == ("true", "false")
    assert found.table.texts["flag"].codes.tolist() == [0, 0, 1, -1]
    assert found.classes == ("False", "True")


def test_equal_numbers_count_no_rows_however_large_they_are() -> None:
    keys = [1582218195625938945 + 7 * (i % 6) for i in range(60)]  # the same as float64, in which v + 1 == v
    rows = "".join(f"{key},{i % 7},{'pq'[i % 2]}\n" for i, key in enumerate(keys))
    found = load(f"account,x,class\n{rows}")
    assert found.table.number_names == ("account", "x")
    assert "column 'account': numbers of that size are rounded (--categorical keeps them apart)" in found.notes
    kept = load(f"account,x,class\n{rows}", categorical=("account",)).table.texts["account"]
    assert strings(kept) == [str(key) for key in keys]


def test_an_id_of_which_float64_has_no_two_is_still_one() -> None:
    rows = "".join(f"{1582218195625938945 + 3 * i},{i % 7},{'pq'[i % 2]}\n" for i in range(60))
    assert load(f"id,x,class\n{rows}").table.number_names == ("x",)
    assert load(f"amount,x,class\n{rows}").table.number_names == ("amount", "x")  # not called like one


def test_an_empty_column_without_a_name_is_left_out_and_one_with_a_value_or_a_name_is_not() -> None:
    rows = "".join(f"{i * i % 11},{'pq'[i % 2]},\n" for i in range(40))
    assert load("x,class,\n" + rows).table.number_names == ("x",)
    assert "column 'c2': left out, as it has neither a name nor a value" in load("x,class,\n" + rows).notes
    assert len(load("x,class,z\n" + rows).schema.columns) == 2
    assert len(load("x,class,\n" + rows + "3,p,7\n").schema.columns) == 2
    assert len(load("x,class,\n" + rows, categorical=("c2",)).schema.columns) == 2


def test_numbers_that_are_too_long_to_tell_apart_are_told() -> None:
    ids = [10**17 + 37 * i % 1000 for i in range(60)]
    rows = "".join(f"{i},{i % 7},{'pq'[i % 2]}\n" for i in ids)
    notes = load(f"account,x,class\n{rows}").notes
    assert "column 'account': numbers of that size are rounded (--categorical keeps them apart)" in notes
    short = "".join(f"{2**53 - i},{i % 7},{'pq'[i % 2]}\n" for i in range(60))
    assert not [note for note in load(f"id,x,class\n{short}").notes if "rounded" in note]


@pytest.mark.usefixtures("by_each_parser")
def test_decimal_commas_between_commas_are_quoted() -> None:
    rows = "".join(f'"{i},{i % 10}5",{i % 9},{"pq"[i % 2]}\n' for i in range(50))
    found = load(f"a,b,class\n{rows}")
    assert "decimal sign: ," in found.notes
    assert found.table.numbers[:3].tolist() == [[np.float32(0.05), 0], [np.float32(1.15), 1], [np.float32(2.25), 2]]
    thousands = "".join(f'"{i + 1},{i % 10}00",{i * i},{"pq"[i % 2]}\n' for i in range(50))
    found = load(f"a,b,class\n{thousands}")  # 1,200 is hardly one and a fifth
    assert found.table.numbers[:3].tolist() == [[1000, 0], [2100, 1], [3200, 4]]
    told = load(f"a,b,class\n{thousands}", decimal=",")
    assert told.table.numbers[1, 0] == np.float32(2.1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Unnamed: 0", lambda i: i * 7919 % 1009),  # 7919 is prime to 1009: all different, in another order
        ("__index_level_0__", lambda i: i * 7919 % 1009),
        ("id", lambda i: 3 * i + i % 2),
        ("customer_id", lambda i: i * 7919 % 1009),
    ],
)
def test_an_index_is_left_out(name: str, value: Callable[[int], Any]) -> None:
    text = rows_of(60, x=lambda i: i % 5).splitlines()
    lines = [f"{name},{text[0]}", *(f"{value(i)},{line}" for i, line in enumerate(text[1:]))]
    found = load("\n".join(lines) + "\n")
    assert found.schema.names == ("x",)
    why = "its name is that of an index, and no number occurs twice (--numeric keeps it)"
    assert f"column '{name}': left out, as {why}" in found.notes


@pytest.mark.parametrize(
    "value", [lambda i: i % 1200, lambda i: f"k{i % 1100}", lambda i: 5000 + i % 1500], ids=["hour", "code", "number"]
)
def test_a_column_is_left_out_only_after_a_look_at_more_rows(value: Callable[[int], Any]) -> None:
    assert load(rows_of(6000, a=value, x=lambda i: i % 5)).schema.names == ("a", "x")


def test_different_numbers_of_another_name_are_kept() -> None:
    assert load(rows_of(60, price=lambda i: i * 7919 % 1009)).schema.names == ("price",)
    assert load(rows_of(60, id=lambda i: i % 7, x=lambda i: i % 3)).schema.names == ("id", "x")


def test_a_class_may_be_called_na(nncli: Run) -> None:
    """Country codes: NA is Namibia."""
    rows = "".join(f"{i % 10},{'NA' if i % 10 > 4 else 'DE'}\n" for i in range(100))
    Path("d.csv").write_text("x,class\n" + rows)
    outcome = nncli("train", "d.csv")
    assert outcome.code == 1
    assert outcome.err.endswith(
        "d.csv:7: target column 'class': expected a class, found 'NA'. "
        "Fill it in, or leave such rows out with --on-error skip; add --no-missing NA if that is a class.\n"
    )
    assert nncli("train", "d.csv", "--no-missing", "NA", "--epochs", "50", "-q", "-o", "m.npz").code == 0
    Path("new.csv").write_text("x\n9\n0\n")
    assert nncli("predict", "m.npz", "new.csv").out.split() == ["prediction", "NA", "DE"]
    assert nncli("eval", "m.npz", "d.csv", "--json", "-q").json["accuracy"] == 1
    assert "no missing value 'NA'" in nncli("info", "m.npz").out
    outcome = nncli("train", "d.csv", "--no-missing", "nan")
    assert outcome.err == ("--no-missing: expected some of 'NA', 'N/A', 'null', 'NULL' and '?', found 'nan'.\n")
