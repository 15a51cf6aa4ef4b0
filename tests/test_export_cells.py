"""What exported models take for a cell, and what they refuse."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import exported
from nncli.export.description import description_of
from nncli.model import checkpoint

Nncli = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def test_python_takes_cells_as_people_have_them(nncli: Nncli, mixed_model: Path) -> None:
    import datetime

    assert nncli("export", mixed_model, "-o", "m.py").code == 0
    space: dict[str, Any] = {"__name__": "m"}
    exec(Path("m.py").read_text(), space)
    row = {"a": 100.0, "b": "oak", "c": 19000.0, "d": 7.0, "e": "true"}
    day = datetime.date(2022, 1, 8)  # 1970-01-01 and 19,000 days
    others = [
        {"c": day},
        {"c": str(day)},
        {"c": datetime.datetime(2022, 1, 8)},
        {"e": True},
        {"b": " oak "},
        {"a": "100"},
    ]
    for other in others:
        assert space["predict"](row | other) == space["predict"](row)
    for cells, message in [
        ({"a": "many"}, "column 'a': expected a finite number or None, found 'many'"),
        ({"a": "inf"}, "column 'a': expected a finite number or None, found 'inf'"),
        ({"a": float("inf")}, "column 'a': expected a finite number or None, found inf"),
        ({"a": 1e39}, "column 'a': expected a finite number or None, found 1e\\+39"),
        ({"a": "1_000"}, "column 'a': expected a finite number or None, found '1_000'"),
        ({"c": 3e6}, "column 'c': expected a date of the years 1 to 9999, found 3000000.0"),
        ({"c": "8.1.22"}, "column 'c': expected a date such as 2026-11-21, found '8.1.22'"),
    ]:
        with pytest.raises(ValueError, match=message):
            space["predict"](row | cells)
    del row["b"]
    with pytest.raises(ValueError, match="column 'b': expected a cell, found none; give None for a missing one"):
        space["predict"](row)


def test_a_category_of_a_whole_number_may_have_a_point(nncli: Nncli) -> None:
    Path("d.csv").write_text("k,y\n" + "".join(f"{i % 3},{'yes' if i % 3 else 'no'}\n" for i in range(60)))
    words = ["--categorical", "k", "--model", "logistic", "--epochs", "9", "-q", "--json"]
    assert nncli("train", "d.csv", "-t", "y", *words).code == 0
    Path("new.csv").write_text("k\n2\n2.0\n7\n")
    for target in ("sql", "json"):
        assert nncli("export", "model.npz", "--to", target).code == 0
        assert nncli("export", "--verify", f"model.{target}").code == 0
    known, same, other = nncli("predict", "model.npz", "new.csv", "--proba", "-q").out.splitlines()[1:]
    codes = json.loads(Path("model.json").read_text())["columns"][0]["codes"]
    assert known == same != other
    assert codes["2"] == codes["2.0"]
    assert "'2.0'" in Path("model.sql").read_text()
    assert nncli("train", "d.csv", "-t", "y", *words, "--missing", "1.0,NA").code == 0
    assert nncli("export", "model.npz", "-o", "model.json").code == 0
    column = json.loads(Path("model.json").read_text())["columns"][0]
    assert column["codes"]["1.0"] == column["missing"] != column["codes"]["1"]


@exported.needs_node
def test_javascript_refuses_what_is_no_number(nncli: Nncli, iris_model: Path) -> None:
    assert nncli("export", iris_model, "-o", "iris.mjs").code == 0
    names = [column["name"] for column in description_of(*checkpoint.load(iris_model))["columns"]]
    script = (
        "import { predict } from './iris.mjs'; const row = JSON.parse(process.argv[1]);"
        "for (const cell of ['1e1', ' .5 ', '', null, NaN, true, 'inf', Infinity, 1e39, '0x1F', '1_000', [1]]) {"
        f"  try {{ predict({{ ...row, {names[0]}: cell }}); console.log('taken'); }}"
        "  catch (error) { console.log(error.message); } }"
    )
    words = ["node", "--input-type=module", "-e", script, json.dumps(dict.fromkeys(names, 1))]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    refused = ['"inf"', "Infinity", "1e+39", '"0x1F"', '"1_000"', "[1]"]
    messages = [f'column "{names[0]}": expected a finite number or null, found {cell}' for cell in refused]
    assert done.stdout.splitlines() == 6 * ["taken"] + messages


@exported.needs_node
def test_javascript_takes_the_dates_that_predict_takes(nncli: Nncli, mixed_model: Path) -> None:
    assert nncli("export", mixed_model, "-o", "m.mjs").code == 0
    dates = [
        "2022-01-08",
        "2022-01-08 00:00",
        "2022-01-07T23:00:00-01:00",
        "2022-01-08T00:00:00.0Z",
        "2022-01-07T23:00:00-0100",
    ]
    others = ["2026-02-31", "2026-13-01", "2026-11-21T24:00", "2026-11-21T5pm", "8.1.2022", "20000"]
    script = (
        "import { predict } from './m.mjs';"
        "const row = { a: 100, b: 'oak', c: 19000, d: 7, e: 'true' }, [dates, others] = JSON.parse(process.argv[1]);"
        "const answer = JSON.stringify(predict(row));"
        "for (const c of [...dates, new Date(19000 * 86400000)])"
        "  if (JSON.stringify(predict({ ...row, c })) !== answer) console.log('another answer for', c);"
        "for (const c of [...others, new Date('x'), 3e6])"
        "  try { predict({ ...row, c }); console.log('taken:', c); }"
        "  catch (error) { if (!error.message.includes('expected a date such as 2026-11-21')) throw error; }"
    )
    words = ["node", "--input-type=module", "-e", script, json.dumps([dates, others])]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == ""


def test_sql_takes_an_empty_text_and_nan_for_a_missing_number(nncli: Nncli, mixed_model: Path) -> None:
    import sqlite3

    import duckdb

    assert nncli("export", mixed_model, "-o", "m.sql").code == 0
    select = Path("m.sql").read_text()
    for opened, kind, missing in (
        (sqlite3.connect(":memory:"), "TEXT", ["NULL", "''", "'NaN'"]),
        (duckdb.connect(config={"threads": 1}), "DOUBLE", ["NULL", "'nan'"]),
    ):
        with contextlib.closing(opened) as database:
            database.execute(f"CREATE TABLE data (a {kind}, b VARCHAR, c {kind}, d {kind}, e VARCHAR)")
            for cell in missing:
                database.execute(f"INSERT INTO data VALUES ({cell}, 'oak', {cell}, 7, 'true')")
            answers = [row[-3:] for row in database.execute(select).fetchall()]
        assert answers == [answers[0]] * len(missing)


def test_zero_bytes_are_refused_where_they_end_a_text(nncli: Nncli) -> None:
    cells = ["k\0b" if i % 3 else "k" for i in range(40)]
    target = ["no", "yes"] * 20
    pq.write_table(pa.table({"k": cells, "y": target}), "category.parquet")
    pq.write_table(pa.table({"k": [*range(40)], "y": ["no", "y\0"] * 20}), "class.parquet")
    for what in ("category", "class"):
        words = ["--model", "logistic", "-t", "y", "-q", "--json", "-o", f"{what}.npz"]
        assert nncli("train", f"{what}.parquet", *words).code == 0
        for target_name in ("c", "sql"):
            done = nncli("export", f"{what}.npz", "--to", target_name)
            assert (done.code, done.err.count("\n")) == (2, 1)
            assert re.match(rf"--to: {what} '\w\\0b?': expected a text without a zero byte", done.err)
        assert nncli("export", f"{what}.npz", "-o", f"{what}.py").code == 0
        assert nncli("export", "--verify", f"{what}.py").code == 0
