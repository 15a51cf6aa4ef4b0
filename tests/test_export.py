"""The command export: files that check themselves, and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import exported
from nncli.cli.main import main
from nncli.export.all_targets import TARGETS
from nncli.export.description import description_of
from nncli.export.text import identifier
from nncli.model import checkpoint

Nncli = Callable[..., Any]
SCHEMA = json.loads((Path(__file__).parents[1] / "docs/reference/export.schema.json").read_text("utf-8"))
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="pip cannot install node: apt-get install nodejs")
ALL = [pytest.param(name, marks=needs_node if name == "js" else ()) for name in TARGETS]
# an answer of the first golden row of iris, as each file writes it
TAMPERED = {".c": "golden_answers[ROWS][ANSWERS] = {\n    { ", ".json": '"answers": [[', ".py": '"answers": [[',
            ".sql": '"answers": [[', ".mjs": '\\"answers\\": [['}  # fmt: skip

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


@pytest.fixture(scope="session")
def mixed_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of columns of numbers, text and dates."""
    folder = tmp_path_factory.mktemp("mixed")
    rows = exported.table("all", 120, 0)
    target = ["high" if exported.value_of(row) > 0 else "low" for row in rows]
    (folder / "d.csv").write_text(exported.as_csv("all", rows, target))
    words = ["train", str(folder / "d.csv"), "-t", "target", "--epochs", "5", "--hidden", "4", "-q", "--json"]
    assert main([*words, "-o", str(folder / "mixed.npz")]) == 0
    return folder / "mixed.npz"


@pytest.mark.parametrize("target", ALL)
def test_a_written_file_checks_itself(target: str, nncli: Nncli, mixed_model: Path) -> None:
    shutil.copy(mixed_model, "m.npz")
    assert nncli("export", "m.npz", "--to", target).code == 0
    file = f"m{TARGETS[target].endings[0]}"
    done = nncli("export", "--verify", file)
    assert done.code == 0
    assert re.fullmatch(r"20 golden rows: right, within \d\.\de[-+]?\d+ of nncli\n", done.out)


@pytest.mark.parametrize("ending", [pytest.param(one, marks=needs_node if one == ".mjs" else ()) for one in TAMPERED])
def test_a_file_with_another_answer_fails_its_check(ending: str, nncli: Nncli, iris_model: Path) -> None:
    file = Path(f"iris{ending}")
    assert nncli("export", iris_model, "-o", file).code == 0
    text = file.read_text()
    found = re.search(re.escape(TAMPERED[ending]) + r"([-\d.e]+)", text)
    assert found is not None
    file.write_text(text[: found.start(1)] + "0.125" + text[found.end(1) :])
    done = nncli("export", "--verify", file)
    assert done.code == 1
    assert done.out == ""
    assert re.match(rf"{re.escape(str(file))}: its check.* failed: .*golden row 1", done.err)
    assert done.err.count("\n") == 1


def test_onnx_runs_in_the_reference_of_onnx_too(nncli: Nncli, mixed_model: Path) -> None:
    import onnx
    from onnx.reference import ReferenceEvaluator

    from nncli.export.onnx_file import feeds

    assert nncli("export", mixed_model, "-o", "m.onnx").code == 0
    model = onnx.load_model("m.onnx")
    stored = {one.key: json.loads(one.value) for one in model.metadata_props}
    found = ReferenceEvaluator(model).run(
        None, feeds(stored["golden"]["rows"], stored["columns"], stored["reads"], False)
    )
    assert found[0].tolist() == stored["golden"]["predictions"]
    assert np.allclose(found[1], stored["golden"]["answers"], rtol=0, atol=1e-6)
    assert (model.opset_import[0].version, model.producer_name) == (17, "nncli")
    shapes = [[one.dim_param or one.dim_value for one in its.type.tensor_type.shape.dim] for its in model.graph.input]
    assert shapes == [["rows", 1]] * 5


def test_onnx_takes_a_matrix(nncli: Nncli, iris_model: Path) -> None:
    assert nncli("export", iris_model, "-o", "one.onnx", "--matrix").code == 0
    assert nncli("export", iris_model, "-o", "each.onnx").code == 0
    assert "within" in nncli("export", "--verify", "one.onnx").out
    names = [column["name"] for column in description_of(*checkpoint.load(iris_model))["columns"]]
    rows = [dict(zip(names, map(float, row), strict=True)) for row in np.random.default_rng(0).normal(4, 2, (50, 4))]
    one, each = exported.in_onnx(Path("one.onnx"), rows, matrix=True), exported.in_onnx(Path("each.onnx"), rows)
    assert one[0] == each[0]
    assert np.array_equal(one[1], each[1])


