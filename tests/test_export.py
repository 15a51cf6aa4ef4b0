"""The command export: what it writes, and what it refuses."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import exported
from nncli.export.all_targets import TARGETS
from nncli.export.description import description_of
from nncli.export.text import identifier
from nncli.model import checkpoint

Nncli = Callable[..., Any]
SCHEMA = json.loads((Path(__file__).parents[1] / "docs/reference/export.schema.json").read_text("utf-8"))

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


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


def test_python_runs_without_anything_but_its_library(nncli: Nncli, iris_model: Path) -> None:
    assert nncli("export", iris_model, "-o", "iris.py").code == 0
    done = subprocess.run([sys.executable, "-I", "-S", "iris.py"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("20 golden rows: right, within ")


@exported.needs_cc
def test_c_is_clean_under_every_warning(nncli: Nncli, mixed_model: Path, priced: Path) -> None:
    for i, model in enumerate((mixed_model, priced / "mlp.npz")):
        assert nncli("export", model, "-o", f"m{i}.c").code == 0
        warnings = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-Wshadow", "-Wstrict-prototypes"]
        for define in ([], [f"-DM{i}_MAIN"]):
            words = ["cc", "-std=c99", *warnings, *define, "-c", f"m{i}.c", "-o", "m.o"]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr


@exported.needs_cc
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


def test_sql_is_for_small_networks(nncli: Nncli, digits_model: Path) -> None:
    assert nncli("train", "digits", "--hidden", "300", "--epochs", "1", "-q", "--json", "-o", "m.npz").code == 0
    done = nncli("export", "m.npz", "--to", "sql")
    assert done.code == 2
    assert done.err == (  # of 64 pixels 3 are always 0: 61 · 300 + 300 + 300 · 10 + 10
        "--to: expected a network of at most 20,000 parameters that are not 0, as each is a part of one SELECT, "
        "found 21,610. Use --to onnx, or train a smaller one.\n"
    )


def test_sql_has_room_for_embeddings_as_layers_that_are_mostly_zeros(nncli: Nncli) -> None:
    numbers = ",".join(f"n{i}" for i in range(6))
    rows = (f"{','.join(str(k * i % 17) for i in range(2, 8))},k{k % 90},{k % 2}\n" for k in range(400))
    Path("d.csv").write_text(f"{numbers},c,y\n{''.join(rows)}")
    words = "-m tabular --ensemble 1 --hidden 8 --epochs 1 --category-embedding 4 -q --json"
    assert nncli("train", "d.csv", *words.split()).code == 0
    assert nncli("export", "model.npz", "-o", "m.sql").code == 0
    assert Path("m.sql").stat().st_size < 1_000_000  # the longest statement of SQLite
    assert nncli("export", "--verify", "m.sql").code == 0


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
