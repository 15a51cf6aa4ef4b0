"""Tables of many kinds, and the runtimes that exported models run in."""

from __future__ import annotations

import contextlib
import csv
import ctypes
import io
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.export.description import columns_of

PROGRAMS = {"c": "cc", "js": "node"}  # that run an export, by its language
MISSING = {name for name, program in PROGRAMS.items() if shutil.which(program) is None}
needs_node = pytest.mark.skipif("js" in MISSING, reason="pip cannot install node: apt-get install nodejs")
needs_cc = pytest.mark.skipif("c" in MISSING, reason="pip cannot install a compiler: apt-get install gcc")
NEEDS = {"js": needs_node, ".mjs": needs_node, "c": needs_cc, ".c": needs_cc}  # by language, and by ending


def each(names: Iterable[str]) -> list[Any]:
    """Return languages or endings as parameters of a test, which is left out where no program runs them."""
    return [pytest.param(name, marks=NEEDS.get(name, ())) for name in names]


Row = dict[str, Any]
Answers = tuple[list[str], np.ndarray[Any, Any]]  # predictions, and probabilities, scores or numbers
LETTERS = ["ash", "birch", "cedar", "elm", "fir", "oak", "pine", "yew"]
# characters that end strings, comments and names in some language
NASTY = ['"', "'", "*/ //", "\\", "</script>", "a,b", "über", "日本", "${x}", "@NAME@", '"""', "??/", "-- x", "%s"]


@dataclass(frozen=True)
class Column:
    """A column of a table: draws n plain cells, and n odd ones, as only later rows have them."""

    name: str
    plain: Callable[[np.random.Generator, int], list[Any]]
    odd: Callable[[np.random.Generator, int], list[Any]]


def numbers(name: str, mean: float = 0.0, sd: float = 1.0, decimals: int = 4, missing: float = 0.0) -> Column:
    def plain(rng: np.random.Generator, n: int) -> list[Any]:
        drawn = [float(value) for value in np.round(rng.normal(mean, sd, n), decimals)]
        return [None if rng.random() < missing else value for value in drawn]

    def odd(rng: np.random.Generator, n: int) -> list[Any]:
        return [None if rng.random() < 0.3 else float(mean + sd * rng.choice([-10, 0, 7, 30])) for _ in range(n)]

    return Column(name, plain, odd)