def test_the_json_has_the_published_form(nncli: Nncli, mixed_model: Path, priced: Path) -> None:
    for model in (mixed_model, priced / "mlp.npz"):
        assert nncli("export", model, "-o", "m.json").code == 0
        document = json.loads(Path("m.json").read_text())
        jsonschema.Draft202012Validator(SCHEMA).validate(document)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(SCHEMA).validate(document | {"layers": [{}]})


def test_golden_rows_have_the_edge_cases(mixed_model: Path, nncli: Nncli) -> None:
    assert nncli("export", mixed_model, "-o", "m.json").code == 0
    document = json.loads(Path("m.json").read_text())
    rows = document["golden"]["rows"]
    assert len(rows) == 20
    assert all(cell is None for cell in rows[12].values())
    for column in document["columns"]:
        cells = [row[column["name"]] for row in rows]
        if column["kind"] == "text":
            assert any(cell is not None and cell not in column["codes"] for cell in cells)
            assert not {*cells[:12]} & {"", "NA", "nan", "NULL"}
        elif column["kind"] == "number":
            plain = cells[:12]
            assert min(cell for cell in cells if cell is not None) < min(plain) - (max(plain) - min(plain))
            assert max(cell for cell in cells if cell is not None) > max(plain) + (max(plain) - min(plain))


def test_a_category_of_a_whole_number_may_have_a_point(nncli: Nncli) -> None:
    Path("d.csv").write_text("k,y\n" + "".join(f"{i % 3},{'yes' if i % 3 else 'no'}\n" for i in range(60)))
    words = ["--categorical", "k", "--model", "logistic", "-q", "--json"]
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


def test_golden_rows_of_images_are_pixels(nncli: Nncli) -> None:
    assert nncli("train", "digits-idx", "--model", "softmax", "--epochs", "1", "-q", "--json").code == 0
    assert nncli("export", "model.npz", "-o", "m.json").code == 0
    plain = json.loads(Path("m.json").read_text())["golden"]["rows"][:12]
    cells = [cell for row in plain for cell in row.values()]
    assert min(cells) == 0
    assert max(cells) == 16  # the pixels of these images are from 0 to 16
    assert all(cell.is_integer() for cell in cells)


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


