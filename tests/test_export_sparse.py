"""Exported models of sparse rows: a row has the cells that are not 0, and a file the columns that count."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import exported
from nncli.cli.main import main
from nncli.export.all_targets import TARGETS
from nncli.export.description import description_of
from nncli.model import checkpoint
from nncli.nn.network import Network
from sparse_files import COLUMNS, sparse_rows, write_svm

Nncli = Callable[..., Any]
SCHEMA = json.loads((Path(__file__).parents[1] / "docs/reference/export.schema.json").read_text("utf-8"))


@pytest.fixture(scope="module", name="model")
def _model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a model of 1,200 columns, of which 80 rows have six numbers each."""
    folder = tmp_path_factory.mktemp("sparse")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_svm("rows.svm", *sparse_rows())
        words = "--model logistic --epochs 20 --lr 0.1 -q --json -o m.npz"
        assert main(["train", "rows.svm", *words.split()]) == 0
    return folder / "m.npz"


@pytest.mark.parametrize("language", exported.each(["python", "js", "c", "onnx", "sql"]))
def test_rows_of_few_cells_are_answered_as_predict_does(language: str, model: Path, nncli: Nncli) -> None:
    X, y = sparse_rows(n=30, seed=1)
    X[0] = 0
    write_svm(str(model.with_name("new.svm")), X, y)
    own = nncli("predict", model, model.with_name("new.svm"), "--proba", "-q")
    answers = np.array([row[1:] for row in [*csv.reader(own.out.splitlines())][1:]], float)
    assert answers.std() > 0.05
    file = model.with_name(f"m_{language}" + {"python": ".py", "js": ".mjs"}.get(language, f".{language}"))
    assert nncli("export", model, "--to", language, "-o", file, "-q").code == 0
    assert nncli("export", "--verify", file).code == 0
    rows = [{f"c{i + 1}": float(row[i]) for i in np.flatnonzero(row)} for row in X]
    if language in ("python", "js"):
        rows[1] = {f"c{i + 1}": float(cell) for i, cell in enumerate(X[1])}  # its zeros are written out
        rows[2] |= {"c9999": 7.0, "note": 3.0}  # no columns of the model
        _, found = (exported.in_python if language == "python" else exported.in_javascript)(file, rows)
    else:
        whole = [{f"c{i + 1}": row.get(f"c{i + 1}", 0.0) for i in range(COLUMNS)} for row in rows]
        runs: dict[str, Callable[[], exported.Answers]] = {
            "c": lambda: exported.in_c(file, whole, description_of(*checkpoint.load(model))),
            "onnx": lambda: exported.in_onnx(file, whole),
            "sql": lambda: exported.in_sqlite(file, whole),
        }
        _, found = runs[language]()
    np.testing.assert_allclose(found, answers, rtol=0, atol=2e-6)


def test_columns_that_say_nothing_are_left_out(model: Path, nncli: Nncli) -> None:
    assert nncli("export", model, "-o", model.with_name("m.json"), "-q").code == 0
    document = json.loads(model.with_name("m.json").read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    trained, _ = checkpoint.load(model)
    assert isinstance(trained.network, Network)
    seen = np.flatnonzero(trained.network.dense[0].W.any(axis=1))
    assert [column["name"] for column in document["columns"]] == [trained.schema.names[i] for i in seen]
    assert 100 < len(seen) < COLUMNS / 2
    assert document["format_version"] == 5
    assert all(0 not in row.values() for row in document["golden"]["rows"])


def test_languages_say_how_many_columns_they_take(
    model: Path, nncli: Nncli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for language in ("c", "onnx"):
        monkeypatch.setattr(f"{TARGETS[language].__module__}.MOST_INPUTS", 1_000)
    done = nncli("export", model, "-o", tmp_path / "m.c")
    told = "--to: expected at most 1,000 inputs, as the C file has them on the stack, found 1,200. "
    assert (done.code, done.err) == (2, f"{told}Use --to js or --to python.\n")
    done = nncli("export", model, "-o", tmp_path / "m.onnx")
    told = "--to: expected at most 1,000 columns, as each is an input of the graph, found 1,200. "
    assert (done.code, done.err) == (2, f"{told}Add --matrix.\n")
    assert nncli("export", model, "-o", tmp_path / "m.onnx", "--matrix", "-q").code == 0
    assert nncli("export", "--verify", tmp_path / "m.onnx").code == 0
