"""Try each command once, in the environment of the Python that runs this: for those that have no tests installed.

    dist/venv/bin/python tests/smoke.py

What needs an extra is tried where that is installed. It ends with an error at the first command that fails.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import platform
import sys
import tempfile
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from nncli.cli.main import main

COMMANDS = (
    "train digits-idx --epochs 1 -o digits.npz",
    "train iris --epochs 9 --log log.csv -o iris.npz",
    "train iris -t petal_width_cm --model linear -o width.npz",
    "train breast-cancer --model svm --epochs 3 --reference linear --metric f1 -o svm.npz",
    "eval iris.npz --json",
    "eval iris.npz iris.csv --on-error skip",
    "predict iris.npz iris.csv --proba -o answers.csv",
    "predict iris.npz iris.parquet --keep class -o answers.csv",
    "explain iris.npz --row 1",
    "explain width.npz --repeats 1",
    "plot iris.npz curve",
    "sweep iris --lr 0.1,0.01 --epochs 1 --jobs 1 -o best.npz",
    "info iris.npz",
    "config iris.npz",
    "export iris.npz -o iris.json",
    "check iris.csv",
    "gradcheck iris --hidden 3",
    "graph a*b+a --at a=1,b=2",
    "datasets",
    "--help",
)
OF_EXTRAS = {  # by the package that they need
    "vl_convert": ("plot iris.npz curve -o curve.svg", "report iris.npz -o iris.html"),
    "tensorboardX": ("train iris --epochs 1 --tensorboard runs -o runs.npz",),
    "python_calamine": ("check book.xlsx",),
    "onnx": ("export iris.npz -o iris.onnx",),
    "PIL": ("check pictures",),
    "mlflow": ("train iris --epochs 1 --mlflow -o flow.npz",),
}


def make_files_of_extras() -> None:
    """Write a workbook and two folders of pictures."""
    if find_spec("python_calamine"):
        import workbooks

        rows = [["a", "b", "class"], *([i % 5, i % 3, "xy"[i % 2]] for i in range(30))]
        workbooks.write("book.xlsx", {"one": workbooks.sheet(rows)})
    if find_spec("PIL"):
        from PIL import Image

        for i in range(20):
            Path("pictures", "01"[i % 2]).mkdir(parents=True, exist_ok=True)
            Image.new("L", (4, 4), i * 9).save(Path("pictures", "01"[i % 2], f"{i}.png"))
    if find_spec("starlette") and find_spec("websockets"):
        importlib.import_module("nncli.play.server")
    if find_spec("distributed"):
        importlib.import_module("nncli.system.cluster")


def run() -> None:
    """Run the commands in a folder of their own; SystemExit at the first that fails."""
    from nncli.data.bundled import path_of

    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("iris.csv").write_bytes(path_of("iris").read_bytes())
        import pyarrow.csv
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.csv.read_csv("iris.csv"), "iris.parquet")
        make_files_of_extras()
        found = [package for package in OF_EXTRAS if find_spec(package)]
        for words in (*COMMANDS, *(words for package in found for words in OF_EXTRAS[package])):
            shown = io.TextIOWrapper(io.BytesIO(), "utf-8")
            with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(io.StringIO()) as said:
                code = main(words.split())
            if code != 0:
                sys.exit(f"nncli {words}: exit code {code}\n{said.getvalue()}")
        from sklearn.datasets import load_iris

        from nncli import NNClassifier

        X, y = load_iris(return_X_y=True)
        assert NNClassifier(epochs=20).fit(X, y).score(X, y) > 0.8
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "pyarrow", "scikit-learn", "typer"))
    print(f"Python {platform.python_version()}, {packages}: all well after {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    os.environ["PYTHONWARNINGS"] = "default"
    run()
