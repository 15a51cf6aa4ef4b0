"""Other files than CSV say the same: Parquet, Arrow, .npz, LIBSVM; and several files are one."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet
from sklearn.datasets import dump_svmlight_file

import cli_process
from nncli.data.bundled import path_of
from nncli.data.csv.csv_options import CsvOptions
from nncli.data.load import load_dataset
from nncli.errors import OptionError
from short_and_long import some_short

Run = Callable[..., Any]
DAY = datetime.date(2026, 1, 1)
COLUMNS = {
    "n": [i % 7 for i in range(90)],
    "x": [None if i % 11 == 3 else i / 3 for i in range(90)],
    "flag": [i % 3 == 0 for i in range(90)],
    "word": [["a,b", 'say "no"', "größe", None, "two\nlines"][i % 5] for i in range(90)],
    "when": [DAY + datetime.timedelta(i % 30) for i in range(90)],
    "class": ["pq"[i % 2] for i in range(90)],
}


@pytest.fixture(autouse=True)
def _data(in_a_folder_of_its_own: None) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in zip(*COLUMNS.values(), strict=True):
        writer.writerow(["" if cell is None else str(cell).lower() if isinstance(cell, bool) else cell for cell in row])
    Path("d.csv").write_text(out.getvalue())


def written(name: str, **more: Any) -> None:
    table = pa.table({**COLUMNS, **more})
    if name.endswith(".parquet"):
        parquet.write_table(table, name, row_group_size=40)
    else:
        feather.write_feather(table, name, compression="lz4", chunksize=40)


@pytest.mark.parametrize("name", ["d.parquet", "d.arrow"])
def test_a_table_is_read_as_the_csv_that_says_the_same(name: str) -> None:
    written(name)
    plain, found = load_dataset(("d.csv",), CsvOptions(), "float32"), load_dataset((name,), CsvOptions(), "float32")
    assert found.schema == plain.schema
    assert found.classes == plain.classes
    np.testing.assert_array_equal(found.y, plain.y)
    np.testing.assert_array_equal(found.table.numbers, plain.table.numbers)
    np.testing.assert_array_equal(found.table.dates["when"], plain.table.dates["when"])
    for text in ("flag", "word"):
        np.testing.assert_array_equal(found.table.texts[text].codes, plain.table.texts[text].codes)
        assert found.table.texts[text].values == plain.table.texts[text].values


@pytest.mark.parametrize("name", ["d.parquet", "d.arrow"])
def test_predictions_are_those_for_the_same_rows_as_csv(name: str, nncli: Run) -> None:
    written(name)
    assert nncli("train", name, "-m", "softmax", "--epochs", "3", "-q", "-o", "m.npz").code == 0
    rows = nncli("predict", "m.npz", name, "--keep", "word,n").out
    assert rows == nncli("predict", "m.npz", "d.csv", "--keep", "word,n").out
    assert rows.count("\n") == 91 + 18  # and the line breaks in cells
    found, expected = (nncli("eval", "m.npz", file, "-q", "--json").json for file in (name, "d.csv"))
    assert found["evaluated_on"] == f"all {expected['n']} rows of {name}"
    of_one = {"evaluated_on": "", "warnings": []}  # a warning names another file
    assert {**found, **of_one} == {**expected, **of_one}
    assert nncli("eval", "m.npz", "-q").code == 0


def test_the_types_of_parquet(nncli: Run) -> None:
    written("d.parquet", stamp=[datetime.datetime(2026, 1, 1, i % 24, 30) for i in range(90)],
            kind=pa.array(["u", "v"] * 45).dictionary_encode(), pair=[[1, 2]] * 90, nothing=pa.nulls(90),
            price=pa.array([i % 13 for i in range(90)], pa.decimal128(9, 2)))  # fmt: skip
    outcome = nncli("check", "d.parquet", "--json")
    assert "column 'pair': left out, as its cells are list<element: int64>" in outcome.err
    kinds = {column["name"]: column["kind"] for column in outcome.json["columns"]}
    assert (kinds["stamp"], kinds["kind"], kinds["price"]) == ("date", "text", "number")


@pytest.mark.parametrize("name", ["d.parquet", "d.arrow"])
def test_views_of_text_are_text(name: str) -> None:
    words = [f"{'abc'[i % 3]}, a text that is too long to stand within its view" for i in range(90)]
    written(name, view=pa.array(words, pa.string_view()))
    column = load_dataset((name,), CsvOptions(), "float32").table.texts["view"]
    assert [column.values[code] for code in column.codes] == words


def test_an_error_names_the_row(nncli: Run) -> None:
    written("d.parquet", y=[*["1.5"] * 80, "oops", *["2"] * 9], word=["no line breaks"] * 90)
    outcome = nncli("train", "d.parquet", "-t", "class", "--numeric", "y")
    assert outcome.err.splitlines()[-1].startswith("d.parquet:81: column 'y': expected a number, found 'oops'.")


@pytest.mark.parametrize(
    ("option", "lacking"),
    {
        "--delimiter ;": "no delimiter",
        "--encoding latin-1": "no choice of encodings",
        "--skip-rows 1": "no lines to skip",
        "--decimal ,": "no choice of decimal signs",
        "--header": "no header line",
        "--no-header": "no header line",
        "--sheet s": "no sheets",
    }.items(),
)
def test_what_only_text_has_is_refused(option: str, lacking: str, nncli: Run) -> None:
    written("d.parquet")
    outcome, name = nncli("train", "d.parquet", *option.split()), option.split()[0].replace("--no-", "--")
    problem = f"{name}: d.parquet is a Parquet file, which has {lacking}. Leave it out.\n"
    assert (outcome.code, outcome.err) == (2, problem)


@pytest.mark.parametrize("option", ["--quote '", "--decimal ,", "--delimiter ;", "--rows 1:50"])
def test_what_is_refused_does_not_depend_on_the_order_of_the_files(option: str, nncli: Run) -> None:
    written("d.parquet")
    first = nncli("train", "d.csv", "d.parquet", *option.split())
    second = nncli("train", "d.parquet", "d.csv", *option.split())
    assert first.err == second.err
    assert (first.code, first.err.endswith(". Leave it out, or save all files in one format.\n")) == (2, True)


@pytest.mark.parametrize(
    "option", ["target", "drop", "only", "categorical", "numeric", "missing", "no-missing", "weight"]
)
def test_a_matrix_has_no_columns_to_name(option: str, nncli: Run) -> None:
    Path("d.svm").write_text("".join(f"{i % 2} 1:{i} 2:{i * 7 % 5}\n" for i in range(40)))
    value = "NA" if option == "no-missing" else "c"
    outcome = nncli("train", "d.svm", f"--{option}", value)
    assert (outcome.code, outcome.err.split(" no ")[0]) == (2, f"--{option}: d.svm is sparse text, which has")


@pytest.mark.parametrize("option", ["--rows 1:60", "--skip-rows 2"])
def test_what_is_said_of_the_lines_of_a_file_is_said_of_that_for_training(option: str, nncli: Run) -> None:
    rows = [f"{i % 13},{i * 7 % 10},{'pq'[i % 2]}" for i in range(100)]
    head = ["made by hand", "x,y,z"] if "skip" in option else []
    Path("a.csv").write_text("\n".join([*head, "a,b,class", *rows, ""]))
    Path("b.csv").write_text("\n".join(["a,b,class", *(f"{row[:-1]}p" for row in rows[:70]), *rows[70:90], ""]))
    outcome = nncli(
        "train", "a.csv", "--val-data", "b.csv", "--test-data", "b.csv", *option.split(), "--json", "--epochs", "2"
    )
    assert {name: outcome.json[f"n_{name}"] for name in ("train", "val", "test")} == {
        "train": 60 if "rows 1" in option else 100, "val": 90, "test": 90
    }  # fmt: skip
    assert nncli("eval", "model.npz", "--json").json["n"] == 90


def test_what_is_said_of_a_text_file_for_training_says_nothing_of_others(nncli: Run) -> None:
    written("d.parquet")
    outcome = nncli("train", "d.csv", "--quote", '"', "--encoding", "utf-8", "--test-data", "d.parquet", "-q")
    assert (outcome.code, outcome.err.count("--quote")) == (0, 0)


@pytest.mark.parametrize("name", ["d.parquet", "d.arrow"])
def test_damaged_tables_are_refused(name: str, nncli: Run) -> None:
    written(name)
    data = Path(name).read_bytes()
    for broken in (data[:100], data[: len(data) // 2], data[:200] + b"\xff" * 300 + data[500:], data[:-20]):
        Path(name).write_bytes(broken)
        outcome = nncli("train", name, "-q")
        assert outcome.code == 1
        assert outcome.err.startswith(f"{name}")
        assert outcome.err.count("\n") == 1


# matrices


def test_npz_with_x_and_y(nncli: Run) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    np.savez("d.npz", X=X, y=np.where(X[:, 0] > 0, "up", "down"))
    found = nncli("train", "d.npz", "--model", "softmax", "-q", "--json", "-o", "m.npz").json
    assert found["classes"] == ["down", "up"]
    assert found["test"]["accuracy"] > 0.9
    np.savez("new.npz", X=np.array([[3.0, 0, 0], [-3, 0, 0]]))
    assert nncli("predict", "m.npz", "new.npz").out == "prediction\nup\ndown\n"
    assert nncli("eval", "m.npz", "-q").code == 0


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"X": np.zeros((3, 2))}, "expected an array y of classes beside X, found none"),
        ({"X": np.zeros(3), "y": np.zeros(3)}, "expected X as numbers of shape (n, d), found float64 of shape (3,)"),
        ({"X": np.zeros((3, 2)), "y": np.arange(2)}, "expected y of shape (3,), found int64 of shape (2,)"),
        ({"X": np.zeros((3, 2)), "y": np.array([0.5, np.nan, 2])},
         "y: row 1: expected a number of at most 1e+100, found a missing value. Correct it, or leave the row out"),
        ({"X": np.array([[1.0], [np.inf]]), "y": np.arange(2)},
         "X, row 2, column 0: expected a finite number, found infinity"),
        ({"X": np.array([[None]]), "y": np.arange(1)},
         "expected arrays X and y: X has objects, which may be anything. Save it as numbers or text"),
    ],
)  # fmt: skip
def test_arrays_that_cannot_be(arrays: dict[str, Any], problem: str, nncli: Run) -> None:
    np.savez("d.npz", **arrays)
    outcome = nncli("train", "d.npz", "-q")
    assert (outcome.code, outcome.err) == (1, f"d.npz: {problem}.\n")


@pytest.mark.parametrize("name", ["d.svm", "d.svm.gz"])
def test_libsvm(name: str, nncli: Run) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 9)) * (rng.random((200, 9)) < 0.5)
    y = (X[:, 4] > 0).astype(int)
    text = io.BytesIO()
    dump_svmlight_file(X, y, text, zero_based=False)
    Path(name).write_bytes(gzip.compress(text.getvalue()) if name.endswith("gz") else text.getvalue())
    found = load_dataset((name,), CsvOptions(), "float32")
    np.testing.assert_array_equal(found.table.numbers, X.astype(np.float32))
    assert (found.classes, found.y.tolist()) == (("0", "1"), y.tolist())
    assert nncli("train", name, "-q", "-o", "m.npz").code == 0
    Path("new.svm").write_text("0 5:3.5\n0 5:-3.5 # nothing in the last columns\n")
    assert nncli("predict", "m.npz", "new.svm").out == "prediction\n1\n0\n"
    Path("bad.svm").write_text("1 2:0.5\n1 2:x\n")
    assert "bad.svm:2: feature 2: expected a finite number" in nncli("train", "bad.svm", "-q").err


@pytest.mark.parametrize("first", some_short([0, 1], 1))
def test_features_of_sparse_text_are_counted_as_in_training(first: int, nncli: Run) -> None:
    """Whatever features a later file happens to lack."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)).round(3)
    lines = [f"{int(x[0] > 0)} " + " ".join(f"{first + j}:{v}" for j, v in enumerate(x)) for x in X]
    Path("t.svm").write_text("\n".join(lines) + "\n")
    outcome = nncli("train", "t.svm", "--epochs", 3, "--json", "-o", "m.npz")
    assert f"sparse text: the features are counted from {first}" in outcome.err
    whole = f"0 {first}:0 {first + 1}:1.5 {first + 2}:0\n"
    less = f"0 {first + 1}:1.5\n"
    Path("whole.svm").write_text(whole)
    Path("less.svm").write_text(less)
    answers = [nncli("predict", "m.npz", f"{name}.svm", "--proba").out for name in ("whole", "less")]
    assert answers[0] == answers[1]
    assert nncli("eval", "m.npz", "less.svm", "--json").code == 0
    Path("more.svm").write_text(f"0 {first + 3}:1\n")
    beyond = nncli("predict", "m.npz", "more.svm")
    assert (beyond.code, beyond.err) == (0, f"1 value of features beyond {first + 2}, the model's last, ignored\n")
    assert nncli("predict", "m.npz", "--proba", stdin=less).out == answers[1]
    text = "\n".join(lines) + "\n"
    trained = nncli("train", "-", "--epochs", "3", "-q", "--json", "-o", "p.npz", stdin=text)
    assert trained.json["test"] == outcome.json["test"]
    assert nncli("eval", "p.npz", "-", "--json", "-q", stdin=text).json["n"] == 60


