"""An exported model takes a category in the ways in which `predict` does: .5 is 0.5, and é may be two characters."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import exported
from nncli.cli.main import main
from nncli.data.dataset import canonical
from nncli.export.description import description_of
from nncli.model import checkpoint

Nncli = Callable[..., Any]
COMPOSED = ["café", "Ångström", "Việt", "가"]
CATEGORIES = ["0.5", "-0.25", "1", "-3", "1.10", "007", "red", *COMPOSED]
# what every language looks up: a category has so many other ways to be written
USUAL = [
    ".5", "+.5", "+0.5", "-.25", "1.0", "1.", "+1", "+1.0", "-3.0", "-3.", "true", "TRUE",
    *(unicodedata.normalize("NFD", text) for text in COMPOSED),
]  # fmt: skip
# what Python and JavaScript work out
OTHERS = [
    "1.00", "+01", "-3.000", "+1.000", ".50", "01", "1e0", "-.250", "00.5", "+", ".", "--1", "Red", "tRuE", '="007"',
    "\u200bred", "red\ufeff", "\u00a0red\u00ad ", "Vie\u0323\u0302t", "Vi\u1ec7t", "Vi\u00ea\u0323t",
    "A\u030angstro\u0308m", "\u212bngstr\u00f6m",
]  # fmt: skip
FLAGS = ["true", "false"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a column of such categories, and one of flags."""
    file = tmp_path_factory.mktemp("spelled") / "spelled.npz"
    rng = np.random.default_rng(0)
    kinds, flags = rng.choice(CATEGORIES, 400), rng.choice(FLAGS, 400)
    rows = [
        {"kind": kind, "flag": flag, "target": f"{np.sin(7 * CATEGORIES.index(kind)) + (flag == 'true'):.4f}"}
        for kind, flag in zip(kinds, flags, strict=True)
    ]
    table = file.with_suffix(".csv")
    table.write_text(as_csv(rows), "utf-8")
    words = ["--categorical", "kind,flag", "-m", "linear", "--dtype", "float64", "-q", "--json", "-o", str(file)]
    assert main(["train", str(table), "-t", "target", *words]) == 0
    return file


def as_csv(rows: Sequence[exported.Row]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, [*rows[0]])
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def rows_of(cells: Sequence[str]) -> list[exported.Row]:
    """Rows with these cells in one of the columns."""
    found = [{"kind": cell, "flag": "true"} for cell in cells]
    return [*found, *({"kind": "red", "flag": cell} for cell in [*FLAGS, "True", "FALSE", "1", "0", "1.0", "no"])]


def answers_of(runtime: str, model: Path, rows: Sequence[exported.Row], folder: Path) -> np.ndarray[Any, Any]:
    name = {"onnx": "onnx", "c": "c", "python": "py", "js": "mjs", "sqlite": "sql", "duckdb": "sql"}[runtime]
    file = folder / f"spelled.{name}"
    assert main(["export", str(model), "-o", str(file), "-q"]) == 0
    found = {
        "onnx": lambda: exported.in_onnx(file, rows),
        "c": lambda: exported.in_c(file, rows, description_of(*checkpoint.load(model))),
        "python": lambda: exported.in_python(file, rows),
        "js": lambda: exported.in_javascript(file, rows),
        "sqlite": lambda: exported.in_sqlite(file, rows),
        "duckdb": lambda: exported.in_duckdb(file, rows),
    }[runtime]()
    return found[1][:, 0]


def expected_of(nncli: Nncli, model: Path, rows: Sequence[exported.Row], folder: Path) -> list[float]:
    """What `predict` says."""
    (folder / "new.csv").write_text(as_csv(rows), "utf-8")
    done = nncli("predict", model, folder / "new.csv", "-q")
    assert done.code == 0, done.err
    return [float(cell) for cell in done.out.split()[1:]]


@pytest.mark.parametrize("runtime", [*exported.each(["python", "js", "c"]), "onnx", "sqlite", "duckdb"])
def test_a_category_is_known_in_its_usual_spellings(runtime: str, model: Path, nncli: Nncli, tmp_path: Path) -> None:
    rows = rows_of([*CATEGORIES, *USUAL, "never seen"])
    expected = expected_of(nncli, model, rows, tmp_path)
    assert len({*expected[: len(CATEGORIES)]}) == len(CATEGORIES)
    found = answers_of(runtime, model, rows, tmp_path)
    wrong = [row for row, answer, own in zip(rows, found, expected, strict=True) if abs(answer - own) > 1e-6]
    assert not wrong


@pytest.mark.parametrize("runtime", exported.each(["python", "js"]))
def test_a_program_reads_a_category_as_predict_does(runtime: str, model: Path, nncli: Nncli, tmp_path: Path) -> None:
    rows = rows_of(OTHERS)
    expected = expected_of(nncli, model, rows, tmp_path)
    found = answers_of(runtime, model, rows, tmp_path)
    wrong = [row for row, answer, own in zip(rows, found, expected, strict=True) if abs(answer - own) > 1e-6]
    assert not wrong


@pytest.mark.parametrize("language", exported.each(["python", "js"]))
def test_programs_have_one_way_to_write_a_category_the_same_as_predict(
    language: str, mixed_model: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(1)
    drawn = ["".join(rng.choice([*"+-.0019e", "true", "FALSE"], rng.integers(1, 6))) for _ in range(2000)]
    drawn += ["123456789012345", "999999999999999.0", "1234567890123456.0", "100000000000000.", "-0", "+0.", "-.0", ""]
    file = tmp_path / ("m.py" if language == "python" else "m.mjs")
    assert main(["export", str(mixed_model), "-o", str(file), "-q"]) == 0
    if language == "python":
        space: dict[str, Any] = {"__name__": "m"}
        exec(file.read_text(), space)
        found = [*map(space["usual"], drawn)]
    else:
        with file.open("a") as script:
            script.write("console.log(JSON.stringify(JSON.parse(process.argv[2]).map(usual)));\n")
        words = ["node", str(file), json.dumps(drawn)]
        found = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    assert found == [*map(canonical, drawn)]