def test_python_runs_without_anything_but_its_library(nncli: Nncli, iris_model: Path) -> None:
    assert nncli("export", iris_model, "-o", "iris.py").code == 0
    done = subprocess.run([sys.executable, "-I", "-S", "iris.py"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("20 golden rows: right, within ")


def test_c_is_clean_under_every_warning(nncli: Nncli, mixed_model: Path, priced: Path) -> None:
    for i, model in enumerate((mixed_model, priced / "mlp.npz")):
        assert nncli("export", model, "-o", f"m{i}.c").code == 0
        warnings = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-Wshadow", "-Wstrict-prototypes"]
        for define in ([], [f"-DM{i}_MAIN"]):
            words = ["cc", "-std=c99", *warnings, *define, "-c", f"m{i}.c", "-o", "m.o"]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr


def test_two_c_files_go_into_one_program(nncli: Nncli, mixed_model: Path, iris_model: Path) -> None:
    for name, model in [("one", mixed_model), ("two", iris_model)]:
        assert nncli("export", model, "-o", f"{name}.c").code == 0
    words = ["cc", "-std=c99", "-DONE_MAIN", "one.c", "two.c", "-lm", "-o", "both"]
    assert subprocess.run(words, check=False).returncode == 0


def test_the_same_model_gives_the_same_bytes(nncli: Nncli, mixed_model: Path) -> None:
    for target in TARGETS:
        for name in ("one", "two"):
            Path(name).mkdir(exist_ok=True)
            assert nncli("export", mixed_model, "--to", target, "-o", f"{name}/m").code == 0
        assert Path("one/m").read_bytes() == Path("two/m").read_bytes()


def test_stdout_gets_the_file_alone(nncli: Nncli, iris_model: Path) -> None:
    done = nncli("export", iris_model, "--to", "sql", "-o", "-")
    assert nncli("export", iris_model, "-o", "iris.sql").code == 0
    assert (done.out, done.err) == (Path("iris.sql").read_text(), "")


REFUSED = {
    "no language": (["iris.npz"], "--to: expected a language, one of onnx, c, js, python, sql, json, found none"),
    "another language": (
        ["iris.npz", "--to", "java"],
        "--to: expected one of onnx, c, js, python, sql, json; found 'java'",
    ),
    "another ending": (["iris.npz", "-o", "iris.java"], "--out: expected a name that ends in one of .onnx, .c, .mjs"),
    "a matrix of C": (["iris.npz", "--to", "c", "--matrix"], "--matrix: it goes with --to onnx, and this is c"),
    "a matrix with text": (["mixed.npz", "--to", "onnx", "--matrix"], "--matrix: column 'b' cannot be in a matrix"),
    "verify with a language": (["iris.npz", "--verify", "--to", "c"], "--to: --verify reads a file that is there"),
    "verify nothing": (["none.py", "--verify"], "none.py: cannot read it: No such file or directory"),
    "verify a model": (["iris.npz", "--verify"], "iris.npz: expected a file that nncli has exported, found another"),
    "not one of its own": (["iris.npz", "-o", "own.py"], "own.py: cannot write: there is a file of that name"),
    "the model itself": (["iris.npz", "--to", "c", "-o", "iris.npz"], "iris.npz: cannot write: it is one of the files"),
    "no model": (["own.py", "--to", "c"], "own.py: expected a model written by nncli"),
    "verify other Python": (["--verify", "own.py"], "own.py: expected a file that nncli has exported, found another"),
    "verify other C": (["--verify", "own.c"], "own.c: expected a file that nncli has exported, found another"),
    "verify other SQL": (["--verify", "own.sql"], "own.sql: expected a file that nncli has exported, found another"),
    "verify other JSON": (["--verify", "own.json"], "own.json: expected a file that nncli has exported, found another"),
    "verify other ONNX": (["--verify", "own.onnx"], "own.onnx: expected a file that nncli has exported, found another"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_gets_one_line(case: str, nncli: Nncli, iris_model: Path, mixed_model: Path) -> None:
    shutil.copy(iris_model, "iris.npz")
    shutil.copy(mixed_model, "mixed.npz")
    for ending in TARGETS.values():
        Path(f"own{ending.endings[0]}").write_text("print('my own work')\n")
    words, message = REFUSED[case]
    before = sorted((path.name, path.read_bytes()) for path in Path().iterdir())
    done = nncli("export", *words)
    assert done.code in (1, 2)
    assert done.err.startswith(message)
    assert (done.out, done.err.count("\n")) == ("", 1)
    assert sorted((path.name, path.read_bytes()) for path in Path().iterdir()) == before


@pytest.mark.parametrize("target", ALL)
def test_a_file_is_verified_whatever_it_is_called(target: str, nncli: Nncli, iris_model: Path) -> None:
    done = nncli("export", iris_model, "--to", target, "-o", "-model")  # as an option of cc would begin
    assert done.code == 0
    assert nncli("export", "--verify", "--", "-model").code == 0


def test_onnx_takes_a_matrix_of_one_column(nncli: Nncli) -> None:
    assert nncli("train", "chocolate", "-m", "linear", "-q", "--json").code == 0
    assert nncli("export", "model.npz", "-o", "price.onnx", "--matrix").code == 0
    assert nncli("export", "--verify", "price.onnx").code == 0


@needs_node
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


@needs_node
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


def test_golden_rows_stay_in_the_years_and_numbers_that_there_are(nncli: Nncli) -> None:
    for dtype, largest in (("float32", 3.3e38), ("float64", 1.7e308)):
        rows = [f"{1 + 250 * i:04d}-02-03,{largest * (i / 20 - 1):.5g},{i % 2}\n" for i in range(40)]
        Path("d.csv").write_text("when,x,y\n" + "".join(rows))
        assert nncli("train", "d.csv", "--model", "logistic", "--dtype", dtype, "-q", "--json").code == 0
        assert nncli("export", "model.npz", "-o", "m.py").code == 0
        assert nncli("export", "--verify", "m.py").code == 0


def test_sql_takes_an_empty_text_and_nan_for_a_missing_number(nncli: Nncli, mixed_model: Path) -> None:
    import sqlite3

    import duckdb

    assert nncli("export", mixed_model, "-o", "m.sql").code == 0
    select = Path("m.sql").read_text()
    for database, kind, missing in (
        (sqlite3.connect(":memory:"), "TEXT", ["NULL", "''", "'NaN'"]),
        (duckdb.connect(config={"threads": 1}), "DOUBLE", ["NULL", "'nan'"]),
    ):
        database.execute(f"CREATE TABLE data (a {kind}, b VARCHAR, c {kind}, d {kind}, e VARCHAR)")
        for cell in missing:
            database.execute(f"INSERT INTO data VALUES ({cell}, 'oak', {cell}, 7, 'true')")
        answers = [row[-3:] for row in database.execute(select).fetchall()]
        assert answers == [answers[0]] * len(missing)


def test_sql_that_does_more_than_read_is_not_run(nncli: Nncli, iris_model: Path) -> None:
    assert nncli("export", iris_model, "-o", "iris.sql").code == 0
    head, _, golden = Path("iris.sql").read_text().partition("WITH ")
    Path("iris.sql").write_text(f"{head}ATTACH 'other.db' AS other\n{golden[golden.index('-- golden') :]}")
    done = nncli("export", "--verify", "iris.sql")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert done.err.startswith("iris.sql: its check in SQLite failed: not authorized")
    assert not Path("other.db").exists()


def test_damaged_json_gets_one_line(nncli: Nncli, mixed_model: Path) -> None:
    assert nncli("export", mixed_model, "-o", "m.json").code == 0
    document = json.loads(Path("m.json").read_text())
    layer, *others = document["layers"]
    text = next(column for column in document["columns"] if column["kind"] == "text")
    damaged: list[Any] = [
        {"layers": [layer | {"activation": "__import__('os').system('echo run > run')"}, *others]},
        {"layers": [layer | {"activation": "(" * 5000 + "z" + ")" * 5000}, *others]},
        {"columns": [text | {"inputs": 10**15}]},
        {"golden": [[[]]]},
        {"output": None},
    ]
    for parts in damaged:
        lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in (document | parts).items()]
        Path("m.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
        done = nncli("export", "--verify", "m.json")
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
        assert done.err.startswith("m.json: expected a model that nncli has exported as JSON, found another document")
    Path("m.json").write_text('{\n"format": "nncli export", "x": ' + "[" * 100_000)
    assert nncli("export", "--verify", "m.json").code == 1
    assert not Path("run").exists()


def test_damaged_onnx_gets_one_line(nncli: Nncli, iris_model: Path) -> None:
    import onnx

    assert nncli("export", iris_model, "-o", "iris.onnx").code == 0
    data = Path("iris.onnx").read_bytes()
    other = onnx.load_model_from_string(data)
    other.graph.node[0].op_type = "Other"
    elsewhere = onnx.load_model_from_string(data)
    tensor = elsewhere.graph.initializer[0]
    onnx.external_data_helper.set_external_data(tensor, "secret.bin", 0, len(tensor.raw_data))
    tensor.ClearField("raw_data")
    Path("secret.bin").write_bytes(bytes(1000))
    for damaged in (data[:300], *(one.SerializeToString(deterministic=True) for one in (other, elsewhere))):
        Path("iris.onnx").write_bytes(damaged)
        done = nncli("export", "--verify", "iris.onnx")
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
        assert done.err.startswith("iris.onnx: its check failed: ")


def test_sql_is_for_small_networks(nncli: Nncli, digits_model: Path) -> None:
    assert nncli("train", "digits", "--hidden", "300", "--epochs", "1", "-q", "--json", "-o", "m.npz").code == 0
    done = nncli("export", "m.npz", "--to", "sql")
    assert done.code == 2
    assert done.err == (
        "--to: expected a network of at most 20,000 parameters, as each is a part of one SELECT, found 22,510. "
        "Use --to onnx, or train a smaller one.\n"
    )


def test_sql_refuses_columns_that_it_takes_for_one(nncli: Nncli) -> None:
    Path("d.csv").write_text("a,A,y\n" + "".join(f"{i % 5},{i % 7}.5,{i % 2}\n" for i in range(40)))
    assert nncli("train", "d.csv", "-m", "logistic", "-q", "--json").code == 0
    done = nncli("export", "model.npz", "--to", "sql")
    assert done.code == 2
    assert done.err.startswith("--to: column 'A': SQL cannot tell it from another one")


def test_a_file_of_an_older_export_is_written_over(nncli: Nncli, iris_model: Path, mixed_model: Path) -> None:
    for target in TARGETS:
        for model in (iris_model, mixed_model):
            assert nncli("export", model, "--to", target, "-o", f"m{TARGETS[target].endings[0]}").code == 0


@pytest.mark.parametrize(
    ("text", "name"),
    [("Iris", "Iris"), ("my model-2", "my_model_2"), ("2026", "model_2026"), ("été", "t"), ("", "model")],
)
def test_names_of_files_become_identifiers(text: str, name: str) -> None:
    assert identifier(text) == name