def test_other_files_on_stdin_are_told_as_what_they_are(tmp_path: Path) -> None:
    written("d.parquet")
    np.savez("d.npz", X=np.zeros((2, 2)), y=[0, 1])
    for name, kind in (("d.parquet", "a Parquet file"), ("d.npz", "a zip or npz file")):
        done = cli_process.nncli("train", "-", stdin=Path(name).read_bytes(), cwd=tmp_path)
        expected = f"stdin: expected text, found {kind}. Name the file itself, not a pipe.\n"
        assert (done.returncode, done.stderr.decode()) == (1, expected)


def test_a_long_first_line_is_known_too(nncli: Run) -> None:
    lines = (f"{i % 2} " + " ".join(f"{j}:{i * j % 7}.5" for j in range(1, 2000)) + "\n" for i in range(40))
    Path("wide.svm").write_text("".join(lines))
    found = load_dataset(("wide.svm",), CsvOptions(), "float32")
    assert found.table.numbers.shape == (40, 1999)
    assert found.table.numbers[3, 4] == 3 * 5 % 7 + 0.5


@pytest.mark.parametrize("kind", ["npz", "svm", "svm.gz", "parquet", "arrow"])
def test_what_takes_far_more_memory_than_it_is_large_is_refused(
    kind: str, nncli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nncli.data.byte_input.BOMB_BYTES", 1 << 20)
    name, n = f"bomb.{kind}", 60_000
    if kind == "npz":
        np.savez_compressed(name, X=np.zeros((n, 60), np.float32), y=np.arange(n) % 2)
    elif kind == "svm":
        Path(name).write_text("1 999:1\n" + "0\n" * n)
    elif kind == "svm.gz":
        Path(name).write_bytes(gzip.compress(b"1 3:0.50000000000000000000000000000000\n" * n))
    else:
        table = pa.table({**{f"x{i}": np.zeros(n) for i in range(60)}, "class": np.arange(n) % 2})
        if kind == "parquet":
            parquet.write_table(table, name)
        else:
            feather.write_feather(table, name, compression="zstd")
    tracemalloc.start()
    outcome = nncli("train", name, "-q")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert outcome.code == 1
    problem = r"(the \w+ data|a batch of rows) takes more than (200|4) times the size of the file in memory"
    assert re.fullmatch(rf"{name}: {problem}\. [^\n]+\.\n", outcome.err)
    assert peak < 100 << 20


# several files


def parts() -> None:
    header, *lines = path_of("wine").read_text().splitlines(keepends=True)
    for i in range(3):
        Path(f"part-{i}.csv").write_text(header + "".join(lines[i * 60 : (i + 1) * 60]))


@pytest.mark.parametrize("words", [["part-0.csv", "part-1.csv", "part-2.csv"], ["part-*.csv"]])
def test_several_files_are_one(words: list[str], nncli: Run) -> None:
    parts()
    assert nncli("train", *words, "--epochs", 3, "-q", "-o", "m.npz").code == 0
    assert nncli("train", "wine", "--epochs", 3, "-q", "-o", "whole.npz").code == 0
    answers = [nncli("predict", model, "wine", "--proba").out for model in ("m.npz", "whole.npz")]
    assert answers[0] == answers[1]
    found, expected = (nncli("eval", model, "--json", "-q").json for model in ("m.npz", "whole.npz"))
    of_one = {"evaluated_on": "", "warnings": []}  # a warning names another file
    assert {**found, **of_one} == {**expected, **of_one}
    Path("part-2.csv").write_bytes(Path("part-1.csv").read_bytes())
    assert "have changed since" in nncli("eval", "m.npz").err


def test_columns_have_to_agree(nncli: Run) -> None:
    parts()
    text = Path("part-1.csv").read_text()
    Path("part-1.csv").write_text(text.replace("alcohol", "spirit", 1))
    outcome = nncli("train", "part-*.csv", "-q")
    assert outcome.err.startswith("part-1.csv:1: column 'alcohol' is missing.")
    header, rest = text.split("\n", 1)
    names = header.split(",")
    order = [1, 0, *range(2, len(names))]
    lines = [",".join(line.split(",")[i] for i in order) for line in [header, *rest.splitlines()]]
    Path("part-1.csv").write_text("\n".join(lines) + "\n")  # another order is none of a problem
    assert nncli("train", "part-*.csv", "-q", "-o", "m.npz").code == 0


def test_lines_before_the_header_are_of_text_alone() -> None:
    written("d.parquet")
    with pytest.raises(OptionError):
        load_dataset(("d.parquet",), CsvOptions(skip_rows=2), "float32")
