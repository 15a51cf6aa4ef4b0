from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nncli import checkpoint
from nncli.data.load import load_like
from nncli.errors import ModelFileError


def test_what_is_saved_is_what_is_loaded(iris_model: Path, tmp_path: Path) -> None:
    model, provenance = checkpoint.load(iris_model)
    again = tmp_path / "again.npz"
    checkpoint.save(again, model, provenance)
    assert again.read_bytes() == iris_model.read_bytes()


def test_numpy_reads_it_without_pickle(iris_model: Path) -> None:
    with np.load(iris_model, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    assert tuple(arrays) == checkpoint.MEMBERS
    meta = json.loads(arrays["meta"].tobytes())
    assert meta["format"] == "nncli model"
    assert meta["classes"] == ["setosa", "versicolor", "virginica"]
    # 4 columns, 64 units, 3 classes
    assert arrays["theta"].shape == (4 * 64 + 64 + 64 * 3 + 3,)
    held_out = np.unpackbits(arrays["val_rows"], count=150) + np.unpackbits(arrays["test_rows"], count=150)
    assert held_out.max() == 1
    assert held_out.sum() == 22 + 22  # 0.15 of 150, rounded, each


def test_the_same_run_in_other_processes_writes_the_same_bytes(tmp_path: Path) -> None:
    files = []
    for name in ("a.npz", "b.npz"):
        argv = [
            sys.executable,
            "-c",
            "import sys; from nncli.cli import main; sys.exit(main())",
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
    data = load_like("iris", first.schema, first.classes, "float32")
    np.testing.assert_array_equal(first.scores(data.table), second.scores(data.table))


def changed(path: Path, member: str, edit: Callable[[np.ndarray], np.ndarray]) -> bytes:
    """The model file with one member replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            array = np.load(io.BytesIO(source.read(name)))
            buffer = io.BytesIO()
            np.save(buffer, edit(array) if name == f"{member}.npy" else array)
            target.writestr(name, buffer.getvalue())
    return out.getvalue()


def with_meta(**changes: object) -> Callable[[np.ndarray], np.ndarray]:
    def edit(array: np.ndarray) -> np.ndarray:
        return np.frombuffer(json.dumps({**json.loads(array.tobytes()), **changes}).encode(), np.uint8)

    return edit


NO_MODEL = "expected a model written by nncli, found something else or a damaged file. Train it again."


@pytest.mark.parametrize(
    ("member", "edit", "message"),
    [
        ("meta", with_meta(format_version=99), "expected format version 2, found 99, written by nncli 0.1.0. "
         "Use a program version that knows it."),
        ("meta", with_meta(format="other"), "expected the format 'nncli model', found 'other'."),
        ("meta", with_meta(classes=None), NO_MODEL),
        ("meta", lambda array: array[:-1], NO_MODEL),
        ("theta", lambda array: array[:-1], "expected 515 parameters of float32, found (514,) of float32."),
        ("theta", lambda array: array.astype(float), "expected 515 parameters of float32, found (515,) of float64."),
        ("scale", lambda array: array[:-1], NO_MODEL),
        ("dead", lambda array: array[:-1], NO_MODEL),
    ],
)  # fmt: skip
def test_a_model_that_does_not_hang_together_is_refused(
    iris_model: Path, tmp_path: Path, member: str, edit: Callable[[np.ndarray], np.ndarray], message: str
) -> None:
    path = tmp_path / "m.npz"
    path.write_bytes(changed(iris_model, member, edit))
    with pytest.raises(ModelFileError) as error:
        checkpoint.load(path)
    assert str(error.value) == f"{path}: {message}"


def test_every_truncation_is_refused(iris_model: Path, tmp_path: Path) -> None:
    whole, path = iris_model.read_bytes(), tmp_path / "m.npz"
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelFileError):
            checkpoint.load(path)
