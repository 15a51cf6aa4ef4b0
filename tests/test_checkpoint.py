from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nncli.data.load import load_like
from nncli.model import checkpoint, file_format


def test_what_is_saved_is_what_is_loaded(iris_model: Path, tmp_path: Path) -> None:
    model, provenance = checkpoint.load(iris_model)
    again = tmp_path / "again.npz"
    checkpoint.save(again, model, provenance)
    assert again.read_bytes() == iris_model.read_bytes()


def test_numpy_reads_it_without_pickle(iris_model: Path) -> None:
    with np.load(iris_model, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    of_words = {"idf", "named", "names"}  # which a model without texts has not
    assert tuple(arrays) == (*(name for name in file_format.MEMBERS if name not in of_words), "sha256")
    meta = json.loads(arrays["meta"].tobytes())
    assert meta["format"] == "nncli model"
    assert meta["classes"] == ["setosa", "versicolor", "virginica"]
    # 4 columns, 64 units, 3 classes
    assert arrays["theta"].shape == (4 * 64 + 64 + 64 * 3 + 3,)
    held_out = np.unpackbits(arrays["val_rows"], count=150) + np.unpackbits(arrays["test_rows"], count=150)
    assert held_out.max() == 1
    assert held_out.sum() == 22 + 22  # 0.15 of 150, rounded, each


@pytest.mark.long
def test_the_same_run_in_other_processes_writes_the_same_bytes(tmp_path: Path) -> None:
    files = []
    for name in ("a.npz", "b.npz"):
        argv = [
            sys.executable,
            "-c",
            "import sys; from nncli.cli.main import main; sys.exit(main())",
            "train",
            "breast-cancer",
        ]
        environment = {**os.environ, "PYTHONHASHSEED": name[0].replace("a", "1").replace("b", "2")}
        subprocess.run([*argv, "--epochs", "3", "-q", "--json", "-o", name], cwd=tmp_path, check=True, env=environment,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1]


def test_a_loaded_model_predicts_the_same(iris_model: Path) -> None:
    (first, _), (second, _) = checkpoint.load(iris_model), checkpoint.load(iris_model)
    data = load_like(("iris",), first.schema, first.classes, "float32")
    np.testing.assert_array_equal(first.scores(data.table), second.scores(data.table))