def pixels(name: str) -> Column:
    return Column(
        name, lambda rng, n: rng.integers(0, 256, n).tolist(), lambda rng, n: [None, 255] * (n // 2) + [0] * (n % 2)
    )


def texts(name: str, values: Sequence[str], missing: float = 0.0) -> Column:
    def plain(rng: np.random.Generator, n: int) -> list[Any]:
        return [None if rng.random() < missing else str(rng.choice(values)) for _ in range(n)]

    return Column(name, plain, lambda rng, n: [[None, "never seen", values[0]][i % 3] for i in range(n)])


def dates(name: str, with_time: bool, missing: float = 0.0) -> Column:
    """Dates, as days since 1970; every second odd one is a leap day or the last day of a year."""

    def plain(rng: np.random.Generator, n: int) -> list[Any]:
        days = rng.integers(15000, 20500, n) + (rng.integers(0, 1440, n) / 1440 if with_time else 0)
        return [None if rng.random() < missing else float(day) for day in days]

    def odd(rng: np.random.Generator, n: int) -> list[Any]:
        whole = [np.datetime64(day).astype(int) for day in ("2000-02-29", "1900-03-01", "2099-12-31", "1969-12-31")]
        return [None if i % 5 == 4 else float(whole[i % 4]) for i in range(n)]

    return Column(name, plain, odd)


def days_as_text(days: float, with_time: bool) -> str:
    moment = np.datetime64(0, "s") + np.timedelta64(round(days * 86400), "s")
    return str(moment) if with_time else str(moment)[:10]


KINDS: dict[str, list[Column]] = {
    "numbers": [numbers(f"x{i}") for i in range(5)],
    "pixels": [pixels(f"p{i}") for i in range(16)],
    "far from zero": [numbers("a", 1e6, 2.0, 2), numbers("b", -3e4, 0.5), numbers("c", 1e-6, 1e-7, 12)],
    "times in seconds": [numbers("when", 1.7e9, 40.0, 0), numbers("b")],
    "missing": [numbers("a", missing=0.2), numbers("b", missing=0.3), numbers("c", 50, 20, 1)],
    "texts": [texts("tree", LETTERS), texts("size", ["L", "M", "S"], 0.2)],
    "flags": [texts("ok", ["true", "false"], 0.1), texts("on", ["yes", "no"]), numbers("x")],
    "dates": [dates("day", False), numbers("x")],
    "times": [dates("when", True, 0.1), numbers("x")],
    "names": [numbers('col "a"; --'), numbers("*/ b \\"), texts("c'${`", NASTY)],
    "codes": [texts("code", ["007a", "v1.10", "42-x"]), numbers("x"), texts("zip", ["01067", "10115"], 0.1)],
    "all": [
        numbers("a", 100, 15, 1, 0.1),
        texts("b", LETTERS),
        dates("c", False),
        pixels("d"),
        texts("e", ["true", "false"]),
    ],
}


def table(kind: str, n: int, seed: int, odd: bool = False) -> list[Row]:
    """Return n rows; with `odd`, one in five has odd cells."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = [{} for _ in range(n)]
    for column in KINDS[kind]:
        plain, strange = column.plain(rng, n), column.odd(rng, n)
        for i, row in enumerate(rows):
            row[column.name] = strange[i] if odd and i % 5 == 0 else plain[i]
    return rows


def value_of(row: Row) -> float:
    """Return a number that depends on all cells of a row."""
    total = 0.0
    for i, cell in enumerate(row.values()):
        number = len(cell) + ord(cell[0]) % 7 if isinstance(cell, str) else 3.3 if cell is None else cell
        total += np.sin(number * (i + 1))
    return float(total)


def as_csv(kind: str, rows: Sequence[Row], target: Sequence[str] | None = None) -> str:
    """Write rows as CSV, with a target if there is one."""
    with_time = {column.name: kind in ("times",) for column in KINDS[kind]}
    days = {"dates": {"day"}, "times": {"when"}, "all": {"c"}}.get(kind, set())
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*rows[0], *(["target"] if target is not None else [])])
    for i, row in enumerate(rows):
        cells = [
            ""
            if cell is None
            else days_as_text(cell, with_time[name])
            if name in days
            else repr(cell)
            if isinstance(cell, float)
            else cell
            for name, cell in row.items()
        ]
        writer.writerow([*cells, *([target[i]] if target is not None else [])])
    return out.getvalue()


def in_python(path: Path, rows: Sequence[Row]) -> Answers:
    space: dict[str, Any] = {"__name__": "model"}
    exec(compile(path.read_bytes(), str(path), "exec"), space)
    return _of_documents([space["predict"](row) for row in rows])


def in_javascript(path: Path, rows: Sequence[Row]) -> Answers:
    script = (
        "import { readFileSync } from 'node:fs'; const { predict } = await import(process.argv[1]);"
        "console.log(JSON.stringify(JSON.parse(readFileSync(0)).map(predict)));"
    )
    words = ["node", "--input-type=module", "-e", script, path.as_uri()]
    done = subprocess.run(words, input=json.dumps(list(rows)).encode(), capture_output=True, check=False)
    assert not done.returncode, done.stderr.decode()
    return _of_documents(json.loads(done.stdout))


def in_c(path: Path, rows: Sequence[Row], description: dict[str, Any]) -> Answers:
    library = path.with_suffix(".so")
    words = ["cc", "-std=c99", "-O2", "-Wall", "-Wextra", "-pedantic", "-Werror", "-shared", "-fPIC", str(path)]
    done = subprocess.run([*words, "-o", str(library), "-lm"], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    predict = getattr(ctypes.CDLL(str(library)), f"{path.stem}_predict")
    number_columns = columns_of(description, "number") + columns_of(description, "date")
    text_columns = columns_of(description, "text")
    K = max(1, len(description["classes"]))
    predictions, found = [], np.empty((len(rows), K))
    for row, own in zip(rows, found, strict=True):
        cells = [np.nan if row[column["name"]] is None else row[column["name"]] for column in number_columns]
        words_of = [row[column["name"]] for column in text_columns]
        answers = (ctypes.c_double * K)()
        code = predict(
            (ctypes.c_double * max(1, len(cells)))(*cells),
            (ctypes.c_char_p * max(1, len(words_of)))(*(None if one is None else one.encode() for one in words_of)),
            answers,
        )
        predictions.append(description["classes"][code] if description["classes"] else "")
        own[:] = answers
    return predictions, found


def in_onnx(path: Path, rows: Sequence[Row], matrix: bool = False) -> Answers:
    import onnx
    import onnxruntime

    from nncli.export.onnx_file import feeds

    stored = {one.key: json.loads(one.value) for one in onnx.load_model(str(path)).metadata_props}
    given = feeds(list(rows), stored["columns"], stored["reads"], matrix)
    found = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, given)
    if len(found) == 1:
        return [""] * len(rows), found[0]
    return [*map(str, found[0].tolist())], found[1]


def in_sqlite(path: Path, rows: Sequence[Row]) -> Answers:
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        return _in_database(database, path, rows)


def in_duckdb(path: Path, rows: Sequence[Row]) -> Answers:
    import duckdb

    with duckdb.connect(config={"threads": 1}) as database:
        return _in_database(database, path, rows)


def _in_database(database: Any, path: Path, rows: Sequence[Row]) -> Answers:
    from nncli.export.sql import golden_of

    text = path.read_text("utf-8")
    columns = golden_of(text)["columns"]
    quoted = [(f'"{column["name"].replace(chr(34), 2 * chr(34))}"', column["kind"]) for column in columns]
    made = ", ".join(f"{name} {'VARCHAR' if kind == 'text' else 'DOUBLE'}" for name, kind in quoted)
    database.execute(f"CREATE TABLE data ({made}, own VARCHAR)")
    marks = ", ".join("?" * (len(columns) + 1))
    cells = [[*(row[column["name"]] for column in columns), "kept"] for row in rows]
    database.executemany(f"INSERT INTO data VALUES ({marks})", cells)
    found = database.execute(text).fetchall()
    assert [row[0] for row in found] == [*range(1, len(rows) + 1)]
    assert {row[1 + len(columns)] for row in found} == {"kept"}
    own = [row[2 + len(columns) :] for row in found]
    if len(own[0]) == 1:
        return [""] * len(rows), np.array(own)
    return [row[0] for row in own], np.array([row[1:] for row in own])


def _of_documents(found: Sequence[dict[str, Any]]) -> Answers:
    if set(found[0]) == {"prediction"}:
        return [""] * len(found), np.array([[one["prediction"]] for one in found])
    values = [[*(one.get("probabilities") or one["scores"]).values()] for one in found]
    return [one["prediction"] for one in found], np.array(values)


def assert_refused(document: dict[str, Any], nncli: Callable[..., Any]) -> None:
    """Assert that a damaged document, in a file with a line for each key as `export` writes it, gets one line."""
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in document.items()]
    Path("m.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    done = nncli("export", "--verify", "m.json")
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith("m.json: expected a model that nncli has exported as JSON, found another document")
